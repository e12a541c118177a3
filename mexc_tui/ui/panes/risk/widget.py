"""The risk pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mexc_tui.domain.views import TOPIC_RISK, RiskView
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.risk.presenter import control_rows, risk_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import age_ms

_PERIOD_NS = 1_000_000_000

_ALL = 10_000
"""More rows than there are."""


class RiskPane(LinePane):
    """Trading state, limits with their headroom, day result and exposure."""

    TITLE: ClassVar[str] = "RISK"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.now.mono_ns // _PERIOD_NS, frame.view(TOPIC_RISK), frame.selection.ascii_only)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(TOPIC_RISK)
        risk = view if isinstance(view, RiskView) else None
        return self.summary(risk, frame, frame.height)

    @staticmethod
    def summary(risk: RiskView | None, frame: Frame, height: int) -> list[Row]:
        """Return at most so many rows, most important first."""
        compared = None if risk is None else age_ms(frame.now.mono_ns, risk.compared_ns)
        ascii_only = frame.selection.ascii_only
        return risk_rows(risk, frame.width, height, compared_ms=compared, ascii_only=ascii_only)


class ControlsPane(RiskPane, can_focus=True):
    """The same with every control below; scrolls."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._top = 0
        self._count = 0

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (*super().inputs(frame), self._top)

    def build(self, frame: Frame) -> Sequence[Row]:
        view = frame.view(TOPIC_RISK)
        risk = view if isinstance(view, RiskView) else None
        rows = [*self.summary(risk, frame, _ALL), *control_rows(risk, frame.width)]
        self._count = len(rows)
        self._top = min(self._top, max(0, len(rows) - frame.height))
        return rows[self._top : self._top + frame.height]

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        last = min(self._count, self._top + frame.height)
        return (), ((f"{self._top + 1}-{last} of {self._count} ", "dim@panel"),)

    def move(self, rows: int) -> None:
        """Scroll, by a page at most, so that no row is passed over: negative towards the top."""
        page = max(1, self.size.height - 1)
        self._top = max(0, self._top + max(-page, min(rows, page)))
        self.redraw()
