"""The one clock of a running desk."""

from __future__ import annotations

import time

from mexc_tui.domain.inputs import Timestamp


def system_now() -> Timestamp:
    """Return wall time and a monotonic time, read together."""
    return Timestamp(time.time_ns() // 1_000_000, time.monotonic_ns())
