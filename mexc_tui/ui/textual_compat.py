"""The one place that touches what Textual does not promise; each use has a test that fails when Textual changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.driver import Driver
from textual.events import Key
from textual.keys import _character_to_key
from textual.message import Message

from mexc_tui.ui.terminal_input import TerminalInput

_KEEP_TITLE, _OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"


class AppTerminal:
    """The way from an app to its terminal: how many writes wait, and how many bytes have been handed over."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._counted: object | None = None
        self._bytes = 0
        self._titled = False

    def backlog(self) -> int:
        """Return how many writes wait; zero where the driver does not queue (in tests, on Windows)."""
        thread = getattr(self._app._driver, "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        return int(queue.qsize()) if queue is not None else 0

    def written(self) -> int:
        """Return how many bytes were handed to the terminal since this was first asked."""
        driver = self._app._driver
        if driver is not None and driver is not self._counted:
            self._counted = driver
            self._count(driver)
        return self._bytes

    @property
    def answers(self) -> bool:
        """Whether there is a terminal at both ends that may answer a query."""
        driver = self._app._driver
        return driver is not None and not driver.is_headless and bool(getattr(driver, "input_tty", False))

    def query(self, text: str) -> None:
        """Send a query behind everything that was written."""
        if self._app._driver is not None:
            self._app._driver.write(text)

    def when_painted(self, done: Callable[[], None]) -> None:
        """Call back when all that has changed by now has been written; at once where no terminal answers."""
        if self.answers and self._app._running:
            self._app.call_after_refresh(done)
        else:
            done()

    def title(self, text: str) -> None:
        """Name the terminal's window, remembering its name the first time; empty gives that back."""
        driver = self._app._driver
        if driver is None or (not text and not self._titled):
            return
        driver.write(f"{'' if self._titled else _KEEP_TITLE}\x1b]2;{text}\x07" if text else _OLD_TITLE)
        self._titled = bool(text)

    def _count(self, driver: Driver) -> None:
        write = driver.write

        def counting(data: str) -> None:
            self._bytes += len(data.encode("utf-8", "replace"))
            write(data)

        driver.write = counting  # type: ignore[method-assign]


class TerminalAnswered(Message):
    """The terminal has answered a query: it has dealt with everything that was sent before it."""

    def __init__(self, query: str) -> None:
        super().__init__()
        self.query = query


def guard_input() -> None:
    """Let nothing press keys but keys: no pasted text, no answer, no sequence that is not understood; idempotent."""
    if hasattr(XTermParser, "_unguarded_feed"):
        return
    feed = XTermParser.feed
    inputs: WeakKeyDictionary[XTermParser, TerminalInput] = WeakKeyDictionary()

    def guarded(self: XTermParser, data: str) -> Iterable[Message]:
        if not data:  # the terminal is gone
            yield from feed(self, data)
            return
        for piece in inputs.setdefault(self, TerminalInput()).read(data, waits=_amid(self)):
            if piece.answer:
                if piece.begun:
                    _begin_anew(self)
                yield TerminalAnswered(piece.answer)
                continue
            if piece.text:  # nothing at all would mean to the parser that the terminal is gone
                yield from feed(self, piece.text)
            if piece.whole and _amid(self):
                _begin_anew(self)

    XTermParser._unguarded_feed = feed  # type: ignore[attr-defined]
    XTermParser.feed = guarded  # type: ignore[method-assign]


def _amid(parser: XTermParser) -> bool:
    """Whether the parser waits for the rest of a sequence."""
    return parser._awaiting.timeout is not None


def _begin_anew(parser: XTermParser) -> None:
    """Forget a sequence that is not understood, which would be read as keys, letter by letter."""
    if _amid(parser):
        parser._gen = parser.parse(parser._tokens.append)
        parser._awaiting = next(parser._gen)
        parser._timeout_time = None


AFTER_ESCAPE = "escape+"
"""Begins the name of a key whose byte came right behind an escape byte: Esc and a key, or a key with Alt."""


def mark_escapes() -> None:
    """Let no Esc get lost that comes in one piece with the next key; idempotent.

    Textual takes both for one key with Alt, or for the second key alone.
    """
    if hasattr(XTermParser, "_unmarked_events"):
        return
    read = XTermParser._sequence_to_key_events

    def marked(self: XTermParser, sequence: str, alt: bool = False) -> Iterable[Key]:
        pair = len(sequence) == 2 and sequence[0] == "\x1b" and sequence[1] not in "[O\x1b"
        if not alt and not pair:
            return read(self, sequence)
        return [Key(AFTER_ESCAPE + event.key, None) for event in read(self, sequence[-1])]

    XTermParser._unmarked_events = read  # type: ignore[attr-defined]
    XTermParser._sequence_to_key_events = marked  # type: ignore[method-assign]


def has_shell() -> bool:
    """Whether a shell with job control waits behind this process, to go on with it after it has been stopped."""
    try:
        return os.getsid(os.getppid()) == os.getsid(0) and os.getpgid(os.getppid()) != os.getpgid(0)
    except (AttributeError, OSError):  # no such thing here, or the shell is gone
        return False


def key_name(key: str) -> str:
    """Return Textual's name of a key: ``exclamation_mark`` for ``!``."""
    return _character_to_key(key) if len(key) == 1 else key


def set_bindings(node: DOMNode, bindings: Iterable[Binding]) -> None:
    """Give one node bindings of its own that come before those of its class for the same keys."""
    own = BindingsMap(bindings)
    merged = {**node._bindings.key_to_bindings, **own.key_to_bindings}
    node._bindings = BindingsMap.from_keys(merged)


def keep_crash_quiet(app: App[Any]) -> Callable[[], BaseException | None]:
    """Keep Textual from printing a traceback with local variables; returns what tells the error afterwards."""
    app._print_error_renderables = lambda: None  # type: ignore[method-assign]
    return lambda: app._exception
