"""The tape pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mexc_tui.domain.views import TOPIC_INSTRUMENTS, InstrumentsView, TapeView, tape_topic
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.tape.presenter import heading, tape_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row

_PERIOD_NS = 250_000_000
"""Newest first moves every row with every trade; four times a second keeps that small and can still be read."""


class TapePane(LinePane):
    """Public trades of the symbol."""

    TITLE: ClassVar[str] = "TAPE"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        selection = frame.selection
        view = frame.view(tape_topic(selection.symbol))
        if selection.slow:
            return (view, frame.fault(), selection.symbol, selection.ascii_only)
        return (frame.now.mono_ns // _PERIOD_NS, view is None, frame.fault(), selection.symbol, selection.ascii_only)

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        view = frame.view(tape_topic(frame.selection.symbol))
        return heading(view if isinstance(view, TapeView) else None, fault=bool(frame.fault()))

    def build(self, frame: Frame) -> Sequence[Row]:
        selection = frame.selection
        view = frame.view(tape_topic(selection.symbol))
        instruments = frame.view(TOPIC_INSTRUMENTS)
        instrument = instruments.by_symbol.get(selection.symbol) if isinstance(instruments, InstrumentsView) else None
        return tape_rows(
            view if isinstance(view, TapeView) else None,
            2 if instrument is None else instrument.price_decimals,
            frame.width,
            frame.height,
            ring=selection.slow,
            ascii_only=selection.ascii_only,
            fault=bool(frame.fault()),
        )
