"""How fast a client is read: at its own speed up to a point, so that one that runs wild takes no time from others."""

from __future__ import annotations

from mexc_tui.desk.protocol import Ack, Ask, Look, Submit, ToDesk
from mexc_tui.domain.commands import CancelAll, Flatten, Reconcile

BURST = 500.0
"""What may come at once, in the units of ``cost_of``: a hundred commands."""
PER_SECOND = 100.0
"""Beyond the burst: twenty commands a second, four times what the gate lets through as orders by default."""
_MESSAGE, _SWEEP = 5.0, 20.0


def cost_of(message: ToDesk, topics: frozenset[str]) -> float:
    """Return what a message costs a client that looks at these topics so far.

    What asks the exchange for a whole account costs more than one order, and each new topic may be a book to read.
    Acknowledgements are free: each needs a batch of the desk before it.
    """
    if isinstance(message, Ack):
        return 0.0
    if isinstance(message, Look):
        return _MESSAGE + len(message.interest.topics - topics)
    if isinstance(message, Submit) and isinstance(message.command, CancelAll | Flatten | Reconcile):
        return _SWEEP
    return _MESSAGE if isinstance(message, Submit | Ask) else 0.0


class Pace:
    """One client's. A message is taken at once; how long the next one has to wait is what ``spend`` returns."""

    def __init__(self, now_s: float) -> None:
        self._left = BURST
        self._at_s = now_s

    def spend(self, cost: float, now_s: float) -> float:
        """Take the cost of a message that came now and return for how many seconds no other one is to be read."""
        self._left = min(BURST, self._left + max(0.0, now_s - self._at_s) * PER_SECOND) - cost
        self._at_s = now_s
        return max(0.0, -self._left / PER_SECOND)
