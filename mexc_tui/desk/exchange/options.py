"""How a local exchange is to be served."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ExchangeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve and where. ``port`` 0 picks a free one; without ``seed`` markets are as ever and keys random."""

    port: int = 0
    seed: int | None = None
    replay: Path | None = None
    speed: float = 1.0
    from_s: float = 0.0
    """Where in the recording to begin, in seconds."""
    faults: str = ""
    state: Path | None = None
    mirror: bool = False
    delay_ms: int | None = None
    """Delay of paper orders; None takes the setting, or what is measured."""
    strict_limits: bool = False
    until_stdin_closes: bool = False
