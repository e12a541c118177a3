"""The journal on its own thread, so that no loop ever waits for a disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel.records import Record, Resumed, StateRecord
from mexc_tui.store.archive import Segment
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError, damaged
from mexc_tui.store.head import HEAD, HeadFile
from mexc_tui.store.latch import LatchFile
from mexc_tui.store.lock import journal_lock
from mexc_tui.store.snapshots import SnapshotFile
from mexc_tui.store.upkeep import CLOSE_FROM, Upkeep

BACKLOG_LIMIT = 100_000
"""Records kept in memory while the disk refuses them."""

QUIET_S = 0.5
TIDY_AFTER = 200
"""Commits after which the write-ahead log is folded into the file at the next quiet moment."""

TIDY_BY = 10_000
"""Commits after which it is folded in whether it is quiet or not."""
FOLD_FROM = 20_000
"""Records after the snapshot that are too many to be handed over at once: they make a new snapshot first."""
CHECKED_AT_START = 1_000
"""Latest records whose links of the chain are checked on opening; ``audit verify`` checks all."""
DROPPED_AT_ONCE = 500
"""Archived rows dropped from the table in one quiet moment."""

_LOST = (
    "The end of the journal is missing: {}. Orders, cancels or changed limits of its last moments may not be known."
    " No new exposure is taken: compare orders and limits with what you remember, then :resume"
)

_log = logging.getLogger(__name__)

_Answer = Callable[[OSError | None], None]


class _Write:
    __slots__ = ("answer", "records")

    def __init__(self, records: tuple[Record, ...], answer: _Answer | None) -> None:
        self.records = records
        self.answer = answer


class SqliteJournal:
    """Append-only storage of records: ``JournalPort``.

    Whatever waits when the disk becomes free is committed together. Records that nobody waits for and that could
    not be written stay in memory, are tried again twice a second, and go first with the next commit; those that
    somebody waits for are dropped when they fail, because the waiting caller is told and acts on it.

    A snapshot is made in quiet moments, on another thread, from rows that are committed; values in it are in
    ``currency``.
    """

    def __init__(self, path: Path, currency: str = "USDT") -> None:
        """Lock and open the journal; its folder is made if need be.

        Raises:
            JournalInUseError: another process holds it.
            JournalError: it cannot be used; the text says why.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"The journal's folder {path.parent} cannot be made: {error.strerror}.") from error
        self._lock = journal_lock(path.with_suffix(".lock"))
        try:
            self._database = Database(path)
        except JournalError:
            self._lock.release()
            raise
        self._snapshots = SnapshotFile(path.with_suffix(".snapshot"), self._database.journal_id, currency)
        self._latch = LatchFile(path.with_suffix(".latch"))
        self._head = HeadFile(path.with_suffix(".head"))
        self._upkeep = Upkeep(path, self._snapshots, self._database.last)
        self._dropping = self._database.archived > 0
        self._work: queue.SimpleQueue[_Write | Callable[[], None] | None] = queue.SimpleQueue()
        self._backlog: list[Record] = []
        self._problem: OSError | None = None
        self._closed = False
        self._untidy = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        """Append; with ``durable`` return only when they are on the disk.

        Raises:
            OSError: they, or earlier ones, could not be written.
        """
        if self._closed:
            raise JournalError("The journal is closed.")
        if not durable:
            self._work.put(_Write(tuple(records), None))
            if self._problem is not None:
                raise self._problem
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._work.put(_Write(tuple(records), lambda error: _call(loop, _resolve, done, error)))
        await done

    async def latch(self, record: StateRecord) -> None:
        """Keep the trading state in the journal and in the file beside it; an active one in the journal first.

        Raises:
            OSError: one of them does not have it.
        """
        problems = []
        active = record.value == TradingState.ACTIVE.value
        for write in (self._append_latch, self._write_latch) if active else (self._write_latch, self._append_latch):
            try:
                await write(record)
            except OSError as error:
                if active:
                    raise
                problems.append(error)
        if problems:
            raise problems[0]

    async def _append_latch(self, record: StateRecord) -> None:
        await self.append((record,), durable=True)

    async def _write_latch(self, record: StateRecord) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def write() -> None:
            try:
                self._latch.write(record.value)
            except OSError as error:
                problem = JournalError(f"the file beside the journal cannot be written: {error.strerror}")
                _call(loop, _resolve, done, problem)
            else:
                _call(loop, _resolve, done, None)

        self._work.put(write)
        await done

    async def resume(self) -> Resumed:
        """Return the latest snapshot and every record after it, in the order written.

        Raises:
            OSError: the journal is damaged.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Resumed] = loop.create_future()

        def read() -> None:
            try:
                resumed = self._read()
            except OSError as error:
                _call(loop, _fail, done, error)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                _call(loop, _fail, done, damaged(self._database.path, f"what it holds makes no sense ({error})"))
            else:
                _call(loop, _give, done, resumed)

        self._work.put(read)
        return await done

    def _read(self) -> Resumed:
        through, saved = self._snapshots.read()
        if self._database.last - through > FOLD_FROM:
            with contextlib.suppress(OSError):
                self._upkeep.snapshot(self._database)
            through, saved = self._snapshots.read()
        self._upkeep.through = through
        records = tuple(self._database.replay(through))
        self._database.check_end(CHECKED_AT_START)
        with contextlib.suppress(OSError):
            self._latch.make()
        latch, lost = self._latch.read(), self._lost()
        if lost:
            _log.error("%s", lost)
            latch = _reduced(latch, lost)
            try:
                self._latch.write(latch)
            except OSError as error:
                # A start that goes on would note the end as it is now, and the next one would know nothing of it.
                raise JournalError(
                    f"{lost}. That cannot be kept ({error.strerror}), so nothing was started."
                ) from error
        self._note_head()
        return Resumed(snapshot=saved, records=records, latch=latch, lost=lost)

    def _lost(self) -> str:
        """Return a sentence if the journal's last row as it was noted is not there; empty if nothing shows that."""
        try:
            noted = self._head.read()
        except (OSError, ValueError) as error:
            return _LOST.format(f"the note of its last entry, {HEAD}, cannot be read ({error}), so some may be")
        database = self._database
        if noted is None:
            return ""
        if noted.journal != database.journal_id:
            return _LOST.format(f"it is a new one, and one of {noted.seq} entries lay here")
        if noted.seq > database.last:
            return _LOST.format(f"it ends at entry {database.last}, and {noted.seq} had been written")
        found = database.link_at(noted.seq)
        if found is None or found.hex() == noted.link:
            return ""
        return _LOST.format(f"entry {noted.seq} is another one than was written")

    def _note_head(self) -> None:
        if self._database.last:
            self._head.note(self._database.journal_id, self._database.last, self._database.head)

    async def close(self) -> None:
        """Write what is waiting and release the file; idempotent."""
        if not self._closed:
            self._closed = True
            self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        going = True
        while going:
            batch: list[_Write] = []
            calls: list[Callable[[], None]] = []
            item = self._next_work()
            while True:
                if item is None:
                    going = False
                elif isinstance(item, _Write):
                    batch.append(item)
                else:
                    calls.append(item)
                if self._work.empty():
                    break
                item = self._work.get()
            self._commit(batch)
            for call in calls:
                call()
        self._commit([])
        self._upkeep.stop()
        if self._database.last - self._upkeep.through >= CLOSE_FROM:
            with contextlib.suppress(OSError):
                self._upkeep.snapshot(self._database)
        self._database.close()
        self._head.close()
        self._lock.release()

    def _next_work(self) -> _Write | Callable[[], None] | None:
        """Wait for work; in quiet moments do first what no order may ever wait for."""
        if self._untidy >= TIDY_BY:
            self._tidy()
        while (chore := self._chore()) is not None:
            try:
                return self._work.get(timeout=QUIET_S)
            except queue.Empty:
                chore()
        return self._work.get()

    def _chore(self) -> Callable[[], None] | None:
        if self._backlog:
            return lambda: self._commit([])
        if self._untidy >= TIDY_AFTER:
            return self._tidy
        if self._upkeep.due(self._database.last):
            return lambda: self._upkeep.start(lambda made: self._work.put(lambda: self._archived(made)))
        return self._drop if self._dropping else None

    def _tidy(self) -> None:
        self._database.tidy()
        self._untidy = 0

    def _archived(self, made: list[Segment]) -> None:
        try:
            for segment in made:
                self._database.add_segment(segment)
                self._dropping = True
        except OSError as error:
            _log.warning("an archive file could not be noted and is written again later: %s", error)
        self._upkeep.finished()

    def _drop(self) -> None:
        self._dropping = self._database.drop_archived(DROPPED_AT_ONCE)
        self._untidy += 1

    def _commit(self, batch: list[_Write]) -> None:
        unwaited = [record for write in batch if write.answer is None for record in write.records]
        together = self._backlog + [record for write in batch for record in write.records]
        if not together:
            return
        try:
            self._database.append(together)
        except OSError as error:
            self._problem = error
            self._backlog = (self._backlog + unwaited)[-BACKLOG_LIMIT:]
        else:
            self._problem = None
            self._backlog = []
            self._note_head()
        self._untidy += 1
        for write in batch:
            if write.answer is not None:
                write.answer(self._problem)


def _reduced(latch: str, why: str) -> str:
    """Return a kept trading state that takes no new exposure because of ``why``; a halt stays one."""
    if latch.startswith(TradingState.HALTED.value):
        return latch
    return f"{TradingState.REDUCING.value}: {why}"


def _call(loop: asyncio.AbstractEventLoop, answer: Callable[..., None], *values: object) -> None:
    """Answer on the caller's loop; a loop that has ended in the meantime waits for nothing any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(answer, *values)


def _resolve(done: asyncio.Future[None], error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _give(done: asyncio.Future[Resumed], resumed: Resumed) -> None:
    if not done.done():
        done.set_result(resumed)


def _fail(done: asyncio.Future[Resumed], error: OSError) -> None:
    if not done.done():
        done.set_exception(error)
