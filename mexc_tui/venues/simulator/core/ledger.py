"""The orders and fills of all accounts, findable by either id."""

from __future__ import annotations

from collections import deque

from mexc_tui.venues.simulator.core.events import OwnTrade, SimError, SimOrder

KEPT = 20_000
"""Finished orders and fills kept for each account."""


class Ledger:
    """Every order in whatever state, oldest first, and every fill."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, SimOrder]] = {}
        self._by_client: dict[tuple[str, str, str], str] = {}
        self._open: dict[str, dict[str, SimOrder]] = {}
        self._trades: dict[str, deque[OwnTrade]] = {}

    def add(self, order: SimOrder) -> None:
        """Record a new order (or a restored one)."""
        orders = self._orders.setdefault(order.account_id, {})
        orders[order.order_id] = order
        if order.client_order_id:
            self._by_client[order.account_id, order.symbol, order.client_order_id] = order.order_id
        if order.open:
            self._open.setdefault(order.account_id, {})[order.order_id] = order
        if len(orders) > 2 * KEPT:
            self._prune(order.account_id)

    def finished(self, order: SimOrder) -> None:
        """Note that an order does not stand any more."""
        self._open.get(order.account_id, {}).pop(order.order_id, None)

    def add_trade(self, trade: OwnTrade) -> None:
        """Record a fill."""
        self._trades.setdefault(trade.account_id, deque(maxlen=KEPT)).append(trade)

    def find(self, account_id: str, symbol: str, order_id: str | None, client_order_id: str | None) -> SimOrder | None:
        """Return an order by exchange id, else by client id (the latest of that name), None if there is none.

        Raises:
            SimError: 700004, neither id was given.
        """
        if not order_id and not client_order_id:
            raise SimError(700004, "Param 'origClientOrderId' or 'orderId' must be sent")
        if not order_id:
            order_id = self._by_client.get((account_id, symbol, client_order_id or ""), "")
        order = self._orders.get(account_id, {}).get(order_id)
        return order if order is not None and order.symbol == symbol else None

    def open_orders(self, account_id: str, symbol: str | None) -> list[SimOrder]:
        """Return the orders that stand, oldest first."""
        found = self._open.get(account_id, {}).values()
        return [order for order in found if symbol is None or order.symbol == symbol]

    def open_count(self, account_id: str) -> int:
        """Return how many orders stand."""
        return len(self._open.get(account_id, {}))

    def open_symbols(self) -> frozenset[str]:
        """Return the pairs in which an order of any account stands."""
        return frozenset(order.symbol for orders in self._open.values() for order in orders.values())

    def all_orders(self) -> list[SimOrder]:
        """Return every order that is kept, account by account, oldest first."""
        return [order for orders in self._orders.values() for order in orders.values()]

    def all_trades(self) -> list[OwnTrade]:
        """Return every fill that is kept, account by account, oldest first."""
        return [trade for trades in self._trades.values() for trade in trades]

    def orders(
        self, account_id: str, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[SimOrder]:
        """Return orders of a pair created in a span (both ends inclusive), newest first."""
        found: list[SimOrder] = []
        for order in reversed(self._orders.get(account_id, {}).values()):
            if len(found) >= limit:
                break
            if order.symbol == symbol and _within(order.created_ms, start_ms, end_ms):
                found.append(order)
        return found

    def trades(
        self,
        account_id: str,
        symbol: str,
        order_id: str | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[OwnTrade]:
        """Return fills of a pair in a span (both ends inclusive), newest first."""
        found: list[OwnTrade] = []
        for trade in reversed(self._trades.get(account_id, ())):
            if len(found) >= limit:
                break
            wanted = trade.symbol == symbol and (not order_id or trade.order_id == order_id)
            if wanted and _within(trade.time_ms, start_ms, end_ms):
                found.append(trade)
        return found

    def _prune(self, account_id: str) -> None:
        orders = self._orders[account_id]
        done = [order for order in orders.values() if not order.open]
        for order in done[: max(0, len(done) - KEPT)]:
            del orders[order.order_id]
            name = (account_id, order.symbol, order.client_order_id or "")
            if self._by_client.get(name) == order.order_id:
                del self._by_client[name]


def _within(time_ms: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or time_ms >= start_ms) and (end_ms is None or time_ms <= end_ms)
