"""The journal's file: an append-only SQLite table, checked on opening and on reading, with its archive beside it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mexc_tui.kernel.records import Record
from mexc_tui.store import schema
from mexc_tui.store.archive import Segment, read_segment
from mexc_tui.store.chain import genesis, link
from mexc_tui.store.errors import JournalError, damaged, not_a_journal, reason_of
from mexc_tui.store.upgrade import APPLICATION_ID, ARCHIVE, add_segment, create, upgrade

BUSY_SECONDS = 2.0

_INSERT = "INSERT INTO journal (seq, wall_ms, kind, body, chain) VALUES "
_ROW = "(?, ?, ?, ?, ?)"
_AT_ONCE = 50
"""Rows written by one statement; more go through an explicit transaction."""
_PAGE = 1_000
_CACHE_KB = 256
"""Of the file kept in memory: appending needs the last pages, and what is read is read once, in order."""
_MERGED = "merged "


class Database:
    """Opens, appends and reads. Not thread-safe: one thread at a time uses it."""

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        """Open or create the file; one of an earlier format is upgraded first, and kept beside the new one.

        With ``reading`` open beside another that writes, and read what is committed now.

        Raises:
            JournalError: it cannot be opened, is not a journal, is damaged, or is of a later format.
        """
        self.path = path
        self._reading = reading
        self._connection = self._connect()
        try:
            if not reading:
                if self._other_format():
                    self._connection.close()
                    upgrade(path)
                    self._connection = self._connect()
                self._prepare()
            name = self._one("SELECT max(value) FROM about WHERE name = 'journal'")
            if name is None:
                raise damaged(path, "it does not say which journal it is")
            self.journal_id = str(name)
            self.archived = int(self._one("SELECT coalesce(max(last), 0) FROM segments"))
            self.last = max(int(self._one("SELECT coalesce(max(seq), 0) FROM journal")), self.archived)
            self.head = self.link_at(self.last) or genesis(self.journal_id)
        except sqlite3.Error as error:
            self._connection.close()
            raise not_a_journal(path, error) from error
        except JournalError:
            self._connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=16
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal {self.path} cannot be opened: {reason_of(error)}.") from error

    def _other_format(self) -> bool:
        """Whether the file is a journal of another format; one of another program is refused."""
        if not self._one("SELECT count(*) FROM sqlite_schema"):
            return False
        if self._one("PRAGMA application_id") != APPLICATION_ID:
            raise JournalError(f"{self.path} is a database of another program; nothing was started.")
        return bool(self._one("PRAGMA user_version") != schema.FORMAT)

    def append(self, records: Iterable[Record]) -> None:
        """Write records in one transaction that is on the disk when this returns.

        Raises:
            JournalError: nothing was written.
        """
        run, head = self._connection, self.head
        rows: list[tuple[int, int, str, str, bytes]] = []
        try:
            for seq, record in enumerate(records, start=self.last + 1):
                kind, body = schema.encode(record)
                head = link(head, seq, record.wall_ms, kind, body)
                rows.append((seq, record.wall_ms, kind, body, head))
            if not rows:
                return
            if len(rows) <= _AT_ONCE:
                # One statement is a transaction of its own, and gives the interpreter up once instead of three times.
                run.execute(_INSERT + ", ".join([_ROW] * len(rows)), [value for row in rows for value in row])
            else:
                with self._transaction():
                    run.executemany(_INSERT + _ROW, rows)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise JournalError(f"The journal {self.path} cannot be written: {reason_of(error)}.") from error
        self.last += len(rows)
        self.head = head

    def replay(self, after: int = 0) -> Iterator[Record]:
        """Give every record after a row, in order, out of the archive where it is there.

        Raises:
            JournalError: a row is missing or cannot be read.
        """
        due = after + 1
        try:
            for seq, body in self._bodies(after):
                if seq != due:
                    raise damaged(self.path, f"entry {due} is missing")
                yield schema.decode(body)
                due += 1
            if due <= self.last or after > self.last:
                due = min(due, self.last + 1)
                raise damaged(self.path, f"entry {due} is missing")
        except sqlite3.Error as error:
            raise damaged(self.path, reason_of(error)) from error
        except ValueError as error:
            raise damaged(self.path, f"entry {due} cannot be read: {error}") from error

    def _bodies(self, after: int) -> Iterator[tuple[int, str | bytes]]:
        segments = self.segments()
        for segment in segments:
            if segment.last <= after:
                continue
            try:
                rows = read_segment(self.path.parent / ARCHIVE, self.journal_id, segment)
            except JournalError as error:
                raise damaged(self.path, str(error)) from error
            for row in rows:
                if row.seq > after:
                    yield row.seq, bytes(row.body)
        after = max([after, *(segment.last for segment in segments)])
        query = "SELECT seq, body FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        # In pages, so that nobody who reads for long holds up the folding of the write-ahead log.
        while page := self._connection.execute(query, (after, self.last, _PAGE)).fetchall():
            yield from page
            after = page[-1][0]

    def link_at(self, seq: int) -> bytes | None:
        """Return a row's link of the chain; None where the row is not there, or only in the middle of the archive."""
        query = (
            "SELECT chain FROM (SELECT seq, chain FROM journal WHERE seq = ?1 UNION ALL"
            " SELECT last, chain FROM segments WHERE last = ?1) LIMIT 1"
        )
        found = self._connection.execute(query, (seq,)).fetchone()
        return None if found is None else bytes(found[0])

    def check_end(self, rows: int) -> None:
        """Check the chain's links of the last rows, as far as they are in the table.

        Raises:
            JournalError: naming the first row that is not as it was written.
        """
        after = max(self.archived, self.last - rows)
        head = self.link_at(after) or genesis(self.journal_id)
        for seq, wall_ms, kind, body, kept in self._links(after):
            head = link(head, seq, wall_ms, kind, body)
            if bytes(kept) != head:
                raise damaged(self.path, f"entry {seq} is not as it was written")

    def verify(self, noted: bytes = b"") -> bool:
        """Check the archive's files, that no row is missing, and every link of the chain.

        Returns whether one of the links is the ``noted`` one, which a journal had as its head once.

        Raises:
            JournalError: naming the first entry that is not as it was written.
        """
        head, due, found = genesis(self.journal_id), 1, False
        try:
            for segment in self.segments():
                for row in read_segment(self.path.parent / ARCHIVE, self.journal_id, segment):
                    if row.seq != due:
                        raise damaged(self.path, f"entry {due} is missing")
                    head, due = link(head, row.seq, row.wall_ms, row.kind, bytes(row.body)), due + 1
                    found = found or head == noted
                (kept,) = self._connection.execute(
                    "SELECT chain FROM segments WHERE first = ?", (segment.first,)
                ).fetchone()
                if bytes(kept) != head:
                    raise damaged(self.path, f"entries {segment.first} to {segment.last} are not as they were written")
            for seq, wall_ms, kind, body, kept in self._links(due - 1):
                if seq != due:
                    raise damaged(self.path, f"entry {due} is missing")
                head, due = link(head, seq, wall_ms, kind, body), due + 1
                found = found or head == noted
                if bytes(kept) != head:
                    raise damaged(self.path, f"entry {seq} is not as it was written")
        except sqlite3.Error as error:
            raise damaged(self.path, reason_of(error)) from error
        if due <= self.last:
            raise damaged(self.path, f"entry {due} is missing")
        return found

    def _links(self, after: int) -> Iterator[tuple[int, int, str, str, bytes]]:
        query = "SELECT seq, wall_ms, kind, body, chain FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        while page := self._connection.execute(query, (after, self.last, _PAGE)).fetchall():
            yield from page
            after = page[-1][0]

    def rows(self, first: int, last: int) -> list[tuple[int, int, str, str]]:
        """Return rows as they are stored; none that are in the archive."""
        query = "SELECT seq, wall_ms, kind, body FROM journal WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return self._connection.execute(query, (first, last)).fetchall()

    def segments(self) -> list[Segment]:
        """Return the archive's segments, oldest first."""
        found = self._connection.execute("SELECT first, last, name, sha256 FROM segments ORDER BY first")
        return [Segment(*row) for row in found]

    def add_segment(self, segment: Segment) -> None:
        """Note that rows are in the archive; they may be dropped from the table from now on.

        Raises:
            JournalError: it could not be noted.
        """
        try:
            add_segment(self._connection, segment, self._one("SELECT chain FROM journal WHERE seq = ?", segment.last))
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be written: {reason_of(error)}.") from error
        self.archived = segment.last

    def drop_archived(self, most: int) -> bool:
        """Drop a few rows that are in the archive from the table; whether there are more."""
        drop = "DELETE FROM journal WHERE seq <= min(?, (SELECT coalesce(min(seq), 0) FROM journal) + ?)"
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute(drop, (self.archived, most - 1))
            return bool(self._one("SELECT coalesce(min(seq), ?) FROM journal", self.archived + 1) <= self.archived)
        return False

    def merged(self) -> dict[str, int]:
        """Return the journals whose records are part of this one, and the last row of each that is.

        Raises:
            JournalError: they cannot be read.
        """
        query = "SELECT name, value FROM about WHERE name LIKE ?"
        try:
            found = self._connection.execute(query, (f"{_MERGED}%",)).fetchall()
            return {name.removeprefix(_MERGED): int(last) for name, last in found}
        except (sqlite3.Error, ValueError) as error:
            raise damaged(self.path, reason_of(error)) from error

    def add_merged(self, merged: dict[str, int]) -> None:
        """Note the journals whose records are part of this one.

        Raises:
            JournalError: it could not be noted.
        """
        rows = [(f"{_MERGED}{name}", str(last)) for name, last in merged.items()]
        try:
            self._connection.executemany("INSERT OR REPLACE INTO about (name, value) VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be written: {reason_of(error)}.") from error

    def seal(self) -> None:
        """Bring everything into the one file, with no log beside it, so that it can be moved or replaced.

        Raises:
            JournalError: it is not all in the file.
        """
        try:
            mode = self._one("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be written: {reason_of(error)}.") from error
        if mode != "delete":
            raise JournalError(f"The journal {self.path} cannot be written: its log is in use.")

    def tidy(self) -> None:
        """Fold the write-ahead log into the file, which costs several flushes: for quiet moments."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it; may be repeated."""
        if not self._reading:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _prepare(self) -> None:
        run = self._connection
        run.execute("PRAGMA journal_mode = WAL")
        run.execute("PRAGMA synchronous = FULL")
        run.execute("PRAGMA wal_autocheckpoint = 0")
        run.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if not self._one("SELECT count(*) FROM sqlite_schema"):
            create(run, secrets.token_hex(8))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            yield
            run.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if run.in_transaction:
                    run.execute("ROLLBACK")
            raise

    def _one(self, query: str, *values: int) -> Any:
        return self._connection.execute(query, values).fetchone()[0]
