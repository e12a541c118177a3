"""A disk that can be slow or full, and that keeps what was committed when the desk dies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.records import Record, Resumed, StateRecord
from tests.simulation.loop import VirtualLoop


class Disk:
    """Outlives every desk."""

    def __init__(self) -> None:
        self.rows: list[Record] = []
        self.latch = ""
        """The trading state beside the journal, in a place of its own that is there on a full disk too."""
        self.full = False
        self.slow_ms = 0


class Journal:
    """``JournalPort`` with the rules of the real one: what waits is committed together; what nobody waits for is kept
    in memory while the disk refuses it; what somebody waits for is dropped, and they are told."""

    def __init__(self, loop: VirtualLoop, rng: Random, disk: Disk) -> None:
        self._loop = loop
        self._rng = rng
        self._disk = disk
        self._waiting: list[tuple[tuple[Record, ...], asyncio.Future[None] | None]] = []
        self._writing: list[tuple[tuple[Record, ...], asyncio.Future[None] | None]] = []
        self._backlog: list[Record] = []
        self._problem: OSError | None = None
        self._dead = False

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._writing or self._backlog)

    def resume(self) -> Resumed:
        """Return all records, or a snapshot of the first of them and the rest."""
        rows = tuple(self._disk.rows)
        split = self._rng.randint(0, len(rows)) if self._rng.random() < 0.3 else 0
        if not split:
            return Resumed(records=rows, latch=self._disk.latch)
        fold = Fold("USDT")
        fold.add(rows[:split])
        return Resumed(snapshot=fold.snapshot(), records=rows[split:], latch=self._disk.latch)

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        done = self._loop.create_future() if durable else None
        self._waiting.append((tuple(records), done))
        self._write()
        if done is not None:
            await done
        elif self._problem is not None:
            raise self._problem

    async def latch(self, record: StateRecord) -> None:
        """Keep the trading state in both places; an active one in the journal first."""
        if record.value == TradingState.ACTIVE.value:
            await self.append((record,), durable=True)
        await asyncio.sleep(self._rng.randint(1, 4) / 1_000)
        self._disk.latch = record.value
        if record.value != TradingState.ACTIVE.value:
            await self.append((record,), durable=True)

    def _write(self) -> None:
        if self._writing or not self._waiting:
            return
        self._writing, self._waiting = self._waiting, []
        self._loop.after(self._rng.randint(1, 4) + self._disk.slow_ms, self._written)

    def _written(self) -> None:
        if self._dead:
            return
        batch, self._writing = self._writing, []
        if self._disk.full:
            self._problem = OSError("no space left on device")
            self._backlog += [record for records, done in batch if done is None for record in records]
        else:
            self._problem = None
            self._commit(batch)
        for _, done in batch:
            if done is None or done.done():
                continue
            if self._problem is None:
                done.set_result(None)
            else:
                done.set_exception(self._problem)
        if self._backlog and not self._waiting:
            self._loop.after(500, self._try_again)
        self._write()

    def _try_again(self) -> None:
        if self._backlog and not self._waiting and not self._writing:
            self._waiting.append(((), None))
            self._write()

    def _commit(self, batch: list[tuple[tuple[Record, ...], asyncio.Future[None] | None]]) -> None:
        self._disk.rows += self._backlog + [record for records, _ in batch for record in records]
        self._backlog = []

    def kill(self) -> None:
        """End here: what was being written is there or is not, what waited is gone."""
        self._dead = True
        if self._writing and not self._disk.full and self._rng.random() < 0.5:
            self._commit(self._writing)
