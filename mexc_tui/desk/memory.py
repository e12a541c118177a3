"""Keeps the pauses of Python's memory collector short, and memory small, in a program that runs for days."""

from __future__ import annotations

import ctypes
import gc
import threading

BEGUN_S = 2.0
"""By then a program has made what it keeps to its end."""
YOUNG = 2_000
"""New objects between two looks at the youngest."""
_TRIM, _MMAP, _ARENAS = -1, -3, -8
"""Names of the settings in ``malloc.h`` of the GNU C library."""
LARGE = 128 * 1024
"""Bytes from which a block is a mapping of its own, and which may lie free at the end of the heap."""


def keep_memory_small() -> None:
    """Let what is freed go back to the system; to be called before other threads begin. Only glibc has it to set.

    By itself it gives every thread a heap of its own, each as large as that thread ever needed, and after the first
    large block takes ever larger ones for small.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        for name, value in ((_ARENAS, 1), (_MMAP, LARGE), (_TRIM, LARGE)):
            setting(name, value)


def keep_pauses_short() -> None:
    """Leave what a program makes at its start out of all later rounds: with it a full one takes 50 ms."""
    gc.set_threshold(YOUNG)
    later = threading.Timer(BEGUN_S, _set_aside)
    later.daemon = True
    later.start()


def _set_aside() -> None:
    gc.collect()
    gc.freeze()
