"""Keeps the pauses of Python's memory collector short in a program that somebody waits for."""

from __future__ import annotations

import gc
import threading

BEGUN_S = 2.0
"""By then a program has made what it keeps to its end."""
YOUNG = 2_000
"""New objects between two looks at the youngest."""


def keep_pauses_short() -> None:
    """Leave what a program makes at its start out of all later rounds: with it a full one takes 50 ms."""
    gc.set_threshold(YOUNG)
    later = threading.Timer(BEGUN_S, _set_aside)
    later.daemon = True
    later.start()


def _set_aside() -> None:
    gc.collect()
    gc.freeze()
