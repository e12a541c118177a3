"""A program in a pseudo terminal, read at full speed or through a slow link."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence


class Terminal:
    """Runs a command in a pty; a thread reads what it writes and hands it on with the time it was read."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 160,
        rows: int = 50,
        environment: Mapping[str, str] | None = None,
        bytes_per_second: int | None = None,
        on_bytes: Callable[[bytes, int], None] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        merged = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=merged, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self.total = 0
        self._rate = bytes_per_second
        self._on_bytes = on_bytes
        self._tail = bytearray()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, keys: str) -> int:
        """Type; returns the monotonic time in ns just before the bytes went in."""
        at = time.monotonic_ns()
        os.write(self._master, keys.encode())
        return at

    def wait_for(self, mark: bytes, timeout_s: float = 30.0) -> int:
        """Wait until ``mark`` was written since the last ``forget``; returns when it was read, monotonic ns."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while mark not in self._tail:
                left = deadline - time.monotonic()
                if left <= 0 or (self._closed and mark not in self._tail):
                    raise TimeoutError(f"{mark!r} did not appear; the last bytes were {bytes(self._tail[-400:])!r}")
                self._changed.wait(left)
        return time.monotonic_ns()

    def forget(self) -> None:
        """Drop what has been read so far."""
        with self._changed:
            self._tail.clear()

    def close(self) -> None:
        """End the program and the reader."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        self._closed = True
        self._thread.join(5)
        os.close(self._master)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        due = time.monotonic()
        while not self._closed:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if not ready:
                continue
            try:
                data = os.read(self._master, 65536 if self._rate is None else max(64, self._rate // 50))
            except OSError:
                break
            if not data:
                break
            if self._rate is not None:
                due = max(due, time.monotonic()) + len(data) / self._rate
                time.sleep(max(0.0, due - time.monotonic()))
            self.total += len(data)
            if self._on_bytes is not None:
                self._on_bytes(data, time.monotonic_ns())
            with self._changed:
                self._tail += data
                if len(self._tail) > 2_000_000:
                    del self._tail[:1_000_000]
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
