"""Everything known of the markets: books that are exact or not called live, tapes, candles, quotes and pair rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.candles import CandleSeries
from mexc_tui.domain.commands import Command, Focus
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    CandleHistory,
    CandleSeen,
    ChannelRefused,
    Input,
    InstrumentsLoaded,
    LinkChanged,
    LinkState,
    Moment,
    SnapshotFailed,
    Tick,
    TickersSeen,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Interval, Ticker
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Side
from mexc_tui.domain.tape import Tape
from mexc_tui.domain.views import BookState, BookView, InstrumentsView, WatchlistView, WatchRow
from mexc_tui.kernel.effects import Effect, FetchCandles, FetchTrades, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.quotes import SPARK, Quotes
from mexc_tui.kernel.sync import SECOND, BookSync

USDT = "USDT"
WATCHED = 12
"""Entries of the watchlist whose books are followed; the rest has quotes from the tickers."""
TRADES = 200
"""Public trades asked for when a symbol comes into view."""
MOST_LEVELS = 2_000
"""The exchange cuts a snapshot off here whatever is asked for, so a larger wish would make it look complete."""
CANDLES_AGAIN_NS = 15 * SECOND
CROSSED = "its best bid stands at or above its best ask"


class Markets:
    """Market data of the desk. One call an input, effects in return; reading changes nothing that can be seen."""

    def __init__(self, facts: FactLog, *, depth_limit: int = 1_000, view_depth: int = 400) -> None:
        self._facts = facts
        self._depth_limit = min(depth_limit, MOST_LEVELS)
        self._view_depth = view_depth
        self._at = Moment(0, 0)
        self._instruments: dict[str, Instrument] = {}
        self._usdt_pairs: dict[str, str] = {}
        self._instruments_view = InstrumentsView(by_symbol={})
        self._syncs: dict[str, BookSync] = {}
        self._unanswered: set[str] = set()
        """Symbols that were let go while a snapshot was on its way."""
        self._views: dict[str, tuple[int, int, BookView]] = {}
        self._tapes: dict[str, Tape] = {}
        self._series: CandleSeries | None = None
        self._candles_asked_ns = 0
        self._history_missed = False
        self._quotes = Quotes()
        self._focus: Focus | None = None
        self._required: tuple[str, ...] = ()
        self._interest: SetInterest | None = None
        self._watch_view: tuple[int, WatchlistView] = (-1, WatchlistView(rows=()))
        self._link_cut = False
        self._link_ns = 0
        self._frames = -1
        self._offset_ms = 0
        self._handlers: dict[type, Callable[[Any, Moment], list[Effect]]] = {
            BookDelta: self._on_delta,
            BookSnapshot: self._on_snapshot,
            SnapshotFailed: self._on_snapshot_failed,
            TradesSeen: self._on_trades,
            CandleSeen: self._on_candle,
            CandleHistory: self._on_candles,
            TopOfBook: self._on_top,
            TickersSeen: self._on_tickers,
            InstrumentsLoaded: self._on_instruments,
            LinkChanged: self._on_link,
            ChannelRefused: self._on_refused,
            VenueHealth: self._on_health,
            Tick: self._on_tick,
            Focus: self._on_focus,
        }

    def handle(self, item: Input | Command, at: Moment) -> list[Effect]:
        """Take one input; what does not concern the markets is ignored."""
        self._at = at
        handler = self._handlers.get(type(item))
        return [] if handler is None else handler(item, at)

    def require(self, symbols: Iterable[str], at: Moment | None = None) -> list[Effect]:
        """Follow these symbols besides those on the screen: they have orders or holdings."""
        self._required = tuple(dict.fromkeys(symbols))
        return self._refresh_interest(at or self._at)

    # Reading

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

    def book_age_ms(self, symbol: str, at: Moment) -> int | None:
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

    # Inputs

    def _on_delta(self, delta: BookDelta, at: Moment) -> list[Effect]:
        self._link_ns = at.mono_ns
        if delta.sent_ms > 0:
            self._offset_ms = delta.sent_ms - at.wall_ms
        sync = self._syncs.get(delta.symbol)
        return [] if sync is None else sync.on_delta(delta, at)

    def _on_snapshot(self, snapshot: BookSnapshot, at: Moment) -> list[Effect]:
        self._unanswered.discard(snapshot.symbol)
        sync = self._syncs.get(snapshot.symbol)
        return [] if sync is None else sync.on_snapshot(snapshot, at)

    def _on_snapshot_failed(self, failed: SnapshotFailed, at: Moment) -> list[Effect]:
        self._unanswered.discard(failed.symbol)
        sync = self._syncs.get(failed.symbol)
        return [] if sync is None else sync.on_failure(failed.reason, at)

    def _on_trades(self, seen: TradesSeen, at: Moment) -> list[Effect]:
        tape = self._tapes.get(seen.symbol)
        if tape is None or not seen.trades:
            return []
        if seen.history:
            tape.merge(seen.trades, seen.recv_ns)
            latest = tape.latest()
            if latest is not None and self._quotes.last(seen.symbol) is None:
                self._quotes.on_trade(seen.symbol, latest.price, latest.time_ms, seen.recv_ns)
            return []
        self._link_ns = at.mono_ns
        new = tape.add(seen.trades, seen.recv_ns)
        if new:
            self._quotes.on_trade(seen.symbol, new[-1].price, new[-1].time_ms, seen.recv_ns)
            if self._series is not None and self._series.symbol == seen.symbol:
                self._series.fold(new, seen.recv_ns)
        return []

    def _on_candle(self, seen: CandleSeen, at: Moment) -> list[Effect]:
        self._link_ns = at.mono_ns
        series = self._series
        if series is not None and (series.symbol, series.interval) == (seen.symbol, seen.interval):
            series.see(seen.candle, seen.recv_ns)
        return []

    def _on_candles(self, history: CandleHistory, at: Moment) -> list[Effect]:
        series = self._series
        if series is not None and (series.symbol, series.interval) == (history.symbol, history.interval):
            series.load(history.candles)
        if history.interval is Interval.M1:
            self._quotes.load_spark(history.symbol, history.candles[-SPARK:])
        return []

    def _on_top(self, top: TopOfBook, at: Moment) -> list[Effect]:
        self._link_ns = at.mono_ns
        sync = self._syncs.get(top.symbol)
        if sync is None:
            return []
        self._quotes.on_top(top)
        return sync.on_top(top, at)

    def _on_tickers(self, seen: TickersSeen, at: Moment) -> list[Effect]:
        self._quotes.on_tickers(seen.tickers, seen.recv_ns, at.wall_ms + self._offset_ms)
        return []

    def _on_instruments(self, loaded: InstrumentsLoaded, at: Moment) -> list[Effect]:
        allowed = loaded.api_symbols
        pairs = loaded.instruments
        if allowed is not None:
            pairs = tuple(
                pair if pair.symbol in allowed else msgspec.structs.replace(pair, api_trading=False) for pair in pairs
            )
        self._instruments = {pair.symbol: pair for pair in pairs}
        self._usdt_pairs = {pair.base: pair.symbol for pair in pairs if pair.quote == USDT}
        self._instruments_view = InstrumentsView(by_symbol=self._instruments)
        self._quotes.revision += 1
        for sync in self._syncs.values():
            self._give_decimals(sync)
        return []

    def _on_link(self, changed: LinkChanged, at: Moment) -> list[Effect]:
        if changed.private:
            return []
        up = changed.state is LinkState.CONNECTED
        broken = changed.state in (LinkState.RECONNECTING, LinkState.CLOSED)
        self._link_cut = not up
        effects: list[Effect] = []
        reason = changed.reason or f"the market stream is {changed.state.value}"
        for symbol, sync in self._syncs.items():
            if symbol in changed.symbols or (broken and not changed.symbols):
                effects += sync.lose_link(reason, at, cut=not up)
                self._quotes.forget_top(symbol)
                self._history_missed = self._history_missed or (
                    self._series is not None and self._series.symbol == symbol
                )
            elif up and not changed.symbols:
                effects += sync.link_back(at)
        if up:
            self._link_ns = at.mono_ns
            if self._history_missed and self._focus is not None:
                self._history_missed = False
                effects += self._fetch_history(self._focus, at)
        return effects

    def _on_refused(self, refused: ChannelRefused, at: Moment) -> list[Effect]:
        sync = self._syncs.get(refused.symbol)
        effects = sync.refuse(refused.reason, at) if sync is not None and "depth" in refused.channel else []
        message = (
            f"{refused.symbol or 'market data'}: the exchange refuses {refused.channel}"
            f"{f' ({refused.reason})' if refused.reason else ''}; what it would show is missing or comes late. "
            "Check that the pair exists and is open."
        )
        return [*effects, self._facts.tell(at, "problem", Level.WARN, message, symbol=refused.symbol)]

    def _on_health(self, health: VenueHealth, at: Moment) -> list[Effect]:
        if health.frames > self._frames >= 0:
            self._link_ns = at.mono_ns
        self._frames = health.frames
        return []

    def _on_tick(self, tick: Tick, at: Moment) -> list[Effect]:
        effects: list[Effect] = []
        for sync in self._syncs.values():
            effects += sync.on_tick(at, self._link_ns)
        series = self._series
        if series is not None:
            series.advance(at.wall_ms + self._offset_ms)
            if series.loading and self._focus is not None and at.mono_ns - self._candles_asked_ns > CANDLES_AGAIN_NS:
                effects.append(self._fetch_candles(self._focus, at))
        return effects

    def _on_focus(self, focus: Focus, at: Moment) -> list[Effect]:
        if self._instruments and focus.symbol not in self._instruments:
            message = f"{focus.symbol}: there is no such pair on this exchange; the screen stays where it is."
            return [
                self._facts.tell(at, "problem", Level.WARN, message, symbol=focus.symbol, command_id=focus.command_id)
            ]
        before = self._focus
        self._focus = focus
        effects = self._refresh_interest(at)
        moved = before is None or before.symbol != focus.symbol
        if moved or before is None or before.interval is not focus.interval:
            self._series = CandleSeries(focus.symbol, focus.interval, max(1_000, 2 * focus.candle_limit))
            effects.append(self._fetch_candles(focus, at))
        if moved:
            effects.append(FetchTrades(focus.symbol, TRADES))
        for symbol in self._quotes.watch(focus.watchlist):
            if symbol in self._instruments and (symbol, Interval.M1) != (focus.symbol, focus.interval):
                effects.append(FetchCandles(symbol, Interval.M1, SPARK))
        return effects

    # Interest

    def _refresh_interest(self, at: Moment) -> list[Effect]:
        focus = self._focus
        wanted: dict[str, None] = {}
        if focus is not None:
            wanted[focus.symbol] = None
            wanted.update(dict.fromkeys(focus.watchlist[:WATCHED]))
        wanted.update(dict.fromkeys(self._required))
        listed = self._instruments
        symbols = tuple(symbol for symbol in wanted if not listed or symbol in listed)
        candles = ((focus.symbol, focus.interval),) if focus is not None else ()
        interest = SetInterest(symbols, candles)
        if interest == self._interest:
            return []
        self._interest = interest
        for symbol in [symbol for symbol in self._syncs if symbol not in symbols]:
            self._let_go(symbol)
        for symbol in symbols:
            if symbol not in self._syncs:
                self._follow(symbol, at)
        self._syncs = {symbol: self._syncs[symbol] for symbol in symbols}
        return [interest]

    def _follow(self, symbol: str, at: Moment) -> None:
        asking = symbol in self._unanswered
        sync = BookSync(symbol, self._facts, limit=self._depth_limit, at=at, cut=self._link_cut, asking=asking)
        self._unanswered.discard(symbol)
        self._give_decimals(sync)
        self._syncs[symbol] = sync
        self._tapes[symbol] = Tape(symbol)

    def _let_go(self, symbol: str) -> None:
        if self._syncs.pop(symbol).asking:
            self._unanswered.add(symbol)
        self._tapes.pop(symbol, None)
        self._views.pop(symbol, None)
        self._quotes.forget_top(symbol)

    def _give_decimals(self, sync: BookSync) -> None:
        pair = self._instruments.get(sync.symbol)
        if pair is not None:
            sync.price_decimals, sync.qty_decimals = pair.price_decimals, pair.qty_decimals
            sync.revision += 1

    def _fetch_history(self, focus: Focus, at: Moment) -> list[Effect]:
        return [self._fetch_candles(focus, at), FetchTrades(focus.symbol, TRADES)]

    def _fetch_candles(self, focus: Focus, at: Moment) -> Effect:
        self._candles_asked_ns = at.mono_ns
        return FetchCandles(focus.symbol, focus.interval, focus.candle_limit)
