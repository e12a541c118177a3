"""When the exchange asks for quiet, blocks this address or fails: what waits, and what tries all the same."""

from __future__ import annotations

from collections.abc import Callable

_SHORTEST_S = 1.0
"""The shortest pause, even where the exchange asks for none at all."""
_FIRST_GAP_S = 1.0
_GAP_GROWTH = 1.5
_LONGEST_GAP_S = 5.0
_TURN_S = 0.1
"""How long others wait before they look again whether the first request after a pause was answered."""


class Pauses:
    """One pause at a time, and the probes that go on through it.

    While a pause lasts, nothing goes out but what is urgent: cancels, and the open orders that a halt asks for. Those
    are never held for the length of a pause, also where the exchange named it, nor while the host fails. They go one
    by one: the next as soon as one was answered, and after a refusal a second later, growing to five, so that MEXC
    sees at most 15 refused requests a minute whatever is asked for here. After a pause one request goes ahead and the
    others when it was answered.
    """

    def __init__(self, now: Callable[[], float], failing: Callable[[], bool]) -> None:
        """``now`` in seconds; ``failing`` tells whether the host has failed too often to be trusted."""
        self._now = now
        self._failing = failing
        self._until = 0.0
        self._gap_s = 0.0
        self._next = 0.0
        self._probing = False
        self.reason = ""
        self.unproven = False
        """Whether nothing has been answered since the last pause."""

    @property
    def left_s(self) -> float:
        """Seconds that are left of a pause."""
        return max(0.0, self._until - self._now())

    def begin(self, seconds: float, reason: str) -> None:
        """Pause for so long; a pause under way is never shortened."""
        self.unproven = True
        until = self._now() + max(seconds, _SHORTEST_S)
        if until > self._until:
            self._until, self.reason = until, reason

    def wait_s(self, now: float, *, urgent: bool) -> float:
        """Return the seconds until a request may go."""
        if now < self._until and not urgent:
            return self._until - now
        if not self._trouble(now):
            return 0.0
        wait = max(0.0, self._next - now)
        return wait if urgent else min(wait, _TURN_S)

    def started(self, now: float) -> None:
        """Take note that a request goes out."""
        if self._trouble(now):
            self._probing = True
            self._next = now + max(self._gap_s, _FIRST_GAP_S)

    def answered(self, *, urgent: bool) -> None:
        """Take note that a request was served, or refused for a reason of its own."""
        if self.left_s and not urgent:
            return  # it left before the pause
        self._probing = False
        self._next = 0.0
        self.unproven = bool(self.left_s) and self.unproven

    def refused(self) -> None:
        """Take note that an urgent request met the trouble."""
        now = self._now()
        if not self._probing:
            self._next = now + _FIRST_GAP_S  # it left before the trouble was known
            return
        self._probing = False
        self._gap_s = min(_LONGEST_GAP_S, self._gap_s * _GAP_GROWTH) or _FIRST_GAP_S
        self._next = now + self._gap_s

    def _trouble(self, now: float) -> bool:
        if now < self._until or self.unproven or self._failing():
            return True
        self._gap_s = self._next = 0.0
        self._probing = False
        return False
