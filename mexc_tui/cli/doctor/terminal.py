"""The part of ``mexc-tui doctor`` that asks the terminal what it can show."""

from __future__ import annotations

import contextlib
import locale
import os
import re
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Iterator
from types import TracebackType

from mexc_tui.desk.doctor.checks import Check, fail, ok, warn

ANSWER_S = 0.4
LEAST = (80, 24)
_CURSOR = re.compile(rb"\x1b\[(\d+);(\d+)R")
_MODE = re.compile(rb"\x1b\[\?2026;(\d)\$y")
_TAKEN = ("1", "2", "3")
_SAMPLE = "▁█│●"
"""One cell each in every terminal that draws the cockpit right."""
_WIDE = "币"


class RawTerminal:
    """The controlling terminal with keys and answers as they come; restored on leaving.

    Raises:
        OSError: on entering, where there is none.
    """

    def __init__(self) -> None:
        self._file = -1
        self._before: list[object] = []

    def __enter__(self) -> RawTerminal:
        self._file = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            self._before = termios.tcgetattr(self._file)
            tty.setraw(self._file)
        except termios.error as error:
            os.close(self._file)
            raise OSError(str(error)) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._file, termios.TCSAFLUSH, self._before)  # type: ignore[arg-type]
        os.close(self._file)

    def write(self, text: str) -> None:
        """Send text to the terminal."""
        os.write(self._file, text.encode())

    def read(self, limit_s: float | None) -> bytes:
        """Return what has come, or nothing after ``limit_s``."""
        ready, _, _ = select.select([self._file], [], [], limit_s)
        return os.read(self._file, 1_024) if ready else b""

    def ask(self, question: str, answer: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Send a query and return the terminal's answer, or None where it gives none in time."""
        self.write(question)
        end = time.monotonic() + ANSWER_S
        answered = b""
        while (left := end - time.monotonic()) > 0:
            answered += self.read(left)
            if (found := answer.search(answered)) is not None:
                return found
        return None


def terminal_checks() -> Iterator[Check]:
    """Return what the terminal can do; where there is none, only that."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        yield warn("terminal", "there is none here, so nothing of it was checked", "Run this in a terminal as well.")
        return
    yield _kind()
    yield _size()
    yield _colours()
    yield from _asked()


def _kind() -> Check:
    kind = os.environ.get("TERM", "")
    if kind in ("", "dumb", "unknown"):
        return fail("terminal", f"TERM is {kind or 'not set'}: no cursor can be placed", "Set TERM=xterm-256color.")
    return ok("terminal", f"TERM is {kind}")


def _size() -> Check:
    columns, rows = shutil.get_terminal_size()
    detail = f"{columns} columns, {rows} rows"
    if columns < LEAST[0] or rows < LEAST[1]:
        return warn("size", detail, f"Enlarge it to at least {LEAST[0]} by {LEAST[1]}; panes are left out below that.")
    return ok("size", detail)


def _colours() -> Check:
    from rich.console import Console

    system = Console(force_terminal=True).color_system
    if os.environ.get("NO_COLOR"):
        return warn("colour", "NO_COLOR is set: everything is drawn without", "Unset NO_COLOR to see colours.")
    if system == "truecolor":
        return ok("colour", "16 million colours")
    if system == "256":
        remedy = "Set COLORTERM=truecolor if the terminal can; the themes look as meant then."
        return warn("colour", "256 colours", remedy)
    return warn("colour", "16 colours or none", "Use the theme `ansi`, or set TERM=xterm-256color if the terminal can.")


def _asked() -> Iterator[Check]:
    encoding = locale.getpreferredencoding(False)
    if encoding.upper().replace("-", "") != "UTF8":
        yield warn(
            "characters", f"the locale's encoding is {encoding}", "Set LANG=C.UTF-8, or ascii_only in the config."
        )
    try:
        # Nothing may be printed while the terminal is raw: lines would not begin at its left edge.
        with RawTerminal() as terminal:
            found = (_widths(terminal), _synchronised(terminal))
        yield from found
    except OSError as error:
        yield warn("answers", f"the terminal cannot be asked ({error})", "Run this in the foreground of a terminal.")


def _widths(terminal: RawTerminal) -> Check:
    """Draw samples and ask where the cursor went."""
    taken = []
    for sample in (_SAMPLE, _WIDE):
        found = terminal.ask(f"\r{sample}\x1b[6n", _CURSOR)
        terminal.write("\r\x1b[K")
        if found is None:
            return warn("characters", "the terminal does not say where its cursor is", "Columns may not line up.")
        taken.append(int(found[2]) - 1)
    if taken[0] != len(_SAMPLE):
        remedy = "Set ambiguous-width characters to narrow in the terminal, or ascii_only in the config."
        return warn("characters", f"{_SAMPLE} take {taken[0]} cells instead of {len(_SAMPLE)}", remedy)
    if taken[1] != 2:
        return warn("characters", f"{_WIDE} takes {taken[1]} cells instead of 2", "Names in Chinese may be misaligned.")
    return ok("characters", "bars, boxes and wide characters take the cells they should")


def _synchronised(terminal: RawTerminal) -> Check:
    found = terminal.ask("\x1b[?2026$p", _MODE)
    terminal.write("\r\x1b[K")
    if found is not None and found[1].decode() in _TAKEN:
        return ok("frames", "synchronised output: each frame appears whole")
    remedy = "A newer terminal (or tmux 3.4) draws without tearing; everything works without it too."
    return warn("frames", "no synchronised output", remedy)
