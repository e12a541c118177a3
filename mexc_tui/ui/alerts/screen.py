"""The list of alerts: what stands, and taking one away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mexc_tui.domain.alerts import Alert
from mexc_tui.domain.views import TOPIC_ALERTS, AlertsView
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.overlay import Overlay
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import clean


def alert_rows(alerts: Sequence[Alert] | None, marked: int, height: int) -> list[Row]:
    """Return the part of the list around the marked alert; None where the desk has not said what stands."""
    if alerts is None:
        return [((" the desk has not said yet which alerts stand", "dim"),)]
    if not alerts:
        return [
            ((" no alert stands. Set one on the command line:", "text"),),
            (),
            (("   :alert btc above 70k", "text"), ("       also below; “every” after it keeps it", "dim")),
            (("   :alert btc move 3% 15m", "text"), ("     a move within a time", "dim")),
            (("   :alert btc trade 100k", "text"), ("      one trade of so much", "dim")),
            (("   :alert fills", "text"), ("               also link, limits", "dim")),
        ]
    top = max(0, min(marked - height // 2, len(alerts) - height))
    rows: list[Row] = []
    for place, alert in enumerate(alerts[top : top + height], start=top):
        style = "text@cursor" if place == marked else "text"
        rows.append(((f"{'▸' if place == marked else ' '}{alert.number:4}  {clean(str(alert))}", style),))
    return rows


class AlertsPane(LinePane):
    """The list, with one alert marked."""

    TITLE: ClassVar[str] = "ALERTS"

    def __init__(self) -> None:
        super().__init__()
        self._alerts: tuple[Alert, ...] | None = None
        self._place = 0

    @property
    def marked(self) -> int | None:
        """The number of the marked alert."""
        return self._alerts[self._place].number if self._alerts else None

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        return (), (("j/k move · x removes · Esc closes ", "dim@panel"),)

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_ALERTS), self._place)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(TOPIC_ALERTS)
        self._alerts = view.alerts if isinstance(view, AlertsView) else None
        self._place = max(0, min(self._place, len(self._alerts or ()) - 1))
        return alert_rows(self._alerts, self._place, frame.height)

    def move(self, rows: int) -> None:
        """Mark another alert."""
        self._place = max(0, min(self._place + rows, len(self._alerts or ()) - 1))
        self.redraw()


class AlertsScreen(Overlay):
    """The alerts that stand."""

    DEFAULT_CSS = """
    AlertsScreen { align: center middle; }
    AlertsScreen > AlertsPane { width: 90%; max-width: 80; height: 60%; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False),
        Binding("x,delete", "remove", "remove", show=False),
    ]

    def __init__(self, keymap: Keymap, remove: Callable[[int], None]) -> None:
        super().__init__(keymap)
        self._remove = remove

    def compose(self) -> ComposeResult:
        yield AlertsPane()

    def action_move(self, rows: int) -> None:
        """Mark another alert."""
        self.query_one(AlertsPane).move(rows)

    def action_remove(self) -> None:
        """Remove the marked alert."""
        number = self.query_one(AlertsPane).marked
        if number is not None:
            self._remove(number)
