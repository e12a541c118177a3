"""The exchange's time: everything asked of the exchange or compared with its times is in it, not in ours."""

from __future__ import annotations

from mexc_tui.domain.inputs import Timestamp, VenueHealth

_MS = 1_000_000


class ExchangeClock:
    """Turns a moment into the exchange's time by the measured offset; into our own before it has been measured.

    It runs with the monotonic clock, which nobody can set. After this machine has slept it is behind until the next
    measurement, so what is asked since some time is then asked since an earlier one.
    """

    def __init__(self) -> None:
        self._ahead_ms: int | None = None
        """The exchange's clock less our monotonic one."""

    def measured(self, health: VenueHealth, at: Timestamp) -> None:
        """Take in the figures of the link."""
        if health.clock_offset_ms is not None:
            self._ahead_ms = at.wall_ms + round(health.clock_offset_ms) - at.mono_ns // _MS

    def ms(self, at: Timestamp) -> int:
        """Return a moment in the exchange's milliseconds since 1970."""
        return at.wall_ms if self._ahead_ms is None else at.mono_ns // _MS + self._ahead_ms
