"""MEXC's REST API as typed calls."""

from __future__ import annotations

import random
from collections.abc import Callable

from mexc_tui.venues.mexc.clock import Clock, SystemClock
from mexc_tui.venues.mexc.rest.account_calls import AccountCalls
from mexc_tui.venues.mexc.rest.cache import TtlCache
from mexc_tui.venues.mexc.rest.market_calls import MarketCalls
from mexc_tui.venues.mexc.rest.models import RestMetrics
from mexc_tui.venues.mexc.rest.server_time import ClockReading
from mexc_tui.venues.mexc.rest.trading_calls import TradingCalls
from mexc_tui.venues.mexc.rest.transport import Transport
from mexc_tui.venues.mexc.settings import MexcSettings


class MexcRest:
    """MEXC's spot API by REST, inside its limits. One event loop, any number of tasks.

    ``market`` needs no key; ``trading`` places, cancels and looks up orders; ``account`` is what else needs a key.
    Calls raise ``VenueError``. Reading calls are repeated while that can help, cancels once, orders never.
    Anything that changes an account is refused unless the exchange runs on this machine.
    """

    def __init__(
        self, settings: MexcSettings, clock: Clock | None = None, *, jitter: Callable[[], float] = random.random
    ) -> None:
        clock = clock if clock is not None else SystemClock()
        self.settings = settings
        self._transport = Transport(settings, clock, jitter)
        self._cache = TtlCache(clock)
        self.market = MarketCalls(self._transport, self._cache)
        self.trading = TradingCalls(self._transport)
        self.account = AccountCalls(self._transport, self._cache)

    async def __aenter__(self) -> MexcRest:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect and measure the exchange's clock; leaves nothing open when that fails.

        Raises:
            VenueError: the exchange cannot be reached.
            SigningError: this machine computes wrong signatures.
        """
        try:
            await self._transport.open()
            await self.sync_clock()
        except BaseException:
            await self.close()
            raise

    async def reach(self) -> None:
        """Return when the exchange has answered the simplest question, asked once; connections may be left open.

        Raises:
            VenueError: it did not.
        """
        await self._transport.open()
        await self._transport.reach()

    async def close(self) -> None:
        """Close every connection; idempotent."""
        await self._cache.close()
        await self._transport.close()

    async def sync_clock(self) -> ClockReading:
        """Measure how far the exchange's clock is from ours."""
        return await self._transport.time.sync()

    def server_now_ms(self) -> int:
        """Return the exchange's time by the latest measurement."""
        return self._transport.time.now_ms()

    @property
    def clock_trusted(self) -> bool:
        """Whether the exchange's time is known: measured, and our own clock not set since."""
        return self._transport.time.trusted

    @property
    def clock_offset_ms(self) -> float | None:
        """The exchange's clock less ours; None before it has been measured."""
        reading = self._transport.time.reading
        return None if reading is None else reading.offset_ms

    def metrics(self) -> RestMetrics:
        """Return the current figures: latency, budgets, caches, breaker."""
        transport, budget = self._transport, self._transport.budget
        now = transport.clock.monotonic()
        reading = transport.time.reading
        held, held_s = transport.held()
        return RestMetrics(
            requests=transport.requests,
            failures=transport.failures,
            host_failures=transport.host_failures,
            repeats=transport.repeats,
            rest_ms=transport.median_ms,
            weight_used=round(budget.weight.used(now)),
            weight_limit=round(budget.weight.limit),
            uid_weight_used=round(budget.uid_weight.used(now)),
            uid_weight_limit=round(budget.uid_weight.limit),
            order_tokens=budget.order_tokens(),
            order_limit=self.settings.order_actions_per_s,
            cool_down_s=transport.pauses.left_s,
            cool_down_reason=transport.pauses.reason if transport.pauses.left_s else "",
            breaker=transport.breaker.state.value,
            breaker_failures=transport.breaker.failures,
            held=held,
            held_s=held_s,
            clock_offset_ms=None if reading is None else reading.offset_ms,
            clock_round_trip_ms=None if reading is None else reading.round_trip_ms,
            cache={**self._cache.rates(), "completed orders": self.trading.completed_rate},
            unreadable_pairs=self.market.unreadable_pairs,
            unreadable_rows=transport.unreadable_rows,
        )
