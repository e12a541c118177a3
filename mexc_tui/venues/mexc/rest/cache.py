"""Answers kept for a stated time, one request for many askers, and a bounded memory of finished things."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

import msgspec

from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.errors import shut

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class HitRate(msgspec.Struct, frozen=True):
    """How often a cache had the answer."""

    hits: int
    misses: int

    @property
    def rate(self) -> float | None:
        """Part of the questions that it could answer; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class TtlCache:
    """Keeps answers by name and key. Askers of the same key at the same time share one request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, Hashable], tuple[float, Any]] = {}
        self._running: dict[tuple[str, Hashable], asyncio.Task[Any]] = {}
        self._counts: dict[str, list[int]] = {}

    async def get(self, name: str, key: Hashable, ttl_s: float, load: Callable[[], Awaitable[T]]) -> T:
        """Return the kept answer, or what ``load`` gives; a failure reaches every asker and is not kept."""
        entry = (name, key)
        counts = self._counts.setdefault(name, [0, 0])
        kept = self._kept.get(entry)
        if kept is not None and self._clock.monotonic() < kept[0]:
            counts[0] += 1
            value: T = kept[1]
            return value
        task = self._running.get(entry)
        if task is None:
            counts[1] += 1
            task = asyncio.ensure_future(self._load(entry, ttl_s, load))
            self._running[entry] = task
            task.add_done_callback(_retrieve)
        else:
            counts[0] += 1
        try:
            answer: T = await asyncio.shield(task)
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if task.cancelled() and not (asking is not None and asking.cancelling()):
                raise shut() from None
            raise
        return answer

    def forget(self, name: str) -> None:
        """Drop every answer of a name."""
        for entry in [entry for entry in self._kept if entry[0] == name]:
            del self._kept[entry]

    def rates(self) -> dict[str, HitRate]:
        """Return the hit rate of each name."""
        return {name: HitRate(hits, misses) for name, (hits, misses) in self._counts.items()}

    async def close(self) -> None:
        """Give up what is still being asked."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _load(self, entry: tuple[str, Hashable], ttl_s: float, load: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await load()
            if ttl_s > 0:
                self._kept[entry] = (self._clock.monotonic() + ttl_s, value)
            return value
        finally:
            self._running.pop(entry, None)


class Lru(Generic[K, V]):
    """At most ``size`` values; the one not used for longest goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._hits = 0
        self._misses = 0

    def get(self, key: K) -> V | None:
        """Return a value and mark it as used."""
        value = self._values.get(key)
        if value is None:
            self._misses += 1
            return None
        self._hits += 1
        self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def rate(self) -> HitRate:
        """How often a value was there."""
        return HitRate(self._hits, self._misses)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Mark a failure as seen even if every asker has gone."""
    if not task.cancelled():
        task.exception()
