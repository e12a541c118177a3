from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pyte
import pytest

from tests.desks import end_desks, runtime_folder
from tests.patience import LIMIT_S


class Screen:
    """The program in a pseudo terminal, and what a person would see there."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        columns: int = 120,
        rows: int = 40,
        errors: IO[bytes] | None = None,
    ) -> None:
        self.columns, self.rows = columns, rows
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mexc_tui", *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner if errors is None else errors,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inner)
        self.raw = b""
        self._pieces: deque[bytes] = deque()
        self._hints: deque[str] = deque(maxlen=10)
        self._news = threading.Condition()
        self._wake, self._stop = os.pipe()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        """Take what comes at once, as a terminal does: one that lets it wait is drawn to ever more seldom."""
        with contextlib.suppress(OSError):
            while self._wake not in select.select([self._fd, self._wake], [], [])[0]:
                if not (data := os.read(self._fd, 65_536)):
                    return
                with self._news:
                    self.raw += data
                    self._pieces.append(data)
                    self._news.notify()

    def read(self, seconds: float) -> None:
        """Show the next piece of what has come, waiting so long for one.

        Piece by piece, as a terminal shows it: what stood there only for a while is seen by a test that is late, too.
        """
        with self._news:
            self._news.wait_for(lambda: self._pieces, seconds)
            data = self._pieces.popleft() if self._pieces else b""
        if data:
            self._stream.feed(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, condition: Callable[[str], object]) -> str:
        end = time.monotonic() + LIMIT_S
        while not condition(text := self.text):
            if (hint := text.rpartition("\n")[2]) not in self._hints:
                self._hints.append(hint)
            assert time.monotonic() < end, "\n".join((f"not on the screen:\n{text}\nThe last row was:", *self._hints))
            self.read(0.05)
        return text

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.process.pid, signal.SIGWINCH)

    def hang_up(self) -> None:
        """Close the terminal, as a lost ssh connection does."""
        os.write(self._stop, b"\0")
        self._reader.join()
        for descriptor in (self._fd, self._wake, self._stop):
            os.close(descriptor)
        self._fd = -1

    def ended(self) -> int:
        end = time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end:\n{self.text}"
            self.read(0.02)
        if self._fd >= 0:
            self._reader.join(LIMIT_S)
        while self._pieces:
            self.read(0)
        return self.process.returncode

    def answer(self, key: str) -> int:
        """Answer the question that leaving asks, until it counts: one that has just been drawn takes no answer yet."""
        end = time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end:\n{self.text}"
            self.press(key)
            look_again = time.monotonic() + 1.5
            while self.process.poll() is None and time.monotonic() < look_again:
                self.read(0.02)
        return self.ended()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._fd >= 0:
            self.hang_up()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("MEXC_", "XDG_", "SSH_", "TEXTUAL", "COLORTERM", "NO_COLOR", "PYTEST", "COLUMNS", "LINES")
        )
    }
    for name in ("config", "data", "state", "cache"):
        plain[f"XDG_{name.upper()}_HOME"] = str(tmp_path / name)
    with runtime_folder() as runtime:
        plain["XDG_RUNTIME_DIR"] = runtime
        yield {**plain, "HOME": str(tmp_path), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        end_desks(plain["XDG_STATE_HOME"])


@pytest.fixture
def screen(environment: dict[str, str]) -> Iterator[Callable[..., Screen]]:
    opened: list[Screen] = []

    def start(
        *arguments: str, columns: int = 120, rows: int = 40, errors: IO[bytes] | None = None, **more: str
    ) -> Screen:
        made = Screen(list(arguments), {**environment, **more}, columns, rows, errors)
        opened.append(made)
        return made

    yield start
    for made in opened:
        made.close()
