"""Channels that the exchange refused, and when each is asked for again."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from mexc_tui.venues.mexc.stream.connection import StreamTiming

_NS: Final = 1_000_000_000


class Refusals:
    """Channels that the exchange refused, and when each is asked for again."""

    def __init__(self, timing: StreamTiming) -> None:
        self._timing = timing
        self._due_ns: dict[str, int] = {}
        self._waits_s: dict[str, float] = {}

    def __contains__(self, channel: str) -> bool:
        return channel in self._due_ns

    def __bool__(self) -> bool:
        return bool(self._due_ns)

    def __iter__(self) -> Iterator[str]:
        return iter(self._due_ns)

    @property
    def next_ns(self) -> int | None:
        """When the next one is due."""
        return min(self._due_ns.values(), default=None)

    def add(self, channel: str, now_ns: int) -> bool:
        """Note a refusal; False if it was known, and the channel only asked for again."""
        before = self._waits_s.get(channel)
        timing = self._timing
        wait_s = timing.refused_again_s if before is None else min(2 * before, timing.refused_longest_s)
        self._waits_s[channel] = wait_s
        self._due_ns[channel] = now_ns + int(wait_s * _NS)
        return before is None

    def release(self, now_ns: int) -> None:
        """Let channels be asked for whose time has come."""
        self._due_ns = {channel: due for channel, due in self._due_ns.items() if due > now_ns}

    def forget(self, channels: Container[str]) -> None:
        """Treat these channels as if they had never been refused."""
        self._due_ns = {channel: due for channel, due in self._due_ns.items() if channel not in channels}
        self._waits_s = {channel: wait for channel, wait in self._waits_s.items() if channel not in channels}

    def keep(self, channels: Container[str]) -> None:
        """Forget all but these."""
        self.forget([channel for channel in self._waits_s if channel not in channels])
