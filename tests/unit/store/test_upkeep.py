"""Snapshots and archive files are made while nobody waits, from what is on the disk, and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.records import StateRecord
from mexc_tui.store import journal as journals
from mexc_tui.store import upkeep
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError
from mexc_tui.store.inspect import inspect
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.store.upgrade import ARCHIVE
from tests.patience import eventually


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Let a hundred records make snapshots and segments, in any moment without work."""
    monkeypatch.setattr(journals, "QUIET_S", 0.0)
    monkeypatch.setattr(journals, "DROPPED_AT_ONCE", 7)
    monkeypatch.setattr(upkeep, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(upkeep, "SEGMENT_ROWS", 30)


def state(number: int) -> StateRecord:
    return StateRecord(name="n", value=str(number), wall_ms=1_760_000_000_000 + number)


async def filled(path: Path, count: int) -> list[StateRecord]:
    """Write records, wait until everything that can be archived is, and close."""
    written = [state(number) for number in range(count)]
    journal = SqliteJournal(path)
    await journal.resume()
    for record in written:
        await journal.append([record], durable=True)
    left = journal._database
    await eventually(lambda: journal._upkeep.through > count - 20 and not journal._upkeep.busy)
    await eventually(lambda: not journal._dropping)
    assert left.last == count
    await journal.close()
    return written


async def test_a_long_journal_moves_to_the_archive_and_reads_the_same(tmp_path: Path):
    path = tmp_path / "journal.db"
    written = await filled(path, 200)
    database = Database(path)
    assert database.segments()
    assert not database.rows(1, database.archived)
    assert list(database.replay()) == written
    database.close()
    assert inspect(path).records == 200
    journal = SqliteJournal(path)
    resumed = await journal.resume()
    await journal.close()
    assert resumed.snapshot is not None
    assert len(resumed.records) < 20
    everything, both = Fold("USDT"), Fold("USDT", resumed.snapshot)
    everything.add(written)
    both.add(resumed.records)
    assert both.snapshot() == everything.snapshot()


async def test_a_new_journal_leaves_the_archive_of_one_that_was_moved_away(tmp_path: Path):
    path, away = tmp_path / "journal.db", tmp_path / "away.db"
    written = await filled(path, 200)
    path.rename(away)
    await filled(path, 200)
    database = Database(away)
    assert list(database.replay()) == written
    database.close()


async def test_another_currency_makes_its_own_snapshot(tmp_path: Path):
    path = tmp_path / "journal.db"
    written = await filled(path, 60)
    journal = SqliteJournal(path, "EUR")
    resumed = await journal.resume()
    await journal.close()
    assert (resumed.snapshot, list(resumed.records)) == (None, written)


async def test_a_changed_or_missing_archive_is_found(tmp_path: Path):
    path = tmp_path / "journal.db"
    await filled(path, 200)
    (first, *_) = sorted((tmp_path / ARCHIVE).iterdir())
    content = first.read_bytes()
    first.write_bytes(content[:-1] + b"?")
    assert inspect(path).problem == f"{first} was changed"
    first.unlink()
    assert "cannot be read" in inspect(path).problem
    journal = SqliteJournal(path)
    # The snapshot covers what is lost, so that trading can go on.
    assert (await journal.resume()).snapshot is not None
    await journal.close()
    path.with_name("journal.snapshot").unlink()
    journal = SqliteJournal(path)
    with pytest.raises(JournalError, match=r"archive .* cannot be read"):
        await journal.resume()
    await journal.close()


async def test_a_snapshot_of_rows_that_are_gone_is_damage(tmp_path: Path):
    path = tmp_path / "journal.db"
    await filled(path, 60)
    kept = path.with_name("journal.snapshot").read_bytes()
    database = Database(path)
    database._connection.executescript("DROP TRIGGER journal_keeps_rows; DELETE FROM journal WHERE seq > 30;")
    database.close()
    path.with_name("journal.snapshot").write_bytes(kept)
    journal = SqliteJournal(path)
    with pytest.raises(JournalError, match="entry 31 is missing"):
        await journal.resume()
    await journal.close()


async def test_a_full_disk_costs_the_snapshot_and_nothing_else(tmp_path: Path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mexc_tui.store.snapshots.replace_whole", full)
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    await journal.resume()
    for number in range(40):
        await journal.append([state(number)], durable=True)
    await eventually(lambda: journal._upkeep._tried >= 20 and not journal._upkeep.busy)
    await journal.append([state(40)], durable=True)
    assert len((await journal.resume()).records) == 41
    await journal.close()
