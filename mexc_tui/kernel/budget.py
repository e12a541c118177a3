"""New exposure that was sent on the present UTC day, in the account's currency; survives a restart."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.numbers import ZERO, exact, parse_decimal
from mexc_tui.kernel.records import StateRecord

DAY_EXPOSURE = "day_exposure"
_DAY_MS = 86_400_000


class Budget:
    """Adds up what orders that did not reduce were worth when they were sent, whatever became of them."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._day = -1
        self._sent = ZERO

    def sent(self, at: Timestamp) -> Decimal:
        """Return what has been sent today."""
        return self._sent if self._day == at.wall_ms // _DAY_MS else ZERO

    def add(self, value: Decimal, at: Timestamp) -> StateRecord:
        """Count one order and return the record of it."""
        with exact():
            self._sent = self.sent(at) + value
        self._day = at.wall_ms // _DAY_MS
        return StateRecord(name=DAY_EXPOSURE, value=self.saved(), wall_ms=at.wall_ms)

    def saved(self) -> str:
        """Return day, sum and currency; empty before the first order."""
        return "" if self._day < 0 else f"{self._day} {self._sent:f} {self._currency}"

    def replay(self, value: str) -> None:
        """Take up what was recorded; in another currency, or unreadable, it is as good as nothing."""
        day, _, rest = value.partition(" ")
        sent, _, currency = rest.partition(" ")
        if currency != self._currency or not day.isdecimal():
            return
        try:
            self._day, self._sent = int(day), parse_decimal(sent)
        except ValueError:
            return
