"""How accepted orders meet their market."""

from __future__ import annotations

from typing import Protocol

from mexc_tui.venues.simulator.core.events import SimOrder
from mexc_tui.venues.simulator.core.exact import subtract, to_units
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.core.settlement import Settlement

RESTING = ("LIMIT", "LIMIT_MAKER")
"""Types of which the book keeps what is not filled at once."""


class Execution(Protocol):
    """The strategy by which orders are matched."""

    def check(self, pair: Pair) -> None:
        """Raise SimError while no order of the pair can be taken."""

    def submit(self, pair: Pair, order: SimOrder) -> None:
        """Let an accepted order meet the book, at once or later."""

    def cancelled(self, order: SimOrder) -> None:
        """Take note that an order was cancelled by its account."""

    def restore(self, pair: Pair, orders: list[SimOrder]) -> None:
        """Put the open orders of a saved state back into a pair's book."""


class ImmediateExecution:
    """Orders meet the book the moment they are accepted."""

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement

    def check(self, pair: Pair) -> None:
        """Orders can always be taken."""

    def submit(self, pair: Pair, order: SimOrder) -> None:
        limit = to_units(order.price, pair.price_decimals)
        qty = to_units(order.qty, pair.qty_decimals)
        if (order.type == "LIMIT_MAKER" and pair.crosses(order.side, limit)) or (
            order.type == "FILL_OR_KILL" and not pair.fillable(order, limit, qty)
        ):
            self._settlement.finish(pair, order)
            return
        budget = None
        if order.by_quote:
            budget = to_units(order.quote_qty, pair.price_decimals + pair.qty_decimals)
            qty = budget
        left, why = pair.take(order.side, limit, qty, order, budget)
        if not order.open:
            return
        if order.by_quote and why == "budget" and order.filled_qty:
            self._settlement.finish(pair, order, status="FILLED")
        elif why or order.type not in RESTING:
            self._settlement.finish(pair, order, why if why == "stp_cancel" else "")
        else:
            pair.rest(order, left)

    def cancelled(self, order: SimOrder) -> None:
        """Nothing else knows of the order."""

    def restore(self, pair: Pair, orders: list[SimOrder]) -> None:
        """Put orders back in the order in which they came; what the book crosses by now trades at once."""
        for order in sorted(orders, key=lambda order: order.order_id):
            left = unfilled(pair, order)
            left = pair.take(order.side, to_units(order.price, pair.price_decimals), left, order)[0]
            if left and order.open:
                pair.rest(order, left)


def unfilled(pair: Pair, order: SimOrder) -> int:
    """Return what is still to fill of an order, in steps."""
    return to_units(subtract(order.qty, order.filled_qty), pair.qty_decimals)
