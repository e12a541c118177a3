"""A second local exchange stands in for MEXC, a paper exchange mirrors it, and a client trades on that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from mexc_tui import MexcExchange
from mexc_tui.desk.exchange.mirror import Delays, Mirror
from mexc_tui.desk.exchange.upstream import MirrorUpstream
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream.connection import StreamTiming
from mexc_tui.venues.mexc.venue import StreamSettings
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.exchange import Exchange, demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.venues.simulator.server import Server, ServerSettings

QUIET = Instrument(
    symbol="ABCUSDT",
    base="ABC",
    quote="USDT",
    price_decimals=2,
    qty_decimals=0,
    min_notional=Decimal(1),
    taker_fee=Decimal("0.001"),
)


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class StandIn(Server):
    """MEXC for the mirror; remembers everything that it was asked."""

    def __init__(self, exchange: Exchange, clock: Callable[[], int], port: int = 0) -> None:
        super().__init__(exchange, clock, ServerSettings(seed=1, port=port))
        self.asked: list[tuple[str, str]] = []
        self.headers: set[str] = set()
        self.said: list[str] = []
        receive = self.hub.receive

        def remembered(connection: Any, text: str, now_ms: int) -> None:
            self.said.append(text)
            receive(connection, text, now_ms)

        self.hub.receive = remembered  # type: ignore[method-assign]

    def _build(self) -> web.Application:
        app = super()._build()

        @web.middleware
        async def remember(request: web.Request, handler: Any) -> web.StreamResponse:
            self.asked.append((request.method, request.raw_path))
            self.headers.update(name.lower() for name in request.headers)
            answer: web.StreamResponse = await handler(request)
            return answer

        app.middlewares.append(remember)
        return app


class Chain:
    """Stand-in, mirror and paper exchange, on real time."""

    def __init__(self, market: str) -> None:
        if market == "moving":
            self.there = demo_exchange(start_ms=wall_ms(), markets=default_markets()[:2])
        else:
            self.there = Exchange(start_ms=wall_ms())
            self.there.symbols.list_symbol(QUIET)
        for name in ("maker", "taker"):
            self.there.accounts.deposit(name, {"USDT": Decimal(1_000_000), "ABC": Decimal(100_000)})
        self.stand_in = StandIn(self.there, wall_ms)
        self.paper = PaperExchange(start_ms=wall_ms())
        self.server: Server | None = None
        self.mirror: Mirror | None = None
        self._task: asyncio.Task[None] | None = None

    def rest(self) -> None:
        """Let the stand-in's markets rest, so that what it shows can be compared; its time goes on."""
        self.there.timeline._sources.clear()

    async def open(self) -> None:
        await self.stand_in.start()
        settings = MexcSettings(base_url=self.stand_in.rest_url, ws_url=self.stand_in.ws_url)
        quick = StreamSettings(timing=StreamTiming(quiet_s=0.5, ping_answer_s=5.0, backoff_s=0.05, backoff_max_s=0.2))
        self.mirror = Mirror(settings, self.paper, Delays(1, 0), streams=quick)
        await self.mirror.open()
        self.paper.core.accounts.deposit("ann", {"USDT": Decimal(100_000), "ABC": Decimal(1_000)})
        self.server = Server(
            self.paper.core, wall_ms, ServerSettings(seed=2), upstream=MirrorUpstream(self.mirror, self.paper)
        )
        await self.server.start()
        self._task = asyncio.create_task(self.mirror.run())

    async def close(self) -> None:
        if self._task is not None:
            assert not self._task.done(), self._task
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.server is not None:
            await self.server.stop()
        if self.mirror is not None:
            await self.mirror.close()
        await self.stand_in.stop()

    def client(self) -> MexcExchange:
        assert self.server is not None
        key = self.server.keys.create("ann", created_ms=wall_ms())
        return MexcExchange(key.access, key.secret, base_url=self.server.rest_url, ws_url=self.server.ws_url)

    def there_order(self, who: str, side: Side, price: str, qty: int) -> None:
        self.there.orders.place(who, symbol="ABCUSDT", side=side, type="LIMIT", price=Decimal(price), qty=Decimal(qty))

    def same_levels(self, symbol: str, depth: int = 1_000) -> bool:
        """Whether the mirror shows exactly what the stand-in does."""
        return self.there.market.depth(symbol, depth)[1:] == self.paper.core.market.depth(symbol, depth)[1:]

    def followed(self, symbol: str) -> int:
        """The version up to which the mirror has followed the stand-in."""
        assert self.mirror is not None
        book = self.mirror.markets.book(symbol)
        return 0 if book is None else book.version

    def same_mirror(self, symbol: str) -> bool:
        """The same before own orders have taken anything from it."""
        mirrored = self.paper.mirror.pairs[symbol]
        pair = mirrored.pair
        there = self.there.market.depth(symbol, 5_000)[1:]
        return mirrored.live and all(
            {(to_units(p, pair.price_decimals), to_units(q, pair.qty_decimals)) for p, q in levels}
            == set(mirrored.levels[side].items())
            for side, levels in zip((Side.BUY, Side.SELL), there, strict=True)
        )


@pytest.fixture
async def with_ways() -> AsyncIterator[Callable[..., Any]]:
    """Return what makes a mirror of a stand-in some of whose paths behave in ways of their own, by last name."""
    opened: list[Server] = []

    async def make(clock: Clock | None = None, **ways: Any) -> Mirror:
        there = Exchange(start_ms=wall_ms())
        there.symbols.list_symbol(QUIET)

        class OwnWays(Server):
            def _build(self) -> web.Application:
                app = super()._build()

                @web.middleware
                async def own_way(request: web.Request, handler: Any) -> web.StreamResponse:
                    way = ways.get(request.path.rsplit("/", 1)[-1])
                    answer: web.StreamResponse = await (handler(request) if way is None else way(request, handler))
                    return answer

                app.middlewares.append(own_way)
                return app

        server = OwnWays(there, wall_ms, ServerSettings(seed=1))
        await server.start()
        opened.append(server)
        settings = MexcSettings(base_url=server.rest_url, ws_url=server.ws_url)
        return Mirror(settings, PaperExchange(start_ms=wall_ms()), Delays(1, 0), clock=clock)

    yield make
    for server in opened:
        await server.stop()


@pytest.fixture
async def moving() -> AsyncIterator[Chain]:
    """The stand-in has modelled markets."""
    chain = Chain("moving")
    await chain.open()
    yield chain
    await chain.close()


@pytest.fixture
async def quiet() -> AsyncIterator[Chain]:
    """Only the test trades on the stand-in: bids 99.00 x 10, asks 101.00 x 10."""
    chain = Chain("quiet")
    chain.there_order("maker", Side.BUY, "99", 10)
    chain.there_order("maker", Side.SELL, "101", 10)
    await chain.open()
    yield chain
    await chain.close()
