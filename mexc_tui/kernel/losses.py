"""Loss limits: when the day's result falls too far, only what reduces is taken until a person resumes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.controls.case import money
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import Headroom, TradingState
from mexc_tui.domain.numbers import ZERO
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.halting import Halting
from mexc_tui.kernel.history import Latch
from mexc_tui.kernel.limit_changes import LimitChanges
from mexc_tui.kernel.portfolio import Portfolio

_DAY_MS = 86_400_000


class LossLimits:
    """Compares the result, at prices at which holdings could be sold, with what may be lost.

    ``cancel`` cancels what works and increases exposure, where the limits ask for that. A person who resumes allows as
    much again, counted from the result at that moment.
    """

    def __init__(
        self,
        limits: LimitChanges,
        portfolio: Portfolio,
        halting: Halting,
        latch: Latch,
        cancel: Callable[[Timestamp], list[Effect]],
    ) -> None:
        self._limits = limits
        self._portfolio = portfolio
        self._halting = halting
        self._latch = latch
        self._cancel = cancel
        self._day = -1
        self._start = ZERO
        self._peak: Decimal | None = None
        self._tripped = False

    def tick(self, at: Timestamp) -> list[Effect]:
        """Enter REDUCING where a limit is reached; a result that is not known changes nothing."""
        result, day = self._portfolio.day.pnl, at.wall_ms // _DAY_MS
        if result is None:
            return []
        resumed = self._tripped and self._latch.state is TradingState.ACTIVE
        if day != self._day or resumed:
            self._day, self._start, self._peak = day, result if resumed else ZERO, result
            self._tripped = self._tripped and not resumed
        self._peak = result if self._peak is None else max(self._peak, result)
        if self._latch.state is not TradingState.ACTIVE:
            return []
        reason = self._reached(result, self._peak)
        if not reason:
            return []
        self._tripped = True
        cancels = self._limits.now.reducing_cancels
        return self._halting.reduce(reason, at, cancels=cancels) + (self._cancel(at) if cancels else [])

    def headroom(self) -> tuple[Headroom, ...]:
        """Return how much of what may be lost is lost; nothing while the result is not known."""
        result, currency = self._portfolio.day.pnl, self._portfolio.currency
        if result is None or self._peak is None:
            return ()
        limits = self._limits.now
        rows = (
            ("loss of the day", self._start - result, limits.max_day_loss),
            ("fall from the top", self._peak - result, limits.max_drawdown),
        )
        return tuple(
            Headroom(code="REDUCING", label=label, used=max(ZERO, used), limit=most, unit=currency)
            for label, used, most in rows
            if most
        )

    def _reached(self, result: Decimal, peak: Decimal) -> str:
        lost, most = self._start - result, self._limits.now.max_day_loss
        currency = self._portfolio.currency
        if most and lost >= most:
            return f"{money(lost)} {currency} lost today, your limit is {money(most)}"
        fallen, most = peak - result, self._limits.now.max_drawdown
        if most and fallen >= most:
            return f"{money(fallen)} {currency} below the highest result of the day, your limit is {money(most)}"
        return ""
