"""Keys that come in one piece are handled one after the other, each where the one before it has put the keyboard."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.events import Event, Key

_ROUNDS = 3
"""How often messages that a key caused may cause others: a line is submitted, read, and carried out."""
_LONGEST_S = 1.0
"""How long a key may keep others waiting."""

Answer = TypeVar("Answer")


class KeysInOrder(App[Answer]):
    """Textual hands a key to what has the keyboard when it arrives; this waits until the key before it is done."""

    def __init__(self) -> None:
        super().__init__()
        self._keys_waiting: deque[Key] = deque()
        self._keys_handled = 0
        self._key_busy = False

    def read_key(self, event: Key) -> Key | None:
        """Return the key that is meant; None for one that has been dealt with."""
        return event

    async def on_event(self, event: Event) -> None:
        """Take a key from the terminal when its turn has come; everything else at once."""
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._key_busy:
            self._keys_waiting.append(event)
            self.set_timer(_LONGEST_S, partial(self._next_key, self._keys_handled))
        else:
            await self._handle_key(event)

    async def _handle_key(self, event: Key) -> None:
        self._key_busy = True
        self._keys_handled += 1
        try:
            path = tuple((self.focused or self.screen).ancestors_with_self)
        except ScreenStackError:  # the app is ending
            return
        key = self.read_key(event)
        if key is not None:
            await super().on_event(key)
        self._follow(path * _ROUNDS, self._keys_handled)

    def _follow(self, path: Sequence[DOMNode], turn: int) -> None:
        """Go the way of the key behind it, from queue to queue up to the app, and then let the next key in."""
        for at, node in enumerate(path):
            if node.call_later(self._follow, path[at + 1 :], turn):
                return
        self.call_later(self._next_key, turn)

    async def _next_key(self, turn: int) -> None:
        if turn != self._keys_handled:
            return
        self._key_busy = False
        if self._keys_waiting:
            await self._handle_key(self._keys_waiting.popleft())
