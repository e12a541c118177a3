"""A circuit breaker: after repeated failures of a host, stop hammering it and try again carefully."""

from __future__ import annotations

from enum import StrEnum

from mexc_tui.venues.mexc.clock import Clock


class BreakerState(StrEnum):
    CLOSED = "closed"
    """Requests pass."""
    OPEN = "open"
    """Requests are refused here."""
    HALF_OPEN = "half open"
    """One request may try."""


class CircuitBreaker:
    """Opens after ``failures`` failures in a row; each failed try doubles the pause up to ``longest_s``."""

    def __init__(self, clock: Clock, *, failures: int, open_s: float, longest_s: float) -> None:
        self._clock = clock
        self._threshold = failures
        self._open_s = open_s
        self._longest_s = longest_s
        self._pause_s = open_s
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.wait_s > 0 else BreakerState.HALF_OPEN

    @property
    def failures(self) -> int:
        """Failures in a row so far."""
        return self._failures

    @property
    def wait_s(self) -> float:
        """Seconds until a request may try; zero unless it is open."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._pause_s - self._clock.monotonic())

    def admit(self) -> bool:
        """Whether a request may go now; half open admits one until it has been reported."""
        state = self.state
        if state is BreakerState.CLOSED:
            return True
        if state is BreakerState.OPEN or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Report that the host answered."""
        self._failures = 0
        self._opened_at = None
        self._probing = False
        self._pause_s = self._open_s

    def failed(self) -> None:
        """Report that the host could not be reached or is broken."""
        self._failures += 1
        if self._opened_at is not None:
            if self.state is BreakerState.HALF_OPEN:
                self._pause_s = min(self._pause_s * 2, self._longest_s)
                self._opened_at = self._clock.monotonic()
        elif self._failures >= self._threshold:
            self._opened_at = self._clock.monotonic()
        self._probing = False

    def abandoned(self) -> None:
        """Report that an admitted request was given up without learning anything."""
        self._probing = False
