"""A journal seen from outside, without disturbing a desk that works with it."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import msgspec

from mexc_tui.config.files import read_whole
from mexc_tui.config.locks import holder as holder_of
from mexc_tui.store.archive import MOST_PACKED
from mexc_tui.store.upgrade import ARCHIVE


class JournalState(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a journal's file."""

    exists: bool
    records: int = 0
    holder: str = ""
    """Process that works with it; empty where none does, "another process" where its number is not known."""
    problem: str = ""
    """Why it cannot be used; empty where it can."""


def inspect(path: Path) -> JournalState:
    """Return the state of the journal at ``path``; changes nothing."""
    if not path.exists():
        return JournalState(exists=False)
    holder = holder_of(path.with_suffix(".lock"))
    try:
        # Immutable would be wrong beside a writer; read-only is enough.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            (count,) = connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (archived,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'segments'").fetchone()
            if archived and verdict == "ok":
                verdict = _archive_verdict(connection, path.parent / ARCHIVE)
        finally:
            connection.close()
    except sqlite3.Error as error:
        return JournalState(exists=True, holder=holder, problem=str(error))
    return JournalState(exists=True, records=int(count), holder=holder, problem="" if verdict == "ok" else str(verdict))


def _archive_verdict(connection: sqlite3.Connection, folder: Path) -> str:
    """Return what is wrong with the archive; ``ok`` where nothing is."""
    for name, wanted in connection.execute("SELECT name, sha256 FROM segments ORDER BY first"):
        try:
            found = hashlib.sha256(read_whole(folder / name, MOST_PACKED)).hexdigest()
        except OSError as error:
            return f"{folder / name} cannot be read ({error.strerror})"
        if found != wanted:
            return f"{folder / name} was changed"
    return "ok"
