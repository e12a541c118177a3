"""Work on a journal that no order may wait for: snapshots and archive files, made beside it from committed rows."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from mexc_tui.kernel.history import Fold
from mexc_tui.store.archive import Segment, write_segment
from mexc_tui.store.database import Database
from mexc_tui.store.schema import FORMAT
from mexc_tui.store.snapshots import SnapshotFile
from mexc_tui.store.upgrade import ARCHIVE, SEGMENT_ROWS

SNAPSHOT_EVERY = 5_000
"""Rows after which a quiet moment is used for a new snapshot."""
CLOSE_FROM = 500
"""Rows that make a snapshot worth its time when the journal is closed."""
_STRIDE = 50
_REST_S = 0.001

_log = logging.getLogger(__name__)


class Upkeep:
    """Makes snapshots and archive files of one journal, one job at a time, on a thread of its own."""

    def __init__(self, path: Path, snapshots: SnapshotFile, through: int) -> None:
        self._path = path
        self._snapshots = snapshots
        self.through = through
        """Last row of the latest snapshot."""
        self._tried = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self._thread is not None

    def due(self, last: int) -> bool:
        """Whether a journal whose last row is ``last`` should get a new snapshot."""
        return not self.busy and last - max(self.through, self._tried) >= SNAPSHOT_EVERY

    def start(self, done: Callable[[list[Segment]], None]) -> None:
        """Begin a job; ``done`` is called on its thread with the segments that were archived."""
        self._thread = threading.Thread(target=self._run, args=(done,), name="journal upkeep", daemon=True)
        self._thread.start()

    def finished(self) -> None:
        """Note that the job's outcome was received."""
        self._thread = None

    def stop(self) -> None:
        """End a job that is under way; what it has finished stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, done: Callable[[list[Segment]], None]) -> None:
        segments: list[Segment] = []
        try:
            with contextlib.closing(Database(self._path, reading=True)) as rows:
                self._tried = rows.last
                self.snapshot(rows, rest=True)
                segments = self._archive(rows)
        except OSError as error:
            _log.warning("the journal's upkeep failed and is tried again later: %s", error)
        finally:
            done(segments)

    def snapshot(self, rows: Database, *, rest: bool = False) -> None:
        """Write a snapshot of everything in the table; with ``rest`` let other threads work in between.

        Raises:
            OSError: the journal cannot be read, or the snapshot not be written.
        """
        through, saved = self._snapshots.read()
        fold = Fold(self._snapshots.currency, saved)
        records = rows.replay(through)
        while stride := tuple(itertools.islice(records, _STRIDE)):
            fold.add(stride)
            if rest and self._stop.wait(_REST_S):
                return
        self._snapshots.write(rows.last, fold.snapshot())
        self.through = rows.last

    def _archive(self, rows: Database) -> list[Segment]:
        made: list[Segment] = []
        first = rows.archived + 1
        while not self._stop.is_set() and self.through - first >= 2 * SEGMENT_ROWS:
            last = first + SEGMENT_ROWS - 1
            folder = self._path.parent / ARCHIVE
            made.append(write_segment(folder, rows.journal_id, FORMAT, rows.rows(first, last)))
            first = last + 1
        return made
