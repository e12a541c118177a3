"""Whether this terminal can show the cockpit at all; what it can show otherwise is the screen's business."""

from __future__ import annotations

import io
import os
import sys

from mexc_tui.cli.io.descriptors import CELLS
from mexc_tui.cli.io.exits import USAGE, ExitError


def require_terminal() -> None:
    """Refuse pipes, files and terminals that cannot move a cursor.

    Where only standard error is a pipe or a file, the cockpit is drawn on standard output: Textual draws on
    ``sys.__stderr__``. What goes wrong is still reported on standard error.

    Raises:
        ExitError: with what to do.
    """
    for stream, name in ((sys.stdin, "standard input"), (sys.stdout, "standard output")):
        if stream is None or not stream.isatty():
            raise ExitError(
                f"The cockpit needs a terminal for keys and screen, and {name} is a pipe or a file. "
                "Start mexc-tui in a terminal, over ssh with -t.",
                USAGE,
            )
    kind = os.environ.get("TERM", "")
    if kind in ("", "dumb", "unknown"):
        shown = f'"{kind}"' if kind else "not set"
        raise ExitError(
            f"TERM is {shown}, which means a terminal that cannot place a cursor; set it to what your terminal is, "
            "for example TERM=xterm-256color.",
            USAGE,
        )
    if not sys.stderr.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    if isinstance(sys.__stderr__, io.TextIOWrapper):
        sys.__stderr__.reconfigure(errors=CELLS)
