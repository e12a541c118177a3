"""Whatever happens to the streams, a book that is called live equals the exchange's own at its version."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest

from mexc_tui.domain.commands import Command, Focus
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, Moment, SnapshotFailed, Tick
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import BookState, VenueKind
from mexc_tui.kernel.effects import Effect, FetchSnapshot, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.venues.mexc.connection import StreamTiming
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue, StreamSettings
from mexc_tui.venues.simulator.markets.catalogue import demo_exchange
from mexc_tui.venues.simulator.server import Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import parse_profile

SYMBOLS = ("BTCUSDT", "ETHUSDT", "MXUSDT")
TIMING = StreamTiming(
    backoff_s=0.01, backoff_max_s=0.1, tick_s=0.02, quiet_s=0.1, ping_s=1.0, ping_answer_s=0.2, silence_s=1.0
)


class Watched:
    """The market side of the desk on a venue whose exchange is moved, and broken, by the test."""

    def __init__(self, seed: int) -> None:
        self.exchange = demo_exchange(start_ms=time.time_ns() // 1_000_000, seed=seed)
        self.server = Server(self.exchange, lambda: self.exchange.now_ms, ServerSettings(seed=seed, drive=False))
        self.markets = Markets(FactLog(), depth_limit=500)
        self.venue: MexcVenue | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.compared = 0

    async def start(self) -> None:
        await self.server.start()
        settings = MexcSettings(
            base_url=self.server.rest_url,
            ws_url=self.server.ws_url,
            requests_per_s=1_000.0,
            request_burst=1_000,
            ip_weight_limit=100_000,
        )
        venue = MexcVenue(settings, VenueKind.LOCAL, streams=StreamSettings(timing=TIMING), rng=random.Random(3))
        self.venue = venue
        await venue.open(self.feed)
        self.feed(InstrumentsLoaded(await venue.instruments()))
        self.feed(Focus(command_id="1", symbol=SYMBOLS[0], interval=Interval.M1, watchlist=SYMBOLS))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self.venue is not None:
            await self.venue.close()
        await self.server.stop()

    def feed(self, item: Input | Command) -> None:
        at = Moment(time.time_ns() // 1_000_000, time.monotonic_ns())
        for effect in self.markets.handle(item, at):
            if isinstance(effect, FetchSnapshot | SetInterest):
                task = asyncio.create_task(self._carry_out(effect))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, effect: Effect) -> None:
        assert self.venue is not None
        if isinstance(effect, SetInterest):
            await self.venue.set_interest(effect.symbols, effect.candles)
        elif isinstance(effect, FetchSnapshot):
            try:
                self.feed(await self.venue.snapshot(effect.symbol, effect.limit))
            except VenueError as error:
                self.feed(SnapshotFailed(effect.symbol, error.message))

    async def turn(self) -> None:
        """Move the exchange a little, let frames travel, and hold every live book against the exchange's."""
        await self.server.step(self.exchange.now_ms + 50)
        await asyncio.sleep(0.004)
        self.feed(Tick())
        for symbol in SYMBOLS:
            self.compare(symbol)

    def compare(self, symbol: str) -> bool:
        view = self.markets.book_view(symbol, 50)
        book = self.markets.book(symbol)
        if view is None or book is None or view.state is not BookState.LIVE:
            return False
        version, bids, asks = self.exchange.depth(symbol, 50)
        if view.version != version:
            return False
        assert [(book.price(p), book.quantity(q)) for p, q in view.bids] == bids
        assert [(book.price(p), book.quantity(q)) for p, q in view.asks] == asks
        self.compared += 1
        return True

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(4_000):
            if condition():
                return
            await self.turn()
        pytest.fail(f"never happened: {what}")

    def all_exact(self) -> bool:
        return all(self.compare(symbol) for symbol in SYMBOLS)


@pytest.fixture
async def watched(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    made = Watched(seed=11)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    "faults",
    [
        "gap:p=0.1,match=depth",
        "drop:p=0.1;duplicate:p=0.1;reorder:p=0.1",
        "garbage:p=0.05;truncated:p=0.05",
        "disconnect:p=0.02",
        "half_open:p=0.01",
        "server_5xx:p=0.3;gap:p=0.1,match=depth",
        "flaky",
        "lossy",
        "garbled",
        "chaos",
    ],
)
async def test_books_are_exact_or_not_called_live(watched: Watched, faults: str) -> None:
    await watched.until(watched.all_exact, "exact books at the start")
    for fault in parse_profile(faults):
        if fault.name not in ("latency", "jitter", "edge_403_html", "rate_limit_429"):
            watched.server.plan.set(fault)
    for _ in range(150):
        await watched.turn()
    assert any(fault.struck for fault in watched.server.plan.active())
    watched.server.plan.clear()
    await watched.until(watched.all_exact, "exact books after the faults")
    assert watched.compared > 10
