"""The market side of a desk over MEXC's wire, on a clock that only the test moves: an hour costs no waiting."""

from __future__ import annotations

import asyncio
import pickle
import random
from collections.abc import AsyncIterator, Callable

import pytest

from mexc_tui.domain.commands import Command
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, InterestChanged, SnapshotFailed, Tick, Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import BookState, VenueKind, book_topic
from mexc_tui.kernel.effects import Effect, FetchSnapshot, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.exchange import Exchange, demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import Fault
from tests.hand_clock import START_MS, HandClock

SYMBOLS = ("BTCUSDT", "ETHUSDT", "MXUSDT")
_ROUNDS = 40
"""Turns of the loop after a step: enough for a question and its answer to travel over the loopback."""


class Watched:
    """Books kept as the desk keeps them, from an exchange that the test moves and breaks; all settings as shipped."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.clock = HandClock()
        self.exchange = exchange
        self.server = Server(
            exchange, self.clock.wall_ms, ServerSettings(seed=seed, drive=False), sleep=self.clock.sleep
        )
        self.markets = Markets(FactLog(), depth_limit=500)
        self.snapshots: list[int] = []
        """When each snapshot was asked for, in ms."""
        self.compared = 0
        self._venue: MexcVenue | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self.server.start()
        settings = MexcSettings(base_url=self.server.rest_url, ws_url=self.server.ws_url)
        self._venue = MexcVenue(settings, VenueKind.LOCAL, self.clock, rng=random.Random(3))
        opening = asyncio.create_task(self._open(self._venue))
        while not opening.done():
            await self.turn(20)
        opening.result()
        # Pushes leave at whole tenths of a second: whoever looks just then has seen every change.
        await self.turn(100 - self.exchange.now_ms % 100)

    async def _open(self, venue: MexcVenue) -> None:
        await venue.open(self.feed)
        self.feed(InstrumentsLoaded(await venue.instruments()))
        self.feed(InterestChanged(Interest(topics=frozenset(map(book_topic, SYMBOLS)))))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._venue is not None:
            await self._venue.close()
        await self.server.stop()

    def feed(self, item: Input | Command) -> None:
        at = Timestamp(self.clock.wall_ms(), self.clock.monotonic_ns())
        for effect in self.markets.handle(item, at):
            if isinstance(effect, FetchSnapshot | SetInterest):
                task = asyncio.create_task(self._carry_out(effect))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, effect: Effect) -> None:
        assert self._venue is not None
        if isinstance(effect, SetInterest):
            await self._venue.set_interest(effect.symbols, effect.candles)
        elif isinstance(effect, FetchSnapshot):
            self.snapshots.append(self.clock.wall_ms() - START_MS)
            try:
                self.feed(await self._venue.snapshot(effect.symbol, effect.limit))
            except VenueError as error:
                self.feed(SnapshotFailed(effect.symbol, error.message))

    async def turn(self, ms: int = 100) -> None:
        """Let time pass and frames travel, then hold every live book against the exchange's own."""
        await self.server.step(self.exchange.now_ms + ms)
        self.clock.advance(ms)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        self.feed(Tick())
        for symbol in SYMBOLS:
            self.compare(symbol)

    def live(self, symbol: str) -> bool:
        view = self.markets.book_view(symbol, 1)
        return view is not None and view.state is BookState.LIVE

    def compare(self, symbol: str) -> bool:
        """Whether a book is live at the exchange's own version; then they must be equal."""
        view = self.markets.book_view(symbol, 50)
        book = self.markets.book(symbol)
        if view is None or book is None or not self.live(symbol):
            return False
        version, bids, asks = self.exchange.market.depth(symbol, 50)
        if view.version != version:
            return False
        assert [(book.price(p), book.quantity(q)) for p, q in view.bids] == bids
        assert [(book.price(p), book.quantity(q)) for p, q in view.asks] == asks
        self.compared += 1
        return True

    def all_exact(self) -> bool:
        exact = [self.compare(symbol) for symbol in SYMBOLS]
        return all(exact)

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = 400, step_ms: int = 100) -> float:
        """Let time pass until something is so; return the seconds that took."""
        begun = self.clock.monotonic()
        while not condition():
            if self.clock.monotonic() - begun > within_s:
                pytest.fail(f"did not happen within {within_s:g} s: {what}")
            await self.turn(step_ms)
        return self.clock.monotonic() - begun

    async def suffer(self, faults: list[Fault], turns: int, cut_every: int) -> None:
        """Let faults act for a while, with all streams cut now and then, so that books must be read anew."""
        for fault in faults:
            self.server.plan.set(fault)
        for number in range(turns):
            if number % cut_every == 0:
                self.server.hub.drop()
            await self.turn()


@pytest.fixture(scope="session")
def fresh() -> bytes:
    """An exchange as it starts; made once, since its markets trade for a while before anybody looks."""
    return pickle.dumps(demo_exchange(start_ms=START_MS, seed=11, markets=default_markets()[:3]))


@pytest.fixture
async def watched(fresh: bytes) -> AsyncIterator[Watched]:
    made = Watched(pickle.loads(fresh), seed=11)
    await made.start()
    await made.until(made.all_exact, "exact books at the start")
    yield made
    await made.stop()
