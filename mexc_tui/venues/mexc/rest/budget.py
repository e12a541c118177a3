"""The budget of requests: windows and connections shared by all of them, with a part that only cancels may use."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.queue import Duty, RequestQueue
from mexc_tui.venues.mexc.settings import MexcSettings

_GRACE_S = 0.001
_SHORTEST_PAUSE_S = 1.0
"""The shortest cool-down, even where the exchange asks for none at all."""
_ROUNDING = 1e-6
_ACCOUNT_SHARE = 0.9
_DATA_SHARE = 0.8
"""Of what is not reserved for cancels; the rest is left to those who go first: orders, then the account."""


class Window:
    """At most ``limit`` units in any ``period_s`` seconds; exact, whichever way the exchange counts."""

    def __init__(self, limit: float, period_s: float) -> None:
        self.limit = limit
        self.period_s = period_s
        self._log: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def used(self, now: float) -> float:
        """Units taken within the last period."""
        while self._log and self._log[0][0] + self.period_s <= now:
            self._used -= self._log.popleft()[1]
        return self._used

    def wait(self, amount: float, share: float, now: float) -> float:
        """Seconds until ``amount`` fits into ``share`` of the limit; one that never fits waits for an empty window."""
        usable = self.limit * share
        excess = self.used(now) + amount - (usable if usable > amount else amount)
        if excess <= _ROUNDING:
            return 0.0
        for at, taken in self._log:
            excess -= taken
            if excess <= _ROUNDING:
                return at + self.period_s - now + _GRACE_S
        return self.period_s

    def record(self, amount: float, now: float) -> None:
        """Record that ``amount`` was used."""
        self._log.append((now, amount))
        self._used += amount


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
    """Lets requests pass as the limits allow; obeys cool-downs that the exchange orders.

    Every request that was let pass is given back with ``done``. ``sleep`` ends early, by raising, when the
    connection is closed.
    """

    def __init__(self, settings: MexcSettings, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._queue = RequestQueue(settings.max_connections)
        period = settings.weight_period_s
        self.weight = Window(settings.ip_weight_limit, period)
        self.uid_weight = Window(settings.uid_weight_limit, period)
        self.orders = Window(settings.order_actions_per_s, 1.0)
        self._pace = (Window(settings.requests_per_s * period, period), Window(settings.request_burst, 1.0))
        self._own: dict[str, Window] = {}
        self._turns = {duty: asyncio.Lock() for duty in Duty}
        usable = 1 - settings.reserve_share
        self._share = {
            Duty.CANCEL: 1.0,
            Duty.PLACE: usable,
            Duty.ACCOUNT: usable * _ACCOUNT_SHARE,
            Duty.DATA: usable * _DATA_SHARE,
        }
        self._cool_until = 0.0
        self._cool_stated = False
        self.cool_reason = ""

    @property
    def cool_s(self) -> float:
        """Seconds that are left of a cool-down."""
        return max(0.0, self._cool_until - self._clock.monotonic())

    @property
    def holds_cancels(self) -> bool:
        """Whether a cool-down that is under way holds up cancels too."""
        return self._cool_stated and self.cool_s > 0

    def cool_down(self, seconds: float, reason: str, *, stated: bool) -> None:
        """Pause everything. ``stated`` means the exchange named the time; a guessed pause does not hold up cancels."""
        until = self._clock.monotonic() + max(seconds, _SHORTEST_PAUSE_S)
        if until <= self._cool_until:
            self._cool_stated = self._cool_stated or stated
            return
        self._cool_until, self._cool_stated, self.cool_reason = until, stated, reason

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
            await self._pass(cost, started, patience)

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
                cause = self.cool_reason if self.cool_s > 0 else "the request budget for MEXC is used up"
                raise self._too_long(cost.duty, wait, cause)
            await self._sleep(wait)

    def _try(self, cost: Cost, now: float) -> float:
        """Count a request that may go now and return 0; otherwise return the seconds until it may."""
        windows = self._windows(cost)
        longest = 0.0
        for window, amount, share in windows:
            wait = window.wait(amount, share, now)
            if wait > longest:
                longest = wait
        if self._cool_until > now and (self._cool_stated or cost.duty is not Duty.CANCEL):
            longest = max(longest, self._cool_until - now)
        if longest <= 0:
            for window, amount, _ in windows:
                window.record(amount, now)
        return longest

    def _windows(self, cost: Cost) -> list[tuple[Window, float, float]]:
        """Windows that a request counts in, how much, and the share of each that it may fill."""
        share = self._share[cost.duty]
        average, burst = self._pace
        windows: list[tuple[Window, float, float]] = [
            (average, 1, share),
            (burst, 1, share),
            (self.weight, cost.weight, share),
        ]
        if cost.signed:
            windows.append((self.uid_weight, cost.weight, share))
        if cost.order_action:
            windows.append((self.orders, 1, share))
        if cost.own is not None and self._settings.endpoint_limits:
            name, limit, period = cost.own
            windows.append((self._own.setdefault(name, Window(limit, period)), 1, 1.0))
        return windows

    def _patience(self, duty: Duty) -> float:
        if duty is Duty.PLACE:
            return self._settings.place_max_wait_ms / 1_000
        return self._settings.cancel_max_wait_s if duty is Duty.CANCEL else self._settings.data_max_wait_s

    def _too_long(self, duty: Duty, wait: float, cause: str) -> VenueError:
        left = f"{wait:.1f} s" if wait < 100 else f"{wait / 60:.0f} min"
        return VenueError(
            f"Not sent: {cause}, {left} to go. {UNSENT.get(duty, 'Nothing was asked.')}",
            kind=ErrorKind.RATE_LIMIT,
            remedy=f"Try again in {left}.",
            sent=False,
            retry_after_s=wait,
        )
