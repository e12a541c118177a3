"""SIGINT, SIGTERM and SIGHUP as an ordered end: of a command on a loop, or of a screen."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType, TracebackType
from typing import Any

from mexc_tui.cli.io.exits import SIGNALLED

SCREEN_LIMIT_S = 2.0

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class StopOnSignal:
    """While entered, on a loop, a signal is remembered instead of ending the program; ``number`` is the first one."""

    def __init__(self) -> None:
        import asyncio

        self.number = 0
        self._received = asyncio.Event()

    def __enter__(self) -> StopOnSignal:
        import asyncio

        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._note, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it is done or a signal comes, and raise what it raises; none of it goes on afterwards."""
        import asyncio

        working, stopped = asyncio.create_task(work), asyncio.create_task(self._received.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, stopped):
                task.cancel()
            await asyncio.gather(working, stopped, return_exceptions=True)

    def _note(self, number: int) -> None:
        self.number = self.number or number
        self._received.set()


class LeaveOnSignal:
    """While entered, a signal ends the screen, even one that hangs on a dead terminal; the desk goes on."""

    def __init__(self, leave_screen: Callable[[], None]) -> None:
        self.received = 0
        self._leave_screen = leave_screen
        self._finished = threading.Event()
        self._before: dict[int, object] = {}

    def __enter__(self) -> LeaveOnSignal:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        if self.received:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            return
        self.received = number
        threading.Thread(target=self._end, name="ending", daemon=True).start()

    def _end(self) -> None:
        threading.Thread(target=self._leave_screen, name="leaving", daemon=True).start()
        if not self._finished.wait(SCREEN_LIMIT_S):
            os._exit(SIGNALLED + self.received)
