"""A client of a desk in another process: ``DeskClient`` over the desk's socket."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from mexc_tui.config.program import VERSION
from mexc_tui.desk.link import Link
from mexc_tui.desk.protocol import (
    BUILD,
    PROTOCOL,
    STATUS,
    Ack,
    Answer,
    Ask,
    Batch,
    Bye,
    DeskStatus,
    Ending,
    Hello,
    Look,
    Outcome,
    ProtocolError,
    Refused,
    Reply,
    Submit,
    ToClient,
    Welcome,
    decode_to_client,
    encode,
    mismatch,
)
from mexc_tui.desk.replica import Replica
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import View
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.supervisor import guarded

ANSWERS_KEPT = 1_000
AGAIN_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between attempts to attach again; the last one is repeated."""
STEADY_S = 5.0
"""A connection that lasted this long was a good one: the pauses begin anew."""
ATTACH_LIMIT_S = 5.0
LEAVE_LIMIT_S = 1.0
LATE_S = 3.0
"""A command that has no answer after so long is told: a desk that lives answers within milliseconds."""

_LOST = "The connection to the desk was lost; what works at the exchange lives on."
_DETACHED = "This client was closed."
_NOT_SENT = "Not sent: there is no connection to the desk. Send it again when it is back, if it is still meant."
_BUSY = "Not sent: the desk does not read what it is sent."
_IN_DOUBT = "The connection broke before the desk answered: the command may have been taken. The events will tell."

_LATE = (
    f"The desk has not answered for {LATE_S:g} s: it is not known whether it took the last command. Orders at the "
    "exchange live on; `mexc-tui desk status` in another terminal tells how the desk is."
)

_UNREAD = (
    "The desk sent what this program cannot read, so it was left; its orders go on. Leave, and open it again; if that"
    " does not help, `mexc-tui desk stop` and start it anew."
)

_NO_DESK = (
    "What listens at {} is not a desk, or one of another version. `mexc-tui desk stop` ends it in order; a new start"
    " finds its orders again."
)

_log = logging.getLogger(__name__)


class DeskAbsentError(Exception):
    """No desk answers at that path, or it stopped answering; a sentence."""


class DeskSilentError(DeskAbsentError):
    """A desk listens and does not answer in time; a sentence."""


class DeskRefusedError(Exception):
    """The desk did not let this client in, or refused what it asked for; a sentence with what to do."""


class SocketClient:
    """``DeskClient`` for another process. Every method returns at once unless it takes a limit; any thread may call.

    A thread reads. When the connection breaks it attaches again to whatever desk listens at the path, until closed.
    """

    def __init__(
        self,
        path: Path,
        hello: Hello,
        on_refused: Callable[[str], None] | None,
        find: Callable[[], Path | None] | None,
        on_change: Callable[[], None] | None,
        limit_s: float,
    ) -> None:
        """Attach; see ``connect``."""
        self._path = path
        self._find = find
        self._on_change = on_change
        self._hello = hello
        self._on_refused = on_refused
        link, welcome = _attach(path, hello, limit_s)
        self.info = welcome.desk
        """The desk attached to; another one after a break, if another one answers then."""
        self.role = welcome.role
        self.seen = welcome.seen
        """Number of the latest fact at the time of ``connect``: facts above it happened while attached."""
        self.unseen_after = welcome.unseen_after
        """Number of the latest fact that a screen had taken in when the last one left; None if one was attached."""
        self.lost_facts = 0
        """Facts that this client missed and the desk no longer keeps; those before its first one do not count."""
        self._replica = Replica(welcome.after)
        self._link: Link | None = link
        """None while the connection is cut."""
        self._cut = ""
        self._closing = threading.Event()
        self._changed = threading.Condition(threading.RLock())
        self._interest = Interest()
        self._open: dict[str, float] = {}
        """Commands sent and not answered, each with when it is late; never, once that was told."""
        self._answers: dict[str, Answer] = {}
        self._replies: dict[int, Reply | None] = {}
        self._requests = itertools.count(1)
        self._reader = threading.Thread(target=self._live, args=(link,), name="desk-socket", daemon=True)
        self._reader.start()

    @classmethod
    def connect(
        cls,
        path: Path,
        *,
        name: str,
        role: Role,
        after: int = 0,
        owner: str = "",
        limit_s: float = ATTACH_LIMIT_S,
        on_refused: Callable[[str], None] | None = None,
        find: Callable[[], Path | None] | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> SocketClient:
        """Attach to the desk whose socket is at ``path``.

        ``owner`` names the algorithm that acts; empty: as the desk sees it. ``after``: facts above this number are
        wanted (``protocol.FROM_NOW``: only new ones). ``on_refused`` is called with a sentence for every command that
        the desk did not take, from ``submit`` itself or from the reading thread.
        ``find`` says where the desk listens when the connection broke; None as long as that is not known.
        ``on_change`` is called, from any thread, after whatever ``wait`` looks at has changed; it must return at once.

        Raises:
            DeskAbsentError: nobody listens there, or nobody answers within the limit.
            DeskRefusedError: the desk refuses this client.
        """
        hello = Hello(protocol=PROTOCOL, program=VERSION, build=BUILD, name=name, role=role, after=after, owner=owner)
        return cls(path, hello, on_refused, find, on_change, limit_s)

    def submit(self, command: Command) -> None:
        """Send a command. While the connection is cut it is refused at once: nothing is kept to be sent later."""
        command_id = command.command_id
        with self._changed:
            refusal = self._send_command(command, command_id)
            if not refusal:
                self._open[command_id] = time.monotonic() + LATE_S
                self._answers.pop(command_id, None)
                return
        self._resolve(Answer(command_id=command_id, outcome=Outcome.REFUSED, reason=refusal))

    def look(self, interest: Interest) -> None:
        """Say everything this client looks at from now on; said again after every break."""
        with self._changed:
            if interest != self._interest:
                self._interest = interest
                self._say_interest()

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic, the same object until a newer one exists; None if it is not looked at."""
        with self._changed:
            return self._replica.views.get(topic) if topic in self._interest.topics else None

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts with a ``seq`` above ``after``, in order.

        When another desk answers after a break, its facts follow with higher numbers (shifted), none left out.
        """
        with self._changed:
            return self._replica.facts(after)

    def now(self) -> Timestamp:
        """Return the time; processes of one machine share the clock that views are dated by."""
        return system_now()

    def died(self) -> str:
        """Return why the connection is cut, in plain words; empty while it is not."""
        return self._cut

    def late(self) -> str:
        """Return a sentence where the desk has left commands without an answer for too long; once for each of them."""
        with self._changed:
            late = [command_id for command_id, due in self._open.items() if due <= time.monotonic()]
            self._open.update(dict.fromkeys(late, math.inf))
        return _LATE if late else ""

    def answer(self, command_id: str) -> Answer | None:
        """Return what became of a command on its way; None while there is no answer yet."""
        with self._changed:
            return self._answers.get(command_id)

    def wait(self, predicate: Callable[[], bool], limit_s: float) -> bool:
        """Wait until something that arrived makes the predicate true; whether it did in time."""
        with self._changed:
            return self._changed.wait_for(predicate, limit_s)

    def status(self, limit_s: float = 5.0) -> DeskStatus:
        """Ask the desk how it is doing.

        Raises:
            DeskAbsentError: no answer within the limit, or the connection is cut.
        """
        reply = self._ask(STATUS, limit_s)
        if reply.body is None:
            raise DeskAbsentError(reply.reason)
        return reply.body

    def close(self, stop: bool = False) -> None:
        """Detach, within a second; with ``stop`` the desk is asked to end as well. Idempotent."""
        with self._changed:
            first = not self._closing.is_set()
            self._closing.set()
            link = self._link
            if first and link is not None:
                link.send(encode(Bye(stop=stop)))
        if self._reader is not threading.current_thread():
            # The desk hangs up once it has read the farewell; only one that does not read is left without.
            self._reader.join(LEAVE_LIMIT_S if link is not None else 0)
        if link is not None:
            link.hang_up()

    def _send_command(self, command: Command, command_id: str) -> str:
        """Send it, or return why it was not sent."""
        if self._link is None or self._closing.is_set():
            return _NOT_SENT
        try:
            body = encode(Submit(command=command, given=system_now()))
        except (OverflowError, ValueError) as error:
            return f"Not sent: the command holds something that cannot be ({error})."
        return "" if self._link.send(body, command_id) else _BUSY

    def _say_interest(self) -> None:
        if self._link is not None:
            _say(self._link, Look(interest=self._interest))

    def _ask(self, what: str, limit_s: float) -> Reply:
        with self._changed:
            number = next(self._requests)
            self._replies[number] = None
            try:
                if self._link is not None:
                    self._link.send(encode(Ask(request_id=number, what=what)))
                self._changed.wait_for(lambda: self._replies[number] is not None or self._link is None, limit_s)
                reply = self._replies[number]
            finally:
                del self._replies[number]
        if reply is None:
            raise DeskAbsentError(self._cut or f"The desk did not answer within {limit_s:g} s.")
        return reply

    # What follows runs on the reading thread.

    def _live(self, link: Link) -> None:
        error = guarded(partial(self._stay_attached, link))
        if error is not None:
            self._closing.set()
            self._break(link, f"This client failed ({type(error).__name__}); the log has the details. Start it again.")

    def _stay_attached(self, link: Link) -> None:
        attached: Link | None = link
        pauses = _pauses()
        while attached is not None:
            since = time.monotonic()
            why = self._follow(attached)
            self._break(attached, _DETACHED if self._closing.is_set() else why)
            if time.monotonic() - since > STEADY_S:
                pauses = _pauses()
            attached = self._attach_again(pauses)

    def _follow(self, link: Link) -> str:
        """Take in what comes until the connection ends, and return why it did."""
        why = _LOST
        try:
            while True:
                message = decode_to_client(link.read())
                if isinstance(message, Ending | Refused):
                    why = message.reason
                elif isinstance(message, Answer):
                    self._resolve(message)
                else:
                    self._receive(message, link)
        except ProtocolError as error:
            _log.error("the desk was left: %s", error)
            return f"{_UNREAD} ({error})"
        except OSError:
            return why

    def _receive(self, message: ToClient, link: Link) -> None:
        with self._changed:
            if isinstance(message, Batch):
                if message.lost_facts and (self._replica.position or self._hello.desk):
                    self.lost_facts += message.lost_facts
                self._replica.apply(message)
                _say(link, Ack(n=message.n))
            elif isinstance(message, Reply):
                if message.request_id in self._replies:
                    self._replies[message.request_id] = message
            else:
                raise ProtocolError(f"{type(message).__name__} came out of turn.")
            self._tell()

    def _resolve(self, answer: Answer) -> None:
        """Note what became of a command."""
        with self._changed:
            self._open.pop(answer.command_id, None)
            self._answers.pop(answer.command_id, None)
            self._answers[answer.command_id] = answer
            if len(self._answers) > ANSWERS_KEPT:
                del self._answers[next(iter(self._answers))]
            self._tell()
        if answer.outcome in (Outcome.REFUSED, Outcome.UNKNOWN) and self._on_refused is not None:
            self._on_refused(answer.reason)

    def _break(self, link: Link, why: str) -> None:
        """Note that the connection has ended, and what that means for the commands that were on their way."""
        with self._changed:
            link = self._link or link
            self._link = None
            self._cut = why
            unsent = link.unsent()
            left, self._open = tuple(self._open), {}
            link.close()
            self._tell()
        for command_id in left:
            if command_id in unsent:
                self._resolve(Answer(command_id=command_id, outcome=Outcome.REFUSED, reason=_NOT_SENT))
            else:
                self._resolve(Answer(command_id=command_id, outcome=Outcome.UNKNOWN, reason=_IN_DOUBT))

    def _attach_again(self, pauses: Iterator[float]) -> Link | None:
        """Attach again, as often as it takes; None once this client is closed."""
        while not self._closing.wait(next(pauses)):
            self._hello = replace(self._hello, after=self._replica.position, desk=self.info.desk_id)
            try:
                self._path = (self._find() if self._find is not None else None) or self._path
                link, welcome = _attach(self._path, self._hello, ATTACH_LIMIT_S)
            except DeskRefusedError as refused:
                self._cut = str(refused)
            except DeskAbsentError:
                pass
            else:
                self._resume(link, welcome)
                return link
        return None

    def _resume(self, link: Link, welcome: Welcome) -> None:
        with self._changed:
            if self._closing.is_set():
                link.hang_up()
                return
            if welcome.desk.desk_id != self.info.desk_id:
                self._replica.restart()
            self.info = welcome.desk
            self._link = link
            self._cut = ""
            self._say_interest()
            self._tell()

    def _tell(self) -> None:
        """Wake whoever waits; the lock is held."""
        self._changed.notify_all()
        if self._on_change is not None:
            self._on_change()


def _say(link: Link, message: Look | Ack) -> None:
    """Send what the desk must know; a connection that cannot take it is given up, or it would stand still unseen."""
    if not link.send(encode(message)):
        link.hang_up()


def _pauses() -> Iterator[float]:
    return itertools.chain(AGAIN_S, itertools.repeat(AGAIN_S[-1]))


def _attach(path: Path, hello: Hello, limit_s: float) -> tuple[Link, Welcome]:
    """Connect and be let in.

    Raises:
        DeskAbsentError: nobody listens there, or nobody answers within the limit.
        DeskRefusedError: the desk refuses this client.
    """
    until = time.monotonic() + limit_s
    try:
        link = Link.dial(path, limit_s)
    except PermissionError as error:
        raise DeskRefusedError(f"The desk at {path} is not yours ({error.strerror or error}).") from error
    except OSError as error:
        raise DeskAbsentError(f"No desk answers at {path} ({error.strerror or error}).") from error
    with contextlib.ExitStack() as undo:
        undo.callback(link.close)
        link.send(encode(hello))
        try:
            answer = decode_to_client(link.read(max(0.0, until - time.monotonic())))
        except TimeoutError:
            raise DeskSilentError(f"The desk at {path} does not answer (waited {limit_s:g} s).") from None
        except OSError:
            raise DeskAbsentError(f"The desk at {path} hung up.") from None
        except ProtocolError as error:
            raise DeskRefusedError(f"{_NO_DESK.format(path)} ({error})") from None
        if isinstance(answer, Refused | Ending):
            raise DeskRefusedError(answer.reason)
        if not isinstance(answer, Welcome):
            raise DeskRefusedError(_NO_DESK.format(path))
        if problem := mismatch(hello, answer.desk, answer.protocol, answer.build):
            raise DeskRefusedError(problem)
        undo.pop_all()
    return link, answer
