"""The help, made from the catalogue of actions and the keys in force."""

from __future__ import annotations

from mexc_tui.ui.actions import CATALOGUE
from mexc_tui.ui.commandline.grammar import USAGE
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.panes.blotter.presenter import GLYPHS
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import fit, wrap

_KEYS = 12
_LABEL = 34


def help_rows(keymap: Keymap, width: int) -> list[Row]:
    """Return the whole help at a width: keys by group, the command line, the signs of order states."""
    rows: list[Row] = []
    group = ""
    for action in CATALOGUE:
        keys = keymap.all_shown(action.id)
        if not keys:
            keys = "—"
        if action.group != group:
            group = action.group
            rows += [(), ((f" {group}", "title_focus"),)]
        mark = "◂" if action.reduces else " "
        more = wrap(action.help, max(10, width - _KEYS - _LABEL - 4)) if width >= 80 else []
        head: Row = ((f"  {fit(keys, _KEYS)}", "key"), (mark, "good"), (fit(f" {action.label}", _LABEL), "text"))
        rows.append((*head, (more[0] if more else "", "dim")))
        rows += [((" " * (_KEYS + _LABEL + 3) + line, "dim"),) for line in more[1:]]
    rows += [(), ((" Command line", "title_focus"),)]
    rows += [((f"  {fit(example, 40)}", "key"), (text, "dim")) for example, text in USAGE]
    rows += [(), ((" Signs of an order", "title_focus"),)]
    rows += [((f"  {glyph} ", style), (state.value, "text")) for state, (glyph, style) in GLYPHS.items()]
    rows.append((("  ◇ ", "own"), ("lives here, not at MEXC", "text")))
    rows += [(), (("  ◂ takes risk away: works in every mode, at once, without asking", "good"),)]
    return rows[1:]
