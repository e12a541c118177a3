"""Keys, clicks and pastes are handled one after the other, each where the one before it has put the keyboard."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeVar

from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.errors import NoWidget
from textual.events import Event, Key, MouseEvent, MouseMove, Paste

_ROUNDS = 3
"""How often messages that a key caused may cause others: a line is submitted, read, and carried out."""
_LOOK_S = 0.5
"""How often it is looked whether what a key went through is still there."""

Answer = TypeVar("Answer")


class KeysInOrder(App[Answer]):
    """Textual hands a key to what has the keyboard when it arrives; this waits until the one before it is done.

    However long that takes: a key that went on after a while would press the keys of what is behind a text field.
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys_waiting: deque[Event] = deque()
        self._key_busy = False
        self._way: tuple[DOMNode, ...] = ()
        """What the key that is being handled has still to go through."""
        self._step = 0
        self._seen: DOMNode | None = None
        """The screen that has last been known to take keys."""

    def read_key(self, event: Key) -> Key | None:
        """Return the key that is meant; None for one that has been dealt with."""
        return event

    def on_mount(self) -> None:
        """Look after keys whose way has ended in what is not there any more."""
        self.set_interval(_LOOK_S, self._look)

    async def on_event(self, event: Event) -> None:
        """Take what a hand has done when its turn has come; everything else at once."""
        by_hand = isinstance(event, Key | Paste | MouseEvent) and not isinstance(event, MouseMove)
        if not by_hand or event.is_forwarded:
            await super().on_event(event)
        elif self._key_busy:
            self._keys_waiting.append(event)
        else:
            await self._handle(event)

    async def _handle(self, event: Event) -> None:
        self._key_busy = True
        try:
            path = tuple(self._goes_to(event).ancestors_with_self)
        except ScreenStackError:  # the app is ending
            return
        meant = self.read_key(event) if isinstance(event, Key) else event
        if meant is not None:
            await super().on_event(meant)
        self._follow(path * _ROUNDS)

    def _goes_to(self, event: Event) -> DOMNode:
        if isinstance(event, MouseEvent):
            try:
                return self.screen.get_widget_at(int(event.x), int(event.y))[0]
            except NoWidget:
                return self.screen
        return self.focused or self.screen

    def _follow(self, way: Sequence[DOMNode]) -> None:
        """Go the way of the key behind it, from queue to queue up to the app, and then let the next one in."""
        self._step += 1
        for at, node in enumerate(way):
            self._way = tuple(way[at:])
            if node.call_later(self._arrived, self._step):
                return
        self._way = ()
        self.call_later(self._arrived, self._step)

    async def _arrived(self, step: int) -> None:
        if step != self._step:
            return
        if self._way:
            self._follow(self._way[1:])
            return
        if self._seen is not (screen := self.screen):
            # What was opened is not built yet; what it is asked comes after that.
            self._seen = screen
            self._follow((screen,) * _ROUNDS)
            return
        self._key_busy = False
        self._step += 1
        if self._keys_waiting:
            await self._handle(self._keys_waiting.popleft())

    def _look(self) -> None:
        """Go past a queue that ended before it came to the key: what was closed handles nothing any more."""
        if self._key_busy and self._way and not (self._way[0].is_running or self._way[0].is_attached):
            self._follow(self._way[1:])
