"""A whole desk that trades ten pairs over MEXC's wire, on a clock that only the test moves."""

from __future__ import annotations

import asyncio
import pickle
import random
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal

import pytest

from mexc_tui.domain.commands import CancelOrder, Command, Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, InterestChanged, Tick, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import Order, OrderType, Side
from mexc_tui.domain.views import TOPIC_ORDERS, TOPIC_RISK, BookState, BookView, VenueKind, book_topic
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.records import Record, Resumed, StateRecord
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.exchange import Exchange, demo_exchange
from mexc_tui.venues.simulator.markets.model import MarketSpec
from mexc_tui.venues.simulator.server import STRICT, Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import Fault
from tests.scenario.market.conftest import START_MS, HandClock

SYMBOLS = tuple(f"T{number}USDT" for number in range(10))
STEP_MS = 100
_ROUNDS = 30
"""Turns of the loop after a step: enough for a question and its answer to travel over the loopback."""


class NoJournal:
    """Keeps nothing."""

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        pass

    async def latch(self, record: StateRecord) -> None:
        pass

    async def resume(self) -> Resumed:
        return Resumed()

    async def close(self) -> None:
        pass


def ten_markets() -> tuple[MarketSpec, ...]:
    def pair(symbol: str) -> Instrument:
        return Instrument(
            symbol=symbol,
            base=symbol.removesuffix("USDT"),
            quote="USDT",
            price_decimals=4,
            qty_decimals=2,
            min_qty=Decimal("0.01"),
            min_notional=Decimal(1),
            min_notional_market=Decimal(1),
            maker_fee=Decimal(0),
            taker_fee=Decimal("0.0005"),
        )

    return tuple(
        MarketSpec(instrument=pair(symbol), price=Decimal(3), rate=3.0, levels=120, gap=1.6, spread=3, size=12_000)
        for symbol in SYMBOLS
    )


class Trading:
    """A desk with orders in ten pairs, which places and cancels all the time; settings as shipped."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.clock = HandClock()
        self.exchange = exchange
        self.server = Server(
            exchange,
            self.clock.wall_ms,
            ServerSettings(seed=seed, drive=False, limits=STRICT),
            sleep=self.clock.sleep,
        )
        self.rng = random.Random(seed)
        self.facts: list[Fact] = []
        self._started = False
        self._early: list[Input | Command] = []
        self._commands = 0

    async def start(self) -> None:
        await self.server.start()
        self.exchange.accounts.deposit("ann", {"USDT": Decimal(1_000_000)})
        key = self.server.keys.create("ann", created_ms=START_MS)
        settings = MexcSettings(
            base_url=self.server.rest_url.replace("127.0.0.1", "localhost"),
            ws_url=self.server.ws_url.replace("127.0.0.1", "localhost"),
            api_key=key.access,
            api_secret=key.secret,
        )
        self.venue = MexcVenue(settings, VenueKind.LOCAL, self.clock, rng=random.Random(3))
        limits = Limits(max_open_orders=200, orders_per_second=20, max_position_value=Decimal(1_000_000))
        self.desk = Desk("r1", limits, self.venue.info, currency="USDT", armed_at_start=True)
        self.runner = EffectRunner(
            self.venue, NoJournal(), self.feed, self.facts.append, self.now, sleep=self.clock.sleep
        )
        opening = asyncio.create_task(self._open())
        while not opening.done():
            await self.turn()
        opening.result()
        await self.until(lambda: self.all_live() and self.ready(), "live books and a compared account")
        for symbol in SYMBOLS * 2:
            self.place(symbol, far=True)
            await self.turn()

    async def _open(self) -> None:
        await self.venue.open(self.feed)
        self._started = True
        self.runner.run(self.desk.start(self.now()))
        self.feed(InstrumentsLoaded(await self.venue.instruments()))
        topics = frozenset({*map(book_topic, SYMBOLS), TOPIC_ORDERS, TOPIC_RISK})
        self.feed(InterestChanged(Interest(topics=topics)))
        for item in self._early:
            self.feed(item)

    async def stop(self) -> None:
        await self.runner.finish(0)
        await self.venue.close()
        await self.server.stop()

    def now(self) -> Timestamp:
        return Timestamp(self.clock.wall_ms(), self.clock.monotonic_ns())

    def feed(self, item: Input | Command) -> None:
        if not self._started:
            self._early.append(item)
            return
        self.runner.run(self.desk.handle(item, self.now()))

    # --- looking

    def book(self, symbol: str) -> BookView | None:
        return self.desk._markets.book_view(symbol, 1)

    def live(self, symbol: str) -> bool:
        view = self.book(symbol)
        return view is not None and view.state is BookState.LIVE

    def all_live(self) -> bool:
        return all(self.live(symbol) for symbol in SYMBOLS)

    def ready(self) -> bool:
        return self.desk._risk.ready

    def open(self) -> list[Order]:
        return self.desk._store.live()

    # --- time and trade

    async def turn(self, ms: int = STEP_MS) -> None:
        """Let time pass, frames travel and the desk trade."""
        await self.server.step(self.exchange.now_ms + ms)
        self.clock.advance(ms)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        if self._started and self.clock.wall_ms() % 200 == 0:
            self.feed(Tick())

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = 60) -> float:
        begun = self.clock.monotonic()
        while not condition():
            if self.clock.monotonic() - begun > within_s:
                pytest.fail(f"did not happen within {within_s:g} s: {what}")
            await self.turn()
        return self.clock.monotonic() - begun

    def place(self, symbol: str, *, far: bool) -> None:
        """Buy or sell a little: far away, where it rests, or at the touch, where it fills."""
        view = self.book(symbol)
        if view is None or not view.bids or not view.asks or not self.live(symbol):
            return
        bid, ask = (unscaled(side[0][0], view.price_decimals) for side in (view.bids, view.asks))
        price = (bid * Decimal("0.8")).quantize(Decimal("0.0001")) if far else ask
        self._commands += 1
        qty = Decimal(self.rng.randint(500, 1500)) / 100
        self.feed(
            PlaceOrder(
                command_id=f"c{self._commands}",
                draft=Draft(symbol=symbol, side=Side.BUY, type=OrderType.LIMIT, qty=qty, price=price),
                seen_version=view.version,
                seen_bid=bid,
                seen_ask=ask,
            )
        )

    async def trade(self, seconds: float) -> float:
        """Place and cancel a few times a second; return the share of time in which books were live."""
        turns = int(seconds * 1_000 / STEP_MS)
        live = 0
        for number in range(turns):
            if number % 3 == 0:
                self.place(self.rng.choice(SYMBOLS), far=self.rng.random() < 0.5)
                mine = self.open()
                if len(mine) > 25:
                    self._commands += 1
                    doomed = self.rng.choice(mine).client_order_id
                    self.feed(CancelOrder(command_id=f"c{self._commands}", client_order_id=doomed))
            await self.turn()
            live += sum(map(self.live, SYMBOLS))
        return live / turns / len(SYMBOLS)

    async def recovered(self, within_s: float) -> list[float]:
        """Lift all faults and return, in order, the seconds until each book was live for good, trading on meanwhile."""
        self.server.plan.clear()
        begun = self.clock.monotonic()
        since: dict[str, float] = {}
        while (waited := self.clock.monotonic() - begun) <= within_s + 1:
            for symbol in SYMBOLS:
                if not self.live(symbol):
                    since.pop(symbol, None)
                else:
                    since.setdefault(symbol, waited)
            if len(since) == len(SYMBOLS) and waited - max(since.values()) >= 1:
                break
            await self.trade(0.1)
        return sorted(since.get(symbol, within_s + 1) for symbol in SYMBOLS)

    def suffer(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self.server.plan.set(fault)


@pytest.fixture(scope="session")
def ten() -> bytes:
    """An exchange as it starts; made once, since its markets trade for a while before anybody looks."""
    return pickle.dumps(demo_exchange(start_ms=START_MS, seed=11, markets=ten_markets()))


@pytest.fixture
async def trading(ten: bytes) -> AsyncIterator[Trading]:
    made = Trading(pickle.loads(ten), seed=11)
    await made.start()
    yield made
    await made.stop()
