"""Questions on the screen: what was typed before one could be read is no answer to it."""

from __future__ import annotations

from mexc_tui.ui.pacer import Glass

ANSWER_NS = 500_000_000
"""How long a question stands, since it was drawn or last answered too soon, before an answer counts."""


class Question:
    """One question: asked, drawn, and then answered."""

    def __init__(self) -> None:
        self._asked = False
        self._drawn_ns: int | None = None

    def ask(self) -> None:
        """Ask, or ask again."""
        self._asked, self._drawn_ns = True, None

    def drawn(self, now_ns: int) -> None:
        """Note that a frame has been drawn; the first one after asking shows the question."""
        if self._asked and self._drawn_ns is None:
            self._drawn_ns = now_ns

    def answered(self, now_ns: int, glass: Glass) -> bool:
        """Return whether an answer given now counts; one that comes too soon after the terminal shows it asks again."""
        drawn_ns = self._drawn_ns
        if drawn_ns is not None and glass.shown_ns >= drawn_ns and now_ns - drawn_ns - glass.lag_ns >= ANSWER_NS:
            self._asked, self._drawn_ns = False, None
            return True
        self.ask()
        return False
