"""The palette: what it finds is shown letter by letter, whatever it is called, and Enter does what stands marked."""

from __future__ import annotations

from typing import Any

from textual._xterm_parser import XTermParser
from textual.events import Key, Paste
from textual.widgets import Input

from mexc_tui.domain.commands import CancelAll
from mexc_tui.domain.views import TOPIC_INSTRUMENTS
from mexc_tui.ui.keymap import Keymap, resolve
from mexc_tui.ui.palette import PalettePane, PaletteScreen, find
from mexc_tui.ui.screens.trade import TradeScreen

NASTY = ("[bold]XUSDT", "[/]USDT", "[@click=app.quit]XUSDT", "[red", "X]USDT", "\\[b]XUSDT", "[[[", "[link=file:///]A")
SIZE = (120, 40)


def test_pairs_of_any_name_are_found_as_they_are() -> None:
    assert {hit.text for hit in find("go to", resolve({}), NASTY) if hit.symbol} == {f"Go to {name}" for name in NASTY}


def test_a_key_that_looks_like_markup_is_shown() -> None:
    hits = find("zoom", Keymap({"zoom_in": ("[",), "zoom_out": ("]",)}), ())
    assert [hit.keys for hit in hits[:2]] == ["[", "]"]
    assert len(find("", resolve({}), ())) > 40


async def in_one_read(app: Any, pilot: Any, text: str) -> None:
    for event in [*XTermParser().feed(text)]:
        if isinstance(event, Key | Paste):
            app.post_message(event)
    await pilot.pause()
    while app._key_busy:
        await pilot.pause()


async def test_what_is_typed_behind_the_key_of_the_palette_is_what_it_looks_for(make_cockpit: Any, desk: Any) -> None:
    desk.change(TOPIC_INSTRUMENTS, by_symbol=dict.fromkeys((*NASTY, "ETHUSDT")))
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await in_one_read(app, pilot, "\x10bsx")
        assert isinstance(app.screen, PaletteScreen)
        assert app.screen.query_one(Input).value == "bsx"
        await pilot.press("escape")
        await in_one_read(app, pilot, "\x10go to eth\r")
        assert isinstance(app.screen, TradeScreen)
        assert app.desk_state.selection.symbol == "ETHUSDT"
        assert desk.commands == []
        await in_one_read(app, pilot, "\x10cancel every\r")
        assert [type(command) for command in desk.commands] == [CancelAll]


async def test_enter_does_what_is_marked_and_nothing_where_nothing_matches(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await in_one_read(app, pilot, "\x10qqqq\r")
        assert isinstance(app.screen, PaletteScreen)
        await in_one_read(app, pilot, "\x7f\x7f\x7f\x7fshow\x1b[B")
        pane = app.screen.query_one(PalettePane)
        chosen = pane.hits[1]
        (marked,) = [row for row in pane.glass if any("@cursor" in style for _, style in row)]
        assert chosen.text in "".join(text for text, _ in marked)
        await in_one_read(app, pilot, "\r")
        assert app.desk_state.selection.tab == chosen.action.removeprefix("tab_")
    assert desk.commands == []
