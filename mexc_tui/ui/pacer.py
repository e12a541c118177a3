"""When the next frame may be drawn, and how old what the terminal shows is: told by the terminal's own answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from mexc_tui.ui.terminal_input import PLACE_QUERY, STATUS_QUERY

IN_FLIGHT = 2
"""Frames that may be on their way over a line of some length."""
SLOW_NS = 500_000_000
"""A line on which a frame takes longer than this gets one at a time: each shows as young as the line allows."""
FIRST_NS = 3_000_000_000
"""A terminal that has answered nothing for so long does not answer."""
SILENT_NS = 5_000_000_000
"""After so long without an answer one is taken for lost, and a frame is drawn with a query that cannot be mistaken."""


class Terminal(Protocol):
    """The way to the terminal, as far as it matters to when is drawn."""

    @property
    def answers(self) -> bool:
        """Whether there is a terminal that may answer at all."""

    def backlog(self) -> int:
        """Return how many writes wait because the terminal's pipe is full."""

    def written(self) -> int:
        """Return how many bytes have been handed over in all."""

    def query(self, text: str) -> None:
        """Send a query behind everything that was written."""

    def when_painted(self, done: Callable[[], None]) -> None:
        """Call back when all that has changed by now has been written."""


class Unhindered:
    """A terminal that shows everything at once."""

    answers = False

    def backlog(self) -> int:
        """Return zero: nothing ever waits."""
        return 0

    def written(self) -> int:
        """Return zero: nothing is counted."""
        return 0

    def query(self, text: str) -> None:
        """Ask nothing: everything is shown."""

    def when_painted(self, done: Callable[[], None]) -> None:
        """Call back at once."""
        done()


class Glass(msgspec.Struct, frozen=True, gc=False):
    """What is known of the picture that the user has before them."""

    shown_ns: int = 0
    """Moment of the newest frame that is known to be on the screen, on the monotonic clock; zero before the first."""
    lag_ns: int = 0
    """How long a frame takes now from the moment that it shows to the terminal's answer."""
    known: bool = True
    """Whether the terminal answers; where it does not, a frame counts as shown when it is written."""


class _Asked(msgspec.Struct, gc=False):
    """A query on its way, and the newest frame before it."""

    query: str
    moment_ns: int
    sent_ns: int


class Pacer:
    """Sends a query behind each frame, and lets no more than a few be on their way.

    A write that does not block says nothing: ssh and kernels along the way take hundreds of kilobytes. An answer says
    that everything before its query has been shown. So a slow line is drawn to as often as it takes whole frames, and a
    busy machine is not taken for a slow line: it answers late, once.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._asked: deque[_Asked] = deque()
        self._answers: bool | None = None
        self._written = 0
        self._shown_ns = 0
        self._lag_ns = 0
        self._ending = False

    def backlog(self) -> int:
        """Return how many writes wait for the terminal."""
        return self._terminal.backlog()

    def may_draw(self, now_ns: int) -> bool:
        """Whether a frame may be drawn now."""
        if self._ending or self._terminal.backlog() > 0:
            return False
        if self._asked and self._answers is None and now_ns - self._asked[0].sent_ns > FIRST_NS:
            self._answers = False
        most = 1 if self._lag_ns > SLOW_NS else IN_FLIGHT
        if self._answers is False or len(self._asked) < most:
            return True
        return now_ns - self._asked[-1].sent_ns > SILENT_NS

    def begin(self, now_ns: int) -> None:
        """Ask before anything is drawn: the answer to that waits for nothing, and tells whether there are any."""
        self._asked.clear()
        self._written, self._shown_ns, self._ending = 0, 0, False
        if self._terminal.answers:
            self._ask(STATUS_QUERY, 0, now_ns)

    def end(self) -> None:
        """Draw and ask nothing more, until ``begin``."""
        self._ending = True

    @property
    def quiet(self) -> bool:
        """Whether no answer is on its way any more, which whoever has the terminal next would get."""
        return not self._asked or self._answers is False

    def drawn(self, moment_ns: int, now: Callable[[], int]) -> None:
        """Follow a frame to the screen; ``now`` tells the time."""
        self._terminal.when_painted(lambda: self._painted(moment_ns, now()))

    def _painted(self, moment_ns: int, now_ns: int) -> None:
        if self._ending:
            return
        if not self._terminal.answers or self._answers is False:
            self._shown_ns = max(self._shown_ns, moment_ns)
        elif self._terminal.written() != self._written:
            silent = bool(self._asked) and now_ns - self._asked[-1].sent_ns > SILENT_NS
            self._ask(PLACE_QUERY if silent else STATUS_QUERY, moment_ns, now_ns)
        elif self._asked:
            self._asked[-1].moment_ns = moment_ns
        else:
            self._shown_ns = moment_ns

    def _ask(self, query: str, moment_ns: int, now_ns: int) -> None:
        self._terminal.query(query)
        self._written = self._terminal.written()
        self._asked.append(_Asked(query, moment_ns, now_ns))

    def answered(self, query: str, now_ns: int) -> None:
        """Take an answer: what was written before its query is on the screen, and queries before it were lost."""
        if all(asked.query != query for asked in self._asked):
            return
        asked = self._asked.popleft()
        while asked.query != query:
            asked = self._asked.popleft()
        self._shown_ns = asked.moment_ns if self._answers is False else max(self._shown_ns, asked.moment_ns)
        self._answers = True
        self._lag_ns = max(0, now_ns - asked.sent_ns)

    def glass(self, now_ns: int) -> Glass:
        """Return what is known of the picture on the screen."""
        if not self._terminal.answers or self._answers is False:
            return Glass(self._shown_ns, 0, known=not self._terminal.answers)
        waits_ns = now_ns - self._asked[0].sent_ns if self._asked else 0
        return Glass(self._shown_ns, max(self._lag_ns, waits_ns))
