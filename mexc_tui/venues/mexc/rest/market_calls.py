"""Public market data by REST."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from mexc_tui.domain.candles import longest_ms, merged
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import BookSnapshot
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.venues.mexc.rest import endpoints as ep
from mexc_tui.venues.mexc.rest import mapping
from mexc_tui.venues.mexc.rest.cache import TtlCache
from mexc_tui.venues.mexc.rest.fields import Row, list_of, rows_of, unreadable
from mexc_tui.venues.mexc.rest.models import (
    AggTrade,
    Announcement,
    AveragePrice,
    BookTicker,
    EtfInfo,
    LastPrice,
    OfflineSymbol,
)
from mexc_tui.venues.mexc.rest.outgoing import check_span, refused
from mexc_tui.venues.mexc.rest.transport import Params, Transport
from mexc_tui.wire.mexc.endpoints import MAX_DEPTH, MAX_ROWS, SURE_CANDLES

T = TypeVar("T")

_PAGES = 3
_AT_ONCE = 100
"""Rows of the long lists (some 2,000 pairs) that are read in one go, so that an order never waits behind them."""


class MarketCalls:
    """Calls that need no key. Each raises ``VenueError``."""

    def __init__(self, transport: Transport, cache: TtlCache) -> None:
        self._transport = transport
        self._cache = cache
        self.unreadable_pairs = 0
        """Rows of the latest full list of pairs that could not be read."""

    async def ping(self) -> None:
        """Return if MEXC answers."""
        Row(await self._transport.call(ep.PING), ep.PING.label)

    async def server_time(self) -> int:
        """Return MEXC's time in milliseconds."""
        return Row(await self._transport.call(ep.TIME), ep.TIME.label).integer("serverTime")

    async def default_symbols(self) -> frozenset[str]:
        """Return the pairs that any key may trade; kept for ``symbols_ttl_s``."""
        ttl = self._transport.settings.symbols_ttl_s
        return await self._cache.get("default symbols", None, ttl, lambda: self._symbols(ep.DEFAULT_SYMBOLS))

    async def exchange_info(self, *symbols: str) -> tuple[Instrument, ...]:
        """Return every pair, or those named; the full list is kept for ``exchange_info_ttl_s``.

        A full list without a single tradable pair is an error: then the meaning of a field has changed.
        """
        ttl = 0.0 if symbols else self._transport.settings.exchange_info_ttl_s
        return await self._cache.get("exchange info", symbols or None, ttl, lambda: self._exchange_info(symbols))

    async def depth(self, symbol: str, limit: int = 1_000) -> BookSnapshot:
        """Return the book, best levels first; at most 2,000 levels a side."""
        limit = max(1, min(limit, MAX_DEPTH))
        data = await self._transport.call(ep.DEPTH, [("symbol", symbol), ("limit", str(limit))])
        received = self._transport.clock.monotonic_ns()
        where = ep.DEPTH.label
        row = Row(data, where)
        bids, asks = mapping.levels(row.raw("bids"), where), mapping.levels(row.raw("asks"), where)
        return BookSnapshot(symbol, row.integer("lastUpdateId"), bids, asks, received, limit)

    async def trades(self, symbol: str, limit: int = 500) -> tuple[Trade, ...]:
        """Return the latest public trades, oldest first; at most 1,000."""
        data = await self._transport.call(ep.TRADES, [("symbol", symbol), ("limit", _rows(limit))])
        found = [mapping.trade(row) for row in rows_of(data, ep.TRADES.label)]
        found.reverse()
        return tuple(sorted(found, key=lambda trade: trade.time_ms))

    async def agg_trades(
        self, symbol: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> tuple[AggTrade, ...]:
        """Return aggregated trades, oldest first; both times or none, at most an hour apart."""
        if (start_ms is None) != (end_ms is None):
            raise refused("aggregated trades are asked for with both times or with none")
        check_span(start_ms, end_ms, longest_ms(Interval.H1))
        params = [("symbol", symbol), *_span(start_ms, end_ms), ("limit", _rows(limit))]
        data = await self._transport.call(ep.AGG_TRADES, params)
        found = [mapping.agg_trade(row) for row in rows_of(data, ep.AGG_TRADES.label)]
        found.reverse()
        return tuple(sorted(found, key=lambda trade: trade.time_ms))

    async def klines(
        self,
        symbol: str,
        interval: Interval,
        limit: int = 500,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> tuple[Candle, ...]:
        """Return candles that open in [start, end), oldest first; the last one may still be open.

        At most 1,000, of which MEXC may give 500 at a time; what it answers besides is dropped. It has no candles of 8
        hours, so those are made of two of 4 each, half as many at a time.
        """
        if interval is Interval.H8:
            return await self._made_of_halves(symbol, limit, start_ms, end_ms)
        count, length = max(1, min(limit, MAX_ROWS)), longest_ms(interval)
        start, end = start_ms, end_ms
        if end is not None and start is None:
            start = max(0, end - count * length)
        oldest = start
        found: dict[int, Candle] = {}
        for _ in range(_PAGES):
            page = await self._candles(symbol, interval, count - len(found), start, end)
            fresh = {
                candle.open_ms: candle
                for candle in page
                if candle.open_ms not in found
                and (start_ms is None or candle.open_ms >= start_ms)
                and (end_ms is None or candle.open_ms < end_ms)
            }
            found |= fresh
            if len(page) < SURE_CANDLES or not fresh or len(found) >= count:
                break
            first = min(found)
            if oldest is not None and first < oldest + length:
                start = max(found) + length
            else:
                start, end = max(start_ms or 0, first - (count - len(found)) * length), first
        return tuple(found[key] for key in sorted(found))[-count:]

    async def _candles(
        self, symbol: str, interval: Interval, count: int, start: int | None, end: int | None
    ) -> list[Candle]:
        where = ep.KLINES.label
        params = [("symbol", symbol), ("interval", interval.value), *_span(start, end), ("limit", str(count))]
        now = self._transport.time.now_ms()
        data = await self._transport.call(ep.KLINES, params)
        return [mapping.candle(item, now, where) for item in list_of(data, where)]

    async def _made_of_halves(
        self, symbol: str, limit: int, start_ms: int | None, end_ms: int | None
    ) -> tuple[Candle, ...]:
        length = longest_ms(Interval.H8)
        count = max(1, min(limit, MAX_ROWS // 2))
        start = None if start_ms is None else -(-start_ms // length) * length
        end = None if end_ms is None else -(-end_ms // length) * length
        parts = await self.klines(symbol, Interval.H4, 2 * count, start_ms=start, end_ms=end)
        if len(parts) >= min(2 * count, SURE_CANDLES) and parts[0].open_ms % length:
            parts = parts[1:]  # the answer was cut off in the middle of a window
        return merged(parts, Interval.H8, self._transport.time.now_ms())[-count:]

    async def avg_price(self, symbol: str) -> AveragePrice:
        """Return the average price of the last minutes."""
        row = Row(await self._transport.call(ep.AVG_PRICE, [("symbol", symbol)]), ep.AVG_PRICE.label)
        return AveragePrice(minutes=row.integer("mins"), price=row.number("price"))

    async def ticker_24h(self, symbol: str | None = None) -> tuple[Ticker, ...]:
        """Return the 24-hour figures of one pair or of all."""
        return await self._one_or_all(ep.TICKER_24H, symbol, mapping.ticker)

    async def ticker_price(self, symbol: str | None = None) -> tuple[LastPrice, ...]:
        """Return the last price of one pair or of all."""
        return await self._one_or_all(ep.TICKER_PRICE, symbol, mapping.last_price)

    async def book_ticker(self, symbol: str | None = None) -> tuple[BookTicker, ...]:
        """Return the best prices of one pair or of all."""
        return await self._one_or_all(ep.BOOK_TICKER, symbol, mapping.book_ticker)

    async def symbol_offline(self) -> tuple[OfflineSymbol, ...]:
        """Return the pairs that are suspended or delisted."""
        data = await self._transport.call(ep.SYMBOL_OFFLINE)
        return tuple(
            OfflineSymbol(
                symbol=row.text("symbol"),
                delisted=row.integer("state", "status") == 3,
                offline_ms=row.maybe_integer("offlineTime"),
            )
            for row in Row(data, ep.SYMBOL_OFFLINE.label).rows("data")
        )

    async def announcements(
        self, *, language: str = "en-US", page: int = 1, limit: int = 20
    ) -> tuple[Announcement, ...]:
        """Return a page of announcements, newest first; ``limit`` becomes a multiple of five, at most 100."""
        size = max(5, min(limit, 100) // 5 * 5)
        params = [("language", language), ("page", str(page)), ("limit", str(size))]
        data = await self._transport.call(ep.ANNOUNCEMENTS, params)
        return tuple(
            Announcement(
                title=row.text("title"),
                url=row.text("url", default=""),
                posted_ms=row.maybe_integer("postTime"),
                language=row.text("language", default=""),
            )
            for group in Row(data, ep.ANNOUNCEMENTS.label).rows("data")
            for row in group.rows("details")
        )

    async def etf_info(self, symbol: str) -> EtfInfo:
        """Return the figures of a leveraged token."""
        row = Row(await self._transport.call(ep.ETF_INFO, [("symbol", symbol)]), ep.ETF_INFO.label)
        return EtfInfo(
            symbol=row.text("symbol"),
            net_value=row.maybe_number("netValue"),
            fee_rate=row.maybe_number("feeRate"),
            leverage=row.maybe_number("leverage"),
            real_leverage=row.maybe_number("realLeverage"),
            time_ms=row.maybe_integer("timestamp"),
        )

    async def _exchange_info(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        where = ep.EXCHANGE_INFO.label
        named = [("symbol" if len(symbols) == 1 else "symbols", ",".join(symbols))] if symbols else []
        data = await self._transport.call(ep.EXCHANGE_INFO, named)
        rows = list_of(Row(data, where).raw("symbols"), where)
        found: list[Instrument] = []
        for start in range(0, len(rows), _AT_ONCE):
            found += mapping.readable(rows[start : start + _AT_ONCE], where, mapping.instrument)
            await asyncio.sleep(0)
        skipped = len(rows) - len(found)
        if symbols:
            missing = [symbol for symbol in symbols if symbol not in {pair.symbol for pair in found}]
            if missing:
                raise unreadable(where, f"it does not describe {', '.join(missing)}")
            return tuple(found)
        self.unreadable_pairs = skipped
        if not any(instrument.tradable for instrument in found):
            raise VenueError(
                f"MEXC's list names {len(rows)} pairs, of which {skipped} could not be read and none can be traded. "
                "No order can be checked against it.",
                kind=ErrorKind.UNREADABLE,
                remedy="If MEXC is not in maintenance, the meaning of a field has changed and the program needs an "
                "update.",
            )
        return tuple(found)

    async def _symbols(self, endpoint: ep.Endpoint) -> frozenset[str]:
        names = list_of(Row(await self._transport.call(endpoint), endpoint.label).raw("data"), endpoint.label)
        found = frozenset(name for name in names if isinstance(name, str) and name)
        if not found:
            raise unreadable(endpoint.label, "it names no pair")
        return found

    async def _one_or_all(self, endpoint: ep.Endpoint, symbol: str | None, read: Callable[[Row], T]) -> tuple[T, ...]:
        """Read the row of a pair; or those of all pairs, leaving out and counting what cannot be read."""
        params: Params = [("symbol", symbol)] if symbol is not None else []

        async def ask() -> Any:
            return await self._transport.call(endpoint, params)

        data = await self._cache.get(endpoint.label, symbol, 0.0, ask)
        where = endpoint.label
        if symbol is not None or not isinstance(data, list):
            return tuple(read(row) for row in rows_of(data if isinstance(data, list) else [data], where))
        found: list[T] = []
        for start in range(0, len(data), _AT_ONCE):
            found += mapping.readable(data[start : start + _AT_ONCE], where, read)
            await asyncio.sleep(0)
        self._transport.unreadable_rows += len(data) - len(found)
        if data and not found:
            raise unreadable(where, "none of its rows makes sense")
        return tuple(found)


def _rows(limit: int) -> str:
    return str(max(1, min(limit, MAX_ROWS)))


def _span(start_ms: int | None, end_ms: int | None) -> Params:
    span = (("startTime", start_ms), ("endTime", end_ms))
    return [(name, str(value)) for name, value in span if value is not None]
