"""A clock that only a test moves: an hour costs no waiting."""

from __future__ import annotations

import asyncio
import heapq
import itertools

START_MS = 1_790_000_000_000


class HandClock:
    """Time passes only by ``advance``; whoever sleeps wakes when it has come so far."""

    def __init__(self) -> None:
        self._ms = 0
        self._slept_ms = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return 1_000 + self._ms / 1_000

    def monotonic_ns(self) -> int:
        return 1_000_000_000_000 + self._ms * 1_000_000

    def wall_ms(self) -> int:
        return START_MS + self._ms + self._slept_ms

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._ms + seconds * 1_000, next(self._order), woken))
        await woken

    def sleep_machine(self, ms: int) -> None:
        """Let time pass of which the monotonic clock knows nothing, as while the machine is suspended."""
        self._slept_ms += ms

    def advance(self, ms: int) -> None:
        self._ms += ms
        while self._sleepers and self._sleepers[0][0] <= self._ms:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
