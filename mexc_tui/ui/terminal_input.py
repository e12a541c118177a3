"""What a terminal sends, in pieces that are each one key, one sequence or a part of a paste; and its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

ESC = "\x1b"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
STATUS_QUERY = "\x1b[5n"
"""Asks a terminal whether it is well. Its answer is no key of any terminal."""
PLACE_QUERY = "\x1b[6n"
"""Asks for the place of the cursor: an answer that can be told from the other."""

_STATUS = re.compile(r"\x1b\[[03]n")
_PLACE = re.compile(r"\x1b\[\d+;\d+R")
_LATE = re.compile(r"\[[0-?]*\$?[@-~]|O[@-~]")
"""What an arrow or a function key sends behind its escape byte."""
_LONGEST = 64
"""Characters of a control sequence; a longer one is none."""


class Piece(msgspec.Struct, frozen=True):
    """A part of what has come. A whole control sequence means either something, or nothing: never its letters."""

    text: str
    whole: bool = False
    answer: str = ""
    """The query that this answers, if it does."""
    begun: bool = False
    """Its escape byte has been handed on already."""


class TerminalInput:
    """Reads what comes from a terminal, in any number of parts.

    Taken out are escape bytes in pasted text, which would be read as keys that were pressed, the terminal's answers,
    and what follows an escape byte so late that it has been taken for Esc: the rest of an arrow key is no key.
    """

    def __init__(self) -> None:
        self._pasting = False
        self._held = ""
        self._given = 0
        """Characters of the held sequence that have been handed on: an escape byte that may be all there is."""

    def read(self, data: str, *, waits: bool) -> Iterator[Piece]:
        """Yield what is to be parsed; ``waits`` says whether an escape byte handed on still counts as a beginning."""
        if self._given and not waits:
            late = _LATE.match(self._held[1:] + data)
            data = data if late is None else (self._held[1:] + data)[late.end() :]
            self._held, self._given = "", 0
        text = ""
        for char in data:
            if self._pasting:
                yield from self._paste(char)
            elif self._held:
                yield from self._continue(char)
            elif char == ESC:
                if text:
                    yield Piece(text)
                text, self._held, self._given = "", ESC, 0
            else:
                text += char
        if text:
            yield Piece(text)
        if self._held == ESC and not self._given and not self._pasting:
            self._given = 1
            yield Piece(ESC)

    def _continue(self, char: str) -> Iterator[Piece]:
        held, given = self._held + char, self._given
        if char == ESC:
            # Two escape bytes are Esc and a beginning; a sequence that is cut short is nothing.
            if self._held == ESC:
                yield Piece(ESC[given:])
            self._held, self._given = ESC, 0
            return
        kind = _kind(held)
        if kind == "open":
            self._held = held
            return
        self._held, self._given = "", 0
        if kind == "none":
            if len(held) == 2:
                yield Piece(held[given:])
            else:
                yield Piece(char)
            return
        query = STATUS_QUERY if _STATUS.fullmatch(held) else PLACE_QUERY if _PLACE.fullmatch(held) else ""
        self._pasting = held == PASTE_BEGINS
        yield Piece("" if query else held[given:], whole=True, answer=query, begun=given > 0)

    def _paste(self, char: str) -> Iterator[Piece]:
        self._held += char
        if self._held == PASTE_ENDS:
            self._pasting, self._held = False, ""
            yield Piece(PASTE_ENDS)
        elif not PASTE_ENDS.startswith(self._held):
            text, self._held = self._held[:-1], self._held[-1]
            if not PASTE_ENDS.startswith(self._held):
                text, self._held = text + self._held, ""
            if text := text.replace(ESC, ""):
                yield Piece(text)


def _kind(held: str) -> str:
    """Return whether characters behind an escape byte are a sequence: ``open``, ``whole`` or ``none``."""
    if held[1] == "O":
        return "open" if len(held) == 2 else "whole" if "@" <= held[2] <= "~" else "none"
    if held[1] != "[" or len(held) > _LONGEST:
        return "none"
    if held.startswith("\x1b[M"):  # Clicks in their oldest form: three characters follow.
        return "whole" if len(held) == 6 else "open"
    if held.startswith("\x1b[["):  # Function keys of the Linux console: one letter follows.
        return "whole" if len(held) == 4 else "open"
    last = held[-1]
    if len(held) == 2 or "0" <= last <= "?" or last == "$":
        return "open"
    return "whole" if "@" <= last <= "~" else "none"
