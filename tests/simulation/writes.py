"""Every write below a folder, whoever makes it, SQLite too: counted, pictured before it happens, or made to fail."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

_SIZE, _OFFSET = ctypes.c_size_t, ctypes.c_int64
_CALLS: dict[str, tuple[Any, ...]] = {
    "write": (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, _SIZE),
    "pwrite": (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, _SIZE, _OFFSET),
    "pwrite64": (ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, _SIZE, _OFFSET),
    "ftruncate": (ctypes.c_int, ctypes.c_int, _OFFSET),
    "unlink": (ctypes.c_int, ctypes.c_char_p),
}
"""What SQLite changes files by, with the types of result and arguments."""
_IN_PYTHON = ("write", "pwrite", "ftruncate", "replace", "unlink", "mkdir")


class _Vfs(ctypes.Structure):
    """SQLite's table of what it asks of the system, as far as it is needed here."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("sizes", ctypes.c_int * 2),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("calls", ctypes.c_void_p * 13),
        ("set_call", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
    )


class Writes:
    """Counts writes from one; ``fails`` tells which of them fail for want of space."""

    def __init__(self, fails: Callable[[int], bool] = lambda number: False) -> None:
        self.count = 0
        self.before: Callable[[int], None] = lambda number: None
        """Called with the number of a write that is about to happen; nothing else is written meanwhile."""
        self._fails = fails
        self._lock = threading.RLock()
        self._looking = False

    def full(self) -> bool:
        """Count a write and tell whether it fails."""
        if self._looking:
            return False
        self.count += 1
        self._looking = True
        self.before(self.count)
        self._looking = False
        return self._fails(self.count)

    @contextlib.contextmanager
    def watched(self) -> Iterator[Writes]:
        """Watch every write of this process meanwhile; skips the test where SQLite cannot be watched."""
        with pytest.MonkeyPatch.context() as patch, self._sqlite():
            for name in _IN_PYTHON:
                patch.setattr(os, name, self._python(getattr(os, name)))
            patch.setattr("mexc_tui.desk.exchange.state_file.FileIO", self._file())
            yield self

    def _python(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **options: Any) -> Any:
            with self._lock:
                if self.full():
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return call(*args, **options)

        return made

    def _file(self) -> type[FileIO]:
        writes = self

        class File(FileIO):
            def write(self, data: Any) -> int:
                return int(writes._python(super().write)(data))

        return File

    @contextlib.contextmanager
    def _sqlite(self) -> Iterator[None]:
        name = ctypes.util.find_library("sqlite3")
        if name is None:
            pytest.skip("SQLite is not a library of its own here, so its writes cannot be watched")
        library = ctypes.CDLL(name)
        find = library.sqlite3_vfs_find
        find.argtypes, find.restype = (ctypes.c_char_p,), ctypes.POINTER(_Vfs)
        vfs, system, kept = find(None), ctypes.CDLL(None, use_errno=True), []
        for call, types in _CALLS.items():
            kind = ctypes.CFUNCTYPE(*types, use_errno=True)
            made = kind(self._c(getattr(system, call), types))
            kept.append(made)
            vfs.contents.set_call(ctypes.cast(vfs, ctypes.c_void_p), call.encode(), ctypes.cast(made, ctypes.c_void_p))
        try:
            yield
        finally:
            vfs.contents.set_call(ctypes.cast(vfs, ctypes.c_void_p), None, None)
            kept.clear()

    def _c(self, call: Any, types: tuple[Any, ...]) -> Callable[..., int]:
        call.restype, call.argtypes = types[0], types[1:]

        def made(*args: Any) -> int:
            with self._lock:
                if self.full():
                    ctypes.set_errno(errno.ENOSPC)
                    return -1
                return int(call(*args))

        return made


class Pictures:
    """What a kill before each write would have left of a folder, and what had been acknowledged by then."""

    def __init__(self, folder: Path, into: Path, acknowledged: Callable[[], Any]) -> None:
        self._folder = folder
        self._into = into
        self._acknowledged = acknowledged
        self.taken: list[tuple[Path, Any]] = []

    def take(self, number: int) -> None:
        at = self._into / f"{number:04d}"
        shutil.copytree(self._folder, at)
        self.taken.append((at, self._acknowledged()))
