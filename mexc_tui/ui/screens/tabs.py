"""A row of tab names above the tables, and what is shown below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from mexc_tui.domain.views import TOPIC_ORDERS, TOPIC_POSITIONS, OrdersView, PositionsView
from mexc_tui.ui.actions import TABS
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import fit, width_of


def tab_spans(active: str, counts: dict[str, int], keys: Callable[[str], str], width: int) -> list[tuple[str, Row]]:
    """Return each tab that fits with its spans; in a narrow row the keys go first, then the long names."""
    for named, keyed in ((99, True), (99, False), (5, False), (3, False)):
        made: list[tuple[str, Row]] = []
        for name in TABS:
            label = name.capitalize()[:named]
            count = f" {counts[name]}" if counts.get(name) else ""
            key = f" {keys(name)}" if keyed else ""
            back = "band" if name == active else "panel"
            text: Span = (f" {label}{count} ", f"{'strong' if name == active else 'dim'}@{back}")
            made.append((name, ((key, f"key@{back}"), text) if key else (text,)))
        if sum(width_of(text) for _, row in made for text, _ in row) <= width:
            return made
    return made


class TabBar(LinePane):
    """Names of the tabs, the shown one marked; with numbers of open orders and positions."""

    TITLED: ClassVar[bool] = False
    DEFAULT_CSS = "TabBar { height: 1; }"

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.tab = name

    def __init__(self, keys: Callable[[str], str], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._keys = keys
        self._tabs: list[tuple[str, Row]] = []

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.selection.tab, tuple(_counts(frame).items()))

    def build(self, frame: Frame) -> Sequence[Row]:
        self._tabs = tab_spans(frame.selection.tab, _counts(frame), self._keys, frame.width)
        spans = [span for _, row in self._tabs for span in row]
        spare = frame.width - sum(width_of(text) for text, _ in spans)
        return [(*spans, (fit("", spare), "dim@panel"))]

    def on_click(self, event: events.Click) -> None:
        """Show the tab that was clicked."""
        left = 0
        for name, row in self._tabs:
            left += sum(width_of(text) for text, _ in row)
            if event.x < left:
                self.post_message(self.Picked(name))
                return


def _counts(frame: Frame) -> dict[str, int]:
    orders, positions = frame.view(TOPIC_ORDERS), frame.view(TOPIC_POSITIONS)
    return {
        "orders": len(orders.open) if isinstance(orders, OrdersView) else 0,
        "positions": sum(1 for held in positions.positions if held.qty) if isinstance(positions, PositionsView) else 0,
    }
