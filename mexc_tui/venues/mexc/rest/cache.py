"""Answers kept for a stated time, and one request for many askers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

import msgspec
from cachetools import TLRUCache

from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.answers import shut

T = TypeVar("T")

_MOST_KEPT = 4_096


class HitRate(msgspec.Struct):
    """How often a cache had the answer."""

    hits: int = 0
    misses: int = 0

    def count(self, *, hit: bool) -> None:
        """Count one question."""
        self.hits += hit
        self.misses += not hit

    @property
    def rate(self) -> float | None:
        """Part of the questions that it could answer; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class TtlCache:
    """Keeps answers by name and key. Askers of the same key at the same time share one request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: TLRUCache[tuple[str, Hashable], tuple[float, Any], float] = TLRUCache(
            _MOST_KEPT, lambda _, kept, __: kept[0], clock.monotonic
        )
        self._running: dict[tuple[str, Hashable], asyncio.Task[Any]] = {}
        self._rates: dict[str, HitRate] = {}

    async def get(self, name: str, key: Hashable, ttl_s: float, load: Callable[[], Awaitable[T]]) -> T:
        """Return the kept answer, or what ``load`` gives; a failure reaches every asker and is not kept."""
        entry = (name, key)
        kept, task = self._kept.get(entry), self._running.get(entry)
        self._rates.setdefault(name, HitRate()).count(hit=kept is not None or task is not None)
        if kept is not None:
            value: T = kept[1]
            return value
        if task is None:
            task = self._running[entry] = asyncio.ensure_future(self._load(entry, ttl_s, load))
            task.add_done_callback(_retrieve)
        try:
            answer: T = await asyncio.shield(task)
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if task.cancelled() and not (asking is not None and asking.cancelling()):
                raise shut() from None
            raise
        return answer

    def forget(self, name: str) -> None:
        """Drop every answer of a name; one that is under way still reaches its askers and is not kept."""
        for entries in (self._kept, self._running):
            for entry in [entry for entry in entries if entry[0] == name]:
                del entries[entry]

    def rates(self) -> dict[str, HitRate]:
        """Return the hit rate of each name."""
        return {name: HitRate(kept.hits, kept.misses) for name, kept in self._rates.items()}

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
            if self._running.get(entry) is asyncio.current_task():
                self._kept[entry] = (self._clock.monotonic() + ttl_s, value)
            return value
        finally:
            if self._running.get(entry) is asyncio.current_task():
                del self._running[entry]


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Mark a failure as seen even if every asker has gone."""
    if not task.cancelled():
        task.exception()
