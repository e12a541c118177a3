"""MEXC as a venue: the real exchange, or anything that speaks its wire."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec
from yarl import URL

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import BookSnapshot, LinkChanged, LinkState, VenueHealth
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.ports import Sink, VenueInfo
from mexc_tui.venues.mexc.clock import Clock, SystemClock
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.channels import Speed
from mexc_tui.venues.mexc.stream.connection import StreamTiming
from mexc_tui.venues.mexc.stream.dialing import AiohttpDialer, Dialer
from mexc_tui.venues.mexc.stream.listen_key import KeyNote, KeyTiming, ListenKey, NoMoreKeysError
from mexc_tui.venues.mexc.stream.streams import Streams, Tap

_HEALTH_S: Final = 1.0
_PING_EVERY: Final = 15
"""Health reports between two REST pings, so that the round timing shown is a recent one."""
_CLOCK_EVERY: Final = 300
_PUBLIC_UP_S: Final = 5.0
_PRIVATE_UP_S: Final = 15.0
_log = logging.getLogger(__name__)

NO_KEYS: Final = "no API key is set: market data only"
LOCKED: Final = "live trading is locked in this version: orders go only to an exchange on this machine"


class Part(StrEnum):
    """Kinds of market data that a symbol of interest brings along; candles are asked for by themselves."""

    BOOK = "book"
    TRADES = "trades"
    BEST = "best prices"
    TICKERS = "24-hour figures of all pairs"
    TICKER = "24-hour figures of the symbols of interest"


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Choices about the streams. The fast speeds bring ten times the frames."""

    depth_speed: Speed = Speed.NORMAL
    trades_speed: Speed = Speed.NORMAL
    ticker_zone: str = "24H"
    parts: frozenset[Part] = frozenset({Part.BOOK, Part.TRADES, Part.BEST, Part.TICKERS})
    """What is carried of the symbols of interest."""
    timing: StreamTiming = StreamTiming()
    key_timing: KeyTiming = KeyTiming()


class MexcVenue:
    """The exchange at the addresses of the settings, behind the ``Venue`` port.

    Orders are taken only with keys, and elsewhere than on this machine only with ``real_orders``. ``tap`` gets every
    frame before it is decoded.
    """

    def __init__(
        self,
        settings: MexcSettings,
        kind: VenueKind,
        clock: Clock | None = None,
        tap: Tap | None = None,
        *,
        streams: StreamSettings | None = None,
        dialer: Dialer | None = None,
        rng: random.Random | None = None,
        name: str = "",
        why_not: str = "",
    ) -> None:
        """``why_not`` says why no order is taken, where none is to be."""
        self._settings = settings
        self._clock = clock if clock is not None else SystemClock()
        self._tap = tap
        self._choices = streams if streams is not None else StreamSettings()
        self._dialer = dialer
        self._rng = rng if rng is not None else random.Random()
        self.key_note: KeyNote | None = None
        """Where the listen key is noted, so that a start after a kill takes it up again."""
        self._sink: Sink | None = None
        self._streams: Streams | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._interest = self._channels((), ())
        self._extra: tuple[str, ...] = ()
        self.rest = MexcRest(settings, self._clock, jitter=self._rng.random)
        why_not = why_not or _why_not(settings)
        self._info = VenueInfo(name=name or _name(settings), kind=kind, can_trade=not why_not, why_not=why_not)

    @property
    def info(self) -> VenueInfo:
        """What this venue is, and why it takes no orders if it takes none."""
        return self._info

    @property
    def streams(self) -> Streams | None:
        """The stream connections while the venue is open: counters, samples of what was not understood."""
        return self._streams

    async def account_id(self) -> str:
        """Return MEXC's user id of the account, the same for every key of it; may be asked before ``open``.

        Raises:
            VenueError: the exchange cannot be reached, or does not say.
        """
        await self.rest.open()
        return await self.rest.account.uid()

    async def open(self, sink: Sink) -> None:
        """Check that the exchange answers, start the streams; with keys the account streams are up on return.

        Where the account has no listen key left the account link is reported as down and comes up when one is free.

        Raises:
            VenueError: it cannot be reached, refuses the keys, or gives no account streams; nothing is left open.
        """
        if self._streams is not None:
            raise RuntimeError("the venue is open already")
        self._sink = sink
        try:
            await self.rest.open()
            await self._open_streams(sink)
        except BaseException:
            await self.close()
            raise
        self._tasks = [asyncio.create_task(self._report_health())]

    async def close(self) -> None:
        """Stop streams and calls and release the listen key; idempotent."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        streams, self._streams = self._streams, None
        if streams is not None:
            await streams.close()
        await self.rest.close()

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return every pair the exchange lists."""
        return await self.rest.market.exchange_info()

    async def api_symbols(self) -> frozenset[str] | None:
        """Return the pairs that the key in use may trade; without one, or where MEXC names none, those of every key."""
        if self._settings.has_keys:
            try:
                own = await self.rest.account.self_symbols()
            except VenueError as error:
                if not error.definite:
                    raise
                _log.info("the pairs of this key are not known: %s", error.message)
            else:
                if own:
                    return own
        return await self.rest.market.default_symbols()

    async def set_interest(self, symbols: Sequence[str], candles: Sequence[tuple[str, Interval]]) -> None:
        """Carry books, trades and best prices of ``symbols``, ``candles``, and the figures of all pairs."""
        self._interest = self._channels(symbols, candles)
        self._carry()

    def set_extra(self, channels: Iterable[str]) -> None:
        """Carry these public channels as well, whatever the interest is; replaces the extra ones before."""
        self._extra = tuple(channels)
        self._carry()

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        """Return the book, best levels first."""
        return await self.rest.market.depth(symbol, limit)

    async def recent_trades(self, symbol: str, limit: int) -> tuple[Trade, ...]:
        """Return the latest public trades, oldest first."""
        return await self.rest.market.trades(symbol, limit)

    async def candles(
        self, symbol: str, interval: Interval, limit: int, end_ms: int | None = None
    ) -> tuple[Candle, ...]:
        """Return the latest candles before ``end_ms``, oldest first."""
        return await self.rest.market.klines(symbol, interval, limit, end_ms=end_ms)

    async def tickers(self) -> tuple[Ticker, ...]:
        """Return the 24-hour figures of every pair."""
        return await self.rest.market.ticker_24h(None)

    async def place(self, request: OrderRequest) -> str:
        """Place an order, once, and return the exchange's id; VenueError as the port says."""
        if not self._info.can_trade:
            raise VenueError(
                f"The order was not sent: {self._info.why_not}.",
                kind=ErrorKind.REFUSED_HERE,
                remedy="Use the embedded exchange.",
                sent=False,
                definite=True,
            )
        return await self.rest.trading.place_order(request)

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel an order; ORDER_NOT_FOUND when it is not open (any more)."""
        await self.rest.trading.cancel_order(
            symbol, order_id=order_id, client_order_id="" if order_id else client_order_id
        )

    async def cancel_all(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Cancel every open order of up to five symbols and return the ids of those that were cancelled."""
        return await self.rest.trading.cancel_open_orders(symbols)

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        """Return an order, or None on a positive answer that there is none."""
        return await self.rest.trading.order(
            symbol, order_id=order_id, client_order_id="" if order_id else client_order_id
        )

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        """Return the open orders of the symbols; of all where none is named or that is cheaper."""
        return await self.rest.trading.open_orders(symbols, urgent=urgent)

    async def fills(self, symbol: str, since_ms: int) -> tuple[Fill, ...]:
        """Return own fills of a symbol since a time, oldest first."""
        return await self.rest.trading.my_trades(symbol, since_ms=since_ms)

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset that is held."""
        return await self.rest.account.balances()

    def health(self) -> VenueHealth:
        """Return the figures of the link as they are now."""
        metrics = self.rest.metrics()
        streams = self._streams
        delay = streams.delay_ms() if streams is not None else None
        offset = metrics.clock_offset_ms if self.rest.clock_trusted else None
        return VenueHealth(
            rest_ms=metrics.rest_ms,
            stream_ms=None if delay is None or offset is None else max(0.0, delay + offset),
            clock_offset_ms=offset,
            frames=streams.decoder.frames + streams.control_frames if streams is not None else 0,
            unknown_frames=streams.decoder.not_understood if streams is not None else 0,
            weight_used=metrics.weight_used,
            weight_limit=metrics.weight_limit,
            order_tokens=metrics.order_tokens,
            order_limit=metrics.order_limit,
            requests=metrics.requests,
            failures=metrics.host_failures,
            alive_ns=streams.alive_ns if streams is not None else 0,
            breaker=metrics.breaker,
            drift=streams.decoder.drift if streams is not None else "",
            held=metrics.held,
            held_s=metrics.held_s,
        )

    def _carry(self) -> None:
        if self._streams is None:
            raise VenueError(
                "The streams are closed, so nothing can be subscribed.",
                kind=ErrorKind.NETWORK,
                remedy="Connect again.",
                sent=False,
            )
        self._streams.set_channels(names.once_each((*self._interest, *self._extra)))

    def _channels(self, symbols: Sequence[str], candles: Sequence[tuple[str, Interval]]) -> list[str]:
        choices = self._choices
        wanted = [names.mini_tickers(choices.ticker_zone)] if Part.TICKERS in choices.parts else []
        for symbol in dict.fromkeys((*symbols, *(symbol for symbol, _ in candles))):
            if symbol in symbols:
                named = {
                    Part.BOOK: names.depth(symbol, choices.depth_speed),
                    Part.TRADES: names.deals(symbol, choices.trades_speed),
                    Part.BEST: names.book_ticker(symbol),
                    Part.TICKER: names.mini_ticker(symbol, choices.ticker_zone),
                }
                wanted += [channel for part, channel in named.items() if part in choices.parts]
            wanted += [names.kline(symbol, interval) for other, interval in candles if other == symbol]
        return wanted

    async def _open_streams(self, sink: Sink) -> None:
        settings = self._settings
        dialer = self._dialer or AiohttpDialer(
            settings.ws_url, connect_timeout_s=settings.connect_timeout_s, user_agent=settings.user_agent
        )
        key = None
        if settings.has_keys:
            timing = self._choices.key_timing
            key = ListenKey(self.rest.account, dialer, self._clock, timing, self._rng, self.key_note)
        self._streams = streams = Streams(
            dialer=dialer,
            clock=self._clock,
            sink=sink,
            rng=self._rng,
            timing=self._choices.timing,
            listen_key=key,
            tap=self._tap,
        )
        followed = key is not None
        if key is None:
            sink(LinkChanged(True, LinkState.CLOSED, NO_KEYS))
        else:
            try:
                await key.prepare()
            except NoMoreKeysError as error:
                followed = False
                sink(LinkChanged(True, LinkState.RECONNECTING, error.message))
        streams.start()
        self._carry()
        if followed and not await self._within(_PRIVATE_UP_S, streams.private_up()):
            raise VenueError(
                f"{self._info.name} gives no account streams: {streams.private_reason or 'no answer'}. "
                "Fills and orders could not be followed, so nothing was started.",
                kind=ErrorKind.NETWORK,
                remedy="Check the address of the streams and that the key may read the account, then start again.",
                sent=False,
            )
        await self._within(_PUBLIC_UP_S, streams.public_up())

    async def _within(self, seconds: float, wait: Coroutine[None, None, None]) -> bool:
        """Wait for something, but not longer than so many seconds by the venue's clock."""
        wanted = asyncio.create_task(wait)
        limit = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({wanted, limit}, return_when=asyncio.FIRST_COMPLETED)
            return wanted.done()
        finally:
            for task in (wanted, limit):
                task.cancel()
            await asyncio.gather(wanted, limit, return_exceptions=True)

    async def _report_health(self) -> None:
        """Report the link's figures for good, asking for fresh ones now and then; an exchange that hangs holds up none.

        Screens take a desk that reports nothing for one that is frozen.
        """
        count = 0
        asked: asyncio.Task[None] | None = None
        try:
            while True:
                if self._sink is not None:
                    self._sink(self.health())
                await self._clock.sleep(_HEALTH_S)
                count += 1
                if asked is not None and not asked.done():
                    continue
                if count % _CLOCK_EVERY == 0:
                    asked = asyncio.create_task(_try(self.rest.sync_clock))
                elif count % _PING_EVERY == 0:
                    asked = asyncio.create_task(_try(self.rest.market.ping))
        finally:
            if asked is not None:
                asked.cancel()


async def _try(call: Callable[[], Awaitable[object]]) -> None:
    try:
        await call()
    except VenueError as error:
        _log.info("a figure of the link could not be refreshed: %s", error.message)


def _why_not(settings: MexcSettings) -> str:
    if not settings.has_keys:
        return NO_KEYS
    return "" if settings.orders_allowed else LOCKED


def _name(settings: MexcSettings) -> str:
    host = URL(settings.base_url).host or ""
    if settings.is_local:
        return f"local exchange {settings.host}"
    return "MEXC" if host == "mexc.com" or host.endswith(".mexc.com") else host
