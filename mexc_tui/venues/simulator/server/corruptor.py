"""Stream faults of one connection: what becomes of each push on its way out."""

from __future__ import annotations

from random import Random

from mexc_tui.venues.simulator.server.faults import FaultPlan
from mexc_tui.wire.mexc.channels import PRIVATE_PREFIX


class FrameCorruptor:
    """Drops, repeats, delays, reorders and damages pushes as the fault plan says."""

    def __init__(self, plan: FaultPlan, seed: str) -> None:
        self._plan = plan
        self._rng = Random(seed)
        self._held: bytes | None = None
        self._late: list[tuple[int, bytes]] = []
        self.cut = False
        self.frozen = False

    @property
    def idle(self) -> bool:
        """Whether pushes go out untouched."""
        return not self._plan.streams and self._held is None and not self._late

    def apply(self, channel: str, frame: bytes, now_ms: int) -> list[bytes]:
        """Return what is sent now in place of ``frame``."""
        plan = self._plan
        if plan.strikes("disconnect", channel):
            self.cut = True
            return []
        if plan.strikes("half_open", channel):
            self.frozen = True
            return []
        if channel.startswith(PRIVATE_PREFIX):
            return self._private(channel, frame, now_ms)
        if plan.strikes("drop", channel) or plan.strikes("gap", channel):
            return []
        if plan.strikes("garbage", channel):
            return [b"\xff" + self._rng.randbytes(40)]
        if plan.strikes("truncated", channel):
            return [frame[: self._rng.randrange(1, max(2, len(frame)))]]
        if self._held is None and plan.strikes("reorder", channel):
            self._held = frame
            return []
        sent = [frame, frame] if plan.strikes("duplicate", channel) else [frame]
        if self._held is not None:
            sent.append(self._held)
            self._held = None
        return sent

    def due(self, now_ms: int) -> list[bytes]:
        """Return the late pushes whose time has come."""
        if not self._late:
            return []
        ready = [frame for at, frame in self._late if at <= now_ms]
        self._late = [(at, frame) for at, frame in self._late if at > now_ms]
        return ready

    def _private(self, channel: str, frame: bytes, now_ms: int) -> list[bytes]:
        if self._plan.strikes("missing_push", channel):
            return []
        late = self._plan.strikes("late_push", channel)
        if late is not None:
            self._late.append((now_ms + late.ms, frame))
            return []
        return [frame, frame] if self._plan.strikes("duplicate", channel) else [frame]
