"""What lies over the trade screen while the market goes on behind it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.textual_compat import key_name


class Overlay(ModalScreen[None]):
    """Closed by Esc, and by the stop key, which goes through: nothing may stand before it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "close", show=False)]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    async def on_key(self, event: events.Key) -> None:
        """Let the stop key through."""
        if event.key in {key_name(key) for key in self._keymap.keys.get("halt", ())}:
            event.stop()
            self.dismiss(None)
            await self.app.run_action("app.do('halt')")
