"""What the socket between a desk and its clients costs: time to an acknowledgement, bytes, and processor time."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from msgspec.structs import replace

from mexc_tui.config.program import VERSION
from mexc_tui.desk import client as client_module
from mexc_tui.desk import link, updates
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.protocol import FROM_NOW, DeskInfo
from mexc_tui.desk.server import DeskServer
from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Command, Halt
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import Input, Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.views import BookState, BookView, CandlesView, VenueKind, View, book_topic, candles_topic
from mexc_tui.engine.engine import Engine
from mexc_tui.kernel.effects import Effect, EmitFact
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import Resumed
from tests.benchmarks.cockpit import ROOT, percentile

SCREENS, LADDERS = 4, 4
LEVELS = 400
"""Of a side, as the kernel publishes them."""
CANDLES = 1_000
WARM_UP, A_CLIENT = 20, 60
"""Commands that do not count, and then those that do: the desk reads a client that sends more at its pace."""
SYMBOLS = tuple(f"LOAD{n}USDT" for n in range(SCREENS * LADDERS))


class Venue:
    """A venue without pairs and a journal without records."""

    info = VenueInfo(name="bench", kind=VenueKind.DEMO, can_trade=True)

    async def open(self, sink: object) -> None: ...

    async def close(self) -> None: ...

    async def instruments(self) -> tuple[()]:
        return ()

    async def api_symbols(self) -> None: ...

    async def tickers(self) -> tuple[()]:
        return ()

    async def resume(self) -> Resumed:
        return Resumed()


class Publisher:
    """A kernel whose every book and chart that is looked at has changed whenever views are asked for."""

    def __init__(self) -> None:
        self._chance = random.Random(3)
        self._count = 0
        self._facts = 0
        self._candles = [_candle(at) for at in range(CANDLES)]
        self._books = {symbol: self._book(symbol) for symbol in SYMBOLS}

    def start(self, at: Timestamp) -> Sequence[Effect]:
        return ()

    def handle(self, item: Input | Given, at: Timestamp) -> Sequence[Effect]:
        if not isinstance(item, Given):
            return ()
        self._facts += 1
        command_id = item.command.command_id
        found = Fact(seq=self._facts, time_ms=1, kind="halted", level=Level.BAD, message="", command_id=command_id)
        return (EmitFact(found),)

    def views(self, at: Timestamp, topics: frozenset[str]) -> Mapping[str, View]:
        self._count += 1
        made: dict[str, View] = {}
        for topic in topics:
            kind, _, rest = topic.partition(":")
            if kind == "book":
                made[topic] = self._books[rest] = self._moved(self._books[rest])
            else:
                made[topic] = self._chart(rest.partition(":")[0])
        return made

    def _chart(self, symbol: str) -> CandlesView:
        self._candles[-1] = replace(self._candles[-1], close=Decimal(self._count).scaleb(-2))
        return CandlesView(symbol=symbol, interval=Interval.M1, candles=tuple(self._candles))

    def _book(self, symbol: str) -> BookView:
        def side(step: int) -> tuple[tuple[int, int], ...]:
            return tuple((1_000_000 + step * at, self._chance.randrange(10**7)) for at in range(1, LEVELS + 1))

        return BookView(
            symbol=symbol,
            state=BookState.LIVE,
            version=1,
            price_decimals=2,
            qty_decimals=5,
            bids=side(-1),
            asks=side(1),
        )

    def _moved(self, book: BookView) -> BookView:
        at = self._chance.randrange(20)
        bids = (*book.bids[:at], (book.bids[at][0], self._count), *book.bids[at + 1 :])
        return replace(book, version=self._count, bids=bids)


def _candle(at: int) -> Candle:
    price = Decimal(6_000_000 + at).scaleb(-2)
    return Candle(open_ms=at, open=price, high=price, low=price, close=price, volume=price, quote_volume=price)


class Parts:
    async def journal(self, venue: Any) -> Any:
        return Venue()

    def venue(self) -> Any:
        return Venue()

    def desk(self, info: VenueInfo, resumed: object) -> Publisher:
        return Publisher()


def serve(path: Path, in_parts: bool) -> None:
    """Be the desk, until standard input closes."""
    if not in_parts:
        updates.KEPT_LEAST = sys.maxsize
    info = DeskInfo(
        desk_id="bench",
        name="bench",
        kind=VenueKind.DEMO,
        venue="bench",
        account="",
        pid=os.getpid(),
        started_ms=0,
        program=VERSION,
    )

    async def beside(engine: Engine) -> None:
        server = DeskServer(engine, path, info, on_stop=lambda _: None, on_clients=lambda _: None)
        await server.start()
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.close("The measurement is over.")

    engine = Engine(Parts(), beside=beside)
    engine.start()
    engine.join(3_600)


@contextmanager
def desk(*, in_parts: bool = True) -> Iterator[tuple[Path, psutil.Process]]:
    """Run a desk in a process of its own; without ``in_parts`` it sends long rows whole."""
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        path = Path(folder) / "s"
        command = [sys.executable, "-m", "tests.benchmarks.seam", str(path), "parts" if in_parts else "whole"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            yield path, psutil.Process(process.pid)
            process.kill()


def acknowledged(count: int = 500) -> dict[str, float]:
    """Return the time from a command to the fact that answers it, in process and through the socket, microseconds."""
    engine = Engine(Parts())
    engine.start()
    inside = engine.client("bench")
    arrived = threading.Event()
    engine.hub.on_change(arrived.set)

    def wait_inside(command_id: str) -> None:
        while not inside.facts(0) or inside.facts(0)[-1].command_id != command_id:
            arrived.wait(1)
            arrived.clear()

    in_process = _times(inside.submit, wait_inside, count)
    engine.stop()
    engine.join(5)
    through: list[float] = []
    with desk() as (path, _):
        for begin in range(0, count, A_CLIENT):
            client = SocketClient.connect(path, name="bench", role=Role.TRADE, after=FROM_NOW)

            def wait_outside(command_id: str, client: SocketClient = client) -> None:
                client.wait(lambda: bool(client.facts(0)) and client.facts(0)[-1].command_id == command_id, 5)

            through += _times(client.submit, wait_outside, min(A_CLIENT, count - begin), begin)
            client.close()
    return {
        "inside_p50_us": median(in_process),
        "socket_p50_us": median(through),
        "socket_p99_us": percentile(through, 0.99),
        "ratio": median(through) / median(in_process),
    }


def _times(submit: Callable[[Command], None], wait: Callable[[str], None], count: int, begin: int = 0) -> list[float]:
    times: list[float] = []
    for number in range(count + WARM_UP):
        command_id = f"{begin}-{number}"
        begun = time.perf_counter_ns()
        submit(Halt(command_id=command_id))
        wait(command_id)
        times.append((time.perf_counter_ns() - begun) / 1e3)
    return times[WARM_UP:]


class _Counted(link.Link):
    received = 0

    def read(self, limit_s: float | None = None) -> bytes:
        body = super().read(limit_s)
        _Counted.received += len(body)
        return body


def ladders(seconds: float = 6.0, *, in_parts: bool = True, chart: bool = True) -> dict[str, float]:
    """Return what screens with several ladders and a chart each cost, above a desk whose views nobody fetches."""
    client_module.Link = _Counted
    with desk(in_parts=in_parts) as (path, process):
        interests = [_interest(number, chart) for number in range(SCREENS)]
        alone = _alone(interests, seconds)
        clients = [SocketClient.connect(path, name=str(n), role=Role.VIEW) for n in range(SCREENS)]
        for client, interest in zip(clients, interests, strict=True):
            client.look(interest)
        time.sleep(1)
        own, before, received = psutil.Process(), process.cpu_times(), _Counted.received
        own_before, begun = own.cpu_times(), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - begun
        desk_cpu, own_cpu = _spent(before, process.cpu_times()) / elapsed, _spent(own_before, own.cpu_times()) / elapsed
        received = _Counted.received - received
        for client in clients:
            client.close()
    return {
        "desk_cpu": desk_cpu,
        "alone_cpu": alone,
        "screens_cpu": own_cpu / SCREENS,
        "kb_s": received / elapsed / SCREENS / 1e3,
    }


def chart_bytes() -> tuple[int, int]:
    """Return the bytes of one tick of a chart for a client that has the tick before it, and of the whole chart."""
    publisher, encoder = Publisher(), updates.UpdateEncoder()
    topic = candles_topic(SYMBOLS[0], Interval.M1)
    before, after = (publisher.views(Timestamp(1, 1), frozenset({topic}))[topic] for _ in range(2))
    part, whole = (encoder.update(topic, after, has) for has in (before, None))
    return len(part or b""), len(whole or b"")


def _interest(number: int, chart: bool) -> Interest:
    symbols = SYMBOLS[number * LADDERS : (number + 1) * LADDERS]
    topics = {book_topic(symbol) for symbol in symbols}
    return Interest(topics=frozenset(topics | ({candles_topic(symbols[0], Interval.M1)} if chart else set())))


def _alone(interests: list[Interest], seconds: float) -> float:
    """Return the processor share of an engine that publishes the same to clients that do not fetch anything."""
    engine = Engine(Parts())
    engine.start()
    for interest in interests:
        engine.client("bench").look(interest)
    time.sleep(1)
    own, begun = psutil.Process(), time.monotonic()
    before = own.cpu_times()
    time.sleep(seconds)
    spent = _spent(before, own.cpu_times()) / (time.monotonic() - begun)
    engine.stop()
    engine.join(5)
    return spent


def _spent(before: Any, after: Any) -> float:
    return float(after.user + after.system - before.user - before.system)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2] == "parts")
