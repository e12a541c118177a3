"""What a client has of its desk: the latest views and the facts, as the batches bring them."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec.structs import replace

from mexc_tui.desk.protocol import LONG_FIELDS, Batch, ProtocolError, ViewUpdate, view_of
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.views import View
from mexc_tui.engine.hub import FACTS_KEPT


class Replica:
    """Follows one desk, and the next one if another comes to its place; the caller locks.

    Facts of the next desk, which counts from one again, are shifted to follow those of the last one.
    """

    def __init__(self, position: int) -> None:
        self.views: dict[str, View] = {}
        self.position = position
        """Number of the last fact received, as the desk counts."""
        self._shift = 0
        self._facts: deque[Fact] = deque(maxlen=FACTS_KEPT)

    def restart(self) -> None:
        """Begin with another desk."""
        self.views.clear()
        self._shift += self.position
        self.position = 0

    def apply(self, batch: Batch) -> None:
        """Take in a batch.

        Raises:
            ProtocolError: it does not fit what came before it.
        """
        for update in batch.views:
            self.views[update.topic] = self._whole(update)
        for topic in batch.dropped:
            self.views.pop(topic, None)
        for fact in batch.facts:
            if fact.seq <= self.position:
                raise ProtocolError(f"Fact {fact.seq} came after fact {self.position}.")
            self.position = fact.seq
            self._facts.append(replace(fact, seq=fact.seq + self._shift) if self._shift else fact)

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts above ``after`` that are still kept, in order."""
        newer: list[Fact] = []
        for fact in reversed(self._facts):
            if fact.seq <= after:
                break
            newer.append(fact)
        return tuple(reversed(newer))

    def _whole(self, update: ViewUpdate) -> View:
        view = view_of(update)
        if update.kept is None:
            return view
        has, (start, stop) = self.views.get(update.topic), update.kept
        field = LONG_FIELDS.get(type(view))
        if field is None or type(has) is not type(view):
            raise ProtocolError(f"A part of {update.topic} came without the rest.")
        old: tuple[Any, ...] = getattr(has, field)
        if not 0 <= start <= stop <= len(old):
            raise ProtocolError(f"A part of {update.topic} does not fit the rest.")
        return replace(view, **{field: old[start:stop] + getattr(view, field)})
