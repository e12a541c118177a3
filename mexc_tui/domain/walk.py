"""Walking a book: what an order would pay if it took what stands there now."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, takewhile

import msgspec

from mexc_tui.domain.numbers import ZERO, divide, exact, unscaled
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookView


class Taken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of an order that takes: base, quote, the last price reached."""

    qty: Decimal
    quote: Decimal
    worst: Decimal | None
    complete: bool
    """Whether the levels held as much as was asked for."""

    @property
    def average(self) -> Decimal | None:
        """Average price, or None where nothing is taken."""
        return divide(self.quote, self.qty) if self.qty > 0 else None


class Liquidity:
    """One side of a book with running sums, so that any size is walked in logarithmic time."""

    def __init__(self, levels: Sequence[tuple[int, int]], price_decimals: int, qty_decimals: int) -> None:
        self._price_decimals = price_decimals
        self._qty_decimals = qty_decimals
        self._levels = levels
        self._qty = list(accumulate(qty for _, qty in levels))
        self._quote = list(accumulate(price * qty for price, qty in levels))

    @classmethod
    def against(cls, book: BookView, side: Side, limit: Decimal | None = None) -> Liquidity:
        """Return what an order of ``side`` could take, down to its limit price."""
        levels: Sequence[tuple[int, int]] = book.asks if side is Side.BUY else book.bids
        if limit is not None:
            with exact():
                bound = limit.scaleb(book.price_decimals)
            if side is Side.BUY:
                levels = list(takewhile(lambda level: level[0] <= bound, levels))
            else:
                levels = list(takewhile(lambda level: level[0] >= bound, levels))
        return cls(levels, book.price_decimals, book.qty_decimals)

    @property
    def total(self) -> Decimal:
        """Everything there is to take, in base."""
        return unscaled(self._qty[-1], self._qty_decimals) if self._qty else ZERO

    def take(self, qty: Decimal) -> Taken:
        """Return what taking ``qty`` of base would cost."""
        with exact():
            wanted = qty.scaleb(self._qty_decimals)
            index = bisect_left(self._qty, wanted)
            if index == len(self._levels):
                return self._everything(complete=not self._levels and qty == 0)
            price, before = self._levels[index][0], self._qty[index - 1] if index else 0
            spent = (self._quote[index - 1] if index else 0) + (wanted - before) * price
            return self._taken(qty, spent, price)

    def spend(self, quote: Decimal) -> Taken:
        """Return how much of base ``quote`` would buy, cut to 24 decimals."""
        with exact():
            budget = quote.scaleb(self._price_decimals + self._qty_decimals)
            index = bisect_left(self._quote, budget)
            if index == len(self._levels):
                return self._everything(complete=not self._levels and quote == 0)
            price, before = self._levels[index][0], self._quote[index - 1] if index else 0
            whole = Decimal(self._qty[index - 1] if index else 0)
            units = whole + divide(budget - before, Decimal(price), 24)
            return self._taken(units.scaleb(-self._qty_decimals), budget, price)

    def _taken(self, qty: Decimal, spent: Decimal, price: int) -> Taken:
        return Taken(
            qty=qty,
            quote=spent.scaleb(-self._price_decimals - self._qty_decimals),
            worst=unscaled(price, self._price_decimals),
            complete=True,
        )

    def _everything(self, *, complete: bool) -> Taken:
        if not self._levels:
            return Taken(qty=ZERO, quote=ZERO, worst=None, complete=complete)
        return Taken(
            qty=self.total,
            quote=unscaled(self._quote[-1], self._price_decimals + self._qty_decimals),
            worst=unscaled(self._levels[-1][0], self._price_decimals),
            complete=complete,
        )
