"""Signals as an ordered end of a command that runs on a loop."""

from __future__ import annotations

import asyncio
import signal
from types import TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """While entered, a signal is remembered instead of ending the program; ``number`` is the first one."""

    def __init__(self) -> None:
        self.number = 0
        self._told = asyncio.Event()

    def __enter__(self) -> Ending:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._note, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    async def wait(self) -> None:
        """Return when a signal has come."""
        await self._told.wait()

    def _note(self, number: int) -> None:
        self.number = self.number or number
        self._told.set()
