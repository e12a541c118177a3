"""New exposure that was sent on the present UTC day, in the account's currency; survives a restart."""

from __future__ import annotations

import contextlib
from decimal import Decimal

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.numbers import ZERO, exact, parse_decimal
from mexc_tui.domain.owners import PERSON
from mexc_tui.kernel.records import StateRecord

DAY_EXPOSURE = "day_exposure"
_DAY_MS = 86_400_000


class Budget:
    """Adds up what orders that did not reduce were worth when they were sent, whatever became of them."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._sums: dict[str, tuple[int, Decimal]] = {}
        """Day and sum: of all orders under an empty name, and of each script and algorithm under its own."""

    def sent(self, at: Timestamp, owner: str = "") -> Decimal:
        """Return what has been sent today, in all or by an owner; a person's is what no other owner has sent."""
        today = at.wall_ms // _DAY_MS
        sums = {name: value for name, (day, value) in self._sums.items() if day == today}
        if owner != PERSON:
            return sums.get(owner, ZERO)
        with exact():
            return sums.pop("", ZERO) - sum(sums.values(), ZERO)

    def add(self, value: Decimal, at: Timestamp, owner: str) -> tuple[StateRecord, ...]:
        """Count one order and return the records of it."""
        today, records = at.wall_ms // _DAY_MS, []
        for name in ("",) if owner == PERSON else ("", owner):
            day, before = self._sums.get(name, (today, ZERO))
            with exact():
                self._sums[name] = (today, value + (before if day == today else ZERO))
            record = f"{DAY_EXPOSURE} {name}".rstrip()
            records.append(StateRecord(name=record, value=self._text(name), wall_ms=at.wall_ms))
        return tuple(records)

    def _text(self, name: str) -> str:
        day, value = self._sums[name]
        return f"{day} {value:f} {self._currency}"

    def saved(self) -> tuple[tuple[str, str], ...]:
        """Return what is recorded: for all orders and for each owner, day, sum and currency."""
        return tuple((name, self._text(name)) for name in self._sums)

    def replay(self, name: str, text: str) -> None:
        """Take up what was recorded; in another currency, or unreadable, it is as good as nothing."""
        day, _, rest = text.partition(" ")
        sent, _, currency = rest.partition(" ")
        if currency != self._currency or not day.isdecimal():
            return
        with contextlib.suppress(ValueError):
            self._sums[name] = (int(day), parse_decimal(sent))
