"""A client of a desk in another process: ``DeskClient`` over the desk's socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mexc_tui.desk.protocol import Answer, DeskInfo, DeskStatus
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import View


class DeskAbsentError(Exception):
    """No desk answers at that path, or it stopped answering; a sentence."""


class DeskRefusedError(Exception):
    """The desk did not let this client in, or refused what it asked for; a sentence with what to do."""


class SocketClient:
    """``DeskClient`` for another process. Every method returns at once unless it takes a limit; any thread may call."""

    info: DeskInfo
    """The desk attached to; replaced when another desk answers after a break."""
    role: Role
    seen: int
    """Number of the latest fact at the time of ``connect``: facts above it happened while attached."""
    lost_facts: int
    """Facts that this client missed and the desk no longer keeps, since ``connect``."""

    @classmethod
    def connect(
        cls,
        path: Path,
        *,
        name: str,
        role: Role,
        after: int = 0,
        limit_s: float = 5.0,
        on_refused: Callable[[str], None] | None = None,
    ) -> SocketClient:
        """Attach to the desk whose socket is at ``path``.

        ``after``: facts above this number are wanted (``protocol.FROM_NOW``: only new ones). ``on_refused`` is called
        with a sentence for every command that the desk did not take, from ``submit`` itself or from a thread.

        Raises:
            DeskAbsentError: nobody listens there, or nobody answers within the limit.
            DeskRefusedError: the desk refuses this client.
        """
        raise NotImplementedError

    def submit(self, command: Command) -> None:
        """Send a command. While the connection is cut it is refused at once: nothing is kept to be sent later."""
        raise NotImplementedError

    def look(self, interest: Interest) -> None:
        """Say everything this client looks at from now on; said again after every break."""
        raise NotImplementedError

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic, the same object until a newer one exists."""
        raise NotImplementedError

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts with a ``seq`` above ``after``, in order.

        When another desk answers after a break, its facts follow with higher numbers (shifted), none left out.
        """
        raise NotImplementedError

    def now(self) -> Timestamp:
        """Return the time; processes of one machine share the clock that views are dated by."""
        raise NotImplementedError

    def died(self) -> str:
        """Return why the connection is cut, in plain words; empty while it is not."""
        raise NotImplementedError

    def answer(self, command_id: str) -> Answer | None:
        """Return what became of a command on its way; None while there is no answer yet."""
        raise NotImplementedError

    def wait(self, predicate: Callable[[], bool], limit_s: float) -> bool:
        """Wait until something that arrived makes the predicate true; whether it did in time."""
        raise NotImplementedError

    def status(self, limit_s: float = 5.0) -> DeskStatus:
        """Ask the desk how it is doing.

        Raises:
            DeskAbsentError: no answer within the limit, or the connection is cut.
        """
        raise NotImplementedError

    def stop_desk(self, limit_s: float = 5.0) -> None:
        """Ask the desk to end; it has agreed when this returns, not ended yet.

        Raises:
            DeskAbsentError: no answer within the limit, or the connection is cut.
            DeskRefusedError: this client may only look.
        """
        raise NotImplementedError

    def close(self, stop: bool = False) -> None:
        """Detach, within a second; with ``stop`` the desk is asked to end as well. Idempotent."""
        raise NotImplementedError
