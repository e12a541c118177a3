"""The ladder pane."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec
from textual import events
from textual.message import Message

from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    BookState,
    BookView,
    InstrumentsView,
    OrdersView,
    PositionsView,
    TapeView,
    book_topic,
    tape_topic,
)
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.panes.ladder.presenter import LadderInput, banner, heading, ladder_rows, row_of, rows_away, top_row
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import age_ms
from mexc_tui.ui.state import NOTICE_NS


class LadderPane(LinePane, can_focus=True):
    """The book by price, own orders in it, and the cursor that orders are placed at."""

    TITLE: ClassVar[str] = "LADDER"

    class Picked(Message):
        """A price was clicked."""

        def __init__(self, price: Decimal) -> None:
            super().__init__()
            self.price = price

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._top: int | None = None
        self._for: tuple[object, ...] = ()
        self._aimed: tuple[Decimal | None, bool] = (None, False)
        self._with_market = True
        self._sought: Decimal | None = None
        self._first_row = 1
        self._group = 1
        self._decimals = 0
        self._height = 0
        self._cursor_seen = False

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        selection = frame.selection
        symbol = selection.symbol
        book = frame.view(book_topic(symbol))
        since = age_ms(frame.now.mono_ns, book.as_of_ns) if isinstance(book, BookView) else None
        return (
            book,
            frame.view(tape_topic(symbol)),
            frame.view(TOPIC_ORDERS),
            frame.view(TOPIC_POSITIONS),
            frame.fault(),
            None if since is None else since // 500,
            frame.health.lag_ms // 500,
            symbol,
            selection.cursor,
            max(1, selection.group),
            selection.recentred,
            selection.draft,
            selection.ascii_only,
        )

    def frame(self, frame: Frame) -> None:
        """Draw, and note whether there is anything to be seen of it."""
        super().frame(frame)
        app, shown = self.app, self.is_on_screen and self.visible and bool(self.size)
        if isinstance(app, Host) and shown is not app.desk_state.selection.ladder_shown:
            app.desk_state.change(ladder_shown=shown, draft=frame.selection.draft if shown else None)

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        return heading(ladder_input(frame), frame.selection.symbol)

    def build(self, frame: Frame) -> Sequence[Row]:
        data = ladder_input(frame)
        above = len(banner(data, frame.width))
        self._first_row = 1 + above
        self._group, self._decimals = data.group, data.book.price_decimals
        height = max(1, frame.height - 1 - above)
        self._scroll(data, frame, height)
        data = self._let_go(data, height)
        return ladder_rows(data, self._top, frame.width, frame.height)

    def _scroll(self, data: LadderInput, frame: Frame, height: int) -> None:
        """Move the view if the user asked, the cursor left it, or the market did and no order is being prepared."""
        selection = frame.selection
        identity = (selection.symbol, data.group, selection.recentred)
        recentre = identity != self._for
        asked = identity[2:] != self._for[2:]
        if recentre or height != self._height:
            self._for, self._height = identity, height
            # Another step or size keeps a prepared order in view, and so a cursor that was.
            keep = not asked and (data.ghost is not None or (self._cursor_seen and not recentre))
            self._sought = selection.cursor if keep else None if recentre else self._sought
        aimed = (selection.cursor, data.ghost is not None and data.ghost.price == selection.cursor)
        moved = aimed[0] != self._aimed[0] or (aimed[1] and not self._aimed[1])
        self._aimed = aimed
        if moved:
            # A cursor that was moved right after a change of step, before it was drawn, is meant on the new steps.
            self._sought = None if asked and data.ghost is None else selection.cursor
        elif self._with_market and data.ghost is None and rows_away(data, self._top, height):
            self._sought = None
        seek = None
        if self._sought is not None:
            seek = row_of(self._sought, data.book.price_decimals, data.group)
        self._top = top_row(self._top, data.book, data.group, height, recentre=recentre, seek=seek)
        self._with_market = not rows_away(data, self._top, height) or (self._with_market and not moved)

    def _let_go(self, data: LadderInput, height: int) -> LadderInput:
        """Give up a cursor that is out of view, and the order prepared at it: nothing is sent to a price not seen."""
        app = self.app
        if self._top is None or data.cursor is None or not isinstance(app, Host):
            self._cursor_seen = False
            return data
        row = (self._top - row_of(data.cursor, data.book.price_decimals, data.group)) // data.group
        self._cursor_seen = 0 <= row < height
        if self._cursor_seen:
            return data
        app.desk_state.change(cursor=None, cursor_lost=True)
        if data.ghost is not None and data.ghost.price == data.cursor:
            now = app.frame_clock.current().now.mono_ns
            told = f"the order prepared at {data.cursor:,f} was dropped: its price left the view; nothing was sent"
            app.desk_state.change(draft=None, notice=(told, "warn@band", now + NOTICE_NS))
            data = msgspec.structs.replace(data, ghost=None)
        return msgspec.structs.replace(data, cursor=None)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the price that was clicked."""
        row = event.y - self._first_row
        if self._top is not None and row >= 0 and self._top - row * self._group > 0:
            self.post_message(self.Picked(Decimal(self._top - row * self._group).scaleb(-self._decimals)))


def ladder_input(frame: Frame) -> LadderInput:
    """Gather what the ladder draws from the views."""
    selection = frame.selection
    symbol = selection.symbol
    book = frame.view(book_topic(symbol))
    if not isinstance(book, BookView):
        book = BookView(
            symbol=symbol, state=BookState.EMPTY, version=0, price_decimals=2, qty_decimals=2, bids=(), asks=()
        )
    orders, tape, positions = frame.view(TOPIC_ORDERS), frame.view(tape_topic(symbol)), frame.view(TOPIC_POSITIONS)
    instruments = frame.view(TOPIC_INSTRUMENTS)
    instrument = instruments.by_symbol.get(symbol) if isinstance(instruments, InstrumentsView) else None
    trade = tape.trades[-1] if isinstance(tape, TapeView) and tape.trades else None
    held = (
        [p.average for p in positions.positions if p.symbol == symbol] if isinstance(positions, PositionsView) else []
    )
    return LadderInput(
        book=book,
        age_ms=age_ms(frame.now.mono_ns, book.as_of_ns),
        lag_ms=frame.health.lag_ms,
        fault=frame.fault(),
        base="" if instrument is None else instrument.base,
        quote="" if instrument is None else instrument.quote,
        orders=tuple(o for o in orders.open if o.symbol == symbol) if isinstance(orders, OrdersView) else (),
        ghost=selection.draft if selection.draft is not None and selection.draft.symbol == symbol else None,
        last=None if trade is None else trade.price,
        last_taker=None if trade is None else trade.taker,
        average=held[0] if held else None,
        cursor=selection.cursor,
        group=max(1, selection.group),
        ascii_only=selection.ascii_only,
    )
