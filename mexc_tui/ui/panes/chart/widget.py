"""The candle chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mexc_tui.domain.views import (
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    CandlesView,
    FillsView,
    InstrumentsView,
    OrdersView,
    candles_topic,
)
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.chart.presenter import DEFAULT_ZOOM, ZOOMS, ChartInput, ChartState, chart_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row


class ChartPane(LinePane, can_focus=True):
    """Candles with volume, own fills and working orders; zoom, pan and a crosshair by keyboard."""

    TITLE: ClassVar[str] = "CHART"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._state = ChartState(zoom=DEFAULT_ZOOM)

    def zoom(self, steps: int) -> None:
        """Widen the candles (positive) or show more of them (negative)."""
        self._state = ChartState(
            zoom=min(len(ZOOMS) - 1, max(0, self._state.zoom + steps)),
            pan=self._state.pan,
            crosshair=self._state.crosshair,
        )
        self.redraw()

    def pan(self, candles: int) -> None:
        """Move back in time (positive); while the crosshair is on, move that instead."""
        state = self._state
        if state.crosshair is not None:
            crosshair = max(0, state.crosshair + candles)
            self._state = ChartState(zoom=state.zoom, pan=state.pan, crosshair=crosshair)
        else:
            self._state = ChartState(zoom=state.zoom, pan=max(0, state.pan + candles))
        self.redraw()

    def toggle_crosshair(self) -> None:
        """Show or hide the crosshair."""
        on = self._state.crosshair is None
        self._state = ChartState(zoom=self._state.zoom, pan=self._state.pan, crosshair=0 if on else None)
        self.redraw()

    def home(self) -> None:
        """Follow the newest candle again."""
        self._state = ChartState(zoom=self._state.zoom)
        self.redraw()

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        selection = frame.selection
        return (
            frame.view(candles_topic(selection.symbol, selection.interval)),
            frame.view(TOPIC_ORDERS),
            frame.view(TOPIC_FILLS),
            frame.view(TOPIC_INSTRUMENTS),
            selection.symbol,
            self._state.zoom,
            self._state.pan,
            self._state.crosshair,
            selection.ascii_only,
        )

    def build(self, frame: Frame) -> Sequence[Row]:
        return chart_rows(self._input(frame), self._state, frame.width, frame.height)

    def _input(self, frame: Frame) -> ChartInput:
        symbol = frame.selection.symbol
        candles = frame.view(candles_topic(symbol, frame.selection.interval))
        orders, fills = frame.view(TOPIC_ORDERS), frame.view(TOPIC_FILLS)
        instruments = frame.view(TOPIC_INSTRUMENTS)
        instrument = instruments.by_symbol.get(symbol) if isinstance(instruments, InstrumentsView) else None
        return ChartInput(
            view=candles if isinstance(candles, CandlesView) else None,
            orders=tuple(o for o in orders.open if o.symbol == symbol) if isinstance(orders, OrdersView) else (),
            fills=tuple(f for f in fills.fills if f.symbol == symbol) if isinstance(fills, FillsView) else (),
            price_decimals=2 if instrument is None else instrument.price_decimals,
            ascii_only=frame.selection.ascii_only,
        )
