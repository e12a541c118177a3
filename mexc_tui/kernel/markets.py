"""Everything known of the markets: books that are exact or not called live, tapes, candles, quotes and pair rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

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
    SnapshotFailed,
    Tick,
    TickersSeen,
    Timestamp,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Interval
from mexc_tui.domain.tape import Tape
from mexc_tui.domain.views import InstrumentsView
from mexc_tui.kernel.effects import Effect, FetchCandles, FetchTrades, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.listings import changes
from mexc_tui.kernel.quotes import SPARK
from mexc_tui.kernel.reading import USDT, MarketReading
from mexc_tui.kernel.sync import BookSync

WATCHED = 12
"""Entries of the watchlist whose books are followed; the rest has quotes from the tickers."""
TRADES = 200
"""Public trades asked for when a symbol comes into view."""
TAPE_KEPT = 400
"""Trades of each symbol: twice what is shown, since a longer tape of a quiet market fills for hours."""
MOST_LEVELS = 2_000
"""The exchange cuts a snapshot off here whatever is asked for, so a larger wish would make it look complete."""


class Markets(MarketReading):
    """Market data of the desk. One call an input, effects in return; reading changes nothing that can be seen."""

    def __init__(
        self, facts: FactLog, *, depth_limit: int = 1_000, view_depth: int = 400, least_levels: int = 0
    ) -> None:
        """``least_levels``: levels a side that every book shall know at any time, where the exchange has so many."""
        super().__init__(view_depth)
        self._facts = facts
        self._depth_limit = min(depth_limit, MOST_LEVELS)
        self._least_levels = least_levels
        self._at = Timestamp(0, 0)
        self._unanswered: set[str] = set()
        """Symbols that were let go while a snapshot was on its way."""
        self._history_missed = False
        self._required: tuple[str, ...] = ()
        self._allowed: frozenset[str] | None = None
        """Pairs open to the key, as last known."""
        self._interest: SetInterest | None = None
        self._link_cut = True
        """Whether the market stream is down, or has not been up yet: a book that nothing follows is not live."""
        self._frames = -1
        self._sparks_due: list[str] = []
        self._offset_ms: int | None = None
        self._handlers: dict[type, Callable[[Any, Timestamp], list[Effect]]] = {
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

    def handle(self, item: Input | Command, at: Timestamp) -> list[Effect]:
        """Take one input; what does not concern the markets is ignored."""
        self._at = at
        handler = self._handlers.get(type(item))
        return [] if handler is None else handler(item, at)

    def require(self, symbols: Iterable[str], at: Timestamp | None = None) -> list[Effect]:
        """Follow these symbols besides those on the screen: they have orders or holdings."""
        self._required = tuple(dict.fromkeys(symbols))
        return self._refresh_interest(at or self._at)

    def _on_delta(self, delta: BookDelta, at: Timestamp) -> list[Effect]:
        self._alive(at)
        if delta.sent_ms > 0:
            self._offset_ms = delta.sent_ms - at.wall_ms
        sync = self._syncs.get(delta.symbol)
        return [] if sync is None else sync.on_delta(delta, at)

    def _on_snapshot(self, snapshot: BookSnapshot, at: Timestamp) -> list[Effect]:
        self._unanswered.discard(snapshot.symbol)
        sync = self._syncs.get(snapshot.symbol)
        return [] if sync is None else sync.on_snapshot(snapshot, at)

    def _on_snapshot_failed(self, failed: SnapshotFailed, at: Timestamp) -> list[Effect]:
        self._unanswered.discard(failed.symbol)
        sync = self._syncs.get(failed.symbol)
        return [] if sync is None else sync.on_failure(failed.reason, at)

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
        self._alive(at)
        if self._offset_ms is None:
            self._offset_ms = seen.trades[-1].time_ms - at.wall_ms
        new = tape.add(seen.trades, seen.recv_ns)
        if new:
            self._quotes.on_trade(seen.symbol, new[-1].price, new[-1].time_ms, seen.recv_ns)
            if self._series is not None and self._series.symbol == seen.symbol:
                self._series.fold(new, seen.recv_ns)
        return []

    def _on_candle(self, seen: CandleSeen, at: Timestamp) -> list[Effect]:
        self._alive(at)
        series = self._series
        if series is not None and (series.symbol, series.interval) == (seen.symbol, seen.interval):
            series.see(seen.candle, seen.recv_ns)
        return []

    def _on_candles(self, history: CandleHistory, at: Timestamp) -> list[Effect]:
        series = self._series
        if series is not None and (series.symbol, series.interval) == (history.symbol, history.interval):
            series.load(history.candles)
        if history.interval is Interval.M1:
            self._quotes.load_spark(history.symbol, history.candles[-SPARK:])
        return []

    def _on_top(self, top: TopOfBook, at: Timestamp) -> list[Effect]:
        self._alive(at)
        sync = self._syncs.get(top.symbol)
        if sync is None:
            return []
        self._quotes.on_top(top)
        return sync.on_top(top, at)

    def _on_tickers(self, seen: TickersSeen, at: Timestamp) -> list[Effect]:
        self._quotes.on_tickers(seen.tickers, seen.recv_ns, at.wall_ms + (self._offset_ms or 0))
        return []

    def _on_instruments(self, loaded: InstrumentsLoaded, at: Timestamp) -> list[Effect]:
        allowed = self._allowed = self._allowed if loaded.api_symbols is None else loaded.api_symbols
        pairs = loaded.instruments
        if allowed is not None:
            pairs = tuple(
                pair if pair.symbol in allowed else msgspec.structs.replace(pair, api_trading=False) for pair in pairs
            )
        before, self._instruments = self._instruments, {pair.symbol: pair for pair in pairs}
        self._usdt_pairs = {pair.base: pair.symbol for pair in pairs if pair.quote == USDT}
        self._instruments_view = InstrumentsView(by_symbol=self._instruments)
        self._quotes.revision += 1
        for sync in self._syncs.values():
            self._give_decimals(sync)
        return [*self._listings(before, at), *self._refresh_interest(at), *self._fetch_sparks()]

    def _listings(self, before: dict[str, Instrument], at: Timestamp) -> list[Effect]:
        """Say what is new, gone, paused or closed since the list of pairs was last read."""
        if not before:
            return []
        watched = () if self._focus is None else (self._focus.symbol, *self._focus.watchlist)
        followed = dict.fromkeys((*self._required, *watched))
        found = changes(before, self._instruments, followed)
        return [self._facts.emit(at, "listing", level, text, symbol=symbol) for level, symbol, text in found]

    def _on_link(self, changed: LinkChanged, at: Timestamp) -> list[Effect]:
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
                if self._series is not None and self._series.symbol == symbol:
                    self._history_missed = True
                    self._series.doubt()
            elif up and not changed.symbols:
                effects += sync.link_back(at)
        if up:
            self._link_ns = at.mono_ns
            if self._history_missed and self._focus is not None:
                self._history_missed = False
                effects += self._fetch_history(self._focus)
        return effects

    def _on_refused(self, refused: ChannelRefused, at: Timestamp) -> list[Effect]:
        sync = self._syncs.get(refused.symbol)
        effects = sync.refuse(refused.reason, at) if sync is not None and "depth" in refused.channel else []
        message = (
            f"{refused.symbol or 'market data'}: the exchange refuses {refused.channel}"
            f"{f' ({refused.reason})' if refused.reason else ''}; what it would show is missing or comes late. "
            "Check that the pair exists and is open."
        )
        return [*effects, self._facts.emit(at, "problem", Level.WARN, message, symbol=refused.symbol)]

    def _alive(self, at: Timestamp) -> None:
        """Take something that came as life of the whole link, unless the venue tells its connections apart."""
        if not self._told_apart:
            self._link_ns = at.mono_ns

    def _on_health(self, health: VenueHealth, at: Timestamp) -> list[Effect]:
        if health.heard_ns:
            # One connection can fall silent while others, the account's among them, go on talking.
            self._told_apart = True
            self._link_ns = min(health.heard_ns, at.mono_ns)
        elif health.frames > self._frames >= 0:
            self._alive(at)
        self._frames = health.frames
        return []

    def _on_tick(self, tick: Tick, at: Timestamp) -> list[Effect]:
        effects: list[Effect] = []
        for sync in self._syncs.values():
            effects += sync.on_tick(at, self._link_ns)
        series = self._series
        if series is not None and self._offset_ms is not None:
            series.advance(at.wall_ms + self._offset_ms)
        return effects

    def _on_focus(self, focus: Focus, at: Timestamp) -> list[Effect]:
        if self._instruments and focus.symbol not in self._instruments:
            message = f"{focus.symbol}: there is no such pair on this exchange; the screen stays where it is."
            return [
                self._facts.emit(at, "problem", Level.WARN, message, symbol=focus.symbol, command_id=focus.command_id)
            ]
        before = self._focus
        self._focus = focus
        effects = self._refresh_interest(at)
        moved = before is None or before.symbol != focus.symbol
        if moved or before is None or before.interval is not focus.interval:
            self._series = CandleSeries(focus.symbol, focus.interval, max(1_000, 2 * focus.candle_limit))
            effects.append(FetchCandles(focus.symbol, focus.interval, focus.candle_limit))
        if moved:
            effects.append(FetchTrades(focus.symbol, TRADES))
        self._sparks_due += self._quotes.watch(focus.watchlist)
        return effects + self._fetch_sparks()

    def _refresh_interest(self, at: Timestamp) -> list[Effect]:
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

    def _follow(self, symbol: str, at: Timestamp) -> None:
        asking = symbol in self._unanswered
        sync = BookSync(
            symbol,
            self._facts,
            limit=self._depth_limit,
            at=at,
            cut=self._link_cut,
            asking=asking,
            least=self._least_levels,
        )
        self._unanswered.discard(symbol)
        self._give_decimals(sync)
        self._syncs[symbol] = sync
        self._tapes[symbol] = Tape(symbol, TAPE_KEPT)

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

    def _fetch_history(self, focus: Focus) -> list[Effect]:
        return [
            FetchCandles(focus.symbol, focus.interval, focus.candle_limit),
            FetchTrades(focus.symbol, TRADES),
        ]

    def _fetch_sparks(self) -> list[Effect]:
        """Ask for the past hour of newly watched pairs, once the list of pairs tells which exist."""
        focus = self._focus
        if focus is None or not self._instruments:
            return []
        shown = (focus.symbol, focus.interval)
        due = [symbol for symbol in self._sparks_due if symbol in self._instruments and (symbol, Interval.M1) != shown]
        self._sparks_due = []
        return [FetchCandles(symbol, Interval.M1, SPARK) for symbol in due]
