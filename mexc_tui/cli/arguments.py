"""Arguments that several commands take, checked before anything is asked."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mexc_tui.cli.io.exits import USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.domain.market import Interval

INTERVALS = ("1m", "5m", "15m", "30m", "60m", "4h", "8h", "1d", "1W", "1M")
_NOT_IN_NAMES = re.compile(r"[\s@,/\\\"'<>&?#%]")
"""Names may be Chinese, but hold nothing that means something in a channel, an address or a list."""


def symbols_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the pairs asked for, each once; ExitError for what cannot be one."""
    found = [name.strip().upper() for name in names]
    for name in found:
        if not 2 <= len(name) <= 40 or not name.isprintable() or _NOT_IN_NAMES.search(name):
            raise ExitError(f"{name[:40]!r} is not the name of a pair; they look like BTCUSDT.", USAGE)
    return tuple(dict.fromkeys(found))


def interval_of(name: str) -> Interval:
    """Return the length of candles; ExitError for one that there is not."""
    from mexc_tui.domain.market import Interval

    name = {"1h": "60m", "1w": "1W", "1mo": "1M"}.get(name, name)
    if name not in list(Interval):
        raise ExitError(f"There is no interval {name[:20]!r}; there are {', '.join(Interval)}.", USAGE)
    return Interval(name)


def seconds_of(text: str | None) -> float | None:
    """Return a time above zero, None where none was given; ExitError for anything else."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ExitError("--seconds takes a number above zero.", USAGE)
    return seconds


def count(most: int) -> Callable[[str], int]:
    """Return what reads a whole number from 1 to ``most``; for argparse."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise argparse.ArgumentTypeError(f"a whole number from 1 to {most}")
        return int(text)

    return read
