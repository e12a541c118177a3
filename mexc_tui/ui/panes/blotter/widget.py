"""Tables of orders, positions, balances and fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    BalancesView,
    FillsView,
    InstrumentsView,
    OrdersView,
    PositionsView,
)
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.panes.blotter.presenter import (
    BALANCE_COLUMNS,
    FILL_COLUMNS,
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    balance_columns,
    balance_records,
    fill_records,
    order_records,
    position_records,
)
from mexc_tui.ui.primitives.table import Column, LineTable, Record


def instruments_of(frame: Frame) -> Mapping[str, Instrument]:
    """Return the pairs by symbol; none before the list is loaded."""
    view = frame.view(TOPIC_INSTRUMENTS)
    return view.by_symbol if isinstance(view, InstrumentsView) else {}


class OrdersPane(LineTable):
    """Working orders, then the finished ones."""

    TITLED = False
    COLUMNS = ORDER_COLUMNS
    EMPTY = "no orders yet: b or s prepares one"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_ORDERS), frame.view(TOPIC_INSTRUMENTS), self.state.cursor, self.state.top)

    def records(self, frame: Frame) -> Sequence[Record]:
        view = frame.view(TOPIC_ORDERS)
        return order_records(view if isinstance(view, OrdersView) else None, instruments_of(frame))


class PositionsPane(LineTable):
    """Holdings with their cost and their gain, marked at the price one could sell at."""

    TITLED = False
    COLUMNS = POSITION_COLUMNS
    EMPTY = "no positions"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_POSITIONS), frame.view(TOPIC_INSTRUMENTS), self.state.cursor, self.state.top)

    def records(self, frame: Frame) -> Sequence[Record]:
        view = frame.view(TOPIC_POSITIONS)
        return position_records(view if isinstance(view, PositionsView) else None, instruments_of(frame))


class BalancesPane(LineTable):
    """What the account holds."""

    TITLED = False
    COLUMNS = BALANCE_COLUMNS
    EMPTY = "balances are not known yet"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_BALANCES), self.state.cursor, self.state.top)

    def columns(self, frame: Frame) -> tuple[Column, ...]:
        view = frame.view(TOPIC_BALANCES)
        return balance_columns(view.currency if isinstance(view, BalancesView) else "")

    def records(self, frame: Frame) -> Sequence[Record]:
        view = frame.view(TOPIC_BALANCES)
        return balance_records(view if isinstance(view, BalancesView) else None)


class FillsPane(LineTable):
    """Own executions, newest first."""

    TITLED = False
    COLUMNS = FILL_COLUMNS
    EMPTY = "no fills yet"

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_FILLS), frame.view(TOPIC_INSTRUMENTS), self.state.cursor, self.state.top)

    def records(self, frame: Frame) -> Sequence[Record]:
        view = frame.view(TOPIC_FILLS)
        return fill_records(view if isinstance(view, FillsView) else None, instruments_of(frame))
