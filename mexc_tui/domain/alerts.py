"""Alerts: what a user wants to be told of, and how it is said in words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from mexc_tui.domain.numbers import ZERO, BadNumberError, parse_decimal, plain

_THOUSANDS = {"k": 3, "m": 6, "b": 9}
_WINDOWS = {"s": 1, "m": 60, "h": 3_600}
LONGEST_WINDOW_S = 86_400
DEFAULT_WINDOW_S = 900


class AlertKind(StrEnum):
    """What is watched. The first five concern a pair, the others the whole account."""

    ABOVE = "above"
    """The last price is at or above a price."""
    BELOW = "below"
    MOVE = "move"
    """The last price is so much above its lowest or below its highest of the window."""
    SPREAD = "spread"
    """Best ask less best bid, of their middle."""
    TRADE = "trade"
    """One public trade of so much quote."""
    FILLS = "fills"
    """An execution of an own order."""
    LINK = "link"
    """The connection to the exchange is lost or back."""
    LIMITS = "limits"
    """A risk limit is near."""


ACCOUNT_WIDE: Final = frozenset({AlertKind.FILLS, AlertKind.LINK, AlertKind.LIMITS})
_SHARES: Final = frozenset({AlertKind.MOVE, AlertKind.SPREAD})


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One alert as it stands at the desk."""

    number: int
    """What it is called by; zero until the desk has given it one."""
    kind: AlertKind
    symbol: str = ""
    """Empty where the whole account is meant."""
    value: Decimal = ZERO
    """A price in quote, an amount of quote, or a fraction: 0.03 is 3 %."""
    window_s: int = 0
    """Of a move."""
    every: bool = False
    """Whether it stays after it has rung; what concerns the whole account always does."""

    def __str__(self) -> str:
        if self.kind in ACCOUNT_WIDE:
            return self.kind.value
        window = f" within {window_words(self.window_s)}" if self.kind is AlertKind.MOVE else ""
        value = f"{plain(self.value * 100)}%" if self.kind in _SHARES else plain(self.value)
        return f"{self.symbol} {self.kind.value} {value}{window}{' every time' if self.every else ''}"


class AlertError(ValueError):
    """The words are no alert; the message says why and what to write instead."""


USAGE = (
    "an alert is: PAIR above PRICE, PAIR below PRICE, PAIR move 3% 15m, PAIR spread 0.1%, PAIR trade AMOUNT,"
    " fills, link, or limits; “every” after it keeps it after it has rung"
)
_SIGNS = {">": "above", "<": "below", ">=": "above", "<=": "below"}


def parse_alert(words: list[str], pair: Callable[[str], str]) -> Alert:
    """Return what the words ask for, such as ``btc above 70k``; ``pair`` returns the symbol that a word means.

    Raises:
        AlertError: they are not understood. Whatever ``pair`` raises passes.
    """
    rest = [word.lower() for word in words]
    every = bool(rest) and rest[-1] == "every"
    if every:
        rest.pop()
    if len(rest) == 1 and rest[0] in ACCOUNT_WIDE:
        return Alert(number=0, kind=AlertKind(rest[0]), every=True)
    kind = _SIGNS.get(rest[1], rest[1]) if len(rest) >= 3 else ""
    known = {one.value: one for one in AlertKind if one not in ACCOUNT_WIDE}
    if kind not in known or len(rest) > (4 if kind == AlertKind.MOVE else 3):
        raise AlertError(USAGE)
    window_s = 0
    if kind == AlertKind.MOVE:
        window_s = _window(rest[3]) if len(rest) == 4 else DEFAULT_WINDOW_S
    value = _share(rest[2]) if known[kind] in _SHARES else _number(rest[2])
    return Alert(number=0, kind=known[kind], symbol=pair(words[0]), value=value, window_s=window_s, every=every)


def unfit(alert: Alert) -> str:
    """Return why the desk cannot keep an alert like this; empty where it can."""
    if not alert.value.is_finite() or (alert.kind not in ACCOUNT_WIDE and alert.value <= 0):
        return "the value of an alert is above zero"
    if alert.kind is AlertKind.MOVE and not 0 < alert.window_s <= LONGEST_WINDOW_S:
        return "the window of a move is at most 24h"
    return "" if alert.kind in ACCOUNT_WIDE or alert.symbol else "an alert on a price names a pair"


def window_words(seconds: int) -> str:
    """Return a window as it is typed: 15m, 2h, 90s."""
    for unit, length in reversed(_WINDOWS.items()):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _number(word: str) -> Decimal:
    text = word.removeprefix("$")
    power = _THOUSANDS.get(text[-1:], 0)
    try:
        value = parse_decimal(text[:-1] if power else text).scaleb(power)
    except BadNumberError:
        raise AlertError(f"“{word[:20]}” is not a number such as 70000 or 70k") from None
    if value <= 0:
        raise AlertError(f"the value of an alert is above zero, not {word[:20]}")
    return value


def _share(word: str) -> Decimal:
    if not word.endswith("%"):
        raise AlertError(f"“{word[:20]}” is not a percentage such as 3%")
    return _number(word[:-1]).scaleb(-2)


def _window(word: str) -> int:
    number, unit = word[:-1], _WINDOWS.get(word[-1:])
    if unit is None or not number.isdecimal() or len(number) > 6 or not 0 < int(number) * unit <= LONGEST_WINDOW_S:
        raise AlertError(f"“{word[:20]}” is not a window such as 90s, 15m or 2h, of 24h at most")
    return int(number) * unit
