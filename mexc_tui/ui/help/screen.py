"""The help screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.help.presenter import help_rows
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.overlay import Overlay
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row


class HelpPane(LinePane):
    """The help, scrolled by line."""

    TITLE: ClassVar[str] = "KEYS"

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap
        self._top = 0

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        """Say how to move and leave."""
        return (), (("j/k or ↑/↓ scroll · Esc or ? closes ", "dim@panel"),)

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        """Nothing but the scroll position changes."""
        return (self._top,)

    def build(self, frame: Frame) -> Sequence[Row]:
        """Return the part of the help in sight."""
        rows = help_rows(self._keymap, frame.width)
        self._top = max(0, min(self._top, len(rows) - frame.height))
        return rows[self._top : self._top + frame.height]

    def shift(self, lines: int) -> None:
        """Move the view."""
        self._top = max(0, self._top + lines)
        self.redraw()


class HelpScreen(Overlay):
    """All keys."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > HelpPane { width: 90%; max-width: 120; height: 92%; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "dismiss(None)", "close", show=False),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
        Binding("space,pagedown,J", "scroll(12)", "page down", show=False),
        Binding("pageup,K", "scroll(-12)", "page up", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield HelpPane(self._keymap)

    def action_scroll(self, lines: int) -> None:
        """Move the view."""
        self.query_one(HelpPane).shift(lines)
