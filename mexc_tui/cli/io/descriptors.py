"""The three standard streams, which may be closed, broken, or unable to show what is printed."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable
from functools import partial

NEAREST = "mexc-tui-nearest"
"""The error handler with which text becomes what an output can show, else escapes as in JSON."""
CELLS = "mexc-tui-cells"
"""The same for a screen, where everything keeps its width."""
_NEAR = {
    sign: near
    for signs, near in (
        ("—–─━╌╴╶▁", "-"),
        ("│┃┊╷╵╽╿╻╹", "|"),
        ("█▉▊▋▌▍▎▏▓▒▀▐▂▃▄▅▆▇", "#"),
        ("→▶▸►", ">"),
        ("←◀◂◄", "<"),
        ("↑▲▴⇧", "^"),
        ("↓▼▾", "v"),
        ("×✖✕⊘", "x"),
        ("●◐◌◒◇•·", "o"),
        ("“”‘’", "'"),
        ("✔", "+"),
        ("…", "."),
    )
    for sign in signs
}


def keep_outputs() -> None:
    """Give closed standard streams a place to go, and let none of them fail on a character that it cannot show.

    Without a place to go, the next socket or journal opened would get the number of a closed stream.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        # With UTF-8 this handler gives names of files their own bytes back, and everything else can be shown.
        kept = stream.errors == "surrogateescape" and stream.encoding.lower() == "utf-8"
        if isinstance(stream, io.TextIOWrapper) and not kept:
            stream.reconfigure(errors=NEAREST)


def silence() -> None:
    """Let what is still to be printed go nowhere, so that the interpreter does not fail on it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _nearest(otherwise: Callable[[str], str], error: UnicodeError) -> tuple[str, int]:
    """Return something near to what cannot be encoded; an error handler of ``codecs``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_NEAR.get(sign) or otherwise(sign) for sign in error.object[error.start : error.end]), error.end


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _cells(sign: str) -> str:
    from unicodedata import east_asian_width

    return "??" if east_asian_width(sign) in ("W", "F") else "?"


codecs.register_error(NEAREST, partial(_nearest, _escaped))
codecs.register_error(CELLS, partial(_nearest, _cells))
