"""Exchange time: what happens in it, in which order, and who is notified."""

from __future__ import annotations

from typing import Protocol

from mexc_tui.venues.simulator.core.events import Listener, SimEvent


class Source(Protocol):
    """Something that acts by itself as time passes and knows when it acts next."""

    def prepare(self, now_ms: int) -> None:
        """Learn how far time is about to move, so as to bound the work."""

    def next_ms(self) -> int | None:
        """Return the time of the next event, None while there is none."""

    def advance(self, now_ms: int) -> None:
        """Let everything happen that happens up to ``now_ms``, in order, at its own time."""


class Timeline:
    """The clock of one exchange, in milliseconds; it moves only by ``advance`` and never runs back."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self._sources: list[Source] = []
        self._listeners: list[Listener] = []

    def clock(self) -> int:
        """Return exchange time."""
        return self.now_ms

    @property
    def heard(self) -> bool:
        """Whether anybody listens: the minutes that a market trades before that need no events."""
        return bool(self._listeners)

    def listen(self, listener: Listener) -> None:
        """Announce every event to ``listener``, at once and in order."""
        self._listeners.append(listener)

    def emit(self, event: SimEvent) -> None:
        """Announce an event."""
        for listener in self._listeners:
            listener(event)

    def add(self, source: Source, *, first: bool = False) -> None:
        """Let a source act in time. Of those due at the same time the one added earlier goes first."""
        self._sources.insert(0 if first else len(self._sources), source)

    def advance(self, now_ms: int) -> None:
        """Move time forward. Events of all sources happen in the order of their times."""
        for source in self._sources:
            source.prepare(now_ms)
        while True:
            times = [(at, place) for place, s in enumerate(self._sources) if (at := s.next_ms()) is not None]
            at, place = min(times, default=(now_ms + 1, -1))
            if at > now_ms:
                break
            self.now_ms = max(self.now_ms, at)
            self._sources[place].advance(at)
        self.now_ms = max(self.now_ms, now_ms)
