"""The events pane: facts in order, none merged, none lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from mexc_tui.domain.facts import Fact
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.events.presenter import event_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row

_KEPT = 2_000


class EventsPane(LinePane, can_focus=True):
    """Keeps the facts it was given and shows the newest; scrolls back when asked."""

    TITLE: ClassVar[str] = "EVENTS"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._facts: deque[Fact] = deque(maxlen=_KEPT)
        self._last = 0
        self._back = 0

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        for fact in frame.client.facts(self._last):
            self._facts.append(fact)
            self._last = fact.seq
        return (self._last, self._back)

    def build(self, frame: Frame) -> Sequence[Row]:
        return event_rows(tuple(self._facts)[-(self._back + frame.height + 1) :], frame.width, frame.height, self._back)

    def move(self, rows: int) -> None:
        """Scroll: negative towards older facts."""
        self._back = min(max(0, len(self._facts) - 1), max(0, self._back - rows))
        self.redraw()
