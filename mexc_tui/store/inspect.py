"""Navigation at a journal from outside, without disturbing a terminal that works with it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

import msgspec


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
            (count,) = connection.execute("SELECT COUNT(*) FROM journal").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return JournalState(exists=True, holder=holder, problem=str(error))
    return JournalState(exists=True, records=int(count), holder=holder, problem="" if verdict == "ok" else str(verdict))


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
