"""Venues that must pass the same cases. Add one by adding its builder to ``BUILDERS``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.inputs import BookDelta, Input
from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.ports import Venue
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server.app import Server, ServerSettings

ACCOUNT = "trader"
PATIENCE_S = 10.0


class Bench:
    """A venue under test, the exchange behind it, what was pushed, and a way to let time pass."""

    def __init__(self, venue: Venue, exchange: Exchange, step: Callable[[int], Awaitable[None]]) -> None:
        self.venue = venue
        self.exchange = exchange
        self.pushed: list[Input] = []
        self._step = step

    def pair(self, symbol: str = "ABCUSDT") -> Pair:
        """The exchange's own view of a pair, to act as the rest of the market."""
        return self.exchange.symbols.pair(symbol)

    def got(self, kind: type) -> list[Any]:
        """What of a kind has been pushed so far, in order."""
        return [message for message in self.pushed if isinstance(message, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        """Let exchange time pass until a condition holds; fail when it does not."""
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, f"waited in vain; pushed: {self.pushed[-8:]}"
            await self._step(100)
            await asyncio.sleep(0.002)

    async def book_flows(self, symbol: str = "ABCUSDT") -> None:
        """Subscribe and return when increments arrive, so that nothing that follows can be missed."""
        await self.venue.set_interest([symbol], [])
        count = len(self.got(BookDelta))

        def poke() -> bool:
            self.pair(symbol).set_foreign(Side.BUY, 1, self.exchange.now_ms % 97 + 1)
            return len(self.got(BookDelta)) > count

        await self.until(poke)

    async def place(self, name: str, side: Side, price: str, qty: str, kind: OrderType = OrderType.LIMIT) -> str:
        """Place an order for ABCUSDT and return the exchange's id."""
        return await self.venue.place(
            OrderRequest(
                client_order_id=name, symbol="ABCUSDT", side=side, type=kind, price=Decimal(price), qty=Decimal(qty)
            )
        )


def build_exchange(start_ms: int) -> Exchange:
    """An exchange whose pairs stand still, so that a test is the rest of the market."""
    exchange = Exchange(start_ms=start_ms)
    for symbol, status in (
        ("ABCUSDT", InstrumentStatus.ONLINE),
        ("币币USDT", InstrumentStatus.ONLINE),
        ("OFFUSDT", InstrumentStatus.PAUSED),
    ):
        exchange.symbols.list_symbol(
            Instrument(
                symbol=symbol,
                base=symbol.removesuffix("USDT"),
                quote="USDT",
                price_decimals=2,
                qty_decimals=3,
                status=status,
                min_qty=Decimal("0.01"),
                min_notional=Decimal(1),
                min_notional_market=Decimal(1),
                max_notional=Decimal(1_000_000),
                max_notional_market=Decimal(1_000_000),
                taker_fee=Decimal("0.0005"),
            )
        )
    exchange.accounts.deposit(ACCOUNT, {"USDT": Decimal(10_000), "ABC": Decimal(50)})
    return exchange


@asynccontextmanager
async def mexc_over_loopback() -> AsyncIterator[Bench]:
    exchange = build_exchange(time.time_ns() // 1_000_000)
    server = Server(exchange, lambda: time.time_ns() // 1_000_000, ServerSettings(drive=False))
    key = server.keys.create(ACCOUNT)
    await server.start()
    settings = MexcSettings(
        base_url=server.rest_url,
        ws_url=server.ws_url,
        api_key=key.access,
        api_secret=key.secret,
    )
    venue = MexcVenue(settings.unpaced(), VenueKind.LOCAL)

    async def step(ms: int) -> None:
        await server.step(exchange.now_ms + ms)

    try:
        yield Bench(venue, exchange, step)
    finally:
        await venue.close()
        await server.stop()


BUILDERS: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    "mexc-over-loopback": mexc_over_loopback,
}


@pytest.fixture(params=list(BUILDERS))
async def closed_bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A venue that has not been opened yet."""
    async with BUILDERS[request.param]() as bench:
        yield bench


@pytest.fixture
async def bench(closed_bench: Bench) -> AsyncIterator[Bench]:
    """An open venue that pushes into ``bench.pushed``."""
    await closed_bench.venue.open(closed_bench.pushed.append)
    yield closed_bench
    await closed_bench.venue.close()
