"""How soon what a person asks for leaves the program: an order's bytes, and the last cancel of a halt."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from asyncio.selector_events import _SelectorSocketTransport
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Halt
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import FillReported, Input
from mexc_tui.domain.orders import OrderRequest, OrderState, Side
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.venues.mexc.rest.client import MexcRest
from tests.benchmarks.client import Local
from tests.benchmarks.cockpit import percentile
from tests.benchmarks.safety import LIMITS, _bench, _command, _draft, _end, _next
from tests.scenario.halt.conftest import Halting
from tests.unit.kernel_orders.conftest import build

WARM_UP, ORDERS = 20, 400
HALTED = 200
FILLS, TAKEN_APART, TURNS = 600, 16, 7
"""Executions of a run, by how many places one of them is late at most, and runs in either order."""


class _Door:
    """The request of an order, as the venue makes it; its answer does not matter here."""

    def __init__(self, rest: MexcRest) -> None:
        self._rest = rest
        self.answered = asyncio.Event()

    async def place(self, request: OrderRequest) -> str:
        try:
            return await self._rest.trading.place_order(request)
        finally:
            self.answered.set()


@contextmanager
def _writes(times: list[int]) -> Iterator[None]:
    """Note when anything is handed to a socket that is connected."""
    real = _SelectorSocketTransport.write

    def write(self: Any, data: Any) -> None:
        times.append(time.perf_counter_ns())
        real(self, data)

    _SelectorSocketTransport.write = write  # type: ignore[method-assign]
    try:
        yield
    finally:
        _SelectorSocketTransport.write = real  # type: ignore[method-assign]


async def handed() -> dict[str, float]:
    """Return milliseconds from a command at the desk until the order's bytes are handed to the socket.

    In between: the gate, the intent on the disk, the signature. The exchange is in a process of its own.
    """
    local, bench, spent = Local(), _bench(), []
    try:
        with tempfile.TemporaryDirectory() as folder:
            rest = MexcRest(local.settings())
            await rest.open()
            door, journal = _Door(rest), SqliteJournal(Path(folder) / "journal.db")

            def feed(item: Input) -> None:
                pass

            def emit(fact: Fact) -> None:
                pass

            stub: Any = door
            runner = EffectRunner(stub, journal, feed, emit, system_now)
            times: list[int] = []
            with _writes(times):
                for number in range(WARM_UP + ORDERS):
                    _next(bench, number)
                    door.answered.clear()
                    given = Given(command=_command(f"l{number}", _draft(number)), client="bench", role=Role.TRADE)
                    times.clear()
                    began = time.perf_counter_ns()
                    made = bench.desk.handle(given, bench.at())
                    runner.run(made)
                    await door.answered.wait()
                    spent.append((times[0] - began) / 1e6)
                    _end(bench, made)
            await runner.finish(5)
            await journal.close()
            await rest.close()
    finally:
        local.close()
    counted = spent[WARM_UP:]
    return {"p50_ms": median(counted), "p99_ms": percentile(counted, 0.99)}


async def halted() -> dict[str, float]:
    """Return seconds from the halt to the last order's end at the exchange, and the requests that took.

    The clock is moved by hand and requests keep their budget, so the machine does not count.
    """
    made = Halting()
    await made.server.start()
    try:
        made._early = []
        await made.start()
        made.make_orders(HALTED)
        await made.until(lambda: made.shown() == HALTED, "the orders are shown", 10)
        requests, began = made.venue.rest.metrics().requests, made.clock.monotonic_ns()
        made.feed(Halt(command_id="stop"))
        await made.until(lambda: not made.left(), "no order is left", 30)
        asked = made.venue.rest.metrics().requests - requests
        return {"seconds": (made.clock.monotonic_ns() - began) / 1e9, "requests": asked}
    finally:
        await made.stop()
        await made.server.stop()


def disorder() -> float:
    """Return what executions that come late cost the desk, against the same ones in order."""
    return median(_booked(seed, late=True) / _booked(seed, late=False) for seed in range(TURNS))


def _booked(seed: int, *, late: bool) -> float:
    """Return processor seconds of booking the executions of one order."""
    bench, chance = build(limits=LIMITS), random.Random(seed)
    bench.market([("59999", "1.5")], [("60001", "1.5")])
    bench.account(usdt="1000000", btc="1")
    bench.place(Side.BUY, str(Decimal("0.01") * FILLS), "60000")
    order = bench.order
    bench.report(order, OrderState.WORKING)
    fills = []
    for number in range(FILLS):
        bench.later(0.01)
        fills.append(FillReported(bench.execution(order, "0.01", trade_id=f"T{number:05d}")))
    if late:
        places = [number + chance.uniform(0, TAKEN_APART) for number in range(FILLS)]
        fills = [fill for _, fill in sorted(zip(places, fills, strict=True), key=lambda pair: pair[0])]
    gc.collect()
    began = time.thread_time()
    for fill in fills:
        bench.desk.handle(fill, bench.at())
    return time.thread_time() - began
