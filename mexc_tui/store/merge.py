"""One journal out of several of the same account."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from mexc_tui.config.files import sync_file, sync_folder
from mexc_tui.kernel.records import FillRecord, Record
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError, reason_of

_BATCH = 1_000


def merge(sources: Sequence[Path], target: Path) -> None:
    """Bring the records of journals into one, by time; the sources stay, upgraded to today's format.

    What the target holds already stays in it; it notes whose records it has taken in, so that repeating a merge adds
    nothing twice. The caller holds the locks of all of them. A kill leaves the target as it was or whole.

    Raises:
        JournalError: a journal cannot be read, or the target not be written.
    """
    draft = target.with_name(f"{target.name}.merging")
    try:
        _remove(draft)
        if not target.exists():
            # A log whose file is gone would be taken for the new file's.
            _remove(target)
        with ExitStack() as opened:
            journals = [opened.enter_context(closing(Database(source))) for source in sources]
            own = opened.enter_context(closing(Database(target))) if target.exists() else None
            merged = {} if own is None else own.merged()
            if all(merged.get(one.journal_id, -1) >= one.last for one in journals):
                return
            made = opened.enter_context(closing(Database(draft)))
            streams = [] if own is None else [own.replay()]
            streams += [one.replay(merged.get(one.journal_id, 0)) for one in journals]
            records = _once(heapq.merge(*streams, key=lambda one: one.wall_ms))
            while batch := list(itertools.islice(records, _BATCH)):
                made.append(batch)
            made.add_merged(merged | {one.journal_id: one.last for one in journals})
            made.seal()
            if own is not None:
                own.seal()
        sync_file(draft)
        target.with_suffix(".head").unlink(missing_ok=True)
        os.replace(draft, target)
        sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            _remove(draft)
        if isinstance(error, JournalError):
            raise
        raise JournalError(f"The journal {target} could not be written ({reason_of(error)}).") from error


def set_aside(path: Path) -> None:
    """Give a journal whose records another one holds a name under which nothing looks for it.

    Raises:
        OSError: it has its old name.
    """
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}.merged{'' if number == 1 else f'-{number}'}{path.suffix}")
        if not aside.exists():
            break
    database = Database(path)
    try:
        database.seal()
    finally:
        database.close()
    os.rename(path, aside)
    sync_folder(path.parent)


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def _once(records: Iterator[Record]) -> Iterator[Record]:
    """Leave out executions that an earlier record told already."""
    seen: set[tuple[str, str]] = set()
    for record in records:
        if isinstance(record, FillRecord):
            if record.fill.key in seen:
                continue
            seen.add(record.fill.key)
        yield record
