"""What happened, newest at the bottom, wrapped so that no word of an explanation is lost."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.domain.facts import Fact, Level
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import clean, clock, wrap

_STYLES = {Level.INFO: "text", Level.GOOD: "good", Level.WARN: "warn", Level.BAD: "bad"}
_MARKS = {Level.INFO: " ", Level.GOOD: "+", Level.WARN: "!", Level.BAD: "✖"}
_INDENT = " " * 11


def event_rows(facts: Sequence[Fact], width: int, height: int, back: int = 0) -> list[Row]:
    """Return the newest lines that fit; ``back`` skips that many of the newest facts."""
    rows: list[Row] = []
    shown = facts[: len(facts) - back] if back else facts
    for fact in reversed(shown):
        rows[:0] = _lines(fact, width)
        if len(rows) >= height:
            break
    if not rows:
        return [((" nothing has happened yet", "dim"),)]
    return rows[-height:]


def _lines(fact: Fact, width: int) -> list[Row]:
    style = _STYLES[fact.level]
    text = clean(fact.message)
    for violation in fact.violations:
        if violation.message not in fact.message:
            text += f" · {clean(violation.message)}"
    wrapped = wrap(text, max(12, width - len(_INDENT))) or [""]
    first: Row = ((f" {clock(fact.time_ms)}{_MARKS[fact.level]} ", "dim"), (wrapped[0], style))
    return [first, *(((_INDENT, ""), (line, style)) for line in wrapped[1:])]
