"""SIGTERM, SIGHUP and SIGINT end the desk in order, even where the screen hangs on a dead terminal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from mexc_tui.cli.exits import SIGNALLED
from mexc_tui.engine.engine import Engine

ENGINE_LIMIT_S = 8.0
SCREEN_LIMIT_S = 2.0

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class EndOnSignal:
    """While entered, a signal stops the engine, then the screen; what does not end in time is left behind."""

    def __init__(self, engine: Engine, leave_screen: Callable[[], None]) -> None:
        self.received = 0
        self._engine = engine
        self._leave_screen = leave_screen
        self._finished = threading.Event()
        self._before: dict[int, object] = {}

    def __enter__(self) -> EndOnSignal:
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
        self._engine.stop()
        threading.Thread(target=self._end, name="ending", daemon=True).start()

    def _end(self) -> None:
        self._engine.join(ENGINE_LIMIT_S)
        threading.Thread(target=self._leave_screen, name="leaving", daemon=True).start()
        if not self._finished.wait(SCREEN_LIMIT_S):
            os._exit(SIGNALLED + self.received)
