"""The seam between a screen and the engine: commands go in, views and facts come out, nothing else crosses."""

from __future__ import annotations

from typing import Protocol

from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.views import View


class DeskClient(Protocol):
    """How a screen speaks to the engine. Every method returns at once and may be called from any thread."""

    def submit(self, command: Command) -> None:
        """Hand a command to the engine. The answer comes as facts that carry its command id."""

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic, the same object until a newer one exists; None before the first."""

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts with a ``seq`` above ``after``, in order."""

    def now(self) -> Timestamp:
        """Return the time by the engine's clock, against which views are dated."""

    def died(self) -> str:
        """Return why the engine has stopped, in plain words; empty while it runs."""
