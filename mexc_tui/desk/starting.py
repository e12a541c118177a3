"""What a desk process and whoever starts it say to each other."""

from __future__ import annotations

import contextlib
import os
import sys
from enum import StrEnum

import msgspec

SCREEN = "screen"
"""The name of a client that is a screen; where it is known, its terminal follows after a space."""
STARTER = "start"
"""The name of the client of ``desk start``: whoever asks for a desk keeps the one that runs already."""


def is_screen(name: str) -> bool:
    """Return whether a client of this name is a screen."""
    return name == SCREEN or name.startswith(f"{SCREEN} ")


class Lifetime(StrEnum):
    """When a desk ends by itself."""

    KEEP = "keep"
    """Never."""
    SCREENS = "screens"
    """Some minutes after its last screen was lost."""
    MOMENT = "moment"
    """A few seconds after its last client left; a screen or a ``desk start`` that comes makes it stay."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The line that whoever starts a desk reads."""

    ready: bool = False
    held: bool = False
    """Another process is the desk of this account already."""
    error: str = ""
    exit_code: int = 0


def say(report: Report) -> None:
    """Tell whoever started this process, once; from then on it has no output but its log."""
    with contextlib.suppress(OSError):
        os.write(1, msgspec.json.encode(report) + b"\n")
    if not sys.stdout.isatty():
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for number in (1, 2):
            os.dup2(nowhere, number)
        os.close(nowhere)
