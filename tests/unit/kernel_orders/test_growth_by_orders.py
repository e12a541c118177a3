"""A desk that trades for hours keeps only ids of what is over, so that nothing counts twice."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from mexc_tui.domain.commands import CancelOrder
from mexc_tui.domain.inputs import PlaceAccepted
from mexc_tui.domain.orders import OrderState, Side
from mexc_tui.engine.hub import ViewHub
from mexc_tui.kernel import costs
from mexc_tui.kernel.effects import Effect, EmitFact
from mexc_tui.kernel.order_store import RECENT

ORDERS = 2 * (RECENT + 1)
"""The list of recent orders is shortened every so often; between two such moments it grows."""
FIRST = 1_100
"""Two facts of each fill the hub."""
BYTES_AN_ORDER = 600
LOOKED_AT = frozenset({"orders", "fills", "positions", "balances", "risk"})


class Shown(list[Effect]):
    """Passes facts on as the engine does, and keeps no effect."""

    def __init__(self, hub: ViewHub) -> None:
        self._hub = hub

    def __iadd__(self, made: Any) -> Shown:
        for effect in made:
            if isinstance(effect, EmitFact):
                self._hub.append(effect.fact)
        return self


def trader(bench: Any) -> Callable[[int], None]:
    """Return a function that trades so many orders: placed, taken, and then filled or cancelled in turn."""
    hub, numbers = ViewHub(), itertools.count(1)
    bench.effects = Shown(hub)

    def one(number: int) -> None:
        bench.tick(0.5)
        bench.level([("59990.00", str(1 + number % 7))], [])
        side, price = (Side.BUY, "59000") if number % 4 < 2 else (Side.SELL, "60500")
        (sent,) = bench.sent(bench.place(side, "0.001", price, command_id=f"command-number-{number}"))
        order = bench.desk._store.get(sent.request.client_order_id)
        there = f"C02__{10**15 + number}"
        bench.do(PlaceAccepted(order.client_order_id, there))
        if number % 2:
            bench.fill(order, "0.001", price, trade_id=f"{10**12 + number}", order_id=there)
            bench.report(order, OrderState.FILLED, "0.001", order_id=there)
        else:
            bench.do(CancelOrder(command_id=f"cancel-number-{number}", client_order_id=order.client_order_id))
            bench.report(order, OrderState.CANCELLED, order_id=there)
        if number % 10 == 0:
            bench.account(btc="0.1")
            hub.publish(bench.desk.views(bench.at(), LOOKED_AT))

    def trade(orders: int) -> None:
        for _ in range(orders):
            one(next(numbers))

    return trade


def test_orders_that_are_over_take_little_memory(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "KEPT", FIRST // 4)
    bench.account(btc="0.1")
    trade = trader(bench)
    tracemalloc.start()
    try:
        trade(FIRST)
        before = traced()
        trade(ORDERS)
        grown = traced() - before
    finally:
        tracemalloc.stop()
    assert grown < ORDERS * BYTES_AN_ORDER


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
