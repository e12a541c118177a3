"""What panes need of the app they live in."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mexc_tui.ui.frame_clock import FrameClock
from mexc_tui.ui.state import DeskState
from mexc_tui.ui.themes import Palette


@runtime_checkable
class Host(Protocol):
    """The app, as seen by a pane."""

    frame_clock: FrameClock
    desk_state: DeskState
    """What is looked at and about to be sent; a draft that the ticket edits goes here, as the ladder's does."""

    @property
    def palette(self) -> Palette:
        """The styles of the theme in force."""
