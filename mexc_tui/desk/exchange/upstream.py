"""What a paper exchange is asked for and must fetch first: live books, candles, recent trades, a cancel's delay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping

import msgspec

from mexc_tui.desk.exchange.mirror import Mirror
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.market import Interval
from mexc_tui.venues.mexc.clock import Clock, SystemClock
from mexc_tui.venues.mexc.rest.cache import TtlCache
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.wire.mexc import endpoints as wire
from mexc_tui.wire.mexc.codes import SUSPENDED
from mexc_tui.wire.mexc.intervals import REST_INTERVALS

BOOK_WAIT_S = 4.0
"""A call that needs a book waits this long for it, then it is refused."""
LOOK_S = 0.02
FRESH_S = 2.0
"""Candles and recent trades are asked for again after this long."""
_ORDER_PATHS = (wire.ORDER_PLACE.path, wire.ORDER_TEST.path)
_TRADE_PATHS = (wire.TRADES.path, wire.AGG_TRADES.path, wire.AVG_PRICE.path)


class MirrorUpstream:
    """``Upstream`` of the server in front of a paper exchange."""

    def __init__(self, mirror: Mirror, exchange: PaperExchange, clock: Clock | None = None) -> None:
        self._mirror = mirror
        self._exchange = exchange
        self._clock = clock if clock is not None else SystemClock()
        self._candles: frozenset[tuple[str, str]] = frozenset()
        self._cache = TtlCache(self._clock)

    def watched(self, books: frozenset[str], candles: frozenset[tuple[str, str]]) -> None:
        """Follow upstream what streams follow here."""
        for symbol, name in self._candles - candles:
            # The latest of them would stay unfinished, and whoever comes back to them would be shown that.
            self._exchange.mirror.forget_candles(symbol, name)
            self._cache.forget(f"klines {symbol} {name}")
        self._candles = candles
        self._mirror.watched(books, candles)

    async def before(self, method: str, path: str, params: Mapping[str, str]) -> None:
        """Bring what a call needs: a live book, candles, recent trades; let a cancel take its time.

        Raises:
            SimError: it cannot be had.
        """
        symbol = params.get("symbol", "")
        if method == "DELETE" and "rder" in path:
            await self._travel()
        elif path == wire.DEPTH.path or (method == "POST" and path in _ORDER_PATHS):
            await self._live(symbol)
        elif path == wire.ORDER_BATCH.path:
            for name in _batch_symbols(params.get("batchOrders", "")):
                await self._live(name)
        elif path == wire.BOOK_TICKER.path and not (symbol and self._exchange.mirror.live(symbol)):
            await self._shared("tops", symbol, lambda: self._fetch_tops(symbol))
        elif path == wire.KLINES.path:
            await self._bring_candles(params)
        elif path in _TRADE_PATHS and symbol in self._exchange.core.symbols.pairs:
            await self._shared("trades", symbol, lambda: self._fetch_trades(symbol))

    async def _travel(self) -> None:
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._exchange.delay.send(lambda: None if arrived.done() else arrived.set_result(None))
        await arrived

    async def _live(self, symbol: str) -> None:
        if symbol not in self._exchange.core.symbols.pairs:
            return
        self._mirror.want(symbol)
        end = self._clock.monotonic() + BOOK_WAIT_S
        while self._mirror.connected and not self._exchange.mirror.live(symbol) and self._clock.monotonic() < end:
            await self._clock.sleep(LOOK_S)
        self._exchange.check_live(symbol)

    async def _bring_candles(self, params: Mapping[str, str]) -> None:
        symbol, name = params.get("symbol", ""), params.get("interval", "")
        if symbol not in self._exchange.core.symbols.pairs or name not in REST_INTERVALS:
            return
        wanted = tuple(params.get(key, "") for key in ("startTime", "endTime", "limit"))
        start, end, limit = (int(text) if text.isascii() and text.isdigit() else None for text in wanted)

        async def fetch() -> None:
            rest, interval = self._mirror.venue.rest, Interval(name)
            found = await rest.market.klines(symbol, interval, limit or 500, start_ms=start, end_ms=end)
            self._exchange.mirror.feed_candles(symbol, name, found)

        await self._shared(f"klines {symbol} {name}", wanted, fetch)

    async def _fetch_tops(self, symbol: str) -> None:
        if symbol and symbol not in self._exchange.core.symbols.pairs:
            return
        for row in await self._mirror.venue.rest.market.book_ticker(symbol or None):
            bid = None if row.bid is None or row.bid_qty is None else (row.bid, row.bid_qty)
            ask = None if row.ask is None or row.ask_qty is None else (row.ask, row.ask_qty)
            self._exchange.mirror.feed_top(row.symbol, bid, ask)

    async def _fetch_trades(self, symbol: str) -> None:
        self._exchange.mirror.feed_recent(symbol, await self._mirror.venue.rest.market.trades(symbol, 1_000))

    async def _shared(self, name: str, key: Hashable, fetch: Callable[[], Awaitable[None]]) -> None:
        """Ask upstream once for everybody who asks within a short time."""
        try:
            await self._cache.get(name, key, FRESH_S, fetch)
        except VenueError as error:
            raise SimError(SUSPENDED, f"The mirrored exchange gave no answer: {error.message}") from None


class _BatchOrder(msgspec.Struct):
    symbol: str = ""


def _batch_symbols(text: str) -> list[str]:
    """Return the pairs that a batch of orders names; none where it cannot be read, which its handler refuses."""
    try:
        return list({row.symbol: None for row in msgspec.json.decode(text, type=list[_BatchOrder])})
    except msgspec.DecodeError:
        return []
