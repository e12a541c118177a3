"""Signals as an ordered end of a command that runs on a loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

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

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it is done or a signal comes, and raise what it raises; none of it goes on afterwards."""
        working, told = asyncio.create_task(work), asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, told):
                task.cancel()
            await asyncio.gather(working, told, return_exceptions=True)

    def _note(self, number: int) -> None:
        self.number = self.number or number
        self._told.set()
