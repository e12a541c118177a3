"""The local exchange in this process, on real time, and a memory of every version its books have had."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.cli.commands.record import record
from mexc_tui.cli.commands.watch import Options, watch
from mexc_tui.cli.io.exits import SIGNALLED
from mexc_tui.cli.main import main
from mexc_tui.desk.child import Addresses
from mexc_tui.desk.recorder import Recorder
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, PublicTrade, SimEvent
from mexc_tui.venues.simulator.exchange import Exchange, demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import Server, ServerSettings
from tests.desks import end_desks, runtime_folder
from tests.patience import eventually

Level = tuple[Decimal, Decimal]
Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Truth:
    """What really happened at an exchange: every version of every book, and every trade."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.trades: dict[str, list[str]] = {}
        self._start: dict[str, tuple[int, dict[tuple[Side, Decimal], Decimal]]] = {}
        self._changes: dict[str, list[BookLevel]] = {}
        for pair in exchange.symbols.instruments():
            version, bids, asks = exchange.market.depth(pair.symbol, 100_000)
            book = {(Side.BUY, price): qty for price, qty in bids} | {(Side.SELL, price): qty for price, qty in asks}
            self._start[pair.symbol] = (version, book)
        exchange.listen(self._note)

    def _note(self, event: SimEvent) -> None:
        if isinstance(event, BookLevel):
            self._changes.setdefault(event.symbol, []).append(event)
        elif isinstance(event, PublicTrade):
            self.trades.setdefault(event.symbol, []).append(event.trade_id)

    def book(self, symbol: str, version: int) -> tuple[list[Level], list[Level]]:
        """Return the whole book at a version, by brute force."""
        _, start = self._start[symbol]
        book = dict(start)
        for change in self._changes.get(symbol, []):
            if change.version <= version:
                book[change.side, change.price] = change.qty
        bids = sorted(((p, q) for (side, p), q in book.items() if q and side is Side.BUY), reverse=True)
        return bids, sorted((p, q) for (side, p), q in book.items() if q and side is Side.SELL)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> AsyncIterator[Server]:
    exchange = demo_exchange(start_ms=wall_ms(), markets=default_markets()[:2])
    server = Server(exchange, wall_ms, ServerSettings(seed=1))
    await server.start()
    monkeypatch.setenv("MEXC_BASE_URL", server.rest_url)
    monkeypatch.setenv("MEXC_WS_URL", server.ws_url)
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("MEXC_API_KEY", raising=False)
    monkeypatch.delenv("MEXC_SECRET_KEY", raising=False)
    yield server
    await server.stop()


@pytest.fixture
def truth(server: Server) -> Truth:
    assert isinstance(server.exchange, Exchange)
    return Truth(server.exchange)


@pytest.fixture
async def busy(server: Server) -> AsyncIterator[None]:
    """Somebody trades small amounts of every pair all the time."""
    exchange = server.exchange
    assert isinstance(exchange, Exchange)
    exchange.accounts.deposit("bot", {"USDT": Decimal(10_000_000)})

    async def trade() -> None:
        while True:
            for pair in exchange.symbols.instruments():
                price, qty = exchange.market.depth(pair.symbol, 1)[2][0]
                wanted = min(qty, Decimal("0.01"))
                exchange.orders.place(
                    "bot", symbol=pair.symbol, side=Side.BUY, type="IMMEDIATE_OR_CANCEL", price=price, qty=wanted
                )
            await asyncio.sleep(0.05)

    task = asyncio.create_task(trade())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Reader:
    """Stands in for whoever reads the lines."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.problem = ""
        self.rows: list[dict[str, Any]] = []
        self.errors: list[str] = []

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["type"] == kind]

    def live(self, symbol: str) -> list[dict[str, Any]]:
        return [row for row in self.of("book") if row["symbol"] == symbol and row["state"] == "live"]


@pytest.fixture
def reader() -> Reader:
    return Reader()


async def ended_once(work: Awaitable[int], enough: Callable[[], object]) -> int:
    """Let a command work until there is enough, then end it as ``kill`` does; returns its exit code."""
    task = asyncio.ensure_future(work)
    try:
        await eventually(lambda: task.done() or enough())
        if not task.done():
            signal.raise_signal(signal.SIGTERM)
        return await task
    finally:
        task.cancel()


@pytest.fixture
def watching(server: Server, reader: Reader) -> Callable[..., Awaitable[int]]:
    async def run(
        *symbols: str, channels: tuple[str, ...] = ("book", "trades"), enough: Callable[[], object] = bool
    ) -> int:
        options = Options(symbols=symbols, channels=channels, interval=Interval.M1, depth=10, seconds=None)
        work = watch(
            options,
            reader.rows.append,
            lambda error: reader.errors.append(str(error)),
            reader,  # type: ignore[arg-type]
        )
        return await ended_once(work, enough)

    return run


@pytest.fixture
def recording(server: Server, tmp_path: Path) -> Callable[..., Awaitable[Recorder]]:
    """Record until so many lines of books and trades are written, and return the recorder when its tape is closed."""

    async def run(*symbols: str, path: Path, frames: int = 30) -> Recorder:
        recorder = Recorder(symbols, path, print)
        code = await ended_once(
            record(recorder, None), lambda: recorder.begun == set(symbols) and recorder.frames >= frames
        )
        assert code == SIGNALLED + signal.SIGTERM
        return recorder

    return run


@pytest.fixture
def call(exchange: Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any) -> Iterator[Call]:
    """Run a command with --json at the module's exchange; returns code, rows and what was said on standard error."""
    monkeypatch.setenv("MEXC_BASE_URL", exchange.rest)
    monkeypatch.setenv("MEXC_WS_URL", exchange.ws)
    monkeypatch.setenv("MEXC_API_KEY", exchange.api_key)
    monkeypatch.setenv("MEXC_SECRET_KEY", exchange.api_secret)
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.excepthook", lambda *args: None)
    monkeypatch.setattr("threading.excepthook", lambda args: None)

    def run(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main([*arguments, "--json"])
        captured = capfd.readouterr()
        return code, [json.loads(text) for text in captured.out.splitlines()], captured.err

    with runtime_folder() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield run
        end_desks(tmp_path / "state")
