"""The watchlist pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from mexc_tui.domain.views import WatchlistView, watchlist_topic
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.watchlist.presenter import watch_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row

_PERIOD_NS = 250_000_000


class WatchlistPane(LinePane):
    """Pairs under watch; a click goes to one."""

    TITLE: ClassVar[str] = "WATCHLIST"

    class Picked(Message):
        """A pair was clicked."""

        def __init__(self, symbol: str) -> None:
            super().__init__()
            self.symbol = symbol

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._symbols: tuple[str, ...] = ()

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        selection = frame.selection
        view = frame.view(watchlist_topic(frame.selection.watchlist))
        return (frame.now.mono_ns // _PERIOD_NS, view is None, frame.fault(), selection.symbol, selection.ascii_only)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(watchlist_topic(frame.selection.watchlist))
        watched = view if isinstance(view, WatchlistView) else None
        self._symbols = () if watched is None else tuple(row.symbol for row in watched.rows)
        return watch_rows(
            watched,
            frame.selection.symbol,
            frame.now.mono_ns,
            frame.width,
            frame.height,
            ascii_only=frame.selection.ascii_only,
            fault=bool(frame.fault()),
        )

    def on_click(self, event: events.Click) -> None:
        """Go to the pair that was clicked, if the list is not scrolled."""
        row = event.y - 2
        if 0 <= row < len(self._symbols) and len(self._symbols) <= self.size.height - 2:
            self.post_message(self.Picked(self._symbols[row]))
