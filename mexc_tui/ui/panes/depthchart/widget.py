"""The depth chart, redrawn at most once a second."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.domain.views import BookView, book_topic
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.depthchart.presenter import depth_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row


class DepthPane(LinePane):
    """Cumulative depth on both sides of the mid price."""

    TITLED = False

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.selection.symbol, frame.now.mono_ns // 1_000_000_000, frame.selection.ascii_only)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(book_topic(frame.selection.symbol))
        book = view if isinstance(view, BookView) else None
        return depth_rows(book, frame.width, frame.height, ascii_only=frame.selection.ascii_only)
