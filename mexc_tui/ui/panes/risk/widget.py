"""The risk pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mexc_tui.domain.views import TOPIC_RISK, RiskView
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.risk.presenter import risk_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row


class RiskPane(LinePane):
    """Trading state, limits with their headroom, day result and exposure."""

    TITLE: ClassVar[str] = "RISK"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_RISK), frame.selection.ascii_only)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(TOPIC_RISK)
        risk = view if isinstance(view, RiskView) else None
        return risk_rows(risk, frame.width, frame.height, ascii_only=frame.selection.ascii_only)
