"""The budget of requests: windows and connections shared by all, with a part kept for what is urgent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.pauses import Pauses
from mexc_tui.venues.mexc.rest.queue import Duty, RequestQueue
from mexc_tui.venues.mexc.settings import MexcSettings

_GRACE_S = 0.001
_JITTER_S = 0.1
"""Requests that leave a second apart may arrive closer together."""
_ROUNDING = 1e-6
Kept = tuple[float, float]
_KEPT_FOR_ORDERS = {Duty.LOOKUP: 0.07, Duty.BOOK: 0.1, Duty.ACCOUNT: 0.1, Duty.REST: 0.14}
"""Part of every window that a kind of request leaves to orders, besides what is kept for cancels."""
_LEAST = {Duty.LOOKUP: 0.25, Duty.BOOK: 0.4, Duty.ACCOUNT: 0.2, Duty.REST: 0.15}
"""What each kind is sure of: no more while a better kind waits, and no less whoever waits."""
_LOOK_AGAIN_S = 0.5


class Window:
    """At most ``limit`` units in any ``period_s`` seconds; exact, whichever way the exchange counts."""

    def __init__(self, limit: float, period_s: float) -> None:
        self.limit = limit
        self.period_s = period_s
        self._log: deque[tuple[float, float, Duty | None]] = deque()
        self._used = 0.0
        self._for_cancels = 0.0
        self._for_orders = 0.0

    def used(self, now: float) -> float:
        """Units taken within the last period."""
        while self._log and self._log[0][0] + self.period_s <= now:
            _, taken, duty = self._log.popleft()
            self._count(-taken, duty)
        return self._used

    def wait(self, amount: float, now: float, kept: Kept = (0.0, 0.0)) -> float:
        """Seconds until ``amount`` fits beside what is kept; one that never fits waits for an empty window.

        ``kept`` are the units for cancels and for orders: as much of them as has not been used by these is left free.
        """
        used, cancels, orders = self.used(now), self._for_cancels, self._for_orders
        for_cancels, for_orders = kept
        log = iter(self._log)
        waited = 0.0
        while True:
            free = self.limit - max(0.0, for_cancels - cancels) - max(0.0, for_orders - orders)
            if used + amount - max(free, amount) <= _ROUNDING:
                return waited
            oldest = next(log, None)
            if oldest is None:
                return self.period_s
            at, taken, duty = oldest
            waited = at + self.period_s - now + _GRACE_S
            used -= taken
            if duty is Duty.PLACE:
                orders -= taken
            elif duty is not None and duty.urgent:
                cancels -= taken

    def record(self, amount: float, now: float, duty: Duty | None = None) -> None:
        """Record that ``amount`` was used, and for what."""
        self._log.append((now, amount, duty))
        self._count(amount, duty)

    def _count(self, amount: float, duty: Duty | None) -> None:
        self._used += amount
        if duty is Duty.PLACE:
            self._for_orders += amount
        elif duty is not None and duty.urgent:
            self._for_cancels += amount


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What a request takes from the budget."""

    duty: Duty
    weight: int = 1
    signed: bool = False
    order_action: bool = False
    own: tuple[str, int, float] | None = None
    """A limit of the endpoint itself: its name, requests, seconds."""
    patience_s: float | None = None
    """How long it may wait, where that is not what its duty says."""


UNSENT = {
    Duty.PLACE: "The order was not sent.",
    Duty.CANCEL: "The cancel was not sent and the order may still be open.",
}
"""What it means that a request of a kind was held back."""


class Budget:
    """Lets requests pass as the limits and ``pauses`` allow.

    Every request that was let pass is given back with ``done``. ``sleep`` ends early, by raising, when the
    connection is closed.
    """

    def __init__(
        self, settings: MexcSettings, clock: Clock, sleep: Callable[[float], Awaitable[None]], pauses: Pauses
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._pauses = pauses
        self._queue = RequestQueue(settings.max_connections)
        period = settings.weight_period_s
        self.weight = Window(settings.ip_weight_limit, period)
        self.uid_weight = Window(settings.uid_weight_limit, period)
        self.orders = Window(settings.order_actions_per_s, 1.0 + _JITTER_S)
        self._pace = (Window(settings.requests_per_s * period, period), Window(settings.request_burst, 1.0))
        self._own: dict[str, Window] = {}
        self._turns = {duty: asyncio.Lock() for duty in Duty}
        kept = settings.reserve_share
        self._kept: dict[Duty, Kept] = {duty: (kept, part) for duty, part in _KEPT_FOR_ORDERS.items()}
        self._kept |= {Duty.PLACE: (kept, 0.0), Duty.CANCEL: (0.0, 0.0), Duty.SWEEP: (0.0, 0.0)}
        usable = settings.ip_weight_limit * (1 - kept)
        self._spent = {duty: Window(usable, period) for duty in _LEAST}
        """Weight by kind."""
        self._waiting: set[Duty] = set()

    def take_now(self, cost: Cost) -> bool:
        """Count a request that need not wait and return True; False where it must wait for its turn or the budget."""
        if (cost.duty is not Duty.PLACE and self._turns[cost.duty].locked()) or not self._queue.enter_now(cost.duty):
            return False
        if self._try(cost, self._clock.monotonic()) <= 0:
            return True
        self._queue.leave()
        return False

    async def acquire(self, cost: Cost) -> None:
        """Return when the request may go, having counted it.

        Raises:
            VenueError: RATE_LIMIT, not sent: the wait would be longer than this kind of request may take.
        """
        started = self._clock.monotonic()
        patience = self._patience(cost.duty) if cost.patience_s is None else cost.patience_s
        if cost.duty is Duty.PLACE:
            await self._pass(cost, started, patience)
            return
        async with self._turns[cost.duty]:
            self._waiting.add(cost.duty)
            try:
                await self._pass(cost, started, patience)
            finally:
                self._waiting.discard(cost.duty)

    def done(self) -> None:
        """Give back the connection of a request that was let pass."""
        self._queue.leave()

    def order_tokens(self) -> float:
        """Order actions that could go now."""
        return max(0.0, self.orders.limit - self.orders.used(self._clock.monotonic()))

    async def _pass(self, cost: Cost, started: float, patience: float) -> None:
        while True:
            try:
                async with asyncio.timeout(patience):
                    await self._queue.enter(cost.duty)
            except TimeoutError:
                raise self._too_long(cost.duty, 1.0, "every connection to MEXC waits for an answer") from None
            now = self._clock.monotonic()
            wait = self._try(cost, now)
            if wait <= 0:
                return
            self._queue.leave()
            if now + wait - started > patience:
                cause = self._pauses.reason if self._pauses.left_s else "the request budget for MEXC is used up"
                raise self._too_long(cost.duty, wait, cause)
            await self._sleep(wait if cost.duty not in self._spent else min(wait, _LOOK_AGAIN_S))

    def _try(self, cost: Cost, now: float) -> float:
        """Count a request that may go now and return 0; otherwise return the seconds until it may."""
        windows = self._windows(cost)
        longest = self._pauses.wait_s(now, urgent=cost.duty.urgent)
        for_cancels, for_orders = self._kept[cost.duty]
        for window, amount in windows:
            wait = window.wait(amount, now, (for_cancels * window.limit, for_orders * window.limit))
            if wait > longest:
                longest = wait
        others = self._spent.get(cost.duty)
        if others is not None and self._waiting:
            part = self._part(cost.duty)
            longest = max(longest, others.wait(cost.weight, now, ((1 - part) * others.limit, 0.0)))
        if cost.own is not None and self._settings.endpoint_limits:
            name, limit, period = cost.own
            own = self._own.setdefault(name, Window(limit, period))
            longest = max(longest, own.wait(1, now))
            windows.append((own, 1))
        if longest <= 0:
            self._pauses.started(now)
            spent_on = cost.duty if cost.order_action or cost.duty.urgent else None  # a ping for an order is none
            for window, amount in windows:
                window.record(amount, now, spent_on)
            if others is not None:
                others.record(cost.weight, now)
        return longest

    def _windows(self, cost: Cost) -> list[tuple[Window, float]]:
        """Windows that every request counts in, and how much."""
        average, burst = self._pace
        windows: list[tuple[Window, float]] = [(average, 1), (burst, 1), (self.weight, cost.weight)]
        if cost.signed:
            windows.append((self.uid_weight, cost.weight))
        if cost.order_action:
            windows.append((self.orders, 1))
        return windows

    def _part(self, duty: Duty) -> float:
        """Return how much of the weight a kind of request may use while others wait."""
        ranks = list(_LEAST)
        others = [kind for kind in ranks if kind in self._waiting and kind is not duty]
        if any(ranks.index(kind) < ranks.index(duty) for kind in others):
            return _LEAST[duty]
        return 1.0 - sum(_LEAST[kind] for kind in others)

    def _patience(self, duty: Duty) -> float:
        if duty is Duty.PLACE:
            return self._settings.place_max_wait_ms / 1_000
        return self._settings.cancel_max_wait_s if duty.urgent else self._settings.data_max_wait_s

    def _too_long(self, duty: Duty, wait: float, cause: str) -> VenueError:
        left = f"{wait:.1f} s" if wait < 100 else f"{wait / 60:.0f} min"
        return VenueError(
            f"Not sent: {cause}, {left} to go. {UNSENT.get(duty, 'Nothing was asked.')}",
            kind=ErrorKind.RATE_LIMIT,
            remedy=f"Try again in {left}.",
            sent=False,
            retry_after_s=wait,
        )
