"""Numbering of facts: one counter for the whole desk, so that their order is total."""

from __future__ import annotations

from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.orders import Fill, Order
from mexc_tui.kernel.effects import EmitFact


class FactLog:
    """Makes facts with ascending ``seq``, starting at 1."""

    def __init__(self) -> None:
        self._seq = 0

    def emit(
        self,
        at: Timestamp,
        kind: str,
        level: Level,
        message: str,
        *,
        symbol: str = "",
        order: Order | None = None,
        fill: Fill | None = None,
        violations: tuple[Violation, ...] = (),
        command_id: str = "",
    ) -> EmitFact:
        """Return the effect that puts one fact before the user."""
        self._seq += 1
        return EmitFact(
            Fact(
                seq=self._seq,
                time_ms=at.wall_ms,
                kind=kind,
                level=level,
                message=message,
                symbol=symbol,
                order=order,
                fill=fill,
                violations=violations,
                command_id=command_id,
            )
        )
