"""Time that only moves when nothing is left to do: an event loop without sockets, files or waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order of their times; the same calls give the same order, however fast the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now = 1.0
        self.failures: list[str] = []
        self.set_exception_handler(lambda loop, context: self.failures.append(_told(context)))

    @property
    def ns(self) -> int:
        return round(self._now * 1_000_000) * 1_000

    @property
    def ms(self) -> int:
        return round(self._now * 1_000)

    def time(self) -> float:
        return self._now

    def after(self, ms: float, call: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        return self.call_later(ms / 1_000, call, *args)

    def select(self, timeout: float | None) -> list[Any]:
        """Jump to the next timer, in place of a selector that would wait for it."""
        if timeout is None:
            raise RuntimeError("everything waits for something that cannot come")
        if timeout and self._scheduled:
            self._now = max(self._now, self._scheduled[0].when())
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""


def _told(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return context["message"] if error is None else f"{context['message']}: {type(error).__name__}: {error}"
