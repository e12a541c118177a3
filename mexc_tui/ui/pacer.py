"""How often a slow terminal may be drawn to, so that what it shows is young rather than smooth."""

from __future__ import annotations

from typing import Protocol

PIPE_BYTES = 20_000
"""What a pseudo terminal of Linux takes before a write blocks (21,024 measured)."""
DELAY_S = 0.25
"""How much of the pipe, in time, may be full when the next frame is drawn."""
PROBE_S = 15.0
"""After so long without a blocked write the rate is taken for a little higher, then for more and more."""
SEEK_S, SEEK_GAIN = 1.0, 1.4
"""The first estimate is a lower bound: it is raised like this until a write blocks."""
BACK_OFF = 0.8
"""What a rate was too high by when a write blocks all the same."""
SHORTEST_S = 0.2
"""Shorter spans between two blocked writes say nothing of the rate."""
FAST = 2_000_000
"""Bytes a second at which there is nothing to pace."""


class Terminal(Protocol):
    """What can be known of the way to the terminal."""

    def backlog(self) -> int:
        """Return how many writes wait because the terminal's pipe is full."""

    def written(self) -> int:
        """Return how many bytes have been handed over in all."""


class Unhindered:
    """A terminal that takes everything at once."""

    def backlog(self) -> int:
        """Return zero: nothing ever waits."""
        return 0

    def written(self) -> int:
        """Return zero: nothing is counted."""
        return 0


class Pacer:
    """Says when the next frame may be drawn.

    A write blocks only when the pipe is full, and a full pipe at 20 kB/s is a second old. So the first blocked writes
    are used to learn the rate, and from then on frames are spaced so that the pipe stays nearly empty.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._rate = 0.0
        self._full = 0.0
        self._now_ns = 0
        self._written = 0
        self._blocked = False
        self._idle_s = 0.0
        self._cleared: tuple[int, int] | None = None
        self._quiet_ns = 0
        self._probes = 0
        self._settled = False

    @property
    def rate(self) -> float:
        """Bytes a second that the terminal takes, as far as is known; zero while it has never been the limit."""
        return self._rate

    def backlog(self) -> int:
        """Return how many writes wait for the terminal."""
        return self._terminal.backlog()

    def may_draw(self, now_ns: int) -> bool:
        """Whether a frame may be drawn now. To be asked once a tick."""
        self._drain(now_ns)
        if self._terminal.backlog() > 0:
            self._blocked = True
            self._quiet_ns, self._probes = now_ns, 0
            return False
        if self._blocked:
            self._blocked = False
            self._learn(now_ns)
        self._probe(now_ns)
        return not self._rate or self._full <= self._rate * DELAY_S

    def _drain(self, now_ns: int) -> None:
        """Follow what is in the pipe: what was written since the last tick, less what has left it."""
        elapsed = (now_ns - self._now_ns) / 1e9 if self._now_ns else 0.0
        written = self._terminal.written()
        left = self._full + (written - self._written) - self._rate * elapsed
        if self._rate and left < 0:
            self._idle_s += -left / self._rate
        self._full = max(0.0, left)
        self._now_ns, self._written = now_ns, written

    def _learn(self, now_ns: int) -> None:
        """Take the rate from what went through between two moments at which the pipe was just full."""
        self._full = float(PIPE_BYTES)
        known = self._rate
        if self._cleared is not None:
            then_ns, then_written = self._cleared
            busy_s = (now_ns - then_ns) / 1e9 - self._idle_s
            if busy_s < SHORTEST_S:
                return
            self._rate = max((self._written - then_written) / busy_s, known * BACK_OFF)
            self._settled = known > 0
        self._cleared = (now_ns, self._written)
        self._idle_s = 0.0

    def _probe(self, now_ns: int) -> None:
        """Suppose after a while that the link is faster; if it is not, the next blocked write tells."""
        wait_s = PROBE_S if self._settled else SEEK_S
        if not self._rate or (now_ns - self._quiet_ns) / 1e9 < wait_s:
            return
        self._quiet_ns = now_ns
        if self._settled:
            self._rate *= 1 + 0.1 * 2**self._probes
            self._probes += 1
        else:
            self._rate *= SEEK_GAIN
        if self._rate > FAST:
            self._rate, self._cleared, self._full, self._settled = 0.0, None, 0.0, False
