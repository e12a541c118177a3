from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import BookSnapshot, Timestamp
from mexc_tui.domain.orders import Order, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.effects import Journal, SendOrder
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import IntentRecord, Record, Resumed, StateRecord


class Bench:
    """A venue and a journal whose answers a test sets, and a log of what was asked of them, in order."""

    def __init__(self) -> None:
        self.info = VenueInfo(name="bench", kind=VenueKind.DEMO, can_trade=True)
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.holds: dict[str, asyncio.Event] = {}
        self.sink: Callable[[Any], None] | None = None
        self.stored: list[Record] = []
        self.closed: list[str] = []

    async def _say(self, call: str, detail: Any, usual: Any) -> Any:
        self.calls.append((call, detail))
        if call in self.holds:
            await self.holds[call].wait()
        answer = self.answers.get(call, usual)
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def open(self, sink):
        self.sink = sink
        await self._say("open", None, None)

    async def close(self):
        self.closed.append("venue")

    async def instruments(self):
        return await self._say("instruments", None, ())

    async def api_symbols(self):
        return await self._say("api_symbols", None, None)

    async def tickers(self):
        return await self._say("tickers", None, ())

    async def set_interest(self, symbols, candles):
        await self._say("set_interest", (tuple(symbols), tuple(candles)), None)

    async def snapshot(self, symbol, limit):
        return await self._say("snapshot", symbol, BookSnapshot(symbol, 1, [], [], 0))

    async def recent_trades(self, symbol, limit):
        return await self._say("recent_trades", symbol, ())

    async def candles(self, symbol, interval, limit, end_ms=None):
        return await self._say("candles", (symbol, interval), ())

    async def place(self, request: OrderRequest) -> str:
        return await self._say("place", request.client_order_id, "X1")

    async def cancel(self, symbol, *, order_id="", client_order_id=""):
        await self._say("cancel", (order_id, client_order_id), None)

    async def cancel_all(self, symbols):
        return await self._say("cancel_all", tuple(symbols), ())

    async def order(self, symbol, *, order_id="", client_order_id=""):
        return await self._say("order", (order_id, client_order_id), None)

    async def open_orders(self, symbols, *, urgent=False):
        return await self._say("open_orders", tuple(symbols), ())

    async def fills(self, symbol, since_ms):
        return await self._say("fills", symbol, ())

    async def balances(self):
        return await self._say("balances", None, ())


class BenchJournal:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        await self._bench._say("append", durable, None)
        self._bench.stored.extend(records)
        self._bench.calls.append(("committed", None))

    async def latch(self, record: StateRecord) -> None:
        await self._bench._say("latch", record.value, None)
        self._bench.stored.append(record)

    async def resume(self):
        return Resumed(records=tuple(self._bench.stored))

    async def close(self):
        self._bench.closed.append("journal")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def bench_journal(bench: Bench) -> BenchJournal:
    return BenchJournal(bench)


@pytest.fixture
def now() -> Callable[[], Timestamp]:
    return lambda: Timestamp(1_000, 1_000_000_000)


@pytest.fixture
def order_effects() -> Callable[[str], list[Any]]:
    """The effects of one order: its intent, durable, then the order itself."""

    def make(client_id: str) -> list[Any]:
        request = OrderRequest(
            client_order_id=client_id,
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            qty=Decimal("0.1"),
            price=Decimal(100),
        )
        order = Order(
            client_order_id=client_id,
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            state=OrderState.PENDING,
            created_ms=1,
            updated_ms=1,
            qty=request.qty,
            price=request.price,
        )
        return [Journal((IntentRecord(order=order, command_id="c", wall_ms=1),), durable=True), SendOrder(request)]

    return make


@pytest.fixture
def venue_error() -> type[VenueError]:
    return VenueError
