"""Where an own order stands in a queue of which only the total and the trades are seen."""

from __future__ import annotations

from mexc_tui.venues.simulator.core.events import SimOrder

SKEW_MS = 100
"""A push may hold trades that carry a time this much later than its own: two clocks of the exchange."""
COMPLETE_MS = 2_000
"""Trades that are in a push have arrived so long after it."""


class QueuePosition:
    """The foreign quantity before one resting order, never assumed to be less than it can be.

    Everything that stood at the price when the order came is before it. A trade at the price takes from the front.
    What leaves without a trade is taken to have stood behind, until less is left than was before the order. Since a
    push and the trade that caused it arrive in either order, a push only counts together with trades that are newer.
    All times are the mirrored exchange's own.
    """

    __slots__ = ("_bound", "_bound_ms", "_front", "_since_ms", "order", "price")

    def __init__(self, order: SimOrder, price: int, ahead: int, push_ms: int, came_ms: int) -> None:
        """``ahead`` is what stands at ``price`` by a push of ``push_ms``; the order came at ``came_ms``."""
        self.order = order
        self.price = price
        self._front = ahead
        self._since_ms = max(push_ms + SKEW_MS, came_ms)
        self._bound: int | None = None
        self._bound_ms = 0

    @property
    def ahead(self) -> int:
        """Most that can stand before the order."""
        return self._front if self._bound is None else min(self._front, self._bound)

    def counts(self, time_ms: int) -> bool:
        """Whether a trade of that time certainly came after the order and after every settled push."""
        return time_ms > self._since_ms

    def level_is(self, qty: int, time_ms: int) -> None:
        """Take what a push says stands at the price: no more than that can be before the order."""
        if qty >= self.ahead:
            return
        if self._bound is not None and self._bound_ms + COMPLETE_MS <= time_ms:
            self._apply_bound()
        self._bound, self._bound_ms = qty, time_ms

    def traded(self, qty: int, time_ms: int) -> int:
        """Take a trade at the price and return how much of it got past everything before the order."""
        if not self.counts(time_ms):
            return 0
        if self._bound is not None and self._bound_ms + SKEW_MS < time_ms:
            self._apply_bound()
        past = max(0, qty - self._front)
        self._front = max(0, self._front - qty)
        return past

    def swept(self) -> None:
        """Note a trade at a worse price: nothing is before the order any more."""
        self._front = 0

    def resume(self, qty: int, time_ms: int) -> None:
        """Go on after a time without data: at most what stands there now is before the order."""
        self._front = min(self.ahead, qty)
        self._bound = None
        self._since_ms = max(self._since_ms, time_ms + SKEW_MS)

    def _apply_bound(self) -> None:
        if self._bound is not None:
            self._front = min(self._front, self._bound)
            self._since_ms = max(self._since_ms, self._bound_ms + SKEW_MS)
            self._bound = None
