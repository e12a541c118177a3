"""The market side of a library session: exact books, trades, candles, quotes, and any public channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Input
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.views import BookView
from mexc_tui.library.feed import Feed
from mexc_tui.library.subscriptions import DEFAULT_BUFFER, Subscription
from mexc_tui.library.types import Book, BookLevel
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.outgoing import refused
from mexc_tui.venues.mexc.stream import channels as names

DEFAULT_DEPTH = 20


class MarketSession:
    """What a session knows of the markets. Reading costs next to nothing and never waits, unless it says so."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._books: dict[str, tuple[BookView, Book]] = {}

    @property
    def rest(self) -> MexcRest:
        """Every REST call of the exchange."""
        return self._feed.venue.rest

    def order_book(self, symbol: str, depth: int = DEFAULT_DEPTH) -> Book:
        """Return the book as it is now; costs next to nothing."""
        self._feed.check()
        view = self._feed.markets.book_view(symbol, depth)
        if view is None:
            raise refused(f"{symbol} is not among the pairs of this session")
        kept = self._books.get(symbol)
        if kept is None or kept[0] is not view:
            kept = self._books[symbol] = (view, book_of(view, kept))
        return kept[1]

    def trades(self, symbol: str) -> tuple[Trade, ...]:
        """Return the latest public trades of a followed pair as the stream brought them, without those of an outage.

        The oldest comes first.
        """
        tape = self._feed.markets.tape(symbol)
        return () if tape is None else tape.view().trades

    def ticker(self, symbol: str) -> Ticker | None:
        """Return the 24-hour figures of any pair; None before the first."""
        return self._feed.markets.ticker(symbol)

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the rules of a pair; None if the exchange does not list it."""
        return self._feed.markets.instrument(symbol)

    async def wait_live(self, symbol: str, timeout_s: float = 10.0) -> Book:
        """Return the book once it is live.

        Raises:
            TimeoutError: it was not within that time.
        """
        self.order_book(symbol)
        async with asyncio.timeout(timeout_s):
            await self._feed.live((symbol,))
        return self.order_book(symbol)

    async def follow_candles(self, symbol: str, interval: Interval | str, limit: int = 500) -> tuple[Candle, ...]:
        """Follow candles of a pair from now on and return them with their history; ``limit`` of it.

        Intervals are ``1m 5m 15m 30m 60m 4h 8h 1d 1W 1M``. MEXC gives 1,000 at most, of eight hours 500. After an
        outage the row stands still until what was missed has been read; every candle is read again when it is closed.

        Raises:
            VenueError: the history could not be read, or there is no such pair or interval; it is not followed then,
                unless it was before.
        """
        self._feed.check()
        await self._feed.market.load(self._listed(symbol), _interval(interval), limit)
        return self.candles(symbol, interval)

    def candles(self, symbol: str, interval: Interval | str) -> tuple[Candle, ...]:
        """Return followed candles, oldest first; the last one is being built."""
        self._feed.check()
        series = self._feed.markets.candles(symbol, _interval(interval))
        if series is None:
            raise refused(f"candles of {symbol} are not followed")
        return series.view().candles

    def drop_candles(self, symbol: str, interval: Interval | str) -> None:
        """Follow candles no longer; idempotent."""
        self._feed.market.drop(symbol, _interval(interval))

    def subscribe(self, *channels: str, buffer: int = DEFAULT_BUFFER) -> Subscription:
        """Return what these public channels bring, for ``async for``; names come from ``mexc_tui.channels``.

        Book increments come as ``BookDelta``, the top of a book as ``TopLevels``, best prices as ``TopOfBook``, trades
        as ``TradesSeen``, candles as ``CandleSeen``, 24-hour figures as ``TickersSeen``. ``buffer`` updates wait for
        a slow reader at most. A fast channel replaces the normal one of the same pair, for the session's books too,
        until it is closed; nothing is missed at the change. Close what you no longer read.

        Raises:
            VenueError: a name is not that of a public channel, or the exchange does not list its pair.
        """
        if not channels:
            raise refused("no channel was named")
        self._feed.check()
        for channel in channels:
            try:
                _, symbol, _ = names.content(channel)
            except ValueError as error:
                raise refused(str(error)) from None
            if symbol:
                self._listed(symbol)
        return self._feed.subscribe(channels, buffer)

    def listen(self, listener: Callable[[Input], None]) -> Callable[[], None]:
        """Call ``listener`` with everything that arrives, in order; it must not block. Returns how to stop that."""
        self._feed.listeners.append(listener)
        return lambda: self._feed.listeners.remove(listener) if listener in self._feed.listeners else None

    def on_notice(self, listener: Callable[[Fact], None]) -> None:
        """Call ``listener`` with what a user would want to know: gaps, refused channels, resynchronised books."""
        self._feed.notices.append(listener)

    def _listed(self, symbol: str) -> str:
        if self._feed.markets.instrument(symbol) is None:
            raise refused(f"the exchange does not list {symbol[:40]!r}")
        return symbol


def book_of(view: BookView, before: tuple[BookView, Book] | None) -> Book:
    """Return what a program sees of a view; levels that stand as they stood before are taken over."""
    known: dict[tuple[int, int], BookLevel] = {}
    if before is not None and before[0].price_decimals == view.price_decimals:
        old, shown = before
        if old.qty_decimals == view.qty_decimals:
            known.update(zip(old.bids, shown.bids, strict=True))
            known.update(zip(old.asks, shown.asks, strict=True))

    def levels(side: tuple[tuple[int, int], ...]) -> tuple[BookLevel, ...]:
        return tuple(
            [
                known.get(level)
                or BookLevel(unscaled(level[0], view.price_decimals), unscaled(level[1], view.qty_decimals))
                for level in side
            ]
        )

    return Book(
        symbol=view.symbol,
        state=view.state,
        version=view.version,
        bids=levels(view.bids),
        asks=levels(view.asks),
        reason=view.reason,
    )


def _interval(name: Interval | str) -> Interval:
    try:
        return names.interval_of(name)
    except ValueError:
        raise refused(f"there is no interval {str(name)[:20]!r}; there are {', '.join(Interval)}") from None
