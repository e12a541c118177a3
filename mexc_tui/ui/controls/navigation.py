"""What the user looks at: symbol, interval, cursor, grouping, chart, tabs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from statistics import median_high

import msgspec

from mexc_tui.domain.client import DeskClient
from mexc_tui.domain.commands import Draft
from mexc_tui.domain.interest import CANDLE_LIMIT, Interest
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import (
    TOPIC_ALERTS,
    TOPIC_BALANCES,
    TOPIC_EQUITY,
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BookView,
    InstrumentsView,
    book_topic,
    candles_topic,
    gate_topic,
    tape_topic,
    watchlist_topic,
)
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.state import GROUPINGS, NOTICE_NS, ZOOMS, DeskState, Selection

INTERVALS = tuple(Interval)
ALWAYS_SHOWN = (
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_FILLS,
    TOPIC_RISK,
    TOPIC_LINK,
    TOPIC_INSTRUMENTS,
    TOPIC_ALERTS,
)
"""What panes outside of the tabs draw from as well: ladder, chart, status, tab names."""
TAB_TOPICS = {"balances": TOPIC_BALANCES, "equity": TOPIC_EQUITY}
"""What only one tab draws from."""
_LEVELS_LOOKED_AT = 20
SPREAD_SHARE = 4
"""One row in so many of a terminal may be spread: the ladder has half of them at 80×24."""


class Navigation:
    """Changes the selection; tells the desk what is looked at."""

    def __init__(self, client: DeskClient, state: DeskState, rows: Callable[[], int]) -> None:
        """``rows`` tells the height of the terminal."""
        self._client = client
        self._state = state
        self._rows = rows
        self._announced = Interest()
        self._groups: dict[str, int] = {}
        """The price steps that were chosen, by pair."""

    def say(self, sentence: str, style: str = "warn@band") -> None:
        """Show a sentence for a few seconds in the row of hints."""
        self._state.change(notice=(sentence, style, self._client.now().mono_ns + NOTICE_NS))

    def book(self) -> BookView | None:
        """Return the latest book of the symbol."""
        view = self._client.view(book_topic(self._state.selection.symbol))
        return view if isinstance(view, BookView) else None

    def announce(self) -> None:
        """Tell the desk what is looked at, if that has changed."""
        interest = interest_of(self._state.selection)
        if interest != self._announced:
            self._announced = interest
            self._client.look(interest)

    def frame(self, frame: Frame) -> None:
        """Announce what is looked at; choose the grouping once the first book of a symbol is here."""
        self.announce()
        if frame.selection.group == 0:
            book = self.book()
            if book is not None and (book.bids or book.asks):
                self._state.change(group=natural_group(book, self._rows()))

    def move(self, rows: int) -> None:
        """Move the cursor that many rows up (or down, if negative); a ghost goes with it."""
        book = self.book()
        if book is None:
            return
        group = max(1, self._state.selection.group)
        start = self._cursor_units(book)
        if start is not None:
            self._put_cursor((start // group + rows) * group, group, book)

    def nudge(self, ticks: int) -> None:
        """Move the ghost (or the cursor) by single ticks."""
        book = self.book()
        start = None if book is None else self._cursor_units(book)
        if book is not None and start is not None:
            self._put_cursor(start + ticks, 1, book)

    def pick(self, price: Decimal) -> None:
        """Put the cursor on a price."""
        self._state.change(cursor=price, cursor_lost=False, draft=_at(self._state.selection.draft, price))

    def mid(self) -> None:
        """Put the cursor on the middle of the book and recentre."""
        book = self.book()
        units = None if book is None else _middle(book)
        if book is None or units is None:
            self.say("the book is empty: there is no middle")
            return
        group = max(1, self._state.selection.group)
        self._put_cursor(units // group * group, group, book)
        self.recentre()

    def recentre(self) -> None:
        """Bring the middle of the book to the middle of the ladder."""
        self._state.change(recentred=self._state.selection.recentred + 1)

    def group(self, step: int) -> None:
        """Make the price rows coarser (or finer); an unsent ghost keeps its exact price."""
        now = max(1, self._state.selection.group)
        place = GROUPINGS.index(now) if now in GROUPINGS else 0
        chosen = GROUPINGS[min(len(GROUPINGS) - 1, max(0, place + step))]
        self._groups[self._state.selection.symbol] = chosen
        self._state.change(group=chosen)

    def symbol(self, step: int) -> None:
        """Go to the next (or previous) pair of the watchlist."""
        symbols = self._state.selection.watchlist
        now = self._state.selection.symbol
        if symbols:
            at = symbols.index(now) + step if now in symbols else 0
            self.go(symbols[at % len(symbols)])

    def go(self, symbol: str) -> None:
        """Look at a pair; a ghost of the old one is dropped."""
        instruments = self._client.view(TOPIC_INSTRUMENTS)
        if isinstance(instruments, InstrumentsView) and symbol not in instruments.by_symbol:
            self.say(f"{symbol} is not a pair on this exchange")
            return
        if symbol != self._state.selection.symbol:
            self._state.change(
                symbol=symbol,
                cursor=None,
                cursor_lost=False,
                draft=None,
                group=self._groups.get(symbol, 0),
                pan=0,
                crosshair=None,
                size_base=None,
                notice=None,
            )
            self.recentre()
            self.announce()

    def interval(self, step: int) -> None:
        """Go to longer (or shorter) candles."""
        at = INTERVALS.index(self._state.selection.interval) + step
        self.show_interval(INTERVALS[min(len(INTERVALS) - 1, max(0, at))])

    def show_interval(self, interval: Interval) -> None:
        """Show candles of that length."""
        if interval is not self._state.selection.interval:
            self._state.change(interval=interval, pan=0, crosshair=None)
            self.announce()

    def zoom(self, step: int) -> None:
        """Make candles narrower (or wider, if negative), so that more of them (or fewer) are in sight."""
        self._state.change(zoom=min(ZOOMS - 1, max(0, self._state.selection.zoom + step)))

    def pan(self, step: int) -> None:
        """Show older candles (or newer); moves the crosshair while it is on."""
        now = self._state.selection
        if now.crosshair is not None:
            self._state.change(crosshair=max(0, now.crosshair + step))
        else:
            self._state.change(pan=max(0, now.pan + step * 8))

    def crosshair(self) -> None:
        """Switch the crosshair on or off."""
        self._state.change(crosshair=0 if self._state.selection.crosshair is None else None)

    def _cursor_units(self, book: BookView) -> int | None:
        cursor = self._state.selection.cursor
        return _middle(book) if cursor is None else int(cursor.scaleb(book.price_decimals))

    def _put_cursor(self, units: int, least: int, book: BookView) -> None:
        self.pick(Decimal(max(least, units)).scaleb(-book.price_decimals))


def interest_of(selection: Selection) -> Interest:
    """Return everything that the panes draw from."""
    symbol = selection.symbol
    topics = {
        *ALWAYS_SHOWN,
        book_topic(symbol),
        tape_topic(symbol),
        gate_topic(symbol),
        candles_topic(symbol, selection.interval),
        watchlist_topic(selection.watchlist),
    }
    if selection.tab in TAB_TOPICS:
        topics.add(TAB_TOPICS[selection.tab])
    if selection.typed:
        topics.add(gate_topic(selection.typed))
    return Interest(topics=frozenset(topics), candle_limit=CANDLE_LIMIT)


def natural_group(book: BookView, terminal_rows: int) -> int:
    """Return the grouping at which the best levels stand about a row apart and the spread leaves room for them."""
    gaps: list[int] = []
    for levels in (book.bids, book.asks):
        prices = [price for price, _ in levels[:_LEVELS_LOOKED_AT]]
        gaps += [abs(after - before) for before, after in itertools.pairwise(prices)]
    typical = median_high(gaps) if gaps else 1
    group = next((group for group in reversed(GROUPINGS) if group <= typical), 1)
    spread = book.asks[0][0] - book.bids[0][0] if book.bids and book.asks else 0
    return max(
        group,
        next((group for group in GROUPINGS if spread <= group * max(1, terminal_rows // SPREAD_SHARE)), GROUPINGS[-1]),
    )


def _middle(book: BookView) -> int | None:
    if book.bids:
        return book.bids[0][0]
    return book.asks[0][0] if book.asks else None


def _at(draft: Draft | None, price: Decimal) -> Draft | None:
    """Return the ghost at another price; one without a price stays as it is."""
    return draft if draft is None or draft.price is None else msgspec.structs.replace(draft, price=price)
