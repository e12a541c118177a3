"""The command palette: every action of the catalogue and every pair, found by typing a part of its name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape

from mexc_tui.domain.views import TOPIC_INSTRUMENTS, InstrumentsView
from mexc_tui.ui.actions import CATALOGUE, Action
from mexc_tui.ui.host import Commandable
from mexc_tui.ui.primitives.text import clean

_PAIRS_SHOWN = 30


class ActionProvider(Provider):
    """Offers actions, with their keys, and pairs."""

    async def discover(self) -> Hits:
        """Offer every action of the desk."""
        for action in self._actions():
            label = _label(action)
            yield DiscoveryHit(Content(label), partial(self._do, action.id), label, help=self._help(action))

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for action in self._actions():
            label = _label(action)
            score, shown_as = _matched(matcher, label)
            if score > 0:
                yield Hit(score, shown_as, partial(self._do, action.id), label, help=self._help(action))
        shown = 0
        for symbol in self._pairs():
            name = f"Go to {clean(symbol)}"
            score, shown_as = _matched(matcher, name)
            if score > 0 and shown < _PAIRS_SHOWN:
                shown += 1
                yield Hit(score, shown_as, partial(self._go, symbol), name)

    def _actions(self) -> list[Action]:
        return [action for action in CATALOGUE if action.context == "desk" and action.id != "palette"]

    def _help(self, action: Action) -> str:
        app = self.app
        keys = app.keymap.all_shown(action.id) if isinstance(app, Commandable) else ""
        return escape(f"{keys}  {action.help}".strip())

    def _pairs(self) -> list[str]:
        app = self.app
        view = app.client.view(TOPIC_INSTRUMENTS) if isinstance(app, Commandable) else None
        return sorted(view.by_symbol) if isinstance(view, InstrumentsView) else []

    def _do(self, action_id: str) -> None:
        if isinstance(self.app, Commandable):
            self.app.action_do(action_id)

    def _go(self, symbol: str) -> None:
        if isinstance(self.app, Commandable):
            self.app.go(symbol)


def _label(action: Action) -> str:
    return action.label[0].upper() + action.label[1:]


def _matched(matcher: Matcher, text: str) -> tuple[float, Content]:
    """Return how well a text matches, and the text with what matches picked out; nothing in it is markup."""
    score, places = matcher.fuzzy_search.match(matcher.query, text)
    content = Content(text)
    for place in places if score else ():
        if not text[place].isspace():
            content = content.stylize(matcher.match_style, place, place + 1)
    return score, content
