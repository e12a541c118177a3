"""The journal on its own thread, so that no loop ever waits for a disk."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from mexc_tui.kernel.effects import Record
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError
from mexc_tui.store.lock import FileLock

BACKLOG_LIMIT = 100_000
"""Records kept in memory while the disk refuses them."""

QUIET_S = 0.5
TIDY_AFTER = 200
"""Commits after which the write-ahead log is folded into the file at the next quiet moment."""

TIDY_BY = 10_000
"""Commits after which it is folded in whether it is quiet or not."""

_Answer = Callable[[OSError | None], None]


class _Write:
    __slots__ = ("answer", "records")

    def __init__(self, records: tuple[Record, ...], answer: _Answer | None) -> None:
        self.records = records
        self.answer = answer


class SqliteJournal:
    """Append-only storage of records: ``JournalPort``.

    Whatever waits when the disk becomes free is committed together. Records that nobody waits for and that could
    not be written stay in memory and go first with the next commit; those that somebody waits for are dropped when
    they fail, because the waiting caller is told and acts on it.
    """

    def __init__(self, path: Path) -> None:
        """Lock and open the journal; its folder is made if need be.

        Raises:
            JournalInUseError: another terminal holds it.
            JournalError: it cannot be used; the text says why.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"The journal's folder {path.parent} cannot be made: {error.strerror}.") from error
        self._lock = FileLock(path.with_suffix(".lock"))
        try:
            self._database = Database(path)
        except JournalError:
            self._lock.release()
            raise
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
        self._work.put(_Write(tuple(records), lambda error: _call(loop, _settle, done, error)))
        await done

    async def replay(self) -> tuple[Record, ...]:
        """Return every record in the order written.

        Raises:
            OSError: the journal is damaged.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Record, ...]] = loop.create_future()

        def read() -> None:
            try:
                records = self._database.replay()
            except OSError as error:
                _call(loop, _fail, done, error)
            else:
                _call(loop, _give, done, records)

        self._work.put(read)
        return await done

    async def close(self) -> None:
        """Write what is waiting and release the file; harmless when repeated."""
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
        self._database.close()
        self._lock.release()

    def _next_work(self) -> _Write | Callable[[], None] | None:
        """Wait for work; after a quiet while tidy up first, so that no order ever waits for it."""
        if self._untidy >= TIDY_BY:
            self._database.tidy()
            self._untidy = 0
        elif self._untidy >= TIDY_AFTER:
            try:
                return self._work.get(timeout=QUIET_S)
            except queue.Empty:
                self._database.tidy()
                self._untidy = 0
        return self._work.get()

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
        self._untidy += 1
        for write in batch:
            if write.answer is not None:
                write.answer(self._problem)


def _call(loop: asyncio.AbstractEventLoop, answer: Callable[..., None], *values: object) -> None:
    """Answer on the caller's loop; a loop that has ended in the meantime waits for nothing any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(answer, *values)


def _settle(done: asyncio.Future[None], error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _give(done: asyncio.Future[tuple[Record, ...]], records: tuple[Record, ...]) -> None:
    if not done.done():
        done.set_result(records)


def _fail(done: asyncio.Future[tuple[Record, ...]], error: OSError) -> None:
    if not done.done():
        done.set_exception(error)
