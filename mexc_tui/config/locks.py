"""Locks that the system lets go of when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_TRIES, _PAUSE_S = 5, 0.02


class HeldError(OSError):
    """Another process holds the lock; ``holder`` says which, for a sentence: empty where it is not known."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is locked{holder}")
        self.holder = holder


class _Held:
    """A file or folder that is open and locked, until ``release``, or as a context."""

    _fd = -1

    def release(self) -> None:
        """Let go; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class FolderLock(_Held):
    """Holds a folder that exists; nothing in it, and nothing that is removed from it, changes that."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            HeldError: another process holds it.
            OSError: there is no such folder.
        """
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not _taken(self._fd):
                raise HeldError(path, "")
        except OSError as error:
            self.release()
            # Some network file systems lock files only.
            if isinstance(error, HeldError):
                raise


class FileLock(_Held):
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
            if not _taken(self._fd, wait=wait):
                number = os.read(self._fd, 32).decode("ascii", "replace").strip()
                raise HeldError(path, f" (process {number})" if number.isdigit() else "")
        except OSError:
            self.release()
            raise
        # Who holds it is a courtesy to whoever finds it held; on a full disk the lock holds without.
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.write(self._fd, f"{os.getpid()}\n".encode("ascii"))

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


def _taken(fd: int, *, wait: bool = False) -> bool:
    """Lock what is open; whether nobody else has it.

    Raises:
        OSError: it cannot be locked at all.
    """
    for attempt in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            # Whoever only asks whether it is held has it for an instant.
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
    return False


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
