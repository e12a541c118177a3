"""The desk's side of its guard: starts it, sends it heartbeats, starts it again, and takes leave of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mexc_tui.desk.child import child_environment, package_command
from mexc_tui.desk.guard.brief import BEAT, BEAT_S, FAREWELL, REPORT, Brief, guarded_before

MOST_STARTS = 5
"""Starts of a guard within one life of the desk."""
SETTLED_S = 3.0
"""Age of a report that its guard does not write any more."""

_log = logging.getLogger(__name__)


class GuardKeeper:
    """Keeps one guard beside a desk. Runs on the engine's loop: a loop that is stuck sends no heartbeat."""

    def __init__(self, brief: Brief, notify: Callable[[str], None], in_order: Callable[[], bool]) -> None:
        """``notify`` takes sentences for the user; ``in_order`` says whether an end of the desk was asked for."""
        self._brief = brief
        self._in_order = in_order
        self._notify = notify
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def state(self) -> str:
        """Return what the guard is there for, or that it is missing; for the status of the desk."""
        if self._process is None or self._process.poll() is not None:
            return "missing"
        return f"{self._brief.settings.plan} after {self._brief.settings.after_s} s"

    async def run(self) -> None:
        """Send heartbeats until cancelled; then tell the guard whether this is an end in order."""
        try:
            self._start()
            while True:
                self._beat()
                self._tell()
                await asyncio.sleep(BEAT_S)
        finally:
            self._end()

    def _tell(self) -> None:
        """Tell what the guard did while this desk was frozen, once it has ended that."""
        folder = Path(self._brief.folder)
        with contextlib.suppress(OSError):
            if time.time() - (folder / REPORT).stat().st_mtime > SETTLED_S:
                for sentence in guarded_before(folder):
                    self._notify(sentence)

    def _start(self) -> None:
        self._starts += 1
        self._process = subprocess.Popen(
            [*package_command(), "desk", "guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(self._brief) + b"\n")
        self._process.stdin.flush()
        os.set_blocking(self._process.stdin.fileno(), False)

    def _beat(self) -> None:
        process = self._process
        if process is not None and process.poll() is None and process.stdin is not None:
            with contextlib.suppress(OSError):  # Full: it is stopped, and reads what is there when it goes on.
                os.write(process.stdin.fileno(), BEAT)
            return
        if process is None:
            return
        self._process = None
        if self._starts >= MOST_STARTS:
            self._notify(
                "The guard has ended again and is not started any more: if this desk dies now, its orders stay as they "
                "are. Restart the desk when you can; its log and guard.log say more."
            )
            return
        try:
            self._start()
        except OSError as error:
            self._notify(f"The guard has ended and cannot be started ({error.strerror}); the desk goes on without it.")
        else:
            _log.warning("the guard had ended and was started again")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        if self._in_order():
            with contextlib.suppress(OSError):
                os.write(process.stdin.fileno(), FAREWELL)
        with contextlib.suppress(OSError):
            process.stdin.close()
