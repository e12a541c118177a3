"""A client that uses everything it may never meets MEXC's limits."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import STRICT, Server, ServerSettings

START_MS = 1_790_000_000_000


PACE = 12


class QuickClock:
    """A clock that runs many times as fast as the real one."""

    def __init__(self) -> None:
        self._start = time.monotonic_ns()

    def monotonic(self) -> float:
        return self.monotonic_ns() / 1e9

    def monotonic_ns(self) -> int:
        return (time.monotonic_ns() - self._start) * PACE

    def wall_ms(self) -> int:
        return START_MS + self.monotonic_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / PACE)


async def test_greedy_use_stays_within_the_strictest_rules() -> None:
    clock = QuickClock()
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[:1])
    exchange.accounts.deposit("ann", {"USDT": Decimal(100_000)})
    server = Server(exchange, clock.wall_ms, ServerSettings(seed=1, limits=STRICT, drive=False))
    await server.start()
    key = server.keys.create("ann", created_ms=START_MS)
    settings = MexcSettings(
        base_url=server.rest_url, ws_url=server.ws_url, api_key=key.access, api_secret=key.secret, data_max_wait_s=600
    )
    order = OrderRequest(
        client_order_id="",
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        qty=Decimal("0.001"),
        price=Decimal(60_000),
    )

    async def trade(rest: MexcRest) -> list[VenueError]:
        refused: list[VenueError] = []
        for _ in range(30):
            try:
                await rest.trading.cancel_order("BTCUSDT", order_id=await rest.trading.place_order(order))
            except VenueError as error:
                refused.append(error)
        return refused

    async with MexcRest(settings, clock) as rest:
        polls: list[Any] = [rest.market.depth("BTCUSDT", 5) for _ in range(60)]
        polls += [rest.account.balances() for _ in range(20)] + [rest.trading.my_trades("BTCUSDT") for _ in range(20)]
        refused, *_ = await asyncio.gather(trade(rest), *polls)
        assert {(error.kind, error.sent) for error in refused} <= {(ErrorKind.RATE_LIMIT, False)}
        assert rest.metrics().cool_down_reason == ""
        assert rest.metrics().failures == 0
    await server.stop()
