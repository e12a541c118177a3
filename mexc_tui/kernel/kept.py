"""State that a restart takes up, written again where the journal may have lost it."""

from __future__ import annotations

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.records import StateRecord


class KeptState:
    """Remembers the latest value of every state record that this run has written through it."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}

    def write(self, name: str, value: str, at: Timestamp) -> Effect:
        """Return the effect that records a value; an empty one ends what the record before it said."""
        self._written[name] = value
        return Journal((StateRecord(name=name, value=value, wall_ms=at.wall_ms),))

    def again(self, at: Timestamp) -> list[Effect]:
        """Return what records every value once more, after records may have been lost."""
        return [self.write(name, value, at) for name, value in self._written.items()]
