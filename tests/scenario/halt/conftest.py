"""A whole desk with 200 working orders over MEXC's wire, on a clock that only the test moves."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.commands import Command
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, Tick, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import TOPIC_ORDERS, TOPIC_RISK, VenueKind
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.records import Record, Resumed, StateRecord
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server import Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import make_fault
from tests.hand_clock import START_MS, HandClock

ACCOUNT = "trader"
PAIRS = tuple(f"{name}USDT" for name in ("ABC", "BCD", "CDE", "DEF", "EFG", "FGH", "GHI", "HIJ"))
_ROUNDS = 60
"""Turns of the loop after a step: enough for a question and its answer to travel over the loopback."""


class Memory:
    """A journal that never fails."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        self.records += records

    async def latch(self, record: StateRecord) -> None:
        self.records.append(record)


class Halting:
    """The desk and the exchange behind it, which the test moves and breaks; all settings as shipped."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.exchange = Exchange(start_ms=START_MS)
        for symbol in PAIRS:
            self.exchange.symbols.list_symbol(
                Instrument(
                    symbol=symbol, base=symbol.removesuffix("USDT"), quote="USDT", price_decimals=2, qty_decimals=3,
                    min_notional=Decimal(1), min_notional_market=Decimal(1),
                )
            )  # fmt: skip
        self.exchange.accounts.deposit(ACCOUNT, {"USDT": Decimal(100_000)})
        self.server = Server(
            self.exchange, self.clock.wall_ms, ServerSettings(seed=5, drive=False), sleep=self.clock.sleep
        )
        self.journal = Memory()
        self.asked: Counter[str] = Counter()
        self._key = self.server.keys.create(ACCOUNT)
        self._made = 0

    async def start(self) -> None:
        """Start a desk that takes up what the journal holds."""
        settings = MexcSettings(
            base_url=self.server.rest_url,
            ws_url=self.server.ws_url,
            api_key=self._key.access,
            api_secret=self._key.secret,
        )
        self.venue = MexcVenue(settings, VenueKind.LOCAL, self.clock, rng=random.Random(3))
        self.facts: list[str] = []
        self.desk = Desk(
            f"r{self._made}",
            Limits(),
            self.venue.info,
            currency="USDT",
            resumed=Resumed(records=tuple(self.journal.records)),
        )
        self.runner = EffectRunner(
            self.venue,
            self.journal,  # type: ignore[arg-type]
            self.feed,
            lambda fact: self.facts.append(fact.kind),
            self.at,
            lambda stage, name, at: None,
            self.clock.sleep,
        )
        self._early: list[Input | Command] | None = []
        opening = asyncio.create_task(self.venue.open(self.feed))
        while not opening.done():
            await self.turn(20)
        opening.result()
        early, self._early = self._early, None
        self.runner.run(self.desk.start(self.at()))
        self.feed(InstrumentsLoaded(tuple(pair.instrument for pair in self.exchange.symbols.pairs.values())))
        for item in early or ():
            self.feed(item)

    async def stop(self) -> None:
        await self.runner.finish(0)
        await self.venue.close()

    def at(self) -> Timestamp:
        return Timestamp(self.clock.wall_ms(), self.clock.monotonic_ns())

    def feed(self, item: Input | Command) -> None:
        if self._early is not None:
            self._early.append(item)
            return
        self.runner.run(self.desk.handle(item, self.at()))

    def view(self, topic: str) -> Any:
        return self.desk.views(self.at(), frozenset({topic}))[topic]

    def make_orders(self, count: int, pairs: Sequence[str] = PAIRS) -> None:
        """Make orders as another program of the same account does."""
        for _ in range(count):
            self._made += 1
            self.exchange.orders.place(
                ACCOUNT,
                symbol=pairs[self._made % len(pairs)],
                side=Side.BUY,
                type="LIMIT",
                qty=Decimal(1),
                price=Decimal(10),
            )

    def left(self) -> int:
        """Return how many orders are open, as the exchange itself has it."""
        return len(self.exchange.orders.open_orders(ACCOUNT))

    def shown(self) -> int:
        return len(self.view(TOPIC_ORDERS).open)

    @property
    def sweep(self) -> Any:
        return self.view(TOPIC_RISK).sweep

    def fault(self, name: str, **how: object) -> None:
        self.server.plan.set(make_fault(name, how))

    async def turn(self, ms: int = 50) -> None:
        """Let time pass and messages travel."""
        await self.server.step(self.exchange.now_ms + ms)
        self.clock.advance(ms)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        if self._early is None:
            self.feed(Tick())

    async def until(self, condition: Callable[[], object], what: str, within_s: float = 60) -> float:
        """Let time pass until something is so; return the seconds that took."""
        begun = self.clock.monotonic()
        while not condition():
            if self.clock.monotonic() - begun > within_s:
                pytest.fail(f"did not happen within {within_s:g} s: {what}")
            await self.turn()
        return self.clock.monotonic() - begun


@pytest.fixture
async def halting() -> AsyncIterator[Halting]:
    made = Halting()
    await made.server.start()
    made._early = []
    await made.start()
    made.make_orders(200)
    await made.until(lambda: made.shown() == 200, "the desk knows 200 orders")
    yield made
    await made.stop()
    await made.server.stop()
