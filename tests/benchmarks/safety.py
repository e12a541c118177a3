"""What safety costs an order: the gate's decision, and its way through the journal against the disk alone."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.gate import Seen, check
from mexc_tui.domain.inputs import Input
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import OrderRequest, OrderState, Side
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.records import Record
from mexc_tui.store.database import Database
from mexc_tui.store.journal import SqliteJournal
from tests.unit.kernel_orders.conftest import SYMBOL, Bench, build

WORKING = 20
LEVELS = 50
DECISIONS = 3_000
ORDERS = 1_600
TURN = 80
BURST = 4
SEEN = Seen(version=1, age_ms=50, bid=Decimal(59_999), ask=Decimal(60_001))
LIMITS = Limits(
    orders_per_second=1_000,
    duplicate_max=1_000,
    max_open_orders=500,
    max_position_value=Decimal(10**7),
    max_gross_exposure=Decimal(10**7),
)


def _bench() -> Bench:
    """Return a desk with a deep book, a funded account and working orders."""
    bench = build(limits=LIMITS)
    sides = [[(f"{60_000 + way * (step + 1)}", "1.5") for step in range(LEVELS)] for way in (-1, 1)]
    bench.market(*sides)
    bench.account(usdt="1000000", btc="1")
    for number in range(WORKING):
        _next(bench, number)
        bench.place(Side.BUY, "0.001", f"{59_000 - number}")
        bench.report(bench.order, OrderState.WORKING, order_id=f"W{number}")
    return bench


def _next(bench: Bench, number: int) -> None:
    """Let a moment pass, with a change of the book in it."""
    bench.later(0.02)
    bench.level([("59999", f"1.{number % 9 + 1}")], [])


def _draft(number: int) -> Draft:
    return Draft(symbol=SYMBOL, side=Side.BUY, qty=Decimal("0.002"), price=Decimal(58_000 + number % 500))


def _end(bench: Bench, made: Sequence[Effect]) -> None:
    """Report the order that was sent as cancelled, and its money as free again."""
    (sent,) = bench.sent(list(made))
    name = sent.request.client_order_id
    order = next(one for one in bench.orders if one.client_order_id == name)
    bench.report(order, OrderState.CANCELLED, order_id=f"X{name}")
    bench.later(0.001)
    bench.balance("USDT", "1000000")


def _command(command_id: str, draft: Draft) -> PlaceOrder:
    return PlaceOrder(
        command_id=command_id, draft=draft, seen_version=1, seen_age_ms=50, seen_bid=SEEN.bid, seen_ask=SEEN.ask
    )


def decisions() -> dict[str, float]:
    """Return microseconds of the gate's decision, and of the whole handling of an order that passes."""
    bench, gate, whole = _bench(), [], []
    for number in range(DECISIONS):
        _next(bench, number)
        draft, at = _draft(number), bench.at()
        began = time.perf_counter()
        verdict = check(draft, bench.desk._risk.inputs(SYMBOL, at), SEEN, largest=False)
        gate.append(time.perf_counter() - began)
        assert verdict.passes, verdict.violations
        command = _command(f"d{number}", draft)
        began = time.perf_counter()
        made = bench.desk.handle(command, at)
        whole.append(time.perf_counter() - began)
        _end(bench, made)
    return {
        "gate_p50_us": median(gate) * 1e6,
        "gate_p99_us": quantiles(gate, n=100)[98] * 1e6,
        "order_p50_us": median(whole) * 1e6,
        "order_p99_us": quantiles(whole, n=100)[98] * 1e6,
    }


class _Venue:
    """Takes orders at once, and says when so many have come."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()
        self._left = 0

    def expect(self, orders: int) -> None:
        self.taken.clear()
        self._left = orders

    async def place(self, request: OrderRequest) -> str:
        self._left -= 1
        if not self._left:
            self.taken.set()
        return "X"


async def recorded(burst: int = 1) -> dict[str, float]:
    """Return orders a second from the command to the venue, and durable writes of the same records alone.

    So many orders are given at once, each lot when the one before it has left. The floor is one commit for each
    order, since none may leave before its command, its intent and the day's sum are on the disk. The two take turns,
    so that whatever else the machine does slows both.
    """
    with tempfile.TemporaryDirectory() as folder:
        bench, venue = _bench(), _Venue()
        journal, floor = SqliteJournal(Path(folder) / "journal.db"), Database(Path(folder) / "floor.db")

        def feed(item: Input) -> None:
            pass

        def emit(fact: Fact) -> None:
            pass

        stub: Any = venue
        runner = EffectRunner(stub, journal, feed, emit, system_now)
        spent = alone = 0.0
        for turn in range(ORDERS // TURN):
            written: list[tuple[Record, ...]] = []
            for first in range(turn * TURN, (turn + 1) * TURN, burst):
                _next(bench, first)
                given = [
                    Given(command=_command(f"r{n}", _draft(n)), client="bench", role=Role.TRADE)
                    for n in range(first, first + burst)
                ]
                venue.expect(burst)
                made: list[list[Effect]] = []
                began = time.perf_counter()
                for one in given:
                    made.append(bench.desk.handle(one, bench.at()))
                    runner.run(made[-1])
                await venue.taken.wait()
                spent += time.perf_counter() - began
                written += [_records(effects) for effects in made]
                for effects in made:
                    _end(bench, effects)
            began = time.perf_counter()
            for records in written:
                floor.append(records)
            alone += time.perf_counter() - began
        await runner.finish(5)
        await journal.close()
        floor.close()
        return {"orders_s": ORDERS / spent, "floor_s": ORDERS / alone}


def _records(made: Sequence[Effect]) -> tuple[Record, ...]:
    return tuple(record for effect in made if isinstance(effect, Journal) for record in effect.records)
