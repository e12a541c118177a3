"""The seam between a client and the desk: commands go in, views and facts come out, nothing else crosses."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.owners import SCRIPT
from mexc_tui.domain.views import View


class Role(StrEnum):
    """What a client may do; the desk enforces it."""

    TRADE = "trade"
    VIEW = "view"
    """Looks only: every command is refused."""


class Given(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command with who gave it."""

    command: Command
    client: str
    role: Role
    owner: str = SCRIPT
    """Whose orders come of it (``domain.owners``)."""
    attended: bool = False
    """Whether a person sits at the client, as far as the desk can see."""


class DeskClient(Protocol):
    """How a client speaks to the desk. Every method returns at once and may be called from any thread."""

    def submit(self, command: Command) -> None:
        """Hand a command to the desk. The answer comes as facts that carry its command id."""

    def look(self, interest: Interest) -> None:
        """Say everything this client looks at from now on, in place of what it looked at before."""

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic, the same object until a newer one exists.

        None before the first, and for topics outside of what is looked at.
        """

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts with a ``seq`` above ``after``, in order."""

    def now(self) -> Timestamp:
        """Return the time by the desk's clock, against which views are dated."""

    def died(self) -> str:
        """Return why the desk has stopped, in plain words; empty while it runs."""

    def close(self) -> None:
        """Detach: nothing is followed for this client any more; idempotent. The desk lives on."""
