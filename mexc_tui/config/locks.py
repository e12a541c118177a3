"""Locks that the system lets go of when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

_TRIES, _PAUSE_S = 5, 0.02


class HeldError(OSError):
    """Another process holds the lock; ``holder`` says which, for a sentence: empty where it is not known."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is locked{holder}")
        self.holder = holder


class FileLock:
    """Holds ``path`` for this process until ``release``, or as a context."""

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        """Take the lock; ``wait`` for whoever holds it, else give up at once.

        Raises:
            HeldError: another process holds it.
            OSError: the file cannot be made.
        """
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(path, wait)
        except OSError:
            self.release()
            raise
        # Who holds it is a courtesy to whoever finds it held; on a full disk the lock holds without.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.write(self._fd, f"{os.getpid()}\n".encode("ascii"))

    def _take(self, path: Path, wait: bool) -> None:
        for attempt in range(_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                return
            except OSError:
                # Whoever only asks whether it is held has it for an instant.
                if attempt + 1 < _TRIES:
                    time.sleep(_PAUSE_S)
        holder = os.read(self._fd, 32).decode("ascii", "replace").strip()
        raise HeldError(path, f" (process {holder})" if holder.isdigit() else "")

    def renew(self) -> None:
        """Hold the file of this name again where it was removed, so that nobody takes the lock for free.

        Raises:
            HeldError: another process was faster.
            OSError: the file cannot be made.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(self._fd)):
                return
        fresh = FileLock(self._path)
        self.release()
        self._fd, fresh._fd = fresh._fd, -1

    def release(self) -> None:
        """Let go; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path) -> str:
    """Return who holds a lock: ``process 7``, ``another process`` where its number is not known; empty for nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        number = os.read(fd, 32).decode("ascii", "replace").strip()
        return f"process {number}" if number.isdigit() else "another process"
    finally:
        os.close(fd)
    return ""


def held(path: Path) -> bool:
    """Whether a process holds the lock."""
    return bool(holder(path))
