"""A client of a desk on an event loop: what the desk shows and told, and waiting for either without holding it up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from mexc_tui.config.errors import ConfigError
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.errors import DeskError
from mexc_tui.desk.launch import Caller
from mexc_tui.desk.protocol import FROM_NOW, DeskInfo, Outcome
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Command
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.owners import SCRIPT
from mexc_tui.domain.views import View

_View = TypeVar("_View", bound=View)
_CLOSED = "This session is not open."


def not_done(message: str, remedy: str = "", kind: ErrorKind = ErrorKind.REFUSED_HERE) -> VenueError:
    """Return the error for something of which nothing has left this machine."""
    return VenueError(message, kind=kind, remedy=remedy, sent=False, definite=True)


class DeskLink:
    """One attached client. Everything is called on the loop it was opened on."""

    def __init__(self, attach: Callable[[Caller], SocketClient], name: str) -> None:
        self._attach = attach
        self._name = name
        self._client: SocketClient | None = None
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def info(self) -> DeskInfo:
        """The desk attached to; another start of it after a break."""
        return self._attached().info

    @property
    def cut(self) -> str:
        """Why there is no connection at the moment; empty while there is."""
        return _CLOSED if self._client is None else self._client.died()

    async def open(self) -> None:
        """Attach to the desk that is meant.

        Raises:
            VenueError: none runs, several do and none was named, or it does not let this client in.
        """
        loop = asyncio.get_running_loop()

        def changed() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

        def attach() -> SocketClient:
            caller = Caller(name=self._name, role=Role.TRADE, after=FROM_NOW, owner=SCRIPT, on_change=changed)
            return self._attach(caller)

        attaching = asyncio.ensure_future(asyncio.to_thread(attach))
        try:
            self._client = await asyncio.shield(attaching)
        except asyncio.CancelledError:
            attaching.add_done_callback(_leave)
            raise
        except (DeskError, ConfigError) as error:
            remedy = "`mexc-tui desk start` starts a desk, `mexc-tui desk status` lists those that run."
            raise not_done(str(error), remedy, ErrorKind.NETWORK) from None

    async def close(self) -> None:
        """Detach; idempotent. The desk and its orders live on."""
        client, self._client, self._closed = self._client, None, True
        self._wake()
        if client is not None:
            await asyncio.to_thread(client.close)

    def look(self, topics: frozenset[str]) -> None:
        """Say everything that is looked at from now on."""
        self._attached().look(Interest(topics=topics, candle_limit=1))

    def view(self, topic: str, kind: type[_View]) -> _View | None:
        """Return the latest view of a topic; None before the first.

        Raises:
            VenueError: the connection is cut, so nobody knows whether it still holds.
        """
        client = self._attached()
        if client.died():
            raise not_done(
                f"What the desk knows cannot be said: {client.died()}",
                "It is attached to again by itself.",
                ErrorKind.NETWORK,
            )
        found = client.view(topic)
        return found if isinstance(found, kind) else None

    def last_view(self, topic: str, kind: type[_View]) -> _View | None:
        """Return the latest view of a topic, of before the connection broke while it is cut."""
        found = self._attached().view(topic)
        return found if isinstance(found, kind) else None

    def told(self, command_id: str, after: int) -> list[Fact]:
        """Return what the desk has told of a command, in facts above this number."""
        return [fact for fact in self._attached().facts(after) if fact.command_id == command_id]

    def facts_of(self, kind: str, after: int) -> list[Fact]:
        """Return the facts of a kind above this number."""
        return [fact for fact in self._attached().facts(after) if fact.kind == kind]

    def position(self) -> int:
        """Return the number of the latest fact."""
        facts = self._attached().facts(self._attached().seen)
        return facts[-1].seq if facts else self._attached().seen

    async def give(self, command: Command, limit_s: float) -> tuple[Outcome, str]:
        """Hand a command over; return what became of it on the way, and the start of the desk it was given to at most.

        ``Outcome.UNKNOWN`` where the connection broke before the desk answered, or it does not answer.

        Raises:
            VenueError: the desk did not take it; nothing was done.
        """
        client = self._attached()
        client.submit(command)
        # Read afterwards: were it another start already, less would be concluded from it, never more.
        given_to = client.info.desk_id
        await self.wait(lambda: client.answer(command.command_id) is not None, limit_s)
        answer = client.answer(command.command_id)
        if answer is None:
            return Outcome.UNKNOWN, given_to
        if answer.outcome is Outcome.REFUSED:
            raise not_done(f"The desk did not take it: {answer.reason}")
        return answer.outcome, given_to

    async def wait(self, done: Callable[[], bool], limit_s: float) -> bool:
        """Wait until something that arrived makes it true; whether it did in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not done():
                    self._attached()
                    await self._changed.wait()
        return done()

    async def facts(self) -> AsyncIterator[Fact]:
        """Give every fact since this link was opened, in order, and then each new one; ends when it is closed."""
        last = self._attached().seen
        while not self._closed:
            changed = self._changed
            for fact in self._attached().facts(last):
                if fact.seq > last + 1:
                    yield _missed(fact, fact.seq - last - 1)
                last = fact.seq
                yield fact
                if self._closed:
                    return
            await changed.wait()

    def _attached(self) -> SocketClient:
        if self._client is None:
            raise not_done(_CLOSED)
        return self._client

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _missed(fact: Fact, count: int) -> Fact:
    text = f"{count} messages of the desk were missed; orders, balances and positions are as they are shown now."
    return Fact(seq=fact.seq, time_ms=fact.time_ms, kind="missed", level=Level.BAD, message=text)


def _leave(attaching: asyncio.Future[SocketClient]) -> None:
    """Let go of a client that nobody waited for."""
    if not attaching.cancelled() and attaching.exception() is None:
        attaching.get_loop().run_in_executor(None, attaching.result().close)
