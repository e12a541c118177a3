"""The exchange's clock: how far it is from ours, measured by round trips and kept fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.answers import shut

_SAMPLES = 3
_PASSING = (ErrorKind.NETWORK, ErrorKind.SERVER, ErrorKind.UNREADABLE)
_PATIENCE_S = 5.0
"""After failures that took so long no further sample is asked for."""
_JUMP_MS = 500
"""A wall clock that moved this much against the monotonic one was set, or the machine slept."""


class ClockReading(msgspec.Struct, frozen=True, gc=False):
    """``offset_ms`` is the exchange's clock less ours, right to within half of ``round_trip_ms``."""

    offset_ms: float
    round_trip_ms: float
    wall_ms: int
    mono_s: float


class RequestTiming:
    """When a request left, by both clocks, and how long the answer took; waiting for the budget is not in it."""

    __slots__ = ("mono_s", "took_ms", "wall_ms")

    def __init__(self) -> None:
        self.wall_ms = 0
        self.mono_s = 0.0
        self.took_ms = 0.0


class ServerTime:
    """Gives the exchange's time; asks again when the reading is old, doubted, or our own clock was changed."""

    def __init__(self, clock: Clock, refresh_s: float, ask: Callable[[], Awaitable[tuple[int, RequestTiming]]]) -> None:
        self._clock = clock
        self._refresh_s = refresh_s
        self._ask = ask
        self._reading: ClockReading | None = None
        self._doubted = False
        self._running: asyncio.Task[None] | None = None

    @property
    def reading(self) -> ClockReading | None:
        """The latest measurement; None before the first."""
        return self._reading

    def now_ms(self) -> int:
        """Return the exchange's time; our own while nothing has been measured."""
        offset = self._reading.offset_ms if self._reading is not None else 0.0
        return round(self._clock.wall_ms() + offset)

    def doubt(self) -> None:
        """Have it measured again before the next signed request."""
        self._doubted = True

    async def sync(self) -> ClockReading:
        """Measure the offset, keeping the sample with the shortest round trip; VenueError if there is none."""
        best: ClockReading | None = None
        failure: VenueError | None = None
        began = self._clock.monotonic()
        for _ in range(_SAMPLES):
            try:
                server_ms, timing = await self._ask()
            except VenueError as error:
                if not error.sent:
                    failure = failure or error  # what the exchange did says more than that we waited afterwards
                    break  # held back: so would be the next
                failure = error
                if error.kind not in _PASSING:
                    break  # the next would have to wait until the exchange lets it in
                if self._clock.monotonic() - began > _PATIENCE_S:
                    break  # nobody should wait as long again for the same silence
                continue
            offset = server_ms - (timing.wall_ms + timing.took_ms / 2)
            sample = ClockReading(offset, timing.took_ms, timing.wall_ms, timing.mono_s)
            if best is None or sample.round_trip_ms < best.round_trip_ms:
                best = sample
        if best is None:
            assert failure is not None
            raise failure
        self._reading, self._doubted = best, False
        return best

    @property
    def trusted(self) -> bool:
        """Whether there is a reading that nothing speaks against; its age does not."""
        reading = self._reading
        return reading is not None and not self._doubted and not self._jumped(reading)

    def renew_when_old(self) -> None:
        """Have an old reading measured again aside, delaying nobody."""
        reading = self._reading
        if reading is not None and self._clock.monotonic() - reading.mono_s > self._refresh_s:
            self._start()

    async def measure(self) -> None:
        """Return after a new measurement, which is shared with everybody who waits for one; VenueError if it fails."""
        running = self._start()
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if running.cancelled() and not (asking is not None and asking.cancelling()):
                raise shut() from None
            raise

    async def close(self) -> None:
        """Give up a measurement that is under way."""
        task, self._running = self._running, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _jumped(self, reading: ClockReading) -> bool:
        expected = reading.wall_ms + (self._clock.monotonic() - reading.mono_s) * 1_000
        return abs(self._clock.wall_ms() - expected) > _JUMP_MS

    def _start(self) -> asyncio.Task[None]:
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._measure())
            self._running.add_done_callback(_seen)
        return self._running

    async def _measure(self) -> None:
        await self.sync()


def _seen(task: asyncio.Task[None]) -> None:
    """Take note of a failure; that the host did not answer is no news, the next signed request meets it too."""
    if not task.cancelled() and not isinstance(task.exception(), VenueError | None):
        task.get_loop().call_exception_handler({"message": "clock measurement failed", "task": task})
