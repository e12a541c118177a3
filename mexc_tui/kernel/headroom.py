"""How much of each standing limit is used, told once when one comes near."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import Headroom
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.losses import LossLimits
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.risk import Risk

_EVERY_NS = 1_000_000_000
_LEFT = Decimal("0.7")
"""Below this share it is told again when the limit comes near once more."""
_WATCHED = ("MAX_POSITION", "MAX_GROSS_EXPOSURE", "MAX_OPEN_ORDERS", "REDUCING")
"""Codes of limits that fill up; rates and ages come and go by the second."""


class Headrooms:
    """Puts together what every limit has left, and remembers which are near."""

    def __init__(self, risk: Risk, losses: LossLimits, markets: Markets, facts: FactLog) -> None:
        self._risk = risk
        self._losses = losses
        self._markets = markets
        self._facts = facts
        self._near: set[str] = set()
        self._looked_ns = 0

    def rows(self, at: Timestamp) -> tuple[Headroom, ...]:
        """Return what is known of every limit."""
        return (*self._risk.headroom(self._markets.gates, at), *self._losses.headroom())

    def tick(self, at: Timestamp) -> list[Effect]:
        """Tell of each limit that has come near since it was last well below; what is not known changes nothing."""
        if at.mono_ns - self._looked_ns < _EVERY_NS:
            return []
        self._looked_ns = at.mono_ns
        rows = [row for row in self.rows(at) if row.code in _WATCHED]
        if any(row.code == "MAX_GROSS_EXPOSURE" for row in rows):
            held = {row.label for row in rows}
            self._near = {label for label in self._near if label in held or not label.startswith("position ")}
        self._near -= {row.label for row in rows if row.used < row.limit * _LEFT}
        fresh = [row for row in rows if row.near and row.label not in self._near]
        self._near.update(row.label for row in fresh)
        return [self._facts.emit(at, "near", Level.WARN, _told(row)) for row in fresh]


def _told(row: Headroom) -> str:
    label = row.label[:1].upper() + row.label[1:]
    share = f"{row.used / row.limit:.0%}" if row.limit else "all"
    then = "only what reduces is taken" if row.code == "REDUCING" else "what would go beyond is refused"
    return f"{label} is near its limit: {row.used:,.6g} of {row.limit:,.6g} {row.unit}, {share}. At the limit {then}."
