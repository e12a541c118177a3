"""Connections shared out by urgency, so that what is urgent never waits behind slow answers to what is not."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum


class Duty(StrEnum):
    """What a request is for, by rising worth; it decides who goes first when budget or connections are short."""

    REST = "rest"
    """Everything else."""
    ACCOUNT = "account"
    """Comparing orders, fills and balances."""
    BOOK = "book"
    """Reading books that are not live."""
    LOOKUP = "look-up"
    """Asking what became of one order."""
    PLACE = "place"
    CANCEL = "cancel"
    SWEEP = "sweep"
    """Asking what is left to cancel."""

    @property
    def urgent(self) -> bool:
        """Whether it takes risk away, so that it uses what is kept for that and tries through every pause."""
        return self is Duty.CANCEL or self is Duty.SWEEP


_URGENT_FIRST = tuple(reversed(Duty))
_PARTS = {
    Duty.SWEEP: 1.0,
    Duty.CANCEL: 1.0,
    Duty.PLACE: 0.875,
    Duty.LOOKUP: 0.8125,
    Duty.BOOK: 0.75,
    Duty.ACCOUNT: 0.6875,
    Duty.REST: 0.625,
}
"""How much of all connections each kind of request may bring into use."""


class RequestQueue:
    """Counts requests that are under way; each kind may fill the connections up to its part."""

    def __init__(self, connections: int) -> None:
        self._most = {duty: max(1, int(connections * part)) for duty, part in _PARTS.items()}
        self._waiting: dict[Duty, deque[asyncio.Future[None]]] = {duty: deque() for duty in Duty}
        self._busy = 0
        self._queued = 0

    @property
    def busy(self) -> int:
        """Requests that are under way."""
        return self._busy

    def enter_now(self, duty: Duty) -> bool:
        """Take a connection if one is free for this kind of request and nobody waits for it."""
        if self._busy >= self._most[duty] or (self._queued and self._waiting[duty]):
            return False
        self._busy += 1
        return True

    async def enter(self, duty: Duty) -> None:
        """Take a connection as soon as there is one; those who wait longest go first, the urgent before the others."""
        if self.enter_now(duty):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[duty].append(turn)
        self._queued += 1
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._waiting[duty]:
                self._waiting[duty].remove(turn)
            raise
        finally:
            self._queued -= 1

    def leave(self) -> None:
        """Give a connection back."""
        self._busy -= 1
        if not self._queued:
            return
        for duty in _URGENT_FIRST:
            queue = self._waiting[duty]
            while queue and queue[0].done():
                queue.popleft()
            if queue:
                if self._busy < self._most[duty]:
                    self._busy += 1
                    queue.popleft().set_result(None)
                return
