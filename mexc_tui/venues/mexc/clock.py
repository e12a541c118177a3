"""The time that MEXC's venue runs by, so that tests need not wait."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never jumps."""

    def monotonic_ns(self) -> int:
        """Return the same clock in nanoseconds."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by this machine's clock, which may be wrong and may jump."""

    async def sleep(self, seconds: float) -> None:
        """Return after that time."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the monotonic clock."""
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)
