"""The equity curve, redrawn at most once a second."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.domain.views import TOPIC_EQUITY, EquityView
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.equity.presenter import equity_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row


class EquityPane(LinePane):
    """What the account is worth over the session."""

    TITLED = False

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.now.mono_ns // 1_000_000_000, frame.selection.ascii_only)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(TOPIC_EQUITY)
        equity = view if isinstance(view, EquityView) else None
        return equity_rows(equity, frame.width, frame.height, ascii_only=frame.selection.ascii_only)
