"""Client order ids: who sent an order, in which run, as which number."""

from __future__ import annotations

import re

ORIGIN = "mtui"
MAX_LENGTH = 32
"""MEXC documents no limit; 32 is the longest any widely used client sends."""

_PATTERN = re.compile(r"mtui-([0-9a-z]{1,12})-([0-9a-z]{1,10})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Return a non-negative integer in base 36."""
    if number < 0:
        raise ValueError("ids count from zero")
    text = ""
    while True:
        number, rest = divmod(number, 36)
        text = _DIGITS[rest] + text
        if number == 0:
            return text


def client_order_id(run: str, sequence: int) -> str:
    """Return ``mtui-<run>-<sequence>``, unique as long as the run name is."""
    made = f"{ORIGIN}-{run}-{base36(sequence)}"
    if _PATTERN.fullmatch(made) is None or len(made) > MAX_LENGTH:
        raise ValueError(f"run name {run!r} does not fit a client order id")
    return made


def is_ours(client_id: str) -> bool:
    """Whether an order carries this program's origin tag."""
    return _PATTERN.fullmatch(client_id) is not None
