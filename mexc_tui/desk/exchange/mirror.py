"""Keeps a paper exchange a mirror of MEXC's public market: books and trades on demand, nothing but reading upstream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from math import exp
from random import Random

from mexc_tui.desk.exchange.book_feed import BookFeed
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    CandleHistory,
    CandleSeen,
    Input,
    InstrumentsLoaded,
    LinkChanged,
    LinkState,
    Tick,
    TickersSeen,
    Timestamp,
    TradesSeen,
)
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.engine.supervisor import attempt
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.venues.mexc.clock import Clock, SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue, StreamSettings
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.wire.mexc.endpoints import MAX_DEPTH

REACH_S = 3.0
"""An exchange that has not answered the simplest question by then counts as out of reach."""
STREAMS_S = 3.0
"""So do market streams that are not up so long after they were begun: without them no book is current."""
LIST_S = 20.0
LOOK_S = 0.02
SILENT_S = 4.0
"""A connection that has nothing to say is asked after two seconds whether it lives. One that has not answered by now
may be dead, and what it last said of its books is nothing to match against."""
PAIRS_AGAIN_S = 300.0
TICKERS_AGAIN_S = 60.0
PING_EVERY_S = 15.0
WORST_PING_MS = 3_000
"""Anything longer waited for the request budget or was repeated, and is no round trip."""
KEPT_S = 60.0
"""A pair that nobody follows any more is kept up to date for so long."""
RENEWED = 100
"""Candles read when somebody begins to follow them, and again after an interruption at least."""
SPREAD = 0.25
"""Delays scatter around a configured median by about a quarter of it."""

_log = logging.getLogger(__name__)


class Delays:
    """How long an order takes to its match: drawn around a configured median, or from measured round trips.

    A whole round trip, since the book that is matched against is half a round trip old already. Seeded.
    """

    def __init__(self, seed: int | str, median_ms: int | None = None) -> None:
        self._rng = Random(f"{seed}/delay")
        self._median_ms = median_ms
        self.measured: deque[float] = deque(maxlen=64)

    def draw(self) -> int:
        """Return milliseconds."""
        if self._median_ms is not None:
            return round(self._median_ms * exp(self._rng.gauss(0, SPREAD))) if self._median_ms > 0 else 0
        return round(self._rng.choice(self.measured)) if self.measured else 0


class Mirror:
    """Reads one MEXC without keys and feeds a paper exchange with the pairs that somebody follows here."""

    def __init__(
        self,
        settings: MexcSettings,
        exchange: PaperExchange,
        delays: Delays,
        clock: Clock | None = None,
        *,
        streams: StreamSettings | None = None,
    ) -> None:
        """ValueError for settings with keys: nothing is ever signed here."""
        if settings.has_keys:
            raise ValueError("a mirror reads public data only and takes no keys")
        self._settings = settings
        self._exchange = exchange
        self._delays = delays
        self._clock = clock if clock is not None else SystemClock()
        self.venue = MexcVenue(settings, VenueKind.PAPER, self._clock, streams=streams)
        self.markets = Markets(FactLog(), depth_limit=MAX_DEPTH, view_depth=1)
        self._market = MarketFeed(
            self.venue,
            self.markets,
            listen=self._pass_on,
            emit_fact=lambda fact: _log.info("upstream: %s", fact.message),
            on_failure=self._fail,
            now=self._now,
            sleep=self._clock.sleep,
        )
        self.feed = BookFeed(self.markets, exchange, self.venue.rest.server_now_ms)
        exchange.mirror.upstream_ms = self.venue.rest.server_now_ms
        self._watched: frozenset[str] = frozenset()
        self._candles: frozenset[tuple[str, str]] = frozenset()
        self._asked_until: dict[str, float] = {}
        self._followed: tuple[tuple[str, ...], tuple[tuple[str, Interval], ...]] = ((), ())
        self._failed: asyncio.Future[None] | None = None
        self._link_reason = "no answer"
        self._silent = False

    async def open(self) -> None:
        """Reach the exchange, list its pairs and their figures.

        Raises:
            VenueError: it cannot be reached (within four seconds), or gives no list of pairs.
        """
        self._failed = asyncio.get_running_loop().create_future()
        # Until the streams are up no snapshot makes a book current.
        self._market.handle(LinkChanged(False, LinkState.CONNECTING))
        try:
            await self._reach()
            await self._connect()
            loaded, api_symbols = await asyncio.gather(
                attempt("reading the pairs", self.venue.instruments(), LIST_S),
                attempt("reading the pairs open to keys", self.venue.api_symbols(), LIST_S),
            )
            if isinstance(loaded, VenueError):
                raise loaded
            self._list(InstrumentsLoaded(loaded, None if isinstance(api_symbols, VenueError) else api_symbols))
            await asyncio.gather(self._load_tickers(), self._ping())
        except BaseException:
            await self.close()
            raise

    async def run(self) -> None:
        """Keep the mirror current until cancelled; raises what stopped it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again(PAIRS_AGAIN_S, self._load_pairs))
            group.create_task(self._again(TICKERS_AGAIN_S, self._load_tickers))
            group.create_task(self._again(PING_EVERY_S, self._ping))
            if self._failed is not None:
                await self._failed

    async def close(self) -> None:
        """Stop reading; idempotent."""
        await self._market.close()

    def watched(self, books: frozenset[str], candles: frozenset[tuple[str, str]]) -> None:
        """Follow upstream what streams follow here."""
        for symbol in self._watched - books:
            self._asked_until[symbol] = self._clock.monotonic() + KEPT_S
        self._watched, self._candles = books, candles
        self._follow()

    @property
    def connected(self) -> bool:
        """Whether the streams upstream are up, so that waiting for a book makes sense."""
        return self._exchange.mirror.tickers_live

    def want(self, symbol: str) -> None:
        """Follow a pair for a while because somebody asked for it."""
        self._asked_until[symbol] = self._clock.monotonic() + KEPT_S
        self._follow()

    # Following.

    def _follow(self) -> None:
        now = self._clock.monotonic()
        self._asked_until = {symbol: until for symbol, until in self._asked_until.items() if until > now}
        listed = self.markets.instruments
        wanted = (*self._watched, *self._exchange.core.ledger.open_symbols(), *self._asked_until)
        symbols = tuple(sorted({symbol for symbol in wanted if symbol in listed}))
        intervals = {interval.value: interval for interval in Interval}
        candles = tuple(
            sorted(
                (symbol, intervals[name]) for symbol, name in self._candles if symbol in listed and name in intervals
            )
        )
        if (symbols, candles) == self._followed:
            return
        for symbol in set(self._followed[0]) - set(symbols):
            self.feed.lose(symbol, "nobody followed it")
        self._followed = (symbols, candles)
        self._market.follow(symbols)
        self._market.chart(dict.fromkeys(candles, RENEWED))

    def _fail(self, error: Exception) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _pass_on(self, item: Input, _at: Timestamp) -> None:
        match item:
            case TickersSeen():
                for ticker in item.tickers:
                    if ticker.symbol in self._exchange.core.symbols.pairs:
                        self._exchange.mirror.feed_ticker(ticker)
            case CandleSeen():
                self._exchange.mirror.feed_candles(item.symbol, item.interval.value, (item.candle,))
            case CandleHistory():
                self._exchange.mirror.feed_candles(item.symbol, item.interval.value, item.candles)
            case BookDelta() if not self._silent:
                self.feed.on_delta(item)
            case BookSnapshot() if not self._silent:
                self.feed.compare(item.symbol)
            case TradesSeen(history=False):
                self.feed.on_trades(item)
            case LinkChanged(private=False):
                self._link_reason = item.reason or self._link_reason
                self._exchange.mirror.tickers_live = item.state is LinkState.CONNECTED
                self._compare_all()
            case Tick():
                self._compare_all()
                self._follow()
            case _:
                pass

    def _compare_all(self) -> None:
        alive_ns = 0 if self.venue.streams is None else self.venue.streams.alive_ns
        silent_s = (self._clock.monotonic_ns() - alive_ns) / 1e9 if alive_ns else 0.0
        self._silent = silent_s >= SILENT_S
        for symbol in self._followed[0]:
            if self._silent:
                self.feed.lose(symbol, f"nothing was received from {self._settings.host} for {silent_s:.0f} s")
            else:
                self.feed.compare(symbol)

    # Asking upstream.

    async def _reach(self) -> None:
        try:
            async with asyncio.timeout(REACH_S):
                await self.venue.rest.reach()
        except TimeoutError:
            raise VenueError(
                f"{self._settings.host} gave no answer within {REACH_S:g} s", kind=ErrorKind.NETWORK, sent=False
            ) from None

    async def _connect(self) -> None:
        """Open the venue; its market streams must come up as well."""
        opening = asyncio.create_task(self._market.open())
        late = asyncio.create_task(self._streams_late())
        try:
            await asyncio.wait({opening, late}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
        finally:
            for task in (opening, late):
                task.cancel()
            await asyncio.gather(opening, late, return_exceptions=True)
        if not self.connected:
            why = f"its market streams are out of reach ({self._link_reason})"
            raise VenueError(why, kind=ErrorKind.NETWORK, sent=False)

    async def _streams_late(self) -> None:
        while self.venue.streams is None:
            await self._clock.sleep(LOOK_S)
        await self._clock.sleep(STREAMS_S)

    async def _load_pairs(self) -> None:
        loaded = await attempt("reading the pairs", self.venue.instruments())
        api_symbols = await attempt("reading the pairs open to keys", self.venue.api_symbols())
        if isinstance(loaded, VenueError):
            _log.warning("%s", loaded.message)
            return
        self._list(InstrumentsLoaded(loaded, None if isinstance(api_symbols, VenueError) else api_symbols))

    def _list(self, loaded: InstrumentsLoaded) -> None:
        self._market.handle(loaded)
        self._exchange.mirror_pairs(self.markets.instruments.values())

    async def _load_tickers(self) -> None:
        found = await attempt("reading 24-hour figures", self.venue.tickers())
        if isinstance(found, VenueError):
            _log.warning("%s", found.message)
            return
        self._market.handle(TickersSeen(found, self._clock.monotonic_ns()))

    async def _ping(self) -> None:
        began = self._clock.monotonic()
        answer = await attempt("measuring the round trip", self.venue.rest.market.ping())
        took_ms = (self._clock.monotonic() - began) * 1_000
        if not isinstance(answer, VenueError) and took_ms < WORST_PING_MS:
            self._delays.measured.append(took_ms)

    async def _again(self, period_s: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(period_s)
            await step()

    def _now(self) -> Timestamp:
        return Timestamp(self._clock.wall_ms(), self._clock.monotonic_ns())
