"""What a library session knows of its account: balances and orders, from pushes and from asking."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from mexc_tui.domain.inputs import BalanceReported, FillReported, Input, OrderReported
from mexc_tui.domain.orders import Balance, Fill, OrderReport

_ORDERS_KEPT = 2_000
_FILLS_KEPT = 5_000


class OwnAccount:
    """Balances, orders and fills of the account. Reports may repeat and overtake each other; the furthest counts."""

    def __init__(self) -> None:
        self._balances: dict[str, Balance] = {}
        self._orders: OrderedDict[str, OrderReport] = OrderedDict()
        self._fills: OrderedDict[tuple[str, str, bool], Fill] = OrderedDict()
        self._changed = asyncio.Event()
        self._pushed: set[str] = set()

    @property
    def balances(self) -> tuple[Balance, ...]:
        """Every asset of which something is held."""
        return tuple(balance for balance in self._balances.values() if balance.total)

    @property
    def orders(self) -> tuple[OrderReport, ...]:
        """Orders that may be live, oldest first."""
        return tuple(report for report in self._orders.values() if report.state.may_be_live)

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The latest own trades, oldest first."""
        return tuple(sorted(self._fills.values(), key=lambda fill: fill.time_ms))

    def balance(self, asset: str) -> Balance | None:
        """Return what is held of an asset; None where nothing was reported."""
        return self._balances.get(asset)

    def order(self, order_id: str) -> OrderReport | None:
        """Return what was last reported of an order."""
        return self._orders.get(order_id)

    def handle(self, item: Input) -> None:
        """Take what the account stream brought; anything else is ignored."""
        match item:
            case OrderReported(report):
                self.report(report)
            case BalanceReported(balance):
                self._balances[balance.asset] = balance
                self._pushed.add(balance.asset)
            case FillReported(fill):
                self._fills[(*fill.key, fill.is_maker)] = fill
                while len(self._fills) > _FILLS_KEPT:
                    self._fills.popitem(last=False)

    def report(self, report: OrderReport) -> None:
        """Take a report of an order, unless more is known already."""
        known = self._orders.get(report.order_id)
        if known is None or not (known.state.final or known.filled_qty > report.filled_qty):
            self._orders[report.order_id] = report
            self._forget_oldest()
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def asking(self) -> None:
        """Note that a complete picture is being asked for: what is pushed from here on is newer than the answer."""
        self._pushed.clear()

    def replace(self, balances: tuple[Balance, ...], open_orders: tuple[OrderReport, ...]) -> list[OrderReport]:
        """Take a complete picture of the account; returns orders that were thought open and are not in it."""
        newer = {asset: self._balances[asset] for asset in self._pushed}
        self._balances = {balance.asset: balance for balance in balances} | newer
        listed = {report.order_id for report in open_orders}
        missing = [report for report in self.orders if report.order_id not in listed]
        for report in open_orders:
            self.report(report)
        return missing

    async def finished(self, order_id: str) -> OrderReport:
        """Return an order's last report once it is final."""
        while True:
            report = self._orders.get(order_id)
            if report is not None and report.state.final:
                return report
            await self._changed.wait()

    def _forget_oldest(self) -> None:
        if len(self._orders) > _ORDERS_KEPT:
            done = next((key for key, report in self._orders.items() if report.state.final), None)
            if done is not None:
                del self._orders[done]
