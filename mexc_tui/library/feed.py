"""What runs under a library session: streams and calls in, books and the account kept current."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    Input,
    InstrumentsLoaded,
    LinkChanged,
    LinkState,
    SnapshotFailed,
    Tick,
    Timestamp,
    TradesSeen,
)
from mexc_tui.domain.views import BookState, VenueKind
from mexc_tui.kernel.effects import Effect, EmitFact, FetchSnapshot, FetchTrades, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.library.candle_feed import CandleFeed
from mexc_tui.library.own_account import OwnAccount
from mexc_tui.library.subscriptions import Subscription
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.outgoing import refused
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue

_TICK_S = 0.1
_AGAIN_FIRST_S = 0.5
_AGAIN_LONGEST_S = 15.0


class Feed:
    """Runs a venue without a desk: books by the same rules as the desk's, the account by stream and by asking."""

    def __init__(self, settings: MexcSettings, symbols: tuple[str, ...], clock: Clock, depth: int) -> None:
        kind = VenueKind.LOCAL if settings.orders_allowed else VenueKind.LIVE
        self._settings = settings
        self._symbols = symbols
        self._clock = clock
        self.venue = MexcVenue(settings, kind, clock)
        self.markets = Markets(FactLog(), view_depth=depth)
        self.account = OwnAccount()
        self.account_link = LinkState.CLOSED
        self.listeners: list[Callable[[Input], None]] = []
        self.notices: list[Callable[[Fact], None]] = []
        self.candles = CandleFeed(self.venue.rest, clock, self._spawn, self._carry)
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._running = False

    async def open(self) -> None:
        """Connect, check that the pairs exist, subscribe, and read the account if there are keys."""
        self._running = True
        await self.venue.open(self._take)
        self._take(InstrumentsLoaded(await self.venue.instruments()))
        strange = [symbol for symbol in self._symbols if self.markets.instrument(symbol) is None]
        if strange:
            raise refused(f"the exchange does not list {', '.join(strange)}")
        self._carry_out(self.markets.require(self._symbols, self._now()))
        self._spawn(self._tick())
        if self._settings.has_keys:
            await self._read_account()

    def subscribe(self, channels: Sequence[str], buffer: int) -> Subscription:
        """Carry these channels and hand out what they bring, until the subscription is closed."""
        streams = self.venue.streams
        link = LinkState.CLOSED if streams is None else streams.state
        subscription = Subscription(channels, buffer, self._unsubscribed, link)
        self._subscriptions.append(subscription)
        self._carry()
        if streams is not None:
            streams.ask_again(subscription.channels)  # so that a refusal is reported to this one too
        return subscription

    async def close(self) -> None:
        """Stop everything; idempotent."""
        self._running = False
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.end()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.venue.close()

    async def live(self, symbols: tuple[str, ...]) -> None:
        """Return when the books of these pairs are live."""
        while not all(self._is_live(symbol) for symbol in symbols):
            self.check()
            await self._clock.sleep(_TICK_S / 2)

    def check(self) -> None:
        """Raise if something inside has failed or nothing runs, so that no stale picture is handed out as current."""
        if self._failure is not None:
            raise self._failed()
        if not self._running:
            raise refused("the session is not open")

    def _carry(self) -> None:
        """Have the streams carry what the subscriptions and the followed candles need."""
        if self.venue.streams is not None:
            wanted = (channel for subscription in self._subscriptions for channel in subscription.channels)
            self.venue.set_extra((*self.candles.channels, *wanted))

    def _unsubscribed(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._carry()

    def _failed(self) -> RuntimeError:
        error = RuntimeError("the session has failed and must be closed")
        error.__cause__ = self._failure
        return error

    def _is_live(self, symbol: str) -> bool:
        view = self.markets.book_view(symbol)
        return view is not None and view.state is BookState.LIVE

    def _take(self, item: Input) -> None:
        self.account.take(item)
        if isinstance(item, LinkChanged) and item.private:
            back = item.state is LinkState.CONNECTED and self.account_link is LinkState.RECONNECTING
            self.account_link = item.state
            if back:
                self._spawn(self._read_account_again())
        self.candles.take(item)
        self._carry_out(self.markets.handle(item, self._now()))
        for subscription in tuple(self._subscriptions):
            subscription.take(item)
        for listener in tuple(self.listeners):
            listener(item)

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case FetchSnapshot():
                    self._spawn(self._fetch_book(effect))
                case FetchTrades():
                    self._spawn(self._fetch_trades(effect))
                case SetInterest():
                    self._spawn(self.venue.set_interest(effect.symbols, effect.candles))
                case EmitFact():
                    for listener in tuple(self.notices):
                        listener(effect.fact)

    async def _fetch_book(self, effect: FetchSnapshot) -> None:
        await self._clock.sleep(effect.delay_ms / 1_000)
        try:
            self._take(await self.venue.snapshot(effect.symbol, effect.limit))
        except VenueError as error:
            self._take(SnapshotFailed(effect.symbol, error.message))

    async def _fetch_trades(self, effect: FetchTrades) -> None:
        try:
            found = await self.venue.recent_trades(effect.symbol, effect.limit)
        except VenueError:
            return  # the stream brings the trades from here on
        self._take(TradesSeen(effect.symbol, found, self._clock.monotonic_ns(), history=True))

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(_TICK_S)
            self._carry_out(self.markets.handle(Tick(), self._now()))
            self.candles.advance()

    async def _read_account(self) -> None:
        rest = self.venue.rest
        self.account.asking()
        missing = self.account.replace(await rest.account.balances(), await rest.trading.open_orders(self._symbols))
        for report in missing:
            found = await rest.trading.order(report.symbol, order_id=report.order_id)
            if found is not None:
                self.account.report(found)

    async def _read_account_again(self) -> None:
        wait = _AGAIN_FIRST_S
        while True:
            try:
                return await self._read_account()
            except VenueError as error:
                await self._clock.sleep(max(wait, error.retry_after_s or 0.0))
                wait = min(wait * 2, _AGAIN_LONGEST_S)

    def _now(self) -> Timestamp:
        return Timestamp(self._clock.wall_ms(), self._clock.monotonic_ns())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            for subscription in self._subscriptions:
                subscription.end(self._failed())
