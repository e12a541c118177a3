"""The state of account and exchange that new exposure hangs on: kept, given to the gate, and told when it changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from mexc_tui.domain.controls.case import MissingInputError
from mexc_tui.domain.controls.standing import CONTROLS
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Timestamp, VenueHealth
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Fill
from mexc_tui.domain.views import Standing
from mexc_tui.kernel.budget import Budget
from mexc_tui.kernel.costs import Costs
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.portfolio import Portfolio

_MS = 1_000_000
_WINDOW_NS = 30_000 * _MS
"""Requests of so long count."""
_TOLD_AFTER_NS = 2_000 * _MS
"""What lasts no longer is not told."""

_HOUR_MS = 3_600_000
_LONGEST = 16
"""How many times as long as the first a pause after losses becomes at most."""
_MOST_SALES = 100
"""Sales that are looked at."""


def losses_in_a_row(sales: Iterable[tuple[Fill, Decimal]]) -> tuple[int, int]:
    """Return how many orders, of the latest that sold, lost, and when the last one did (exchange milliseconds).

    ``sales`` come newest first. Only the hour before the last loss counts; a sale that came out even is left out.
    """
    orders: dict[tuple[str, str], Decimal] = {}
    last_ms = 0
    for fill, earned in sales:
        if last_ms and fill.time_ms <= last_ms - _HOUR_MS:
            break
        key = (fill.symbol, fill.order_id)
        if key not in orders and (len(orders) >= _MOST_SALES or any(total > 0 for total in orders.values())):
            break
        last_ms = max(last_ms, fill.time_ms)
        with exact():
            orders[key] = orders.get(key, ZERO) + earned
    losses = 0
    for total in orders.values():
        if total > 0:
            break
        losses += total < 0
    return losses, last_ms


class Standings:
    """Remembers the figures of the link and since when the result of the day is not known."""

    def __init__(
        self, facts: FactLog, portfolio: Portfolio, costs: Costs, clock: ExchangeClock, budget: Budget
    ) -> None:
        self._facts = facts
        self._portfolio = portfolio
        self._costs = costs
        self._budget = budget
        self._clock = clock
        self._streak: tuple[int, int, int] = (-1, 0, 0)
        """Losing sales in a row and when the last was, by the exchange's clock; as of so many records."""
        self._health: VenueHealth | None = None
        self._figures: deque[tuple[int, int, int]] = deque()
        """Moment, requests and failures so far: the oldest is what the window is counted from."""
        self._valued_ns: int | None = None
        self._since: dict[str, int] = {}
        """When each control began to refuse."""
        self._told: set[str] = set()

    def measured(self, item: VenueHealth, at: Timestamp) -> None:
        """Take in the figures of the link."""
        self._health = item
        if self._figures and item.requests < self._figures[-1][1]:
            self._figures.clear()
        self._figures.append((at.mono_ns, item.requests, item.failures))
        while len(self._figures) > 1 and self._figures[1][0] <= at.mono_ns - _WINDOW_NS:
            self._figures.popleft()

    def _losses(self) -> tuple[int, int]:
        if self._streak[0] != self._costs.changes:
            self._streak = (self._costs.changes, *losses_in_a_row(self._costs.sales()))
        return self._streak[1:]

    def _cooling_ms(self, limits: Limits, losses: int, last_ms: int, at: Timestamp) -> int:
        if not limits.cooldown_losses or losses < limits.cooldown_losses:
            return 0
        pause = limits.cooldown_ms * min(1 << (losses - limits.cooldown_losses), _LONGEST)
        return max(0, min(pause, last_ms + pause - self._clock.ms(at)))

    def now(self, limits: Limits, at: Timestamp) -> Standing:
        """Return what the gate looks at."""
        health, read_ns = self._health, self._portfolio.reconciled_ns
        offset = None if health is None else health.clock_offset_ms
        valued_ns = at.mono_ns if self._valued_ns is None else self._valued_ns
        requests = failed = 0
        if self._figures:
            (_, asked, went_wrong), (_, asked_now, went_wrong_now) = self._figures[0], self._figures[-1]
            requests, failed = asked_now - asked, went_wrong_now - went_wrong
        losses, last_ms = self._losses()
        return Standing(
            day_exposure=self._budget.sent(at),
            losses=losses,
            cooling_ms=self._cooling_ms(limits, losses, last_ms, at),
            compared_age_ms=(at.mono_ns - read_ns) // _MS if read_ns else None,
            clock_offset_ms=None if offset is None else round(offset),
            held=None if health is None else health.held,
            requests=requests,
            failed=failed,
            unvalued_ms=(at.mono_ns - valued_ns) // _MS,
        )

    def tick(self, limits: Limits, at: Timestamp, *, ready: bool) -> list[Effect]:
        """Tell what has begun to hold new exposure back, and what has ceased to; ``ready``: nothing else does."""
        if self._valued_ns is None or self._portfolio.day.pnl is not None:
            self._valued_ns = at.mono_ns
        if not ready:
            return []
        effects: list[Effect] = []
        # That requests are held is told where it is found out.
        standing = msgspec.structs.replace(self.now(limits, at), held="")
        for code, control in CONTROLS:
            try:
                found = control(standing, limits)
                text = "" if found is None else found.message
            except MissingInputError as missing:
                text = f"It is not known {missing}; no new exposure until it is."
            if not text:
                self._since.pop(code, None)
                if code in self._told:
                    self._told.remove(code)
                    effects.append(self._facts.emit(at, "cleared", Level.GOOD, f"{code} holds no order back any more."))
            elif code not in self._told and at.mono_ns - self._since.setdefault(code, at.mono_ns) >= _TOLD_AFTER_NS:
                self._told.add(code)
                text += " Working orders stay at the exchange; cancel, flatten and sales into cash work."
                effects.append(self._facts.emit(at, "blocked", Level.BAD, f"{code}: {text}"))
        return effects
