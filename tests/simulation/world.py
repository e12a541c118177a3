"""One run: a desk with its real effect runner, the exchange, a user and trouble, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from mexc_tui.desk.guard.brief import BEAT_S
from mexc_tui.domain.commands import CancelOrder, Command, Flatten, Halt, PlaceOrder, Reconcile, Resume
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    CancelAnswered,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    LookupAnswered,
    LookupFailed,
    OrderReported,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
    ReconcileFailed,
    Tick,
    TickersSeen,
    Timestamp,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Order, OrderRequest
from mexc_tui.domain.views import TOPIC_ORDERS, VenueKind, gate_topic
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import Effect, Journal, SendOrder
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import IntentRecord
from tests.simulation import actions, checks
from tests.simulation.exchange import PAIRS, START_MS
from tests.simulation.expected import expected
from tests.simulation.guard import Guards, plan_of
from tests.simulation.journal import Disk
from tests.simulation.journal import Journal as DiskJournal
from tests.simulation.line import Line
from tests.simulation.loop import VirtualLoop
from tests.simulation.script import Step
from tests.simulation.truth import Truth

D = Decimal
LIMITS = Limits(
    max_order_value=D(1_000),
    max_position_value=D(3_000),
    max_gross_exposure=D(4_500),
    cash=("USDC",),
    max_price_age_ms=5_000,
    max_open_orders=4,
    max_in_flight=3,
    orders_per_second=3,
    max_slippage=D("0.02"),
    collar_far=D("0.02"),
    cooldown_losses=4,
    cooldown_ms=500,
)
VENUE = VenueInfo(name="simulation", kind=VenueKind.LOCAL, can_trade=True)
REPEATABLE = (
    PlaceOrder,
    BookDelta,
    BookSnapshot,
    TradesSeen,
    OrderReported,
    FillReported,
    BalanceReported,
    PlaceAccepted,
    PlaceRejected,
    PlaceUnknown,
    CancelAnswered,
    LookupAnswered,
    LookupFailed,
    Reconciled,
    ReconcileFailed,
)
"""What can reach a desk twice."""
TICKS_MS = (250, 1_000, 1_000, 1_000)
"""How often a desk's loop comes round: as it does, or on a machine that is busy. One is drawn for each run."""
PUMP_MS = 500
CALM_MS = 180_000
"""How long a desk has, once the trouble is over, to agree with the exchange."""


class BreachError(Exception):
    """Something that must never be."""


class Life:
    """One desk process, from its start to its end."""

    def __init__(self, world: World, number: int) -> None:
        loop, rng = world.loop, world.rng
        self.journal = DiskJournal(loop, rng, world.disk)
        self.desk = Desk(
            f"r{number}", LIMITS, VENUE, currency="USDT", resumed=self.journal.resume(), armed_at_start=True
        )
        self.runner = EffectRunner(
            world.line,
            self.journal,
            lambda item: world.fed(self, item),
            lambda fact: world.facts.append(fact),
            world.at,
            None,
            asyncio.sleep,
        )


class World:
    """Everything of one run; ``play`` carries out a script and raises ``BreachError``."""

    def __init__(self, seed: int) -> None:
        self.loop = VirtualLoop()
        self.rng = Random(f"{seed}/world")
        self.line = Line(self.loop, Random(f"{seed}/line"), seed)
        self.account = self.line.account
        self.line.on_place = self._leaving
        self.truth = Truth(self.line, LIMITS)
        self.disk = Disk()
        self.facts: list[Fact] = []
        self.suffered: Counter[str] = Counter()
        """Steps and faults, by name."""
        self.expected: Counter[str] = Counter()
        """Breaches that are waiting to be mended."""
        self.placed: list[PlaceOrder] = []
        self.amends: dict[str, tuple[str, Decimal]] = {}
        """Name at the desk and wanted size of orders that were to be amended, by command."""
        self.flattens: set[str] = set()
        """Ids of commands to flatten that a desk has taken and not lost."""
        self.intents: dict[str, str] = {}
        """Command of every order that a desk decided to send, by client order id."""
        self.sent: dict[str, str] = {}
        """The same of those that left."""
        self.cancelled: dict[str, None] = {}
        """Exchange ids of orders that a desk has been asked to cancel, and has not forgotten by dying."""
        self.halted_ms: int | None = None
        self.life: Life | None = None
        self._guards = Guards(self, plan_of(seed))
        self.inputs = 0
        self._tick_ms = self.rng.choice(TICKS_MS)
        self._skew_ms = 0
        self._slept_ms = 0
        self._lives = 0
        self._commands = 0
        self._frozen: list[Input | Command] | None = None
        self._die_after: tuple[int, int] | None = None
        self._twice = 0
        self._wrong: list[str] = []
        self._scenario: asyncio.Task[Any] | None = None

    # --- the run

    def play(self, steps: Sequence[Step]) -> None:
        """Carry out the steps, let the trouble end, and compare."""
        try:
            self.loop.run_until_complete(self._play(steps))
        finally:
            self._cancel_tasks(everything=True)
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    async def _play(self, steps: Sequence[Step]) -> None:
        self._scenario = asyncio.current_task()
        self._beat(self._tick_ms, self._tick)
        self._beat(PUMP_MS, self._pump)
        self._beat(round(1_000 * BEAT_S), self._guards.beat)
        self.start()
        await self.pass_time(1_500)
        for number, step in enumerate(steps):
            await self.pass_time(step.pause_ms)
            self.suffered[step.name] += 1
            getattr(actions, step.name)(self, *step.args)
            await self.pass_time(step.args[0] if step.name == "wait" else 0)
            self._examine(f"step {number} ({step.name})")
        await self._calm_down()

    async def _calm_down(self) -> None:
        """End all trouble; from now on the desk has a while to agree with the exchange."""
        self.suffered.update(self.line.suffered)
        self.line.calm()
        self.disk.full, self.disk.slow_ms, self._twice, self._die_after = False, 0, 0, None
        self.thaw()
        if self.life is None:
            self.start()
        for private in (False, True):
            self.line.connect(private, True)
        end = self.loop.ms + CALM_MS
        await self.pass_time(3_000)
        self.hear(Reconcile(command_id=""))
        while True:
            await self.pass_time(2_000)
            self._examine("calm")
            left = checks.disagreements(self)
            if not left:
                break
            if self.loop.ms >= end:
                self._raise(f"after {CALM_MS // 1_000} s of calm", left)
                break
        self._raise("at the end", [*checks.replay(self), *checks.at_the_end(self)])

    async def pass_time(self, ms: int) -> None:
        if ms:
            await asyncio.sleep(ms / 1_000)

    def _examine(self, when: str) -> None:
        self._raise(when, self._wrong + self.loop.failures)
        self._wrong.clear()

    def _raise(self, when: str, wrong: list[str]) -> None:
        """Raise what is wrong, unless all of it is waiting to be mended."""
        new = [text for text in wrong if not (defect := expected(text)) or self.expected.update([defect])]
        if new:
            raise BreachError(f"{when}: {'; '.join(new)}")

    def wrong(self, text: str) -> None:
        """Note a breach; the step in which it happened raises it."""
        self._wrong.append(f"{text} (at {self.loop.ms} ms)")

    def _beat(self, every_ms: int, call: Callable[[], None]) -> None:
        call()
        self.loop.after(every_ms, self._beat, every_ms, call)

    def _tick(self) -> None:
        self.hear(Tick())
        if self.loop.ms % 1_000 < self._tick_ms:
            offset_ms = self.line.ahead_ms - self._slept_ms - self._skew_ms
            self.hear(_health(offset_ms, self.line.frames))

    def _pump(self) -> None:
        self.line.pump()
        self.truth.look(self.loop.ms)

    # --- the desk

    def at(self) -> Timestamp:
        return Timestamp(START_MS + self.loop.ms + self._skew_ms + self._slept_ms, self.loop.ns)

    def start(self) -> None:
        """Start a desk on what the disk holds."""
        if self.life is not None:
            return
        self._lives += 1
        life = self.life = Life(self, self._lives)
        self._guards.begin()
        self.line.begin(self.hear)
        self._carry_out(life, life.desk.start(self.at()))
        for private in (False, True):
            self.line.connect(private, True)
        self.hear(InstrumentsLoaded(tuple(PAIRS.values())))
        self.hear(TickersSeen(self.account.tickers(), self.loop.ns))
        self.hear(InterestChanged(Interest(topics=frozenset(gate_topic(symbol) for symbol in PAIRS))))

    @property
    def running(self) -> bool:
        """Whether a desk runs and is not frozen."""
        return self.life is not None and self._frozen is None

    def kill(self, back_ms: int, *, in_order: bool = False) -> None:
        """End the desk here and now, as SIGKILL would, or as it is asked to; start another after a while."""
        if self.life is None:
            return
        self._guards.end(in_order)
        self.life.journal.kill()
        self.life = self._frozen = None
        self.line.end()
        self.truth.forget_waiting()
        if not self.disk.latch.startswith("halted"):
            self.halted_ms = None
        self.flattens.clear()
        self.cancelled.clear()
        self._cancel_tasks()
        self.loop.after(back_ms, self.start)

    def _cancel_tasks(self, *, everything: bool = False) -> None:
        for task in asyncio.all_tasks(self.loop):
            if task is not self._scenario and (everything or task not in self._guards.tasks):
                task.cancel()

    def die_in_effects(self, keep: int, back_ms: int) -> None:
        """Let the desk die when it has carried out so many effects of its next answer."""
        self._die_after = (keep, back_ms)

    def freeze(self, ms: int) -> None:
        """Let the desk's process stand still."""
        if self._frozen is None and self.life is not None:
            self._frozen = []
            self.loop.after(ms, self.thaw)

    def thaw(self) -> None:
        waiting, self._frozen = self._frozen or [], None
        for item in waiting:
            self.hear(item)

    def repeat_inputs(self, count: int) -> None:
        """Let the next inputs reach the desk twice."""
        self._twice = count

    def jump(self, ms: int) -> None:
        """Set the desk's clock forward or back."""
        self._skew_ms += ms

    def sleep(self, ms: int) -> None:
        """Suspend the desk's machine: its monotonic clock stands still, its wall clock is right when it wakes."""
        self._slept_ms += ms
        self.line.sleep(ms)

    def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that the desk holds to be open."""
        if self.life is None:
            return ()
        view: Any = self.life.desk.views(self.at(), frozenset({TOPIC_ORDERS}))[TOPIC_ORDERS]
        return tuple(view.open)

    def next_id(self) -> str:
        self._commands += 1
        return f"c{self._commands}"

    def hear(self, item: Input | Command) -> None:
        """Let the desk that runs now hear something."""
        if self.life is not None:
            self.fed(self.life, item)

    def fed(self, life: Life, item: Input | Command) -> None:
        """Pass one input through a desk, if it still runs, and start what it asks for."""
        if life is not self.life:
            return
        if self._frozen is not None:
            if not isinstance(item, Tick | VenueHealth):
                self._frozen.append(item)
            return
        if self._twice and isinstance(item, REPEATABLE):
            self._twice -= 1
            self.loop.after(self.rng.randint(0, 40), self.fed, life, item)
        self.inputs += 1
        self.truth.told(item)
        effects = life.desk.handle(item, self.at())
        if self._die_after is None or not effects:
            self._note_command(item)
            self._carry_out(life, effects)
            return
        (keep, back_ms), self._die_after = self._die_after, None
        self._carry_out(life, effects[:keep])
        if keep >= len(effects):
            self._note_command(item)
        self.kill(back_ms)

    def _note_command(self, item: Input | Command) -> None:
        """Note what a command has promised, once all it asks for was started."""
        if isinstance(item, Halt):
            self.halted_ms = self.line.advance()
        elif isinstance(item, Resume):
            self.halted_ms = None
        elif isinstance(item, CancelOrder):
            self.cancelled |= {
                one.order_id: None for one in self.open_orders() if one.client_order_id == item.client_order_id
            }
        elif isinstance(item, Flatten):
            self.flattens.add(item.command_id)
        elif isinstance(item, PlaceNotSent):
            self.truth.waiting.pop(item.client_order_id, None)

    def _carry_out(self, life: Life, effects: Sequence[Effect]) -> None:
        records = [record for effect in effects if isinstance(effect, Journal) for record in effect.records]
        self.intents |= {one.order.client_order_id: one.command_id for one in records if isinstance(one, IntentRecord)}
        for effect in effects:
            if isinstance(effect, SendOrder):
                self._judge(effect.request)
        life.runner.run(effects)

    # --- what must hold of every order

    def _judge(self, request: OrderRequest) -> None:
        """Judge the decision to send an order."""
        key = request.client_order_id
        flattening = self.intents.get(key, "f").startswith("f")
        for wrong in self.truth.decided(request, self.loop.ms, flattening=flattening):
            self.wrong(wrong)
        if self.halted_ms is not None and not flattening:
            self.wrong(f"{key} was sent while trading is halted")

    def recorded(self, key: str) -> bool:
        """Return whether the intent of an order is on the disk."""
        rows = (row for row in reversed(self.disk.rows) if isinstance(row, IntentRecord))
        return any(row.order.client_order_id == key for row in rows)

    def _leaving(self, request: OrderRequest) -> None:
        """Judge an order whose bytes leave."""
        key = request.client_order_id
        self.truth.waiting.pop(key, None)
        command = self.intents.get(key, "")
        if key in self.sent:
            self.wrong(f"{key} was sent twice")
        if command.startswith("c"):
            if command in self.sent.values():
                self.wrong(f"command {command} was carried out twice")
            if not self.recorded(key):
                self.wrong(f"{key} left before its intent was on the disk")
        if command in self.amends:
            self._amended(request, *self.amends[command])
        self.sent[key] = command

    def _amended(self, request: OrderRequest, name: str, wanted: Decimal) -> None:
        """Judge the order that takes the place of another."""
        old = next(one for one in self.account.mine.values() if name in (one.client_order_id, one.order_id))
        if old.open:
            self.wrong(f"{request.client_order_id} left while {name}, which it replaces, stands")
        if request.qty is None or request.qty + old.filled_qty > wanted:
            self.wrong(f"{request.client_order_id} brings {name} to more than the {wanted} asked for")


def _health(offset_ms: int, frames: int) -> VenueHealth:
    return VenueHealth(
        rest_ms=20.0,
        stream_ms=10.0,
        clock_offset_ms=float(offset_ms),
        frames=frames,
        unknown_frames=0,
        weight_used=0,
        weight_limit=500,
        order_tokens=5.0,
        order_limit=5,
    )
