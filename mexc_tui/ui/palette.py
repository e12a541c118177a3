"""The palette: every action of the catalogue and every pair, found by typing a part of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.fuzzy import FuzzySearch
from textual.screen import ModalScreen
from textual.widgets import Input

from mexc_tui.domain.views import TOPIC_INSTRUMENTS, InstrumentsView
from mexc_tui.ui.actions import CATALOGUE
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import clean, crop, fit

PAIRS_SHOWN = 30
_KEYS = 10
_search = FuzzySearch()


class Hit(msgspec.Struct, frozen=True):
    """One thing that can be chosen: an action, or a pair to go to."""

    text: str
    keys: str = ""
    help: str = ""
    action: str = ""
    symbol: str = ""
    places: tuple[int, ...] = ()
    """Which letters of the text were matched."""


def find(query: str, keymap: Keymap, symbols: Sequence[str]) -> list[Hit]:
    """Return what matches, the best first; without a query every action of the desk."""
    query = query.strip()
    found: list[tuple[float, Hit]] = []
    for action in CATALOGUE:
        if action.context != "desk" or action.id == "palette":
            continue
        text = action.label[0].upper() + action.label[1:]
        score, places = _search.match(query, text) if query else (1.0, ())
        if score > 0:
            hit = Hit(text, keymap.all_shown(action.id), action.help, action=action.id, places=tuple(places))
            found.append((score, hit))
    found.sort(key=lambda one: -one[0])
    return [hit for _, hit in found] + (_pairs(query, symbols) if query else [])


def _pairs(query: str, symbols: Sequence[str]) -> list[Hit]:
    wanted = query.upper().removeprefix("GO TO").strip()
    at = {symbol: clean(symbol).upper().find(wanted) for symbol in symbols}
    named = sorted((place, symbol) for symbol, place in at.items() if place >= 0)[:PAIRS_SHOWN]
    start = len("Go to ")
    return [
        Hit(f"Go to {clean(symbol)}", symbol=symbol, places=tuple(range(start + at, start + at + len(wanted))))
        for at, symbol in named
    ]


class PalettePane(LinePane):
    """What matches, with the one that Enter does marked."""

    TITLE: ClassVar[str] = "FIND"

    def __init__(self) -> None:
        super().__init__()
        self.hits: list[Hit] = []
        self.marked = 0

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        return (), (("↑/↓ choose · Enter does it · Esc closes ", "dim@panel"),)

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (repr(self.hits), self.marked)

    def build(self, frame: Frame) -> Sequence[Row]:
        if not self.hits:
            return [((" nothing of that name", "warn"),)]
        first = max(0, self.marked - frame.height + 1)
        shown = self.hits[first : first + frame.height]
        return [_row(hit, frame.width, marked=first + at == self.marked) for at, hit in enumerate(shown)]


def _row(hit: Hit, width: int, *, marked: bool) -> Row:
    back = "@cursor" if marked else ""
    spans: list[Span] = [(" ", back)]
    spans += [(sign, f"{'accent!' if at in hit.places else 'text'}{back}") for at, sign in enumerate(hit.text)]
    spans += [("  ", back), (fit(hit.keys, _KEYS), f"key{back}"), (f" {hit.help}", f"dim{back}")]
    row = crop(tuple(spans), width)
    return (*row, (" " * width, back)) if marked else row


class PaletteScreen(ModalScreen[Hit | None]):
    """Typed into as soon as it is open; what Enter does is what stands marked for the text that was typed."""

    DEFAULT_CSS = """
    PaletteScreen { align: center top; }
    PaletteScreen > Vertical { width: 90%; max-width: 100; height: 70%; margin-top: 2; background: $surface; }
    PaletteScreen Input { height: 1; border: none; padding: 0 1; background: $surface; }
    PaletteScreen Input:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close", show=False),
        Binding("down", "mark(1)", "next", show=False),
        Binding("up", "mark(-1)", "previous", show=False),
        Binding("pagedown", "mark(10)", "ten on", show=False),
        Binding("pageup", "mark(-10)", "ten back", show=False),
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder="an action or a pair", select_on_focus=False)
            yield PalettePane()

    def on_mount(self) -> None:
        """Take the keyboard and offer everything."""
        self.set_focus(self.query_one(Input))
        self._offer("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer what matches."""
        event.stop()
        self._offer(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose what is marked."""
        event.stop()
        pane = self.query_one(PalettePane)
        if pane.hits:
            self.dismiss(pane.hits[pane.marked])

    def on_click(self, event: events.Click) -> None:
        """Close at a click beside it."""
        if event.widget is self:
            self.dismiss(None)

    def action_mark(self, step: int) -> None:
        """Mark another one."""
        pane = self.query_one(PalettePane)
        pane.marked = min(max(0, len(pane.hits) - 1), max(0, pane.marked + step))
        pane.redraw()

    def _offer(self, query: str) -> None:
        app = self.app
        view = app.frame_clock.current().view(TOPIC_INSTRUMENTS) if isinstance(app, Host) else None
        symbols = tuple(view.by_symbol) if isinstance(view, InstrumentsView) else ()
        pane = self.query_one(PalettePane)
        pane.hits, pane.marked = find(query, self._keymap, symbols), 0
        pane.redraw()
