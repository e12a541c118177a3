"""The account's own history: each execution booked once, what is held and what it cost."""

from __future__ import annotations

from itertools import islice

from mexc_tui.domain.views import FillsView
from mexc_tui.kernel.booked import BookedFills
from mexc_tui.kernel.costs import Costs
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.owned import OwnedAssets
from mexc_tui.kernel.records import FillRecord, HoldingRecord
from mexc_tui.kernel.transfers import Transfers

FILLS_SHOWN = 500
COST_ASKED = "cost_asked"
"""State record: somebody has been asked what the asset that it names cost."""


class Ledger:
    """Fills and their costs, the same live and from the journal."""

    def __init__(self, orders: OrderStore, currency: str) -> None:
        self.currency = currency
        self.booked = BookedFills(orders)
        self.costs = Costs(currency)
        self.transfers = Transfers()
        self.cost_asked: dict[str, None] = {}
        """Assets whose unknown cost somebody has been asked about."""
        self.owned = OwnedAssets()
        self._orders = orders
        self._view: FillsView | None = None

    def book(self, record: FillRecord) -> None:
        """Book one execution, which the caller has found to be new."""
        self.booked.add(record.fill)
        self.costs.book(record)
        self.transfers.book(record)
        order = self._orders.find(record.fill)
        self.owned.book(record, "" if order is None else order.owner)
        self._view = None

    def hold(self, record: HoldingRecord) -> None:
        """Take in a compared total."""
        self.costs.hold(record)
        self.transfers.hold(record)

    def fills(self) -> FillsView:
        """Return the latest fills, newest first; the same object until there is another."""
        if self._view is None:
            self._view = FillsView(fills=tuple(islice(self.costs.fills(), FILLS_SHOWN)))
        return self._view
