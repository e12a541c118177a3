"""The help screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.help.presenter import help_rows
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.textual_compat import key_name


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


class HelpScreen(ModalScreen[None]):
    """All keys; the market goes on behind it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > HelpPane { width: 90%; max-width: 120; height: 92%; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss(None)", "close", show=False),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
        Binding("space,pagedown,J", "scroll(12)", "page down", show=False),
        Binding("pageup,K", "scroll(-12)", "page up", show=False),
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        yield HelpPane(self._keymap)

    async def on_key(self, event: events.Key) -> None:
        """Let the stop key through: nothing may stand before it."""
        if event.key in {key_name(key) for key in self._keymap.keys.get("halt", ())}:
            event.stop()
            self.dismiss(None)
            await self.app.run_action("app.do('halt')")

    def action_scroll(self, lines: int) -> None:
        """Move the view."""
        self.query_one(HelpPane).shift(lines)
