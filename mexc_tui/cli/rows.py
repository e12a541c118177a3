"""What commands print of markets and orders: inputs and books in, rows out. There is no clock and no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mexc_tui.cli.io.output import Row, safe, shown
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    PUSHES,
    CandleSeen,
    ChannelRefused,
    Input,
    LinkChanged,
    LinkState,
    TickersSeen,
    Timestamp,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.numbers import divide, plain, unscaled
from mexc_tui.domain.orders import Order, OrderReport
from mexc_tui.domain.tape import Tape
from mexc_tui.domain.views import BookState, BookView

BOOK_GAP_NS = 105_000_000
"""Least time between two book lines of a symbol: a little above a tenth, so that ten a second are never exceeded."""

_REFUSED = {"depth": "book", "deals": "trades", "kline": "candles", "miniTicker": "ticker"}


BookReader = Callable[[str, int], BookView | None]
"""Gives the book of a pair with so many levels a side; the same object as long as nothing changed."""


class CandleTrack:
    """The candle of one symbol that is being built; it is final when the exchange shows the next window.

    After a break of the stream the last picture of a window may be older than its end. Then the windows since are
    asked for, and nothing is printed until they are known, so that a closed candle is never a wrong one.
    """

    def __init__(self, symbol: str, interval: Interval, emit: Callable[[Row], None]) -> None:
        self.symbol = symbol
        self.interval = interval
        self.repair: tuple[int, int] | None = None
        """Windows to ask the exchange for: from the first (inclusive) to the second (exclusive) opening time."""
        self.asking = False
        """Whether they have been asked for already."""
        self._emit = emit
        self._last: Candle | None = None
        self._broken = False
        self._held: list[Candle] = []

    def broke(self) -> None:
        """Take note that pushes may have been missed."""
        self._broken = self._last is not None

    def see(self, candle: Candle) -> None:
        """Take one picture of the window that is being built."""
        if self.repair is not None:
            self._held.append(candle)
            return
        last = self._last
        if last is None or candle.open_ms == last.open_ms:
            self._broken = False
            if candle != last:
                self._show(candle)
            return
        if candle.open_ms < last.open_ms:
            return
        if self._broken:
            self.repair = (last.open_ms, candle.open_ms)
            self._held = [candle]
            return
        self._emit(candle_row(self.symbol, self.interval, last, closed=True))
        self._show(candle)

    def repaired(self, candles: Sequence[Candle]) -> bool:
        """Take the exchange's own candles of the missed windows; False where the first of them is not among them."""
        if self.repair is None:
            return True
        first, end = self.repair
        found = [candle for candle in candles if first <= candle.open_ms < end]
        for candle in found:
            self._emit(candle_row(self.symbol, self.interval, candle, closed=True))
        held, self._held = self._held, []
        self.repair, self._last = None, None
        self.asking = self._broken = False
        for candle in held:
            self.see(candle)
        return bool(found) and found[0].open_ms == first

    def _show(self, candle: Candle) -> None:
        self._last = candle
        self._emit(candle_row(self.symbol, self.interval, candle, closed=False))


class Reporter:
    """Turns what comes in into rows for ``emit``, and remarks for ``remark``."""

    def __init__(
        self,
        symbols: Sequence[str],
        channels: Sequence[str],
        interval: Interval,
        depth: int,
        *,
        emit: Callable[[Row], None],
        remark: Callable[[str], None],
    ) -> None:
        self.connected = False
        """Whether the market stream has been up at least once, or has brought something: its answers may be late."""
        self.tracks = {symbol: CandleTrack(symbol, interval, emit) for symbol in symbols}
        self._symbols = tuple(symbols)
        self._channels = frozenset(channels)
        self._depth = depth
        self._emit = emit
        self._remark = remark
        self._tapes = {symbol: Tape(symbol) for symbol in symbols}
        self._books: dict[str, tuple[BookView, int]] = {}
        self._tickers: dict[str, Ticker] = {}
        self._tops: dict[str, TopOfBook] = {}
        self._ticker_due: dict[str, int] = {}
        self._ticked_ns: dict[str, int] = {}
        self._link: tuple[LinkState, str] | None = None
        self._handlers: dict[type, Callable[[Any, Timestamp], None]] = {
            TradesSeen: self._trades,
            CandleSeen: self._candle,
            TickersSeen: self._on_tickers,
            TopOfBook: self._top,
            LinkChanged: self._on_link,
            ChannelRefused: self._refused,
        }

    def listen(self, item: Input, at: Timestamp) -> None:
        """Take one input."""
        self.connected = self.connected or isinstance(item, PUSHES)
        handler = self._handlers.get(type(item))
        if handler is not None:
            handler(item, at)

    def emit_fact(self, fact: Fact) -> None:
        """Take a fact about a book."""
        if fact.kind == "gap":
            self.problem("gap", fact.message, fact.symbol)
        elif fact.kind == "resynced":
            self._remark(fact.message)

    def link(self, state: LinkState, reason: str = "") -> None:
        """Print the state of the link, if that is news."""
        if self._link != (state, reason):
            self._link = (state, reason)
            self._emit({"type": "link", "state": state.value, "reason": safe(reason)})

    def problem(self, code: str, message: str, symbol: str = "") -> None:
        """Print what a reader must know about the data."""
        self._emit({"type": "problem", "code": code, "message": safe(message), "symbol": safe(symbol)})

    def beat(self, book_view: BookReader, at: Timestamp) -> None:
        """Print the books and tickers that changed, each symbol at most ten times a second."""
        if "book" in self._channels:
            for symbol in self._symbols:
                self._book(book_view, symbol, at)
        for symbol, due in list(self._ticker_due.items()):
            if at.mono_ns - self._ticked_ns.get(symbol, 0) >= BOOK_GAP_NS:
                del self._ticker_due[symbol]
                self._ticked_ns[symbol] = at.mono_ns
                self._emit(ticker_row(symbol, self._tickers.get(symbol), self._tops.get(symbol), due))

    def _book(self, book_view: BookReader, symbol: str, at: Timestamp) -> None:
        before = self._books.get(symbol)
        if before is not None and at.mono_ns - before[1] < BOOK_GAP_NS:
            return
        view = book_view(symbol, self._depth)
        if view is None or (before is not None and view is before[0]):
            return
        self._books[symbol] = (view, at.mono_ns)
        self._emit(book_row(view, at.wall_ms))

    def _trades(self, seen: TradesSeen, at: Timestamp) -> None:
        tape = self._tapes.get(seen.symbol)
        if tape is not None and not seen.history and "trades" in self._channels:
            for trade in tape.add(seen.trades, seen.recv_ns):
                self._emit(trade_row(seen.symbol, trade))

    def _candle(self, seen: CandleSeen, at: Timestamp) -> None:
        track = self.tracks.get(seen.symbol)
        if track is not None and seen.interval is track.interval and "candles" in self._channels:
            track.see(seen.candle)

    def _on_tickers(self, seen: TickersSeen, at: Timestamp) -> None:
        for ticker in seen.tickers:
            if ticker.symbol in self.tracks and "ticker" in self._channels:
                self._tickers[ticker.symbol] = ticker
                self._ticker_due[ticker.symbol] = at.wall_ms

    def _top(self, top: TopOfBook, at: Timestamp) -> None:
        if top.symbol in self.tracks and "ticker" in self._channels:
            before = self._tops.get(top.symbol)
            self._tops[top.symbol] = top
            if before is None or _best(before) != _best(top):
                self._ticker_due[top.symbol] = at.wall_ms

    def _on_link(self, changed: LinkChanged, at: Timestamp) -> None:
        if changed.private:
            return
        up = changed.state is LinkState.CONNECTED
        self.connected = self.connected or up
        for symbol, track in self.tracks.items():
            if symbol in changed.symbols or not (up or changed.symbols):
                track.broke()
        if up and changed.symbols and self._link is not None and self._link[0] is LinkState.CONNECTED:
            reason = changed.reason or "the stream was replaced"
            for symbol in sorted(changed.symbols & self.tracks.keys()):
                self.problem("missed", f"{symbol}: updates may have been missed ({reason}).", symbol)
            return
        self.link(changed.state, changed.reason)

    def _refused(self, refused: ChannelRefused, at: Timestamp) -> None:
        kind = next((ours for theirs, ours in _REFUSED.items() if theirs in refused.channel), "")
        message = f"The exchange refuses {refused.channel} ({refused.reason or 'no reason given'})."
        if kind in self._channels:
            self.problem("refused", message, refused.symbol)
        else:
            self._remark(message)


def book_row(view: BookView, wall_ms: int) -> Row:
    """Return the line of a book. Anything but a live or a stale book is still being read."""
    state = view.state if view.state in (BookState.LIVE, BookState.STALE) else BookState.SYNCING

    def levels(side: tuple[tuple[int, int], ...]) -> list[list[str]]:
        return [
            [plain(unscaled(price, view.price_decimals)), plain(unscaled(qty, view.qty_decimals))]
            for price, qty in side
        ]

    return {
        "type": "book",
        "symbol": view.symbol,
        "state": state.value,
        "version": view.version,
        "bids": levels(view.bids),
        "asks": levels(view.asks),
        "time": view.sent_ms or wall_ms,
    }


def trade_row(symbol: str, trade: Trade) -> Row:
    """Return the line of a trade; the id is null where the exchange gave none."""
    return {
        "type": "trade",
        "symbol": symbol,
        "id": trade.trade_id or None,
        "price": plain(trade.price),
        "qty": plain(trade.qty),
        "side": trade.taker.value.lower(),
        "time": trade.time_ms,
    }


def candle_row(symbol: str, interval: Interval, candle: Candle, *, closed: bool) -> Row:
    """Return the line of a candle; ``volume`` counts base."""
    return {
        "type": "candle",
        "symbol": symbol,
        "interval": interval.value,
        "open_time": candle.open_ms,
        "open": plain(candle.open),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "close": plain(candle.close),
        "volume": plain(candle.volume),
        "closed": closed,
    }


def ticker_row(symbol: str, ticker: Ticker | None, top: TopOfBook | None, wall_ms: int) -> Row:
    """Return the line of the 24-hour figures and best prices; what is not known is null."""
    names = ("last", "change", "high", "low", "volume", "quote_volume")
    row: Row = {"type": "ticker", "symbol": symbol}
    for name in names:
        value = None if ticker is None else getattr(ticker, name)
        row[name] = None if value is None else plain(value)
    for name in ("bid", "bid_qty", "ask", "ask_qty"):
        value = None if top is None else getattr(top, name)
        row[name] = plain(value) if value else None
    row["time"] = wall_ms
    return row


def order_row(report: OrderReport) -> Row:
    """Return the line of an order as the exchange shows it."""
    return {
        "type": "order",
        "symbol": report.symbol,
        "order_id": report.order_id,
        "client_order_id": report.client_order_id or None,
        "side": report.side.value.lower(),
        "order_type": None if report.type is None else report.type.value,
        "state": report.state.value,
        "price": report.price,
        "qty": report.qty,
        "filled_qty": report.filled_qty,
        "filled_quote": report.filled_quote,
        "average_price": divide(report.filled_quote, report.filled_qty, 18) if report.filled_qty else None,
        "time": report.created_ms,
    }


def as_text(row: Row) -> str:
    """Return a row as text for the user."""
    kind = row["type"]
    if kind == "book":
        bid, ask = (" x ".join(side[0]) if side else "—" for side in (row["bids"], row["asks"]))
        return f"{row['symbol']:<12} book    {row['state']:<8} v{row['version']}  bid {bid}  ask {ask}"
    if kind == "trade":
        return f"{row['symbol']:<12} trade   {row['side']:<4} {row['qty']} at {row['price']}  #{row['id'] or '—'}"
    if kind == "candle":
        prices = " ".join(f"{name[0].upper()} {row[name]}" for name in ("open", "high", "low", "close"))
        state = "closed" if row["closed"] else "open"
        return f"{row['symbol']:<12} candle  {row['interval']} {row['open_time']} {prices} vol {row['volume']} {state}"
    if kind == "ticker":
        figures = "  ".join(f"{name} {row[name] or '—'}" for name in ("last", "change", "bid", "ask", "quote_volume"))
        return f"{row['symbol']:<12} ticker  {figures}"
    if kind == "link":
        return f"link {row['state']}: {row['reason']}" if row["reason"] else f"link {row['state']}"
    return f"problem {row['code']}: {row['message']}"


def _best(top: TopOfBook) -> tuple[str, str, str, str]:
    return shown(top.bid), shown(top.bid_qty), shown(top.ask), shown(top.ask_qty)


def own_order_row(order: Order) -> Row:
    """Return the line of an order as the desk knows it."""
    return {
        "type": "order",
        "symbol": order.symbol,
        "order_id": order.order_id or None,
        "client_order_id": order.client_order_id,
        "side": order.side.value.lower(),
        "order_type": order.type.value,
        "capped": order.capped,
        "state": order.state.value,
        "origin": order.origin.value,
        "price": order.price,
        "qty": order.qty,
        "quote_qty": order.quote_qty,
        "filled_qty": order.filled_qty,
        "filled_quote": order.filled_quote,
        "average_price": divide(order.filled_quote, order.filled_qty, 18) if order.filled_qty else None,
        "time": order.created_ms,
        "reason": order.reason,
        "owner": order.owner or None,
    }
