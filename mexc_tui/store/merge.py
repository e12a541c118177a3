"""One journal out of several of the same account."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from mexc_tui.kernel.records import FillRecord, Record
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError, reason_of
from mexc_tui.store.files import sync_file, sync_folder

_BATCH = 1_000


def merge(sources: Sequence[Path], target: Path) -> None:
    """Write the records of several journals into one, by time; the sources stay, upgraded to today's format.

    A kill leaves the target absent or whole.

    Raises:
        JournalError: a source cannot be read, or the target not be written.
    """
    draft = target.with_name(f"{target.name}.merging")
    try:
        for name in (draft, draft.with_name(f"{draft.name}-wal"), draft.with_name(f"{draft.name}-shm")):
            name.unlink(missing_ok=True)
        with ExitStack() as opened:
            journals = [opened.enter_context(closing(Database(source))) for source in sources]
            made = opened.enter_context(closing(Database(draft)))
            records = _once(heapq.merge(*(journal.replay() for journal in journals), key=lambda one: one.wall_ms))
            while batch := list(itertools.islice(records, _BATCH)):
                made.append(batch)
        sync_file(draft)
        os.replace(draft, target)
        sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, JournalError):
            raise
        raise JournalError(f"The journal {target} could not be written ({reason_of(error)}).") from error


def _once(records: Iterator[Record]) -> Iterator[Record]:
    """Leave out executions that an earlier record told already."""
    seen: set[tuple[str, str]] = set()
    for record in records:
        if isinstance(record, FillRecord):
            if record.fill.key in seen:
                continue
            seen.add(record.fill.key)
        yield record
