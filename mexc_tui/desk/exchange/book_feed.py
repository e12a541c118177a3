"""From exact upstream books and trades to what a paper exchange is fed: ticks, steps, and the loss of either."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.inputs import BookDelta, TradesSeen
from mexc_tui.domain.numbers import EXACT, BadNumberError, parse_decimal, scaled, units_of
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookState
from mexc_tui.kernel.books import CROSSED
from mexc_tui.kernel.markets import Markets
from mexc_tui.venues.simulator.paper.exchange import PaperExchange

IDS_KEPT = 2_000
_log = logging.getLogger(__name__)


class _Fed(msgspec.Struct):
    """What of an upstream book has been handed on."""

    book: OrderBook
    version: int
    low: int | None
    high: int | None


class BookFeed:
    """Feeds a paper exchange from the books of ``markets``; call after each input that those have taken."""

    def __init__(self, markets: Markets, exchange: PaperExchange, upstream_ms: Callable[[], int]) -> None:
        self._markets = markets
        self._exchange = exchange
        self._upstream_ms = upstream_ms
        self._fed: dict[str, _Fed] = {}
        self._seen_ids: dict[str, dict[str, None]] = {}

    def on_delta(self, delta: BookDelta) -> None:
        """Hand on an increment that the exact book has just taken."""
        fed, book = self._fed.get(delta.symbol), self._markets.book(delta.symbol)
        joins = fed is not None and book is fed.book and delta.first <= fed.version + 1 and delta.last == book.version
        if fed is None or book is None or not joins:
            self.compare(delta.symbol, patient=True)
            return
        if delta.last <= fed.version:
            return
        pair = self._exchange.core.symbols.pairs[delta.symbol]
        changes: list[tuple[Side, int, int]] = []
        try:
            for side, levels in ((Side.BUY, delta.bids), (Side.SELL, delta.asks)):
                for price_text, qty_text in levels:
                    price, qty = scaled(price_text, pair.price_decimals), _steps(qty_text, pair.qty_decimals)
                    if not _hidden(side, price, fed):
                        changes.append((side, price, qty))
        except BadNumberError as error:
            self.lose(delta.symbol, f"it does not keep to its announced steps: {error}")
            return
        fed.version = delta.last
        self._exchange.feed_levels(delta.symbol, changes, delta.sent_ms or self._upstream_ms())

    def compare(self, symbol: str, *, patient: bool = False) -> None:
        """Hand on a book that has become live or was replaced, and the loss of one."""
        book = self._markets.book(symbol)
        if book is None:
            view = self._markets.book_view(symbol)
            reason = view.reason if view is not None else "nobody follows it"
            if not (patient and reason == CROSSED):
                self.lose(symbol, reason)
            return
        fed = self._fed.get(symbol)
        if fed is None or fed.book is not book or fed.version != book.version:
            self._feed_whole(symbol, book)

    def _feed_whole(self, symbol: str, book: OrderBook) -> None:
        pair = self._exchange.core.symbols.pairs[symbol]
        view = book.view(1, BookState.LIVE)
        bids, asks = book.levels()
        prices = (pair.price_decimals, book.price_decimals)
        try:
            low, high = (None if at is None else _rescaled(at, *prices) for at in (view.known_low, view.known_high))
            sides = [
                [(_rescaled(p, *prices), _cut(q, pair.qty_decimals, book.qty_decimals)) for p, q in levels]
                for levels in (bids, asks)
            ]
        except BadNumberError as error:
            self.lose(symbol, f"it does not keep to its announced steps: {error}")
            return
        self._fed[symbol] = _Fed(book, book.version, low, high)
        whole = [[level for level in levels if level[1]] for levels in sides]
        self._exchange.feed_book(symbol, whole[0], whole[1], self._upstream_ms())

    def on_trades(self, seen: TradesSeen) -> None:
        """Hand on trades of the stream, each once."""
        pair = self._exchange.core.symbols.pairs.get(seen.symbol)
        if pair is None:
            return
        ids = self._seen_ids.setdefault(seen.symbol, {})
        for trade in seen.trades:
            if trade.trade_id:
                if trade.trade_id in ids:
                    continue
                ids[trade.trade_id] = None
            try:
                price = units_of(trade.price, pair.price_decimals)
                qty = int(trade.qty.scaleb(pair.qty_decimals, EXACT))
            except BadNumberError as error:
                _log.warning("a trade of %s was left out: %s", seen.symbol, error)
                continue
            if qty:
                self._exchange.feed_trade(seen.symbol, trade.taker, price, qty, trade.time_ms)
        while len(ids) > IDS_KEPT:
            del ids[next(iter(ids))]

    def lose(self, symbol: str, reason: str) -> None:
        """Note that a pair's data is not current."""
        self._fed.pop(symbol, None)
        if symbol in self._exchange.mirror.pairs:
            self._exchange.mirror.stale(symbol, reason)


def _hidden(side: Side, price: int, fed: _Fed) -> bool:
    """Whether a level lies beyond the part of the book that is known whole."""
    if side is Side.BUY:
        return fed.low is not None and price < fed.low
    return fed.high is not None and price > fed.high


def _rescaled(value: int, wanted: int, have: int) -> int:
    """Return a value counted in ``10^-have`` as one counted in ``10^-wanted``; BadNumberError if it does not fit."""
    if wanted >= have:
        return int(value * 10 ** (wanted - have))
    whole, rest = divmod(value, 10 ** (have - wanted))
    if rest:
        raise BadNumberError(f"a level has more than {wanted} decimals")
    return int(whole)


def _cut(value: int, wanted: int, have: int) -> int:
    """Return the same for a quantity, cut to whole steps: less than a step cannot be traded here."""
    if wanted >= have:
        return int(value * 10 ** (wanted - have))
    return int(value // 10 ** (have - wanted))


def _steps(text: str, decimals: int) -> int:
    """Return a quantity in whole steps, cut; BadNumberError if it is no number."""
    return int(parse_decimal(text).scaleb(decimals, EXACT))
