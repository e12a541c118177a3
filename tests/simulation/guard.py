"""A guard beside every desk of a run: the real one, on the pipe and the line of the simulation, and what it may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from mexc_tui.config.settings import GuardSettings
from mexc_tui.desk.guard.brief import BEAT, FAREWELL, Brief, GuardReport
from mexc_tui.desk.guard.process import Guard
from mexc_tui.desk.guard.work import Account
from mexc_tui.domain.ids import is_ours
from mexc_tui.domain.inputs import BookSnapshot
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Balance, OrderReport, OrderRequest, OrderType, Side
from tests.simulation.exchange import PAIRS, START_MS

if TYPE_CHECKING:
    from tests.simulation.world import World

Plan = Literal["cancel entries", "flatten"]
AFTER_S = 5


def plan_of(seed: int) -> Plan | None:
    """Return the plan that the desks of a run agree on; a third has none."""
    return Random(f"{seed}/guard").choice((None, "cancel entries", "flatten"))


class DeskGuard(Guard):
    """The guard of one desk. ``beat`` and the two ends are what its desk does to the pipe."""

    def __init__(self, world: World, plan: Plan) -> None:
        settings = GuardSettings(plan=plan, after_s=AFTER_S)
        texts = dict.fromkeys(("desk_id", "desk_name", "base_url", "ws_url", "api_key", "api_secret", "folder"), "")
        super().__init__(Brief(**texts, real_orders=False, currency="USDT", settings=settings))
        self._world = world
        self._life = world.life
        self._pipe = b""
        self._closed = False
        self.left = False
        """Whether the desk has taken leave."""
        self.heard_ms = 0
        """When the desk gave its latest sign of life."""

    def beat(self) -> None:
        self._pipe += BEAT
        self.heard_ms = self._world.loop.ms

    def leave(self) -> None:
        """Take leave: the desk ends in order."""
        self._pipe += FAREWELL
        self.left = True

    def close(self) -> None:
        """Close the pipe: the desk's process is gone."""
        self._closed = True

    @property
    def replaced(self) -> bool:
        """Whether another desk of the account runs."""
        return self._world.life is not None and self._world.life is not self._life

    def _read(self) -> bytes | None:
        signs, self._pipe = self._pipe, b""
        return signs if signs or self._closed else None

    def _replaced(self) -> bool:
        return self.replaced

    @asynccontextmanager
    async def _account(self) -> AsyncIterator[Account]:
        yield _Door(self._world, self, flattens=self._brief.settings.plan == "flatten")

    def _now_ms(self) -> int:
        return START_MS + self._world.loop.ms

    def _kept(self, report: GuardReport) -> bool:
        if report.done:
            self._world.suffered["guard done"] += 1
        return True


class _Door:
    """The account as a guard has it; judges every call."""

    def __init__(self, world: World, guard: DeskGuard, *, flattens: bool) -> None:
        self._world = world
        self._line = world.line
        self._guard = guard
        self._flattens = flattens
        world.suffered["guard acts"] += 1
        self._judge("acts")

    def _judge(self, what: str) -> None:
        """Note what a guard does although its desk has not gone silent, or another one has taken its place."""
        guard, now = self._guard, self._world.loop.ms
        if guard.left:
            self._world.wrong(f"a guard {what} although its desk has ended in order")
        if guard.replaced:
            self._world.wrong(f"a guard {what} although another desk runs")
        if now - guard.heard_ms < 1_000 * (AFTER_S - 1):
            self._world.wrong(f"a guard {what} with a desk that was heard {now - guard.heard_ms} ms ago")

    async def instruments(self) -> tuple[Instrument, ...]:
        return await self._line.ask("instruments", lambda: tuple(PAIRS.values()))

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        return await self._line.snapshot(symbol, limit)

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        return await self._line.open_orders(symbols, urgent=urgent)

    async def balances(self) -> tuple[Balance, ...]:
        return await self._line.balances()

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        return await self._line.order(symbol, order_id=order_id, client_order_id=client_order_id)

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        self._judge("cancels")
        order = self._world.account.mine[order_id]
        if not is_ours(order.client_order_id or "") or (order.side is Side.SELL and not self._flattens):
            self._world.wrong(f"a guard cancels {order.client_order_id or order_id}, which its plan does not name")
        await self._line.cancel(symbol, order_id=order_id)

    async def place(self, request: OrderRequest) -> str:
        self._judge("sells")
        pair = PAIRS[request.symbol]
        held = self._world.account.totals().get(pair.base, Decimal(0))
        wrong = {
            "without that being its plan": not self._flattens,
            "into something else than cash": pair.quote != "USDT",
            "in a way that adds risk": request.side is not Side.SELL or request.type is not OrderType.IOC,
            "more than is held": request.qty is None or request.qty > held,
            "twice": request.client_order_id in self._world.sent,
        }
        for how, is_so in wrong.items():
            if is_so:
                self._world.wrong(f"a guard sells {how}: {request}")
        self._world.sent[request.client_order_id] = "guard"
        return await self._line.ask("place", lambda: self._line.account.place(request))


class Guards:
    """Starts a guard with every desk, and lets it hear the desk for as long as that runs."""

    def __init__(self, world: World, plan: Plan | None) -> None:
        self._world = world
        self._plan = plan
        self._now: DeskGuard | None = None
        self.tasks: set[Any] = set()

    def beat(self) -> None:
        """Let the desk that runs be heard."""
        if self._now is not None and self._world.running:
            self._now.beat()

    def begin(self) -> None:
        """Start a guard for the desk that runs now."""
        if self._plan is not None:
            self._now = DeskGuard(self._world, self._plan)
            self._now.beat()
            task = self._world.loop.create_task(self._now.watch())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def end(self, in_order: bool) -> None:
        """The desk ends; the guard hears of it."""
        guard, self._now = self._now, None
        if guard is not None:
            if in_order:
                guard.leave()
            guard.close()
