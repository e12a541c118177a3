"""How long a test waits for something that takes milliseconds on a machine that does nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LIMIT_S = 180.0
"""So long that only what never happens reaches it, on a machine that does many other things as well."""
LOOK_S = 0.01


async def eventually(condition: Callable[[], Found], what: str = "") -> Found:
    """Return what the condition returns once that is true, while the loop goes on."""
    end = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain ({what or condition})"
        await asyncio.sleep(LOOK_S)
    return found


def until(condition: Callable[[], Found], what: str = "") -> Found:
    """Return what the condition returns once that is true, while this thread stands still."""
    end = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain ({what or condition})"
        time.sleep(LOOK_S)
    return found
