"""The one clock of a running desk."""

from __future__ import annotations

import time

from mexc_tui.domain.inputs import Moment


def system_now() -> Moment:
    """Return wall time and a monotonic time, read together."""
    return Moment(time.time_ns() // 1_000_000, time.monotonic_ns())
