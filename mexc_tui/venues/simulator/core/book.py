"""A price-time book in whole ticks and steps; every order keeps its place in the queue of its level."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimOrder


class Entry:
    """One order in a queue. ``order`` is None for the rest of the market."""

    __slots__ = ("order", "qty")

    def __init__(self, qty: int, order: SimOrder | None = None) -> None:
        self.qty = qty
        self.order = order


class Level:
    """The queue at one price, oldest first, with its total and the part that belongs to accounts."""

    __slots__ = ("entries", "own", "total")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.total = 0
        self.own = 0

    def append(self, entry: Entry) -> None:
        """Queue an order behind all others."""
        self.entries.append(entry)
        self.total += entry.qty
        if entry.order is not None:
            self.own += entry.qty

    def take_front(self, qty: int) -> None:
        """Reduce the first order; it leaves the queue when nothing remains of it."""
        entry = self.entries[0]
        entry.qty -= qty
        self.total -= qty
        if entry.order is not None:
            self.own -= qty
        if entry.qty == 0:
            self.entries.popleft()

    def remove(self, entry: Entry) -> None:
        """Take an order out, wherever it stands."""
        self.entries.remove(entry)
        self.total -= entry.qty
        if entry.order is not None:
            self.own -= entry.qty

    def shrink_foreign(self, qty: int) -> None:
        """Take foreign quantity away from the back, which never helps an own order forward."""
        for entry in list(reversed(self.entries)):
            if qty == 0:
                return
            if entry.order is None:
                cut = min(qty, entry.qty)
                entry.qty -= cut
                self.total -= cut
                qty -= cut
                if entry.qty == 0:
                    self.entries.remove(entry)

    def requeue_foreign(self, qty: int) -> int:
        """Let ``qty`` trade at the front of the queue without changing the total; return what reaches an own order.

        The traded foreign part is queued again at the back, where the next rewrite of the level takes it away.
        """
        moved = 0
        while self.entries and self.entries[0].order is None and qty > 0:
            first = self.entries[0]
            cut = min(qty, first.qty)
            first.qty -= cut
            qty -= cut
            moved += cut
            if first.qty == 0:
                self.entries.popleft()
        if moved:
            self.entries.append(Entry(moved))
        return qty


class OrderBookSide:
    """One side of the book. ``keys`` ascend towards the best price, which stands last."""

    __slots__ = ("keys", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = 1 if side is Side.BUY else -1
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    @property
    def best(self) -> int | None:
        """Best price in ticks, None for an empty side."""
        return self.keys[-1] * self.sign if self.keys else None

    def level(self, price: int) -> Level:
        """Return the level at ``price``, made if there is none."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.keys, price * self.sign)
        return level

    def drop_empty(self, price: int) -> None:
        """Forget the level at ``price`` if nobody stands there any more."""
        level = self.levels.get(price)
        if level is not None and level.total == 0:
            del self.levels[price]
            del self.keys[bisect_left(self.keys, price * self.sign)]

    def nth(self, place: int) -> int:
        """Return the price ``place`` levels behind the best one (0 is the best)."""
        return self.keys[-1 - place] * self.sign

    def prices(self, limit: int) -> list[int]:
        """Return the best prices, best first."""
        return [key * self.sign for key in reversed(self.keys[-limit:])] if limit > 0 else []


class OrderBook:
    """Both sides of one pair."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = OrderBookSide(Side.BUY)
        self.asks = OrderBookSide(Side.SELL)

    def side(self, side: Side) -> OrderBookSide:
        """Return the side on which orders of ``side`` rest."""
        return self.bids if side is Side.BUY else self.asks
