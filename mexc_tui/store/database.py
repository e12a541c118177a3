"""The journal's file: an append-only SQLite table, checked on opening and on reading."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mexc_tui.kernel.effects import Record
from mexc_tui.store.errors import JournalError

APPLICATION_ID = 0x6D747569
"""Marks the file as ours (``mtui``)."""
SCHEMA_VERSION = 1
BUSY_SECONDS = 2.0

_SCHEMA = f"""
BEGIN;
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    wall_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_keeps_words BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


_INSERT = "INSERT INTO journal (seq, wall_ms, kind, body) VALUES "
_ROW = "(?, ?, ?, ?)"
_AT_ONCE = 50
"""Rows written by one statement; more go through an explicit transaction."""


class Database:
    """Opens, appends and reads. Not thread-safe: one thread at a time uses it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            JournalError: it cannot be opened, is not a journal, is damaged, or is of a later version.
        """
        self.path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=16
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal {path} cannot be opened: {_words(error)}.") from error
        try:
            self._prepare()
            self._next = self._count() + 1
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(
                f"The journal {path} is damaged or not a journal ({_words(error)}). Your orders at the exchange are "
                "not touched; move the file away to start a new journal, and check open orders on the exchange."
            ) from error
        except JournalError:
            self._connection.close()
            raise

    def append(self, records: Iterable[Record]) -> None:
        """Write records in one transaction that is on the disk when this returns.

        Raises:
            JournalError: nothing was written.
        """
        rows = []
        for seq, record in enumerate(records, start=self._next):
            kind = str(type(record).__struct_config__.tag)
            rows.append((seq, record.wall_ms, kind, _encoder.encode(record).decode("utf-8")))
        if not rows:
            return
        run = self._connection
        try:
            if len(rows) <= _AT_ONCE:
                # One statement is a transaction of its own, and gives the interpreter up once instead of three times.
                run.execute(_INSERT + ", ".join([_ROW] * len(rows)), [value for row in rows for value in row])
            else:
                run.execute("BEGIN IMMEDIATE")
                run.executemany(_INSERT + _ROW, rows)
                run.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                if run.in_transaction:
                    run.execute("ROLLBACK")
            raise JournalError(f"The journal {self.path} cannot be written: {_words(error)}.") from error
        self._next += len(rows)

    def replay(self) -> tuple[Record, ...]:
        """Return every record in order.

        Raises:
            JournalError: a row is missing or cannot be read.
        """
        records: list[Record] = []
        try:
            for seq, body in self._connection.execute("SELECT seq, body FROM journal ORDER BY seq"):
                if seq != len(records) + 1:
                    raise self._damaged(f"entry {len(records) + 1} is missing")
                records.append(_decoder.decode(body))
        except sqlite3.Error as error:
            raise self._damaged(_words(error)) from error
        except msgspec.MsgspecError as error:
            raise self._damaged(f"entry {len(records) + 1} cannot be read: {error}") from error
        return tuple(records)

    def tidy(self) -> None:
        """Fold the write-ahead log into the file, which costs several flushes: for quiet moments."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it; harmless when repeated."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _prepare(self) -> None:
        run = self._connection
        run.execute("PRAGMA journal_mode = WAL")
        run.execute("PRAGMA synchronous = FULL")
        run.execute("PRAGMA wal_autocheckpoint = 0")
        version = run.execute("PRAGMA user_version").fetchone()[0]
        owner = run.execute("PRAGMA application_id").fetchone()[0]
        if version == 0 and not run.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            run.executescript(_SCHEMA)
        elif owner != APPLICATION_ID:
            raise JournalError(f"{self.path} is a database of another program; nothing was started.")
        elif version != SCHEMA_VERSION:
            raise JournalError(
                f"The journal {self.path} was written by another version of this program (format {version}, "
                f"this one reads {SCHEMA_VERSION}). Use that version, or move the file away."
            )

    def _count(self) -> int:
        last = self._connection.execute("SELECT max(seq) FROM journal").fetchone()[0]
        return int(last or 0)

    def _damaged(self, why: str) -> JournalError:
        return JournalError(
            f"The journal {self.path} is damaged: {why}. Your orders at the exchange are not touched; move the file "
            "away to start a new journal, and check open orders on the exchange."
        )


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
