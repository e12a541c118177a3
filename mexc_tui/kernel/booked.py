"""Which executions have been booked, remembered for as long as one of them can come again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mexc_tui.domain.orders import Fill
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.records import BookedOrder

KEPT_MS = 3_600_000
"""How far before the last comparison executions of unknown orders still count as possibly new; clocks differ."""
SWEEP_FROM = 4_096


class _Trades(msgspec.Struct):
    trade_ids: dict[str, None]
    newest_ms: int = 0


class BookedFills:
    """Tells a new execution from one that was booked, by push, query or journal, in bounded memory.

    The ids of an order's trades are kept while the order itself is kept, while its executions wait for it, and for
    ``KEPT_MS`` before the last comparison with the exchange or, if that is earlier, before the newest execution. What
    is older and belongs to no kept order cannot be new: that comparison had every execution before it. So nothing is
    booked twice, whatever comes again, and an execution that a kept order still lacks is booked however old it is.
    """

    def __init__(self, orders: OrderStore) -> None:
        self._orders = orders
        self._by_order: dict[str, _Trades] = {}
        self.floor_ms = 0
        """Executions of unknown orders before this exchange time are not new."""
        self.newest_ms = 0
        """Exchange time of the newest execution."""
        self._sweep_at = SWEEP_FROM

    def has(self, fill: Fill) -> bool:
        """Whether this very execution is remembered."""
        trades = self._by_order.get(fill.order_id)
        return trades is not None and fill.trade_id in trades.trade_ids

    def is_new(self, fill: Fill) -> bool:
        """Whether this execution has not been booked yet."""
        if self.has(fill):
            return False
        return fill.time_ms >= self.floor_ms or self._orders.lacks(fill)

    def add(self, fill: Fill) -> None:
        """Remember an execution."""
        if len(self._by_order) >= self._sweep_at:
            self._by_order = dict(self._needed())
            self._sweep_at = max(SWEEP_FROM, 2 * len(self._by_order))
        trades = self._by_order.get(fill.order_id)
        if trades is None:
            trades = self._by_order[fill.order_id] = _Trades({})
        trades.trade_ids[fill.trade_id] = None
        trades.newest_ms = max(trades.newest_ms, fill.time_ms)
        self.newest_ms = max(self.newest_ms, fill.time_ms)

    def compared(self, up_to_ms: int) -> None:
        """Note up to when executions have been compared, by the exchange's clock as far as that was known.

        A clock that is ahead must not make executions to come look old, so the newest execution counts too.
        """
        self.floor_ms = max(self.floor_ms, min(up_to_ms, self.newest_ms) - KEPT_MS)

    def snapshot(self) -> tuple[BookedOrder, ...]:
        """Return what must be remembered."""
        return tuple(
            BookedOrder(order_id=order_id, newest_ms=trades.newest_ms, trade_ids=tuple(trades.trade_ids))
            for order_id, trades in self._needed()
        )

    def restore(self, booked: Iterable[BookedOrder], floor_ms: int) -> None:
        """Take up what an earlier run remembered."""
        self.floor_ms = floor_ms
        for one in booked:
            self._by_order[one.order_id] = _Trades(dict.fromkeys(one.trade_ids), one.newest_ms)
            self.newest_ms = max(self.newest_ms, one.newest_ms)

    def _needed(self) -> Iterable[tuple[str, _Trades]]:
        for order_id, trades in self._by_order.items():
            if trades.newest_ms >= self.floor_ms or self._orders.concerns(order_id):
                yield order_id, trades
