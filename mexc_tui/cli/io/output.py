"""Lines for other programs and for the user: whole, in order, never kept back, and quiet when nobody reads."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import select
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from mexc_tui.cli.io.descriptors import NEAREST, silence
from mexc_tui.cli.io.exits import FAILURE, ExitError
from mexc_tui.domain.numbers import plain

WAITING = 20_000
"""Lines that may wait for a slow reader; after that lines are lost, and counted."""
FLUSH_S = 2.0

Row = dict[str, Any]


def encode(row: Mapping[str, Any]) -> str:
    """Return one line of JSON; decimals are plain texts without exponents."""
    return msgspec.json.encode(_prepared(row)).decode()


def safe(text: str) -> str:
    """Return a text from outside as it may be shown in a terminal: printable, one line, of bounded length."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:500]).strip()


def say(row: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print one result, as JSON in UTF-8 or as the text for the user.

    Raises:
        BrokenPipeError: nobody reads any more.
        ExitError: it cannot be written for another reason.
    """
    try:
        if as_json:
            sys.stdout.flush()
            sys.stdout.buffer.write(f"{encode(row)}\n".encode())
        else:
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        silence()
        if isinstance(error, BrokenPipeError):
            raise
        raise ExitError(f"Standard output cannot be written: {error.strerror}.", FAILURE) from None


def say_what_was_done(row: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print what became of an order; where that cannot be printed it goes to standard error, and nothing ends here."""
    try:
        say(row, text, as_json=as_json)
    except (BrokenPipeError, ExitError):
        narrate(f"standard output cannot be written. {text}")


def narrate(text: str) -> None:
    """Print a remark, which is never data."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"mexc-tui: {safe(text)}\n")
        sys.stderr.flush()


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return columns of even width, the first ``left`` ones flush left and the others flush right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = []
    for cells in (headings, *rows):
        padded = [c.ljust(w) if at < left else c.rjust(w) for at, (c, w) in enumerate(zip(cells, widths, strict=True))]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def shown(value: Decimal | None) -> str:
    """Return a number for the user; what is not known is a dash."""
    return "—" if value is None else plain(value)


class LineWriter:
    """Writes lines on a thread of its own, so that a slow reader delays nothing but itself.

    Of lines with a topic only the newest waits, in the place of the one before: whoever reads late gets the state of
    now, not that of then. Of the others every one waits, and those that find no room are counted in ``lost``.
    ``gone`` is set when nothing can be written any more: the reader has gone away, or ``problem`` says why.
    """

    def __init__(self, descriptor: int = 1, *, waiting: int = WAITING, encoding: str = "utf-8") -> None:
        self.gone = threading.Event()
        self.problem = ""
        self.lost = 0
        self._descriptor = descriptor
        self._room = waiting
        self._encoding = encoding
        self._lines: OrderedDict[str | int, str] = OrderedDict()
        self._numbers = itertools.count()
        self._news = threading.Condition()
        self._closing = False
        _make_small(descriptor)
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def write(self, line: str, topic: str = "") -> bool:
        """Hand over one line; False where there is no room for it."""
        with self._news:
            key = topic or next(self._numbers)
            if key not in self._lines and len(self._lines) >= self._room:
                self.lost += 1
                return False
            self._lines[key] = line
            self._news.notify()
        return True

    def close(self, limit_s: float = FLUSH_S) -> None:
        """Write what is waiting, but do not wait longer than that for the reader."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(limit_s)

    def _next(self) -> str | None:
        """Wait for a line and take it; None at the end."""
        with self._news:
            while not self._lines and not self._closing:
                self._news.wait()
            return self._lines.popitem(last=False)[1] if self._lines else None

    def _run(self) -> None:
        while (line := self._next()) is not None:
            if self.gone.is_set():
                continue
            data = f"{line}\n".encode(self._encoding, NEAREST)
            try:
                while data:
                    data = data[self._write(data) :]
            except OSError as error:
                if not isinstance(error, BrokenPipeError):
                    self.problem = f"Standard output cannot be written: {error.strerror}."
                self.gone.set()

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            # Whoever gave us this output made it non-blocking; it is full, not gone.
            select.select((), (self._descriptor,), ())
            return 0


def _make_small(descriptor: int) -> None:
    """Shrink a pipe to a page where the system can: lines that wait in it cannot be replaced by newer ones."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGESIZE"))


def _prepared(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, str) and not value.isascii():
        # Names of files may hold bytes that are no text.
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {key: _prepared(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_prepared(part) for part in value]
    return value
