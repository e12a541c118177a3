"""A journal and an exchange's state, killed before each of their writes, or with each of them failing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.desk.exchange.state_file import StateFile
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.history import TRADING_STATE, Fold, Latch
from mexc_tui.kernel.records import IntentRecord, Record, StateRecord
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.store.schema import encode
from mexc_tui.venues.simulator.exchange import Exchange
from tests.simulation.exchange import PAIRS, START_MS
from tests.simulation.script import script
from tests.simulation.world import World
from tests.simulation.writes import Pictures, Writes

D = Decimal


@pytest.fixture(scope="module")
def rows() -> tuple[Record, ...]:
    """The records of a simulated life."""
    world = World(5)
    world.play(script(5))
    return tuple(world.disk.rows[:50])


@pytest.fixture(autouse=True)
def busy_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let snapshots, archive files and folding come often, and at once."""
    for name, value in {
        "journal.QUIET_S": 0.0,
        "journal.TIDY_AFTER": 6,
        "journal.DROPPED_AT_ONCE": 7,
        "upkeep.SNAPSHOT_EVERY": 20,
        "upkeep.SEGMENT_ROWS": 10,
        "upkeep.CLOSE_FROM": 5,
    }.items():
        monkeypatch.setattr(f"mexc_tui.store.{name}", value)


class Session:
    """A scripted life of a journal, and what it has been told is kept."""

    def __init__(self, rows: tuple[Record, ...]) -> None:
        self._script = rows
        self.offered: list[Record] = []
        self.kept = 0
        """Records up to which everything is on the disk."""
        self.sure: list[Record] = []
        """Records of which that was said one by one."""
        self.halted = False

    async def run(self, path: Path, *, archive: bool = False) -> None:
        """Live; with ``archive`` until rows have moved there."""
        try:
            journal = SqliteJournal(path)
        except JournalError:
            return
        try:
            await journal.resume()
            for number, row in enumerate(self._script):
                await self._write(journal, row)
                if number % 25 == 10:
                    await self._latch(journal, TradingState.HALTED)
                elif number % 25 == 20:
                    await self._latch(journal, TradingState.ACTIVE)
            while archive and not list(path.parent.glob("archive/*.gz")):
                await journal.resume()
        finally:
            await journal.close()

    async def _write(self, journal: SqliteJournal, row: Record) -> None:
        self.offered.append(row)
        durable = isinstance(row, IntentRecord)
        try:
            await journal.append([row], durable=durable)
        except OSError:
            return
        if durable:
            self._keep(row)

    async def _latch(self, journal: SqliteJournal, state: TradingState) -> None:
        record = StateRecord(name=TRADING_STATE, value=state.value, wall_ms=START_MS)
        self.offered.append(record)
        if state is TradingState.ACTIVE:
            self.halted = False
        try:
            await journal.latch(record)
        except OSError:
            return
        self._keep(record)
        self.halted = state is TradingState.HALTED

    def _keep(self, row: Record) -> None:
        self.kept = len(self.offered)
        self.sure.append(row)


def written(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Return records as they stand in a journal: what a record of an order says once is not said again by others."""
    return [encode(record) for record in records]


def found_at(path: Path) -> tuple[list[Record], TradingState]:
    """Return every record of a journal, after looking that it opens to what they add up to."""

    async def resume() -> Any:
        journal = SqliteJournal(path)
        try:
            return await journal.resume()
        finally:
            await journal.close()

    resumed = asyncio.run(resume())
    database = Database(path)
    records = list(database.replay())
    database.close()
    whole, shortcut = Fold("USDT"), Fold("USDT", resumed.snapshot)
    whole.add(records)
    shortcut.add(resumed.records)
    assert whole.snapshot() == shortcut.snapshot()
    latch = Latch(TradingState(whole.snapshot().state))
    latch.second(resumed.latch)
    return records, latch.state


def test_a_kill_before_any_write_loses_nothing_that_was_said_to_be_kept(tmp_path: Path, rows: tuple[Record, ...]):
    session, writes = Session(rows), Writes()
    (tmp_path / "desk").mkdir()
    pictures = Pictures(tmp_path / "desk", tmp_path, lambda: (session.kept, session.halted))
    writes.before = pictures.take
    with writes.watched():
        asyncio.run(session.run(tmp_path / "desk" / "journal.db", archive=True))
    assert len(pictures.taken) > 50
    for folder, (kept, halted) in pictures.taken:
        records, state = found_at(folder / "journal.db")
        assert written(records) == written(session.offered[: len(records)]), folder.name
        assert len(records) >= kept, folder.name
        assert state is TradingState.HALTED or not halted, folder.name


@pytest.mark.parametrize("for_good", [False, True])
def test_any_write_may_fail_and_what_was_said_to_be_kept_is_there(
    tmp_path: Path, rows: tuple[Record, ...], for_good: bool
):
    number, more = 0, True
    begun = Session(rows[:3])
    asyncio.run(begun.run(tmp_path / "begun" / "journal.db"))
    while more:
        number += 5 if for_good else 1
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "begun", folder)
        session = Session(rows[3:28])
        writes = Writes(lambda count, n=number: count >= n if for_good else count == n)
        with writes.watched():
            asyncio.run(session.run(folder / "journal.db"))
        more = writes.count >= number
        records, state = found_at(folder / "journal.db")
        found, rest = written(records), iter(written(begun.offered + session.offered))
        assert all(row in rest for row in found), "records are in the order in which they were written"
        assert all(row in found for row in written(session.sure))
        assert state is TradingState.HALTED or not session.halted
        shutil.rmtree(folder)


def test_an_exchange_killed_before_any_write_knows_everything_it_reported(tmp_path: Path):
    writes, exchange = Writes(), fresh_exchange()
    folder = tmp_path / "exchange"
    folder.mkdir()
    reported = [essence(exchange)]
    pictures = Pictures(folder, tmp_path, lambda: len(reported))
    writes.before = pictures.take
    with writes.watched():
        file = StateFile(folder / "state.json", exchange)
        file.load()
        file.save()
        for number, step in enumerate(trading(exchange)):
            step()
            reported.append(essence(exchange))
            file.persist(everything=number % 6 == 5)
        file.close()
    assert len(pictures.taken) > 30
    for at, count in pictures.taken:
        again = fresh_exchange()
        StateFile(at / "state.json", again).load()
        assert essence(again) in reported[max(0, count - 2) : count], at.name


def fresh_exchange() -> Exchange:
    exchange = Exchange(start_ms=START_MS, seed=1)
    exchange.symbols.add_pair(PAIRS["BTCUSDT"])
    return exchange


def trading(exchange: Exchange) -> list[Any]:
    """Return what two accounts do, step by step."""
    orders = exchange.orders

    def place(who: str, side: Side, price: int) -> Any:
        return lambda: orders.place(
            who,
            symbol="BTCUSDT",
            side=side,
            type="LIMIT",
            qty=D("0.1"),
            price=D(price),
            client_order_id=f"{who}{price}",
        )

    steps: list[Any] = [
        lambda: exchange.accounts.deposit("a", {"USDT": D(100_000)}),
        lambda: exchange.accounts.deposit("b", {"BTC": D(1)}),
    ]
    for price in range(100, 106):
        steps += [place("a", Side.BUY, price), place("a", Side.BUY, price - 50), place("b", Side.SELL, price)]
        steps.append(lambda price=price: orders.cancel("a", "BTCUSDT", client_order_id=f"a{price - 50}"))
    return steps


def essence(exchange: Exchange) -> Any:
    accounts, ledger = exchange.accounts, exchange.ledger
    money = {
        (account, asset): amount
        for book in (accounts.free, accounts.locked)
        for account, held in book.items()
        for asset, amount in held.items()
        if amount
    }
    placed = [(order.order_id, order.status, order.filled_qty) for order in ledger.all_orders()]
    return (money, placed, [trade.trade_id for trade in ledger.all_trades()])
