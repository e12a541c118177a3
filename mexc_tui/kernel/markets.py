"""Everything known of the markets: books that are exact or not called live, tapes, candles, quotes and pair rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.candles import CandleSeries
from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    CandleHistory,
    CandleSeen,
    CandlesFailed,
    ChannelRefused,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    LinkChanged,
    LinkState,
    SnapshotFailed,
    Tick,
    TickersSeen,
    Timestamp,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Interval, Ticker
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Side
from mexc_tui.domain.tape import Tape
from mexc_tui.domain.views import BookView, InstrumentsView, WatchlistView
from mexc_tui.kernel.books import Books, lost
from mexc_tui.kernel.charts import Charts
from mexc_tui.kernel.effects import Effect, FetchCandles, FetchTrades, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.listings import changes
from mexc_tui.kernel.moves import Moves
from mexc_tui.kernel.quotes import SPARK, Quotes
from mexc_tui.kernel.watchlists import Watchlists

WATCHED = 12
"""Entries of each watchlist whose books are followed; the rest has quotes from the tickers."""
CLOCK_SLACK_MS = 2_000
"""By more than this frames are not late; then our monotonic clock has stood still meanwhile."""
TRADES = 200
"""Public trades asked for when a symbol comes into view."""
TRADES_AGAIN_NS = 10_000_000_000
"""Least time between two readings of one symbol's trades because some were missed."""
TAPE_KEPT = 400
"""Trades of each symbol: twice what is shown, since a longer tape of a quiet market fills for hours."""

T = TypeVar("T")
Handler = Callable[[Any, Timestamp], list[Effect]]


class Markets:
    """Market data of the desk. One call an input, effects in return; reading changes nothing that can be seen."""

    def __init__(
        self, facts: FactLog, *, depth_limit: int = 1_000, view_depth: int = 400, least_levels: int = 0
    ) -> None:
        """``least_levels``: levels a side that every book shall know at any time, where the exchange has so many."""
        self._facts = facts
        self._view_depth = view_depth
        self._instruments: dict[str, Instrument] = {}
        self._markets: dict[str, dict[str, str]] = {}
        """By asset and by each asset it shares a pair with: the symbol where the first is base, else empty."""
        self._instruments_view = InstrumentsView(by_symbol={})
        self._allowed: frozenset[str] | None = None
        """Pairs open to the key, as last known."""
        self._books = Books(facts, self.instrument, depth_limit, least_levels)
        self._charts = Charts()
        self._quotes = Quotes()
        self._watchlists = Watchlists(self._quotes, self.instrument)
        self._tapes: dict[str, Tape] = {}
        self._moves: dict[str, Moves] = {}
        self._consulted: set[str] | None = None
        """Symbols whose prices were asked for, while that is noted."""
        self._sell_marks: dict[str, tuple[object, Decimal, Decimal | None]] = {}
        self._interest = Interest()
        self._looked_at: frozenset[str] = frozenset()
        """Listed symbols whose book, trades or gate inputs are looked at."""
        self._required: tuple[str, ...] = ()
        self._followed: SetInterest | None = None
        self._broken = False
        """Whether the market stream is down after it was up."""
        self._missed: set[str] = set()
        """Symbols whose trades may have been missed and are read again once the link is up."""
        self._trades_ns: dict[str, int] = {}
        """When they were last read for that reason."""
        self._sparks_due: list[str] = []
        self._ahead_ms: int | None = None
        """The exchange's clock less our monotonic one; that one cannot be set."""
        self._stamped = False
        """Whether the exchange's clock was read off a frame."""
        self._at = Timestamp(0, 0)
        self._handlers = self._make_handlers()

    def _make_handlers(self) -> dict[type, Handler]:
        return {
            BookDelta: self._on_delta,
            BookSnapshot: self._books.on_snapshot,
            SnapshotFailed: self._books.on_snapshot_failed,
            TradesSeen: self._on_trades,
            CandleSeen: self._on_candle,
            CandleHistory: self._on_candles,
            CandlesFailed: self._on_candles_failed,
            TopOfBook: self._on_top,
            TickersSeen: self._on_tickers,
            InstrumentsLoaded: self._on_instruments,
            LinkChanged: self._on_link,
            ChannelRefused: self._on_refused,
            VenueHealth: self._on_health,
            Tick: self._on_tick,
            InterestChanged: self._on_interest,
        }

    def handle(self, item: Input | Command, at: Timestamp) -> list[Effect]:
        """Take one input; what does not concern the markets is ignored."""
        self._at = at
        handler = self._handlers.get(type(item))
        return [] if handler is None else handler(item, at)

    def require(self, symbols: Iterable[str], at: Timestamp | None = None) -> list[Effect]:
        """Follow the books of these symbols besides those looked at: they have orders or holdings."""
        self._required = tuple(dict.fromkeys(symbols))
        return self._follow(at or self._at)

    # --- what is followed

    def _on_interest(self, changed: InterestChanged, at: Timestamp) -> list[Effect]:
        self._interest = changed.interest
        effects = self._follow(at)
        self._sparks_due += self._watchlists.keep(changed.interest.watchlists())
        return effects + self._fetch_sparks()

    def _follow(self, at: Timestamp) -> list[Effect]:
        """Follow what is looked at or required, as far as the exchange lists it, and nothing else."""
        looked_at = [symbol for symbol in sorted(self._interest.symbols()) if self._listed(symbol)]
        watched = [symbol for symbols in self._interest.watchlists() for symbol in symbols[:WATCHED]]
        wanted = dict.fromkeys([*looked_at, *watched, *self._required])
        symbols = tuple(symbol for symbol in wanted if self._listed(symbol))
        charts = tuple(sorted(key for key in self._interest.candles() if self._listed(key[0])))
        effects: list[Effect] = []
        followed = SetInterest(symbols, charts)
        if followed != self._followed:
            self._followed = followed
            effects.append(followed)
            self._follow_books(symbols, at)
        effects += self._charts.follow(charts, self._interest.candle_limit, self._server_ms(at))
        new = [symbol for symbol in looked_at if symbol not in self._looked_at]
        self._looked_at = frozenset(looked_at)
        if self._broken:
            self._missed.update(new)
        return effects + [FetchTrades(symbol, TRADES) for symbol in new]

    def _listed(self, symbol: str) -> bool:
        return symbol in self._instruments if self._instruments else bool(symbol)

    def _follow_books(self, symbols: tuple[str, ...], at: Timestamp) -> None:
        for symbol in self._books.follow(symbols, at):
            self._tapes.pop(symbol, None)
            self._moves.pop(symbol, None)
            self._trades_ns.pop(symbol, None)
            self._missed.discard(symbol)
            self._sell_marks.pop(symbol, None)
            self._quotes.forget_top(symbol)
        for symbol in symbols:
            if symbol not in self._tapes:
                self._tapes[symbol], self._moves[symbol] = Tape(symbol, TAPE_KEPT), Moves()

    def _fetch_sparks(self) -> list[Effect]:
        """Ask for the past hour of newly watched pairs, once the list of pairs tells which exist."""
        if not self._instruments:
            return []
        due, self._sparks_due = dict.fromkeys(self._sparks_due), []
        effects: list[Effect] = []
        for symbol in due:
            series = self._charts.get(symbol, Interval.M1)
            if series is None:
                effects += [FetchCandles(symbol, Interval.M1, SPARK)] if symbol in self._instruments else []
            elif not series.loading:
                self._quotes.load_spark(symbol, series.view().candles[-SPARK:])
        return effects

    # --- inputs

    def _on_delta(self, delta: BookDelta, at: Timestamp) -> list[Effect]:
        self._books.alive(at)
        if delta.sent_ms > 0:
            self._ahead_ms = delta.sent_ms - at.mono_ns // 1_000_000
            self._stamped = True
        return self._books.on_delta(delta, at)

    def _on_trades(self, seen: TradesSeen, at: Timestamp) -> list[Effect]:
        tape = self._tapes.get(seen.symbol)
        if tape is None or not seen.trades:
            return []
        if seen.history:
            tape.merge(seen.trades, seen.recv_ns)
            latest = tape.latest()
            if latest is not None and self._quotes.last(seen.symbol) is None:
                self._quotes.on_trade(seen.symbol, latest.price, latest.time_ms, seen.recv_ns)
            return []
        self._books.alive(at)
        ahead = seen.trades[-1].time_ms - at.mono_ns // 1_000_000
        if self._ahead_ms is None or ahead > self._ahead_ms:
            self._ahead_ms = ahead
        new = tape.add(seen.trades, seen.recv_ns)
        if new:
            self._quotes.on_trade(seen.symbol, new[-1].price, new[-1].time_ms, seen.recv_ns)
            self._charts.on_trades(seen.symbol, new, seen.recv_ns)
            self._moves[seen.symbol].add((trade.price for trade in new), at.mono_ns)
        return []

    def _on_candle(self, seen: CandleSeen, at: Timestamp) -> list[Effect]:
        self._books.alive(at)
        self._charts.on_candle(seen, self._server_ms(at))
        return []

    def _on_candles(self, history: CandleHistory, at: Timestamp) -> list[Effect]:
        effects = self._charts.on_history(history, at.mono_ns, self._server_ms(at))
        if history.interval is Interval.M1:
            self._quotes.load_spark(history.symbol, history.candles[-SPARK:])
        return effects

    def _on_candles_failed(self, failed: CandlesFailed, at: Timestamp) -> list[Effect]:
        self._charts.on_failed(failed, at.mono_ns)
        return []

    def _on_top(self, top: TopOfBook, at: Timestamp) -> list[Effect]:
        self._books.alive(at)
        if top.symbol not in self._tapes:
            return []
        self._quotes.on_top(top)
        return self._books.on_top(top, at)

    def _on_tickers(self, seen: TickersSeen, at: Timestamp) -> list[Effect]:
        self._quotes.on_tickers(seen.tickers, seen.recv_ns, self._server_ms(at) or at.wall_ms)
        return []

    def _on_instruments(self, loaded: InstrumentsLoaded, at: Timestamp) -> list[Effect]:
        allowed = self._allowed = self._allowed if loaded.api_symbols is None else loaded.api_symbols
        pairs = loaded.instruments
        if allowed is not None:
            pairs = tuple(
                pair if pair.symbol in allowed else msgspec.structs.replace(pair, api_trading=False) for pair in pairs
            )
        before, self._instruments = self._instruments, {pair.symbol: pair for pair in pairs}
        self._markets = {}
        for pair in pairs:
            self._markets.setdefault(pair.base, {})[pair.quote] = pair.symbol
            self._markets.setdefault(pair.quote, {}).setdefault(pair.base, "")
        self._instruments_view = InstrumentsView(by_symbol=self._instruments)
        self._books.instruments_changed()
        self._watchlists.instruments_changed()
        return [*self._listings(before, at), *self._follow(at), *self._fetch_sparks()]

    def _listings(self, before: dict[str, Instrument], at: Timestamp) -> list[Effect]:
        """Say what is new, gone, paused or closed since the list of pairs was last read."""
        if not before:
            return []
        charted = (symbol for symbol, _ in self._interest.candles())
        watched = (symbol for symbols in self._interest.watchlists() for symbol in symbols)
        followed = dict.fromkeys((*self._required, *sorted(self._interest.symbols()), *sorted(charted), *watched))
        found = changes(before, self._instruments, followed)
        return [self._facts.emit(at, "listing", level, text, symbol=symbol) for level, symbol, text in found]

    def _on_link(self, changed: LinkChanged, at: Timestamp) -> list[Effect]:
        if changed.private:
            return []
        effects = self._books.on_link(changed, at) + self._charts.on_link(changed, self._server_ms(at))
        self._broken = changed.state in (LinkState.RECONNECTING, LinkState.CLOSED)
        for symbol in self._tapes:
            if lost(changed, symbol):
                self._missed.add(symbol)
                self._quotes.forget_top(symbol)
        return effects + self._read_missed(at)

    def _read_missed(self, at: Timestamp) -> list[Effect]:
        """Read again the trades that a broken stream may have missed; a stream that keeps breaking, now and then."""
        if self._broken:
            return []
        due = [
            symbol
            for symbol in sorted(self._missed & self._looked_at)
            if at.mono_ns - self._trades_ns.get(symbol, -TRADES_AGAIN_NS) >= TRADES_AGAIN_NS
        ]
        self._missed.difference_update(due)
        self._trades_ns.update(dict.fromkeys(due, at.mono_ns))
        return [FetchTrades(symbol, TRADES) for symbol in due]

    def _on_refused(self, refused: ChannelRefused, at: Timestamp) -> list[Effect]:
        message = (
            f"{refused.symbol or 'market data'}: the exchange refuses {refused.channel}"
            f"{f' ({refused.reason})' if refused.reason else ''}; what it would show is missing or comes late. "
            "Check that the pair exists and is open."
        )
        effects = [*self._books.on_refused(refused, at), *self._charts.on_refused(refused, self._server_ms(at))]
        return [*effects, self._facts.emit(at, "problem", Level.WARN, message, symbol=refused.symbol)]

    def _on_health(self, health: VenueHealth, at: Timestamp) -> list[Effect]:
        self._books.on_health(health, at)
        if health.clock_offset_ms is not None:
            ahead = at.wall_ms + round(health.clock_offset_ms) - at.mono_ns // 1_000_000
            # What frames say is as of their sending, but nothing after this machine has slept, until the next one.
            if self._ahead_ms is None or not self._stamped or abs(ahead - self._ahead_ms) > CLOCK_SLACK_MS:
                self._ahead_ms, self._stamped = ahead, False
        return []

    def _on_tick(self, tick: Tick, at: Timestamp) -> list[Effect]:
        effects = self._books.on_tick(at) + self._read_missed(at)
        return effects + self._charts.on_tick(at.mono_ns, self._server_ms(at))

    def _server_ms(self, at: Timestamp) -> int | None:
        """Return the exchange's time; None while nothing tells it."""
        return None if self._ahead_ms is None else at.mono_ns // 1_000_000 + self._ahead_ms

    # --- reading

    @property
    def looked_at(self) -> frozenset[str]:
        """Listed symbols whose book, trades or gate inputs are looked at."""
        return self._looked_at

    @property
    def gates(self) -> frozenset[str]:
        """Listed symbols in which somebody may be about to trade."""
        return frozenset(symbol for symbol in self._interest.parameters("gate") if self._listed(symbol))

    @property
    def required(self) -> tuple[str, ...]:
        """Symbols that are followed because of orders or holdings, whoever looks."""
        return self._required

    @property
    def followed(self) -> tuple[str, ...]:
        """Symbols whose books, trades and best prices are followed."""
        return self._books.symbols

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
        return self._books.get(symbol)

    def book_view(self, symbol: str, depth: int | None = None) -> BookView | None:
        """Return a picture of a followed book in whatever state; the same object until something changes."""
        return self._books.view(symbol, depth or self._view_depth)

    def book_age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how long ago the book was last proven current; None before the first time."""
        return self._books.age_ms(symbol, at)

    def tape(self, symbol: str) -> Tape | None:
        """Return the tape of a followed symbol."""
        return self._tapes.get(symbol)

    def candles(self, symbol: str, interval: Interval) -> CandleSeries | None:
        """Return a candle series that is looked at."""
        return self._charts.get(symbol, interval)

    def reading(self, symbol: str, interval: Interval) -> bool:
        """Whether a candle series is being read by REST."""
        return self._charts.reading(symbol, interval)

    def watchlist(self, symbols: tuple[str, ...]) -> WatchlistView:
        """Return the rows of these symbols; the same object until a figure changes."""
        return self._watchlists.view(symbols)

    def ticker(self, symbol: str) -> Ticker | None:
        """Return the 24-hour figures of a pair."""
        return self._quotes.ticker(symbol)

    def noting(self, build: Callable[[], T]) -> tuple[T, frozenset[str]]:
        """Return what ``build`` makes, and the symbols whose prices it asked for on the way."""
        consulted: set[str] = set()
        self._consulted = consulted
        try:
            return build(), frozenset(consulted)
        finally:
            self._consulted = None

    def _note(self, symbol: str) -> None:
        if self._consulted is not None:
            self._consulted.add(symbol)

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the last traded price."""
        self._note(symbol)
        return self._quotes.last(symbol)

    def moved(self, symbol: str, window_ms: int, at: Timestamp) -> Decimal | None:
        """Return how far apart the prices traded within a window lie, as a fraction; None for what is not followed."""
        moves = self._moves.get(symbol)
        return None if moves is None else moves.within(window_ms, at.mono_ns)

    def price_mark(self, symbol: str) -> object:
        """Return what is equal as long as no price of the symbol has changed."""
        return (*self._books.mark(symbol), self._quotes.revision(symbol))

    def touch(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """Return best bid and ask from the live book, else the exchange's best prices, else its ticker."""
        self._note(symbol)
        book = self.book(symbol)
        if book is not None:
            bid, ask = book.top()
            return (None if bid is None else book.price(bid[0]), None if ask is None else book.price(ask[0]))
        top = self._quotes.top(symbol)
        if top is not None:
            return top.bid or None, top.ask or None
        ticker = self._quotes.ticker(symbol)
        return (None, None) if ticker is None else (ticker.bid or None, ticker.ask or None)

    def symbol_of(self, base: str, quote: str) -> str:
        """Return the symbol of a pair; empty where it is not listed."""
        return self._markets.get(base, {}).get(quote, "")

    def markets_of(self, asset: str) -> Collection[str]:
        """Return the assets that share a pair with an asset."""
        return self._markets.get(asset, {}).keys()

    def price_in(self, asset: str, quote: str, side: Side) -> Decimal | None:
        """Return what one unit sells (or costs to buy) for in the quote of a pair now; else its last price."""
        symbol = self.symbol_of(asset, quote)
        if not symbol:
            return None
        bid, ask = self.touch(symbol)
        price = bid if side is Side.SELL else ask
        return self.last_price(symbol) if price is None else price

    def price_age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how old the prices of a symbol are: of its live book, else of its quotes; None without any."""
        if self.book(symbol) is not None:
            return self._books.age_ms(symbol, at)
        as_of = self._quotes.as_of_ns(symbol)
        return max(0, (at.mono_ns - as_of) // 1_000_000) if as_of else None

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now; None where known bids do not take it all."""
        self._note(symbol)
        mark = self._books.mark(symbol)
        cached = self._sell_marks.get(symbol)
        if cached is None or cached[0] != mark or cached[1] != qty:
            cached = self._sell_marks[symbol] = (mark, qty, self._walked(symbol, qty))
        return cached[2]

    def _walked(self, symbol: str, qty: Decimal) -> Decimal | None:
        book = self.book(symbol)
        if book is None or qty <= 0:
            return None
        walk = book.walk(Side.SELL, qty)
        return divide(walk.cost, qty) if walk.filled >= qty else None
