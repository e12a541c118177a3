from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Origin, Side
from mexc_tui.kernel.records import (
    CostRecord,
    DenialRecord,
    FillRecord,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    StateRecord,
)
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError, JournalInUseError
from mexc_tui.store.journal import SqliteJournal
from tests.patience import LIMIT_S

Intent = Callable[[int], IntentRecord]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
money = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=0, max_value=10**18)
maybe = st.none() | money
wall = st.integers(0, 2**45)
orders = st.builds(
    Order,
    client_order_id=text,
    symbol=text,
    side=st.sampled_from(Side),
    type=st.sampled_from(OrderType),
    state=st.sampled_from(OrderState),
    created_ms=wall,
    updated_ms=wall,
    order_id=text,
    price=maybe,
    qty=maybe,
    quote_qty=maybe,
    filled_qty=money,
    filled_quote=money,
    reason=text,
    origin=st.sampled_from(Origin),
    reduce_only=st.booleans(),
    cancel_requested=st.booleans(),
)
fills = st.builds(
    Fill,
    trade_id=text,
    order_id=text,
    client_order_id=text,
    symbol=text,
    side=st.sampled_from(Side),
    price=money,
    qty=money,
    quote_qty=money,
    fee=money,
    fee_asset=text,
    is_maker=st.booleans(),
    time_ms=wall,
)
records = st.one_of(
    st.builds(IntentRecord, order=orders, command_id=text, wall_ms=wall),
    st.builds(OrderRecord, order=orders, wall_ms=wall),
    st.builds(
        DenialRecord,
        order=orders,
        codes=st.lists(text, max_size=3).map(tuple),
        messages=st.lists(text, max_size=3).map(tuple),
        book_version=wall,
        wall_ms=wall,
    ),
    st.builds(FillRecord, fill=fills, base=text, quote=text, fee_quote=maybe, wall_ms=wall),
    st.builds(StateRecord, name=text, value=text, wall_ms=wall),
    st.builds(
        CostRecord,
        symbol=text,
        base=text,
        quote=text,
        qty=money,
        cost=money,
        whole=st.booleans(),
        time_ms=wall,
        wall_ms=wall,
    ),
    st.builds(HoldingRecord, asset=text, total=money, wall_ms=wall, since_ms=wall, time_ms=wall),
)


@given(batches=st.lists(st.lists(records, max_size=4), max_size=6))
def test_whatever_is_written_is_read_back_in_order(batches, tmp_path_factory):
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    database = Database(path)
    for batch in batches:
        database.append(batch)
    database.close()
    again = Database(path)
    assert tuple(again.replay()) == tuple(record for batch in batches for record in batch)
    again.close()


@given(count=st.integers(1, 8), cut=st.floats(0, 1))
def test_a_torn_write_loses_only_what_was_being_written(count, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("torn")
    database = Database(folder / "journal.db")
    written = [StateRecord(name="n", value=str(n), wall_ms=n) for n in range(count)]
    for record in written:
        database.append([record])
    wal = (folder / "journal.db-wal").read_bytes()
    copy = folder / "copy.db"
    copy.write_bytes((folder / "journal.db").read_bytes())
    kept = wal[: int(len(wal) * cut)]
    (folder / "copy.db-wal").write_bytes(kept)
    database.close()
    try:
        torn = Database(copy)
    except JournalError as error:
        pytest.fail(f"a torn journal must open: {error}")
    read = tuple(torn.replay())
    torn.close()
    assert list(read) == written[: len(read)]
    if len(kept) == len(wal):
        assert len(read) == count


async def test_a_durable_record_is_in_the_file_when_append_returns(tmp_path: Path, intent: Intent):
    journal = SqliteJournal(tmp_path / "state" / "journal.db")
    await journal.append([intent(1)], durable=True)
    with sqlite3.connect(tmp_path / "state" / "journal.db") as other:
        assert other.execute("SELECT kind FROM journal").fetchall() == [("intent",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    await journal.close()


async def test_order_of_appends_is_kept_across_durable_and_other_writes(tmp_path: Path, intent: Intent):
    journal = SqliteJournal(tmp_path / "journal.db")
    waits = [asyncio.create_task(journal.append([intent(n)], durable=n % 3 == 0)) for n in range(50)]
    await asyncio.gather(*waits)
    assert (await journal.resume()).records == tuple(intent(n) for n in range(50))
    await journal.close()


async def test_what_the_disk_refused_is_written_as_soon_as_it_can_be(tmp_path: Path, intent: Intent, monkeypatch):
    monkeypatch.setattr("mexc_tui.store.journal.QUIET_S", 0.001)
    loop, refused, written, write = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event(), Database.append

    def append(database, records):
        if not refused.is_set():
            refused.set()
            raise JournalError("no space left on device")
        write(database, records)
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(Database, "append", append)
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append([intent(1)], durable=False)
    await asyncio.wait_for(written.wait(), LIMIT_S)
    assert (await journal.resume()).records == (intent(1),)
    await journal.close()


async def test_only_its_owner_can_read_it(tmp_path: Path):
    journal = SqliteJournal(tmp_path / "deep" / "journal.db")
    assert stat.S_IMODE((tmp_path / "deep" / "journal.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700
    await journal.close()


async def test_history_cannot_be_changed(tmp_path: Path, intent: Intent):
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append([intent(1)], durable=True)
    other = sqlite3.connect(tmp_path / "journal.db")
    for statement in ("DELETE FROM journal", "UPDATE journal SET body = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            other.execute(statement)
    other.close()
    await journal.close()


async def test_a_second_terminal_is_refused_while_the_first_lives(tmp_path: Path):
    first = SqliteJournal(tmp_path / "journal.db")
    with pytest.raises(JournalInUseError, match=f"process {os.getpid()}.*twice"):
        SqliteJournal(tmp_path / "journal.db")
    await first.close()
    await SqliteJournal(tmp_path / "journal.db").close()


def test_a_killed_terminal_leaves_no_lock(tmp_path: Path):
    script = (
        "import os, sys, pathlib; from mexc_tui.store.journal import SqliteJournal;"
        "SqliteJournal(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "journal.db")], check=False)
    asyncio.run(SqliteJournal(tmp_path / "journal.db").close())


@pytest.mark.parametrize(
    "content", [b"this is not a database, whatever its name says" * 40, b"SQLite format 3\0" * 300]
)
def test_a_damaged_file_is_one_clear_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(JournalError, match="damaged or not a journal"):
        SqliteJournal(tmp_path / "journal.db")


def test_a_database_of_something_else_is_left_alone(tmp_path: Path):
    other = sqlite3.connect(tmp_path / "journal.db")
    other.execute("CREATE TABLE songs (name)")
    other.commit()
    other.close()
    with pytest.raises(JournalError, match="another program"):
        SqliteJournal(tmp_path / "journal.db")


def test_a_journal_without_a_name_is_damaged(tmp_path: Path):
    path = tmp_path / "journal.db"
    database = Database(path)
    database._connection.execute("DELETE FROM about")
    database.close()
    with pytest.raises(JournalError, match="does not say which journal it is"):
        Database(path)


async def test_half_a_character_does_not_end_the_journal(tmp_path: Path):
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append([StateRecord(name="n", value="by hand: \udcff", wall_ms=1)], durable=True)
    assert [one.value for one in (await journal.resume()).records] == ["by hand: ?"]
    await journal.close()


async def test_a_record_that_cannot_be_written_is_told(tmp_path: Path):
    journal = SqliteJournal(tmp_path / "journal.db")
    with pytest.raises(JournalError, match="cannot be written"):
        await journal.append([StateRecord(name="n", value="x", wall_ms=2**70)], durable=True)
    await journal.append([StateRecord(name="n", value="x", wall_ms=1)], durable=True)
    await journal.close()


async def test_records_that_make_no_sense_are_told(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("mexc_tui.store.journal.FOLD_FROM", 0)
    journal = SqliteJournal(tmp_path / "journal.db")
    fill = Fill(
        trade_id="T1",
        order_id="E1",
        client_order_id="",
        symbol="BTCUSDT",
        side=Side.SELL,
        price=Decimal(1),
        qty=Decimal("sNaN"),
        quote_qty=Decimal(1),
        fee=Decimal(0),
        fee_asset="USDT",
        is_maker=False,
        time_ms=1,
    )
    await journal.append([FillRecord(fill=fill, base="BTC", quote="USDT", fee_quote=None, wall_ms=1)], durable=True)
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(JournalError, match="makes no sense"):
            await journal.resume()
    await journal.close()


def test_a_later_format_is_refused(tmp_path: Path):
    Database(tmp_path / "journal.db").close()
    other = sqlite3.connect(tmp_path / "journal.db")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(JournalError, match="another version"):
        SqliteJournal(tmp_path / "journal.db")


async def test_a_missing_or_unreadable_entry_stops_recovery(tmp_path: Path, intent: Intent):
    database = Database(tmp_path / "journal.db")
    database.append([intent(n) for n in range(3)])
    database.close()
    other = sqlite3.connect(tmp_path / "journal.db")
    other.execute("DROP TRIGGER journal_keeps_rows")
    other.execute("DELETE FROM journal WHERE seq = 2")
    other.commit()
    other.close()
    journal = SqliteJournal(tmp_path / "journal.db")
    with pytest.raises(JournalError, match="entry 2 is missing"):
        await journal.resume()
    await journal.close()


async def test_a_full_disk_is_told_and_recovers_without_losing_what_nobody_waited_for(tmp_path: Path, intent: Intent):
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append([intent(1)], durable=True)
    limit = journal._database._connection
    pages = limit.execute("PRAGMA page_count").fetchone()[0]
    limit.execute(f"PRAGMA max_page_count = {pages}")
    big = StateRecord(name="big", value="x" * 50_000, wall_ms=2)
    with pytest.raises(OSError, match="cannot be written: database or disk is full"):
        await journal.append([big], durable=True)
    with pytest.raises(OSError, match="full"):
        await journal.append([StateRecord(name="kept", value="x" * 50_000, wall_ms=3)], durable=False)
    with pytest.raises(OSError, match="full"):
        await journal.append([intent(4)], durable=True)
    limit.execute("PRAGMA max_page_count = 100000")
    await journal.append([intent(5)], durable=True)
    read = (await journal.resume()).records
    assert [record.wall_ms for record in read] == [1, 3, 5]
    await journal.close()


async def test_closing_writes_what_is_waiting(tmp_path: Path):
    journal = SqliteJournal(tmp_path / "journal.db")
    wanted = tuple(HoldingRecord(asset="BTC", total=Decimal(n), wall_ms=n) for n in range(200))
    for record in wanted:
        await journal.append([record], durable=False)
    await journal.close()
    await journal.close()
    database = Database(tmp_path / "journal.db")
    assert tuple(database.replay()) == wanted
    database.close()


def test_an_unwritable_folder_is_one_clear_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"folder .* cannot be made"):
        SqliteJournal(tmp_path / "file" / "journal.db")


async def test_the_write_ahead_log_is_folded_in_quiet_moments_and_nothing_is_lost(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("mexc_tui.store.journal.TIDY_AFTER", 3)
    monkeypatch.setattr("mexc_tui.store.journal.QUIET_S", 0.0)
    loop, tidied, tidy = asyncio.get_running_loop(), asyncio.Event(), Database.tidy
    monkeypatch.setattr(Database, "tidy", lambda self: (tidy(self), loop.call_soon_threadsafe(tidied.set)))
    journal = SqliteJournal(tmp_path / "journal.db")
    wanted = tuple(StateRecord(name="n", value=str(n), wall_ms=n) for n in range(20))
    for record in wanted:
        await journal.append([record], durable=True)
    assert (await journal.resume()).records == wanted
    await asyncio.wait_for(tidied.wait(), LIMIT_S)
    await journal.close()


async def test_a_journal_whose_lock_file_was_removed_takes_no_second_desk(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    path.with_suffix(".lock").unlink()
    with pytest.raises(JournalInUseError, match="could send an order twice"):
        SqliteJournal(path)
    await journal.close()
    await SqliteJournal(path).close()
