"""What happened, in order: every fact reaches the screen exactly once and none is merged."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from mexc_tui.domain.limits import Violation
from mexc_tui.domain.orders import Fill, Order


class Level(StrEnum):
    INFO = "info"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """One line for the events pane. ``message`` says what happened, what it means, and what to do next."""

    seq: int
    time_ms: int
    kind: str
    """Stable name: accepted, rejected, denied, unknown, filled, cancelled, gap, link, halted, resumed, notice, ..."""
    level: Level
    message: str
    symbol: str = ""
    order: Order | None = None
    fill: Fill | None = None
    violations: tuple[Violation, ...] = ()
    command_id: str = ""
