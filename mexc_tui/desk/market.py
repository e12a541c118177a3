"""The configured exchange's public market, without keys and without a desk: what ``watch`` and ``record`` follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from mexc_tui.desk.configured import failed, mexc_settings, reach, unknown_symbols
from mexc_tui.desk.errors import InvalidRequestError, UnreachableError
from mexc_tui.desk.plan import kind_at
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, LinkState, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.views import BookView
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.venues.mexc.stream.channels import Speed
from mexc_tui.venues.mexc.venue import MexcVenue, Part, StreamSettings

if TYPE_CHECKING:
    from mexc_tui.venues.mexc.stream.streams import Tap

LIST_LIMIT_S = 30.0
LEVELS = 1_000
"""Levels a side that are read of a book; twice as many as are shown, where that is more."""
STREAM_LIMIT_S = 5.0
"""How long after the start an exchange may leave its streams silent."""
MISSED_CANDLES = 500
"""Candles asked for at most when a stream comes back after a break."""

_PARTS = {"book": (Part.BOOK, Part.BEST), "trades": (Part.TRADES,), "ticker": (Part.TICKER, Part.BEST)}
_LOST = (ErrorKind.NETWORK, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE)


class PublicMarket:
    """Some pairs of the configured exchange, on the running loop: exact books and whatever else it pushes."""

    def __init__(
        self,
        channels: Collection[str],
        *,
        listen: Callable[[Input, Timestamp], None],
        emit_fact: Callable[[Fact], None],
        remark: Callable[[str], None],
        depth: int = 0,
        tap: Tap | None = None,
    ) -> None:
        """Prepare to follow ``channels``: book, trades, candles, ticker.

        Raises:
            InvalidRequestError: config file or environment say something that cannot be used.
        """
        settings, speed = mexc_settings(keys=False)
        self.base_url = settings.base_url
        self.ws_url = settings.ws_url
        kind = kind_at(settings.base_url)
        parts = frozenset(part for channel in channels for part in _PARTS.get(channel, ()))
        streams = StreamSettings(depth_speed=Speed(speed), parts=parts)
        self._venue = MexcVenue(settings, kind, tap=tap, streams=streams)
        self._books = "book" in channels
        markets = Markets(FactLog(), depth_limit=max(LEVELS, 2 * depth), least_levels=depth)
        self._feed = MarketFeed(self._venue, markets, listen=listen, emit_fact=emit_fact)
        self._remark = remark
        self._unreadable = 0

    async def connect(self, symbols: Sequence[str]) -> list[Instrument]:
        """Open the market and return what the exchange says of the pairs; without rules where it gives no list of them.

        Raises:
            UnreachableError, RefusedError: the exchange cannot be reached or refuses.
            InvalidRequestError: it does not list one of the pairs.
        """
        await reach(self._feed.open(), self.base_url)
        try:
            async with asyncio.timeout(LIST_LIMIT_S):
                listed = {pair.symbol: pair for pair in await self._venue.instruments()}
        except TimeoutError:
            raise UnreachableError(f"The exchange at {self.base_url} does not send its list of pairs.") from None
        except VenueError as error:
            if error.kind in _LOST:
                raise failed(error, self.base_url) from None
            self._remark(f"the list of pairs cannot be read, so names are not checked: {error.message}")
            return [_unlisted(symbol) for symbol in symbols]
        unknown = unknown_symbols(symbols, listed)
        if unknown:
            raise InvalidRequestError(unknown, symbol=next(symbol for symbol in symbols if symbol not in listed))
        return [listed[symbol] for symbol in symbols]

    def follow(self, pairs: Sequence[Instrument], candles: Sequence[tuple[str, Interval]] = ()) -> None:
        """Follow exactly these pairs and candles from now on."""
        if self._books:
            self._feed.handle(InstrumentsLoaded(tuple(pairs)))
        self._feed.follow([pair.symbol for pair in pairs], candles, books=self._books)

    def now(self) -> Timestamp:
        """Return the time as what is received is stamped with."""
        return self._feed.now()

    def book_view(self, symbol: str, depth: int) -> BookView | None:
        """Return the book of a followed pair as it is now; the same object as long as nothing changed."""
        return self._feed.markets.book_view(symbol, depth)

    async def missed_candles(self, symbol: str, interval: Interval, first_ms: int, end_ms: int) -> tuple[Candle, ...]:
        """Return the exchange's own candles from one opening time (inclusive) to another; none where it fails."""
        try:
            found = await self._venue.candles(symbol, interval, MISSED_CANDLES, end_ms)
        except VenueError:
            return ()
        return tuple(candle for candle in found if candle.open_ms >= first_ms)

    def unreadable(self) -> str:
        """Return a sentence on frames that could not be read since last time; empty where there were none."""
        streams = self._venue.streams
        if streams is None or streams.decoder.not_understood == self._unreadable:
            return ""
        why = streams.decoder.samples[-1].reason if streams.decoder.samples else "unknown"
        count = streams.decoder.not_understood - self._unreadable
        self._unreadable = streams.decoder.not_understood
        return f"{count} frames could not be read ({why}); what they held is missing."

    def check_stream(self, *, connected: bool, waited_s: float) -> None:
        """Check that a stream that is not ``connected`` has not had its time to begin.

        Raises:
            UnreachableError: the exchange answers by REST and sends nothing by WebSocket.
        """
        if connected or waited_s <= STREAM_LIMIT_S:
            return
        streams = self._venue.streams
        if streams is not None and streams.state is LinkState.CLOSED:
            raise UnreachableError(
                f"The exchange at {self.base_url} refuses every stream that was asked for. "
                "Its pairs may be closed; `mexc-tui book` reads one by REST."
            )
        why = next((link.reason for link in streams.links if link.reason), "") if streams is not None else ""
        raise UnreachableError(
            f"The exchange at {self.base_url} answers, but its streams at {self.ws_url} do not"
            f"{f' ({why})' if why else ''}. Check MEXC_WS_URL and whether a proxy or firewall stops WebSockets."
        )

    async def close(self) -> None:
        """Close the market; idempotent."""
        await self._feed.close()


def _unlisted(symbol: str) -> Instrument:
    """Return a pair of which nothing but the name is known."""
    return Instrument(symbol=symbol, base="", quote="", price_decimals=0, qty_decimals=0)
