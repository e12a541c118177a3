"""The command palette: what it finds is shown letter by letter, whatever it is called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from textual.content import Content
from textual.style import Style

from mexc_tui.domain.views import InstrumentsView
from mexc_tui.ui import keymap, palette
from mexc_tui.ui.host import Commandable

NASTY = ("[bold]XUSDT", "[/]USDT", "[@click=app.quit]XUSDT", "[red", "X]USDT", "\\[b]XUSDT", "[[[", "[link=file:///]A")


class App(Commandable):
    """Knows pairs of these names; ``[`` is one of its keys."""

    def __init__(self) -> None:
        self.client: Any = SimpleNamespace(
            view=lambda _: InstrumentsView(by_symbol=dict.fromkeys(NASTY))  # type: ignore[arg-type]
        )
        self.keymap = keymap.Keymap({"zoom_in": ("[",), "zoom_out": ("]",)})

    def action_do(self, action_id: str) -> None:
        raise AssertionError

    def go(self, symbol: str) -> None:
        raise AssertionError


def drawn(text: Any) -> str:
    """Return what Textual's palette makes of a prompt or a help text."""
    return Content.from_markup(text).plain


@pytest.fixture
def provider() -> palette.ActionProvider:
    screen: Any = SimpleNamespace(app=App(), focused=None)
    return palette.ActionProvider(screen, Style(bold=True))


async def test_pairs_of_any_name_are_shown_as_they_are(provider: palette.ActionProvider) -> None:
    hits = [hit async for hit in provider.search("go to")]
    assert {drawn(hit.prompt) for hit in hits} >= {f"Go to {name}" for name in NASTY}
    assert not any(span.style.meta for hit in hits for span in Content.from_markup(hit.prompt).spans)


async def test_a_key_that_looks_like_markup_is_shown(provider: palette.ActionProvider) -> None:
    found = {hit.text: drawn(hit.help) async for hit in provider.search("zoom")}
    assert any(text.startswith("[") for text in found.values()), found
    assert len([hit async for hit in provider.discover()]) > 20
