"""The command palette: every action of the catalogue and every pair, found by typing a part of its name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

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
            yield DiscoveryHit(_label(action), partial(self._do, action.id), help=self._help(action))

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for action in self._actions():
            score = matcher.match(_label(action))
            if score > 0:
                command = partial(self._do, action.id)
                yield Hit(score, matcher.highlight(_label(action)), command, help=self._help(action))
        shown = 0
        for symbol in self._pairs():
            name = f"Go to {clean(symbol)}"
            score = matcher.match(name)
            if score > 0 and shown < _PAIRS_SHOWN:
                shown += 1
                yield Hit(score, matcher.highlight(name), partial(self._go, symbol))

    def _actions(self) -> list[Action]:
        return [action for action in CATALOGUE if action.context == "desk" and action.id != "palette"]

    def _help(self, action: Action) -> str:
        app = self.app
        keys = app.keymap.all_shown(action.id) if isinstance(app, Commandable) else ""
        return f"{keys}  {action.help}".strip()

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
