"""How far traded prices have moved lately: the lowest and highest of each second, for ten minutes at most."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import ZERO, divide_up, exact

SECONDS_KEPT = 601
_SECOND_NS = 1_000_000_000


class _Second(msgspec.Struct):
    second: int
    low: Decimal
    high: Decimal
    last: Decimal


class Moves:
    """The prices of one pair."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque(maxlen=SECONDS_KEPT)

    def add(self, prices: Iterable[Decimal], at_ns: int) -> None:
        """Take prices that were traded, oldest first."""
        second = at_ns // _SECOND_NS
        for price in prices:
            now = self._seconds[-1] if self._seconds else None
            if now is None or now.second != second:
                self._seconds.append(_Second(second, price, price, price))
            else:
                now.low, now.high, now.last = min(now.low, price), max(now.high, price), price

    def within(self, window_ms: int, at_ns: int) -> Decimal:
        """Return how far the prices of a window lie apart, as a fraction of the lowest; zero where none was traded.

        The last price before the window counts as well: what jumps after a silence has moved.
        """
        prices: list[Decimal] = []
        for one in reversed(self._seconds):
            if at_ns - (one.second + 1) * _SECOND_NS >= window_ms * 1_000_000:
                prices += [one.last] if prices else []
                break
            prices += (one.low, one.high)
        low = min(prices, default=ZERO)
        with exact():
            return divide_up(max(prices) - low, low, 8) if low > 0 else ZERO
