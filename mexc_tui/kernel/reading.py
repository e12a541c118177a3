"""What the desk and the screen may ask of the markets; reading changes nothing that can be seen."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.candles import CandleSeries
from mexc_tui.domain.commands import Focus
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Ticker
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Side
from mexc_tui.domain.tape import Tape
from mexc_tui.domain.views import BookState, BookView, InstrumentsView, WatchlistView, WatchRow
from mexc_tui.kernel.quotes import Quotes
from mexc_tui.kernel.sync import BookSync

USDT = "USDT"
CROSSED = "its best bid stands at or above its best ask"


class MarketReading:
    """Books, tapes, candles, quotes and pair rules as they stand after the latest input."""

    def __init__(self, view_depth: int) -> None:
        self._view_depth = view_depth
        self._instruments: dict[str, Instrument] = {}
        self._usdt_pairs: dict[str, str] = {}
        self._instruments_view = InstrumentsView(by_symbol={})
        self._syncs: dict[str, BookSync] = {}
        self._views: dict[str, tuple[int, int, BookView]] = {}
        self._tapes: dict[str, Tape] = {}
        self._series: CandleSeries | None = None
        self._quotes = Quotes()
        self._focus: Focus | None = None
        self._watch_view: tuple[int, WatchlistView] = (-1, WatchlistView(rows=()))
        self._link_ns = 0
        self._told_apart = False

    @property
    def focus(self) -> Focus | None:
        """What the screen looks at."""
        return self._focus

    @property
    def followed(self) -> tuple[str, ...]:
        """Symbols whose books, trades and best prices are followed, the focus first."""
        return tuple(self._syncs)

    @property
    def series(self) -> CandleSeries | None:
        """The candles in view."""
        return self._series

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Every pair the venue lists, by symbol."""
        return self._instruments

    @property
    def instruments_view(self) -> InstrumentsView:
        """Every pair the venue lists; the same object until the list is loaded anew."""
        return self._instruments_view

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the rules of a pair; None while they are not known."""
        return self._instruments.get(symbol)

    def book(self, symbol: str) -> OrderBook | None:
        """Return the book if it is live: exact and not crossed."""
        sync = self._syncs.get(symbol)
        if sync is None or not sync.live or sync.book is None or sync.book.crossed():
            return None
        return sync.book

    def book_view(self, symbol: str, depth: int | None = None) -> BookView | None:
        """Return a picture of a followed book in whatever state; the same object until something changes."""
        sync = self._syncs.get(symbol)
        if sync is None:
            return None
        depth = depth or self._view_depth
        cached = self._views.get(symbol)
        if cached is None or cached[0] != sync.revision or cached[1] != depth:
            cached = self._views[symbol] = (sync.revision, depth, self._make_view(sync, depth))
        return cached[2]

    def book_age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how long ago the book was last proven current; None before the first time.

        A push for the symbol proves it, and so does any life of the link while the book is live, since a push that
        was lost would show as a gap.
        """
        sync = self._syncs.get(symbol)
        if sync is None or not sync.proof_ns:
            return None
        proof = max(sync.proof_ns, self._link_ns) if sync.live and not sync.cut else sync.proof_ns
        return max(0, (at.mono_ns - proof) // 1_000_000)

    def tape(self, symbol: str) -> Tape | None:
        """Return the tape of a followed symbol."""
        return self._tapes.get(symbol)

    def ticker(self, symbol: str) -> Ticker | None:
        """Return the 24-hour figures of a pair."""
        return self._quotes.ticker(symbol)

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the last traded price."""
        return self._quotes.last(symbol)

    def touch(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """Return best bid and ask from the live book, else the exchange's best prices, else its ticker."""
        book = self.book(symbol)
        if book is not None:
            bid, ask = book.top()
            return (None if bid is None else book.price(bid[0]), None if ask is None else book.price(ask[0]))
        top = self._quotes.top(symbol)
        if top is not None:
            return top.bid or None, top.ask or None
        ticker = self._quotes.ticker(symbol)
        return (None, None) if ticker is None else (ticker.bid or None, ticker.ask or None)

    def usdt_price(self, asset: str, side: Side) -> Decimal | None:
        """Return what one unit sells (or costs to buy) for in USDT now; the last price where there is no quote."""
        if asset == USDT:
            return Decimal(1)
        symbol = self._usdt_pairs.get(asset)
        if symbol is None:
            return None
        bid, ask = self.touch(symbol)
        price = bid if side is Side.SELL else ask
        return self.last_price(symbol) if price is None else price

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now; None where known bids do not take it all."""
        book = self.book(symbol)
        if book is None or qty <= 0:
            return None
        walk = book.walk(Side.SELL, qty)
        return divide(walk.cost, qty) if walk.filled >= qty else None

    def watchlist(self) -> WatchlistView:
        """Return the watchlist; the same object until a figure changes."""
        revision, view = self._watch_view
        if revision != self._quotes.revision:
            symbols = self._focus.watchlist if self._focus is not None else ()
            rows = tuple(self._watch_row(symbol) for symbol in symbols)
            if rows != view.rows:
                view = WatchlistView(rows=rows)
            self._watch_view = (self._quotes.revision, view)
        return view

    def _make_view(self, sync: BookSync, depth: int) -> BookView:
        if sync.book is None:
            return BookView(
                symbol=sync.symbol,
                state=sync.state,
                version=0,
                price_decimals=sync.price_decimals,
                qty_decimals=sync.qty_decimals,
                bids=(),
                asks=(),
                reason=sync.reason,
            )
        if sync.live and sync.book.crossed():
            return sync.book.view(depth, BookState.STALE, CROSSED)
        return sync.book.view(depth, sync.state, sync.reason)

    def _watch_row(self, symbol: str) -> WatchRow:
        ticker = self._quotes.ticker(symbol)
        top = self._quotes.top(symbol)
        pair = self._instruments.get(symbol)
        return WatchRow(
            symbol=symbol,
            last=self._quotes.last(symbol),
            change=None if ticker is None else ticker.change,
            bid=top.bid or None if top is not None else None if ticker is None else ticker.bid,
            ask=top.ask or None if top is not None else None if ticker is None else ticker.ask,
            quote_volume=None if ticker is None else ticker.quote_volume,
            spark=self._quotes.spark(symbol),
            tradable=pair is None or pair.tradable,
            price_decimals=2 if pair is None else pair.price_decimals,
            as_of_ns=self._quotes.as_of_ns(symbol),
        )
