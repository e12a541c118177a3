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
        private = channel.startswith(PRIVATE_PREFIX)
        if plan.strikes("missing_push", channel) if private else self._dropped(channel):
            return []
        if plan.strikes("garbage", channel):
            return [b"\xff" + self._rng.randbytes(40)]
        if plan.strikes("truncated", channel):
            return [frame[: self._rng.randrange(1, max(2, len(frame)))]]
        late = plan.strikes("late_push", channel) if private else None
        if late is not None:
            self._late.append((now_ms + late.ms, frame))
            return []
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

    def _dropped(self, channel: str) -> bool:
        return bool(self._plan.strikes("drop", channel) or self._plan.strikes("gap", channel))
