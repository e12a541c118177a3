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
from mexc_tui.ui.panes.chart.presenter import ZOOMS, ChartInput, ChartState, chart_rows, legend
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import row_width

_PERIOD_NS = 125_000_000
"""A changed scale changes every row; eight times a second is more than the eye reads from candles."""


class ChartPane(LinePane):
    """Candles with volume, own fills and working orders; zoom, pan and a crosshair by keyboard."""

    TITLE: ClassVar[str] = "CHART"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        selection = frame.selection
        return (
            frame.now.mono_ns // _PERIOD_NS,
            frame.view(candles_topic(selection.symbol, selection.interval)) is None,
            frame.view(TOPIC_ORDERS),
            frame.view(TOPIC_FILLS),
            frame.view(TOPIC_INSTRUMENTS),
            frame.fault(),
            selection.symbol,
            selection.interval,
            selection.zoom,
            selection.pan,
            selection.crosshair,
            selection.ascii_only,
        )

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        interval = ((f"{frame.selection.interval.value}  ", "strong@panel"),)
        right: Row = (("not current ", "warn@panel"),) if frame.fault() else ()
        room = frame.width - len(self.TITLE) - 2 - len(interval[0][0]) - row_width(right)
        values = legend(self._input(frame), _state(frame), frame.width, room)
        return (*interval, *((text, f"{style or 'text'}@panel") for text, style in values)), right

    def build(self, frame: Frame) -> Sequence[Row]:
        return chart_rows(self._input(frame), _state(frame), frame.width, frame.height)

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
            fault=bool(frame.fault()),
        )


def _state(frame: Frame) -> ChartState:
    selection = frame.selection
    return ChartState(
        zoom=min(len(ZOOMS) - 1, max(0, selection.zoom)), pan=selection.pan, crosshair=selection.crosshair
    )
