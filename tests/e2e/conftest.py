from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
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
        *,
        answers: bool = True,
        bytes_per_s: float | None = None,
        shell: bool = False,
    ) -> None:
        """``answers``: as terminals do, to queries of their state.

        ``shell``: it is started by hand, in a shell with job control.
        ``bytes_per_s``: what is written is taken at once, as by ssh, and comes to the screen at that pace.
        """
        self._answers, self.bytes_per_s = answers, bytes_per_s
        self._asked = b""
        self.columns, self.rows = columns, rows
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            ["bash", "--norc", "-i"] if shell else [sys.executable, "-m", "mexc_tui", *arguments],
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
        if shell:
            self.press(f"{shlex.join([sys.executable, '-m', 'mexc_tui', *arguments])}\n")

    def _drain(self) -> None:
        """Take what comes at once, as a terminal does, and show it at the pace of the line."""
        under_way, then = bytearray(), time.monotonic()
        with contextlib.suppress(OSError):
            while True:
                ready = select.select([self._fd, self._wake], [], [], 0.02 if under_way else None)[0]
                if self._wake in ready:
                    return
                if self._fd in ready:
                    if not (data := os.read(self._fd, 65_536)):
                        return
                    under_way += data
                now = time.monotonic()
                count = len(under_way)
                if self.bytes_per_s is not None:
                    count = min(count, int((now - then) * self.bytes_per_s))
                    if count == 0 and under_way and ready:
                        time.sleep(0.01)
                if count or not under_way:
                    then = now
                    self._arrive(bytes(under_way[:count]))
                    del under_way[:count]

    def _arrive(self, data: bytes) -> None:
        with self._news:
            self.raw += data
            self._pieces.append(data)
            self._news.notify()
        self._asked += data
        while self._answers and (found := re.search(rb"\x1b\[([56])n", self._asked)):
            self._asked = self._asked[found.end() :]
            os.write(self._fd, b"\x1b[0n" if found[1] == b"5" else b"\x1b[1;1R")
        self._asked = self._asked[-3:]

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
        *arguments: str,
        columns: int = 120,
        rows: int = 40,
        errors: IO[bytes] | None = None,
        answers: bool = True,
        bytes_per_s: float | None = None,
        shell: bool = False,
        **more: str,
    ) -> Screen:
        made = Screen(
            list(arguments),
            {**environment, **more},
            columns,
            rows,
            errors,
            answers=answers,
            bytes_per_s=bytes_per_s,
            shell=shell,
        )
        opened.append(made)
        return made

    yield start
    for made in opened:
        made.close()
