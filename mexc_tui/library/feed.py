"""What runs under a library session: streams and calls in, books and the account kept current."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, LinkChanged, LinkState, Tick, Timestamp
from mexc_tui.domain.views import BookState, VenueKind
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.library.own_account import OwnAccount
from mexc_tui.library.subscriptions import Subscription
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.outgoing import refused
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue

_LOOK_S = 0.05
_AGAIN_FIRST_S = 0.5
_AGAIN_LONGEST_S = 15.0


class Feed:
    """Runs a venue without a desk: markets by the same rules as the desk's, the account by stream and by asking."""

    def __init__(self, settings: MexcSettings, symbols: tuple[str, ...], clock: Clock, depth: int) -> None:
        kind = VenueKind.LOCAL if settings.is_local else VenueKind.LIVE
        self._settings = settings
        self._symbols = symbols
        self._clock = clock
        self.venue = MexcVenue(settings, kind, clock)
        self.markets = Markets(FactLog(), view_depth=depth)
        self.market = MarketFeed(
            self.venue,
            self.markets,
            listen=self._listen,
            emit_fact=self._notify,
            on_failure=self._fail,
            now=self._now,
            sleep=clock.sleep,
        )
        self.account = OwnAccount()
        self.account_link = LinkState.CLOSED
        self.listeners: list[Callable[[Input], None]] = []
        self.notices: list[Callable[[Fact], None]] = []
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._running = False

    async def open(self) -> None:
        """Connect, check that the pairs exist, subscribe, and read the account if there are keys."""
        self._running = True
        await self.market.open()
        self.market.handle(InstrumentsLoaded(await self.venue.instruments()))
        strange = [symbol for symbol in self._symbols if self.markets.instrument(symbol) is None]
        if strange:
            raise refused(f"the exchange does not list {', '.join(strange)}")
        self.market.follow(self._symbols)
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
        await self.market.close()

    async def live(self, symbols: tuple[str, ...]) -> None:
        """Return when the books of these pairs are live."""
        while not all(self._is_live(symbol) for symbol in symbols):
            self.check()
            await self._clock.sleep(_LOOK_S)

    def check(self) -> None:
        """Raise if something inside has failed or nothing runs, so that no stale picture is handed out as current."""
        if self._failure is not None:
            raise self._failed()
        if not self._running:
            raise refused("the session is not open")

    def _carry(self) -> None:
        """Have the streams carry what the subscriptions need."""
        if self.venue.streams is not None:
            self.venue.set_extra(channel for subscription in self._subscriptions for channel in subscription.channels)

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

    def _listen(self, item: Input, _at: Timestamp) -> None:
        self.account.handle(item)
        if isinstance(item, LinkChanged) and item.private:
            back = item.state is LinkState.CONNECTED and self.account_link is LinkState.RECONNECTING
            self.account_link = item.state
            if back:
                self._spawn(self._read_account_again())
        for subscription in tuple(self._subscriptions):
            subscription.handle(item)
        if not isinstance(item, Tick):
            for listener in tuple(self.listeners):
                listener(item)

    def _notify(self, fact: Fact) -> None:
        for listener in tuple(self.notices):
            listener(fact)

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
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        for subscription in self._subscriptions:
            subscription.end(self._failed())
