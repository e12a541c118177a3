"""The account's own history: each execution booked once, what is held and what it cost."""

from __future__ import annotations

from collections import deque

from mexc_tui.domain.orders import Fill
from mexc_tui.domain.views import FillsView
from mexc_tui.kernel.booked import BookedFills
from mexc_tui.kernel.costs import Costs
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.records import FillRecord

FILLS_SHOWN = 500


class Ledger:
    """Fills and their costs, the same live and from the journal."""

    def __init__(self, orders: OrderStore, currency: str) -> None:
        self.currency = currency
        self.booked = BookedFills(orders)
        self.costs = Costs(currency)
        self._fills: deque[Fill] = deque(maxlen=FILLS_SHOWN)
        self._view: FillsView | None = None

    def book(self, record: FillRecord) -> None:
        """Book one execution, which the caller has found to be new."""
        self.booked.add(record.fill)
        self.costs.book(record)
        self._fills.appendleft(record.fill)
        self._view = None

    def fills(self) -> FillsView:
        """Return the latest fills, newest first; the same object until there is another."""
        if self._view is None:
            self._view = FillsView(fills=tuple(self._fills))
        return self._view

    def restore_fills(self, fills: tuple[Fill, ...]) -> None:
        """Take up the latest fills of an earlier run, newest first."""
        self._fills.extend(fills)
        self._view = None
