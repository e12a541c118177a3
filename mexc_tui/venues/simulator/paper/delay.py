"""Delayed delivery: what is sent arrives after a while, and nothing overtakes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class DelayLine:
    """A ``Source`` that calls what was sent through it when its delay is over."""

    def __init__(self, clock: Callable[[], int], delay_ms: Callable[[], int]) -> None:
        self._clock = clock
        self._delay_ms = delay_ms
        self._sent: deque[tuple[int, Callable[[], None]]] = deque()

    def send(self, arrive: Callable[[], None]) -> None:
        """Call ``arrive`` when the delay is over."""
        due = self._clock() + max(0, self._delay_ms())
        if self._sent:
            due = max(due, self._sent[-1][0])
        self._sent.append((due, arrive))

    def prepare(self, now_ms: int) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int | None:
        """Return when the next thing arrives."""
        return self._sent[0][0] if self._sent else None

    def advance(self, now_ms: int) -> None:
        """Deliver what is due."""
        while self._sent and self._sent[0][0] <= now_ms:
            self._sent.popleft()[1]()
