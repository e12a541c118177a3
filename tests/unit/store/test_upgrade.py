"""A journal of an earlier format: brought to today's step by step, the old one kept, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.costs import Costs
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import FillRecord, Resumed, StateRecord
from mexc_tui.store import schema, upgrade
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.store.merge import merge

JOURNALS = Path(__file__).parent / "journals"
D = Decimal


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    shutil.copy(JOURNALS / "version1.db", path)
    return path


def read(path: Path) -> list:
    database = Database(path)
    try:
        return list(database.replay())
    finally:
        database.close()


def rows(path: Path) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT seq, wall_ms, kind, body FROM journal ORDER BY seq").fetchall()
    finally:
        connection.close()


def segments(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM segments")}
    finally:
        connection.close()


def test_a_journal_of_format_1_is_upgraded_and_kept(old: Path):
    before = rows(JOURNALS / "version1.db")
    records = read(old)
    assert [record.wall_ms for record in records] == [wall_ms for _, wall_ms, _, _ in before]
    assert rows(old.with_name("journal.v1.db")) == before
    pairs = {record.fill.symbol: (record.base, record.quote) for record in records if isinstance(record, FillRecord)}
    assert pairs == {
        "BTCUSDT": ("BTC", "USDT"),
        "ETHUSDE": ("ETH", "USDE"),
        "SOLBRL": ("SOL", "BRL"),
        "BTCMX": ("BTC", "MX"),
        "XRPUSDT": ("XRP", "USDT"),
    }
    (day,) = [one for one in records if isinstance(one, StateRecord) and one.name == "day_start"]
    assert day.value == "20370 2000 USDT BTC,USDT "


def test_what_a_journal_of_format_1_says_is_what_the_desk_knows(old: Path):
    fold = Fold("USDT")
    fold.add(read(old))
    saved = fold.snapshot()
    assert (saved.state, saved.reason) == ("halted", "by hand: twice")
    costs = Costs("USDT")
    costs.restore(saved)
    assert costs.of("ETHUSDE").average == (D(100) + D("0.25")) / 2
    assert costs.of("SOLBRL").qty == D("0.999")
    assert costs.of("BTCMX").fees == D("0.04")
    states = {one.order.client_order_id: one.order.state for one in saved.orders}
    assert states["mtui-r1-8"] is OrderState.WORKING
    assert states["mtui-r1-9"] is OrderState.UNKNOWN
    assert set(saved.commands) == {"c1", "c4", "c5", "c6", "c8", "c9"}


@pytest.mark.parametrize(("name", "kept"), [("version2.db", ["journal.v2.db"]), ("version3.db", [])])
def test_a_journal_of_a_later_format_is_read_as_it_was_written(tmp_path: Path, name: str, kept: list[str]):
    path = tmp_path / "journal.db"
    shutil.copy(JOURNALS / name, path)
    assert read(path) == read(Path(shutil.copy(JOURNALS / "version1.db", tmp_path / "first.db")))
    assert rows(path) == rows(JOURNALS / name)
    assert [one.name for one in tmp_path.glob("journal.v*")] == kept


def test_an_archive_of_format_2_is_part_of_the_chain(old: Path, monkeypatch):
    monkeypatch.setattr(upgrade, "SEGMENT_ROWS", 5)
    with contextlib.closing(Database(old)) as first:
        assert len(first.segments()) > 1
        first.seal()
    with contextlib.closing(sqlite3.connect(old)) as connection:
        # As format 2 wrote it: no links anywhere, and the archived rows dropped.
        connection.executescript(
            "DROP TRIGGER segments_stay; DROP TRIGGER journal_keeps_words; DROP TRIGGER segments_keep;"
            "ALTER TABLE journal DROP COLUMN chain; ALTER TABLE segments DROP COLUMN chain;"
            "DELETE FROM journal WHERE seq <= 5; PRAGMA user_version = 2"
        )
        connection.execute("INSERT INTO about VALUES ('merged other', '7')")
        connection.commit()
    expected = read(Path(shutil.copy(JOURNALS / "version2.db", old.with_name("expected.db"))))
    with contextlib.closing(Database(old)) as upgraded:
        upgraded.verify()
        assert list(upgraded.replay()) == expected
        assert upgraded.merged() == {"other": 7}


CALLS = ("os.link", "os.replace", "os.fsync", "sqlite3.connect", "os.open")


@pytest.mark.parametrize("after", range(40))
def test_a_kill_between_any_two_steps_leaves_a_journal_that_opens(old: Path, monkeypatch, after: int):
    monkeypatch.setattr(upgrade, "SEGMENT_ROWS", 5)
    expected = read(Path(shutil.copy(JOURNALS / "version1.db", old.with_name("expected.db"))))
    shutil.rmtree(old.parent / upgrade.ARCHIVE)
    left = itertools.count()

    def counted(call):
        def run(*args, **kwargs):
            if next(left) == after:
                raise Killed
            return call(*args, **kwargs)

        return run

    with monkeypatch.context() as patched:
        for module, name in (call.split(".") for call in CALLS):
            real = getattr({"os": os, "sqlite3": sqlite3}[module], name)
            patched.setattr(f"{module}.{name}", counted(real))
        with contextlib.suppress(Killed):
            Database(old).close()
    assert old.exists()
    assert read(old) == expected
    assert {path.name for path in old.parent.rglob("*.gz")} == segments(old), "an archive that no journal knows is left"
    assert not list(old.parent.glob("*.upgrading"))
    kept = old.with_name("journal.v1.db")
    assert rows(kept) == rows(JOURNALS / "version1.db")


def test_where_a_file_has_but_one_name_the_old_journal_is_copied(old: Path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert len(read(old)) == 23
    assert rows(old.with_name("journal.v1.db")) == rows(JOURNALS / "version1.db")


def test_an_upgrade_without_room_leaves_everything_as_it_was(old: Path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upgrade, "SEGMENT_ROWS", 5)
    monkeypatch.setattr(upgrade, "sync_file", full)
    with pytest.raises(JournalError, match=r"could not be upgraded \(No space left on device\)\. It is as it was"):
        Database(old)
    assert rows(old) == rows(JOURNALS / "version1.db")
    assert [path.name for path in old.parent.rglob("*") if path.is_file()] == [old.name]


def test_a_gap_in_an_earlier_journal_is_not_upgraded_away(old: Path):
    other = sqlite3.connect(old)
    other.execute("DROP TRIGGER journal_keeps_rows")
    other.execute("DELETE FROM journal WHERE seq = 3")
    other.commit()
    other.close()
    with pytest.raises(JournalError, match="entry 3 is missing"):
        Database(old)


def test_long_journals_go_to_the_archive_and_are_read_from_there(old: Path, monkeypatch):
    monkeypatch.setattr(upgrade, "SEGMENT_ROWS", 5)
    expected = read(Path(shutil.copy(JOURNALS / "version1.db", old.with_name("expected.db"))))
    assert read(old) == expected
    assert len(rows(old)) == 8
    database = Database(old)
    assert [(one.first, one.last) for one in database.segments()] == [(1, 5), (6, 10), (11, 15)]
    assert list(database.replay(7)) == expected[7:]
    assert list(database.replay(17)) == expected[17:]
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        database._connection.execute("DELETE FROM segments")
    segment = old.parent / upgrade.ARCHIVE / database.segments()[0].name
    database.close()
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    with pytest.raises(JournalError, match="was changed"):
        read(old)


def test_two_journals_become_one_by_time_and_no_fill_counts_twice(old: Path, tmp_path: Path):
    second = tmp_path / "second.db"
    records = read(old)
    database = Database(second)
    later = StateRecord(name="trading_state", value="active", wall_ms=records[-1].wall_ms + 1)
    database.append([*(one for one in records if isinstance(one, FillRecord)), later])
    database.close()
    merge([old, second], tmp_path / "both.db")
    both = read(tmp_path / "both.db")
    assert len(both) == len(records) + 1
    assert [one.wall_ms for one in both] == sorted(one.wall_ms for one in [*records, later])
    assert sorted(map(repr, both)) == sorted(map(repr, [*records, later]))


def test_a_merged_journal_that_is_not_all_in_its_file_takes_no_place(old: Path, tmp_path: Path, monkeypatch):
    target = tmp_path / "both.db"
    readers = []
    replay = Database.replay

    def replay_and_read(database: Database, after: int = 0):
        yield from replay(database, after)
        # Somebody who reads keeps the log from being folded into the file, as a full disk does.
        readers.append(sqlite3.connect(tmp_path / "both.db.merging", isolation_level=None))
        readers[-1].execute("BEGIN")
        readers[-1].execute("SELECT count(*) FROM journal").fetchone()

    with monkeypatch.context() as patched:
        patched.setattr(Database, "replay", replay_and_read)
        with pytest.raises(JournalError, match="cannot be written"):
            merge([old], target)
    for reader in readers:
        reader.close()
    assert not target.exists()
    merge([old], target)
    assert read(target) == read(old)


def test_a_note_of_a_merge_that_cannot_be_read_is_damage(old: Path, tmp_path: Path):
    target = tmp_path / "both.db"
    merge([old], target)
    database = Database(target)
    database._connection.execute("UPDATE about SET value = 'many' WHERE name LIKE 'merged %'")
    database.close()
    with pytest.raises(JournalError, match="is damaged"):
        merge([old], target)


def test_a_log_left_by_another_file_is_not_taken_for_the_merged_one_s(old: Path, tmp_path: Path):
    target = tmp_path / "both.db"
    target.with_name("both.db-wal").write_bytes(b"left")
    merge([old], target)
    assert not target.with_name("both.db-wal").exists()
    assert read(target) == read(old)


def test_words_of_the_file_are_not_those_in_memory(old: Path):
    body = rows(JOURNALS / "version2.db")[2][3]
    with pytest.raises(ValueError, match="not a word of this format"):
        schema.decode(body.replace('"pending"', '"thinking"'))


def desk(resumed: Resumed) -> Desk:
    return Desk(
        "r", Limits(), VenueInfo(name="x", kind=VenueKind.LOCAL, can_trade=True), currency="USDT", resumed=resumed
    )


async def resumed_from(path: Path) -> Resumed:
    journal = SqliteJournal(path)
    try:
        return await journal.resume()
    finally:
        await journal.close()


def test_opening_reads_a_snapshot_and_what_came_after_it(old: Path, monkeypatch):
    monkeypatch.setattr("mexc_tui.store.journal.CLOSE_FROM", 1)
    first = asyncio.run(resumed_from(old))
    assert first.snapshot is None
    assert len(first.records) == 23
    second = asyncio.run(resumed_from(old))
    assert second.records == ()
    fold = Fold("USDT")
    fold.add(first.records)
    assert second.snapshot == fold.snapshot()
    old.with_name("journal.snapshot").write_bytes(b"torn")
    assert asyncio.run(resumed_from(old)) == first
