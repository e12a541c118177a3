"""A journal seen from outside, without disturbing a desk that works with it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from pathlib import Path

import msgspec

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
    holder = _holder(path.with_suffix(".lock"))
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
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            return f"{folder / name} cannot be read ({error.strerror})"
        if found != wanted:
            return f"{folder / name} was changed"
    return "ok"


def _holder(lock: Path) -> str:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        number = os.read(descriptor, 32).decode("ascii", "replace").strip()
        return f"process {number}" if number.isdigit() else "another process"
    finally:
        os.close(descriptor)
    return ""
