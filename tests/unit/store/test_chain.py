"""A journal in which anything was changed says so, and names where."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from mexc_tui.kernel.records import CommandRecord, StateRecord
from mexc_tui.store import upgrade
from mexc_tui.store.archive import write_segment
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError

ROWS = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with contextlib.closing(Database(path)) as journal:
        for number in range(ROWS):
            journal.append([StateRecord(name="n", value=str(number), wall_ms=number)])
        journal.add_segment(write_segment(tmp_path / upgrade.ARCHIVE, journal.journal_id, 3, journal.rows(1, 4)))
        journal.drop_archived(3)
    return path


def changed(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


def verify(path: Path) -> None:
    with contextlib.closing(Database(path)) as journal:
        journal.verify()


def test_what_was_written_holds_and_goes_on_after_opening(path: Path) -> None:
    verify(path)
    with contextlib.closing(Database(path)) as journal:
        before = journal.head
        journal.append([CommandRecord(command_id="c", name="Halt", details="{}", client="s", role="trade", wall_ms=1)])
        assert journal.head != before
        journal.verify()


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE journal SET body = replace(body, '7', '8') WHERE seq = 8", "entry 8 "),
        ("UPDATE journal SET wall_ms = 99 WHERE seq = 9", "entry 9 "),
        ("UPDATE journal SET kind = 'order' WHERE seq = 6", "entry 6 "),
        ("DELETE FROM journal WHERE seq = 10", "entry 10 is missing"),
        ("UPDATE journal SET chain = zeroblob(16) WHERE seq = 12", "entry 12 "),
        ("UPDATE segments SET chain = zeroblob(16)", "entries 1 to 4 "),
        ("UPDATE about SET value = 'another' WHERE name = 'journal'", "another journal"),
    ],
)
def test_a_change_is_found_where_it_is(path: Path, statement: str, where: str) -> None:
    changed(path, statement)
    with pytest.raises(JournalError, match=where):
        verify(path)


def test_a_row_that_is_taken_out_and_closed_over_is_found(path: Path) -> None:
    changed(path, "DELETE FROM journal WHERE seq = 8")
    changed(path, "UPDATE journal SET seq = seq - 1 WHERE seq > 8")
    with pytest.raises(JournalError, match="entry 8 "):
        verify(path)


def test_an_archive_file_that_was_changed_is_found(path: Path) -> None:
    (archive,) = (path.parent / upgrade.ARCHIVE).iterdir()
    archive.write_bytes(archive.read_bytes()[:-1] + b"\1")
    with pytest.raises(JournalError, match="was changed"):
        verify(path)
