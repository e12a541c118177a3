"""The desk's socket: lets clients in, takes their commands, and sends them views and facts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from mexc_tui.desk.intake import Intake, on_its_way
from mexc_tui.desk.owning import owner_of
from mexc_tui.desk.pace import Pace, cost_of
from mexc_tui.desk.peer import Peer, peer_of
from mexc_tui.desk.protocol import (
    BUILD,
    FROM_NOW,
    LENGTH,
    PROTOCOL,
    STATUS,
    TO_DESK_LIMIT,
    Ack,
    Ask,
    Bye,
    ClientInfo,
    DeskInfo,
    Ending,
    Hello,
    Look,
    ProtocolError,
    Refused,
    Reply,
    Submit,
    ToClient,
    ToDesk,
    Welcome,
    decode_to_desk,
    encode,
    framed,
    mismatch,
)
from mexc_tui.desk.session import Session
from mexc_tui.desk.starting import is_screen
from mexc_tui.desk.status import desk_status
from mexc_tui.desk.updates import UpdateEncoder
from mexc_tui.domain.client import Role
from mexc_tui.engine.engine import Engine, death_notice
from mexc_tui.engine.supervisor import guarded

CLIENTS_LIMIT = 64
PROCESS_LIMIT = 16
"""Clients of one process, so that one which leaks connections leaves room for others."""
HELLO_LIMIT_S = 5.0
"""A connection that has not said who it is by then is closed."""
CLOSE_LIMIT_S = 0.5
"""How long the end of the desk waits for clients to read why."""
NAME_LENGTH = 64
REASON_LENGTH = 300

_log = logging.getLogger(__name__)


class DeskServer:
    """Serves the clients of one engine, on the engine's loop.

    No client can slow the desk or another client: what it is sent waits for its acknowledgement, and what it sends
    is read only while it reads, and no faster than its pace.
    """

    def __init__(
        self,
        engine: Engine,
        path: Path,
        info: DeskInfo,
        *,
        on_stop: Callable[[str], None],
        on_clients: Callable[[int], None],
    ) -> None:
        """``on_stop`` is called with who asks when the desk is to end, ``on_clients`` with how many are attached."""
        self.info = info
        self.path = path
        self.stays = True
        """What a status says of it; whoever runs the desk knows."""
        self.guard: Callable[[], str] = str
        """Returns what a status says of its guard."""
        self._engine = engine
        self._on_stop = on_stop
        self._on_clients = on_clients
        self._intake = Intake()
        self._encoder = UpdateEncoder()
        self._attached: dict[Session, asyncio.StreamWriter] = {}
        self._connections: set[asyncio.StreamWriter] = set()
        self._silent: dict[asyncio.StreamWriter, None] = {}
        """Connections that have not said who they are, the oldest first."""
        self._server: asyncio.Server | None = None
        self._inode: tuple[int, int] | None = None
        self._unseen_after: int | None = None
        self._screens_took = 0
        """Number of the latest fact that any screen which has left had taken in."""
        self._flush_due = False
        self._left = False
        self._published = asyncio.Event()

    @property
    def clients(self) -> tuple[ClientInfo, ...]:
        """The attached clients, in the order they came."""
        return tuple(session.info for session in self._attached)

    async def run(self) -> None:
        """Serve until cancelled, then tell the clients why; made for ``Engine(beside=…)``.

        Raises:
            OSError: the socket cannot be made.
        """
        await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            failure = self._engine.failure
            await self.close("The desk was stopped." if failure is None else death_notice(failure))

    async def start(self) -> None:
        """Listen; a socket that a killed desk left behind is replaced.

        Two desks must not start at one path at the same time: the lock of the account, which the caller holds, sees
        to that.

        Raises:
            OSError: a desk listens there already, the folder is not private, or the socket cannot be made.
        """
        await self.listen_at(self.path)
        self._engine.hub.on_change(self._note_change)

    def reachable(self) -> bool:
        """Whether the socket that this desk made still lies where clients look for it."""
        try:
            return _inode(self.path) == self._inode
        except OSError:
            return False

    async def listen_at(self, path: Path) -> None:
        """Listen here from now on, and nowhere else; clients that are attached stay.

        Raises:
            OSError: see ``start``.
        """
        self._unlink()
        listening, inode = _listen(path)
        before, self._server = self._server, await asyncio.start_unix_server(self._serve, sock=listening)
        self.path, self._inode = path, inode
        if before is not None:
            before.close()

    def leave(self) -> bool:
        """Let nobody in any more, unless somebody is here or on the way in; whether the desk may end now.

        Whoever comes after it is hung up on, and finds the next desk instead of the end of this one.
        """
        self._left = self._left or not self._connections
        return self._left

    async def close(self, reason: str) -> None:
        """Tell every client that the desk ends and why, then close; idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self._unlink()
        for writer in self._attached.values():
            _send(writer, Ending(reason=reason))
        writers = tuple(self._connections)
        for writer in writers:
            writer.close()
        leaving = asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await leaving
        for writer in writers:
            writer.transport.abort()

    def _unlink(self) -> None:
        """Remove the socket, unless another desk has put its own there."""
        if self.reachable():
            with contextlib.suppress(OSError):
                self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its last."""
        self._connections.add(writer)
        session: Session | None = None
        try:
            session = await self._greet(reader, writer)
            self._on_clients(len(self._attached))
            self._note_change()
            loop = asyncio.get_running_loop()
            pace = Pace(loop.time())
            while True:
                message = await _read(reader)
                wait_s = pace.spend(cost_of(message, session.topics), loop.time())
                if not await self._handle(session, message, writer):
                    break
                await writer.drain()
                if wait_s:
                    await asyncio.sleep(wait_s)
        except ProtocolError as error:
            name = session.info.name if session else "a client"
            _log.warning("%s was disconnected: %s", name, _shown(str(error), REASON_LENGTH))
            _send(writer, Refused(reason=str(error)))
        except TimeoutError:
            _log.warning("a client was disconnected: no Hello within %g s", HELLO_LIMIT_S)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()
            asyncio.get_running_loop().call_later(CLOSE_LIMIT_S, writer.transport.abort)
            if session is not None:
                self._detach(session)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Session:
        """Let a client in.

        Raises:
            ProtocolError: it is not let in.
            TimeoutError: it did not say who it is.
        """
        peer = _peer(writer)
        if len(self._connections) > CLIENTS_LIMIT and not self._make_room():
            raise ProtocolError(f"This desk has {CLIENTS_LIMIT} clients already. Close one and try again.")
        self._silent[writer] = None
        try:
            async with asyncio.timeout(HELLO_LIMIT_S):
                hello = await _read(reader)
        finally:
            self._silent.pop(writer, None)
        if self._left:
            raise ConnectionResetError
        if not isinstance(hello, Hello):
            raise ProtocolError("The first message must be Hello.")
        if problem := mismatch(replace(hello, program=_shown(hello.program)), self.info, PROTOCOL, BUILD):
            raise ProtocolError(problem)
        if peer.pid is not None and [one.pid for one in self.clients].count(peer.pid) >= PROCESS_LIMIT:
            raise ProtocolError(
                f"Process {peer.pid} has {PROCESS_LIMIT} connections to this desk already. Close one and try again."
            )
        owner, attended = owner_of(hello, peer)
        client = self._engine.client(_shown(hello.name), hello.role, owner=owner, attended=attended)
        facts = client.facts(0)
        seen = facts[-1].seq if facts else 0
        after = seen if hello.after == FROM_NOW else hello.after
        if hello.desk not in ("", self.info.desk_id) or not 0 <= after <= seen:
            after = 0  # A number that this desk has not reached counts the facts of another one.
        info = ClientInfo(name=client.name, role=hello.role, attached_ms=self._engine.now().wall_ms, pid=peer.pid)
        session = Session(client, info, self._encoder, after)
        self._attached[session] = writer
        _send(
            writer,
            Welcome(
                protocol=PROTOCOL,
                program=self.info.program,
                build=BUILD,
                desk=self.info,
                role=hello.role,
                seen=seen,
                after=after,
                unseen_after=self._unseen_after,
            ),
        )
        if is_screen(info.name):
            self._unseen_after = None
        return session

    def _make_room(self) -> bool:
        """Give the place of the connection that has been silent for longest to a new one; whether there was any."""
        for silent in self._silent:
            del self._silent[silent]
            self._connections.discard(silent)
            silent.transport.abort()
            return True
        return False

    def _detach(self, session: Session) -> None:
        del self._attached[session]
        session.client.close()
        self._forget_views()
        if is_screen(session.info.name):
            self._screens_took = max(self._screens_took, session.taken_facts)
            if not any(is_screen(one.info.name) for one in self._attached):
                self._unseen_after = self._screens_took
        self._on_clients(len(self._attached))

    def _forget_views(self) -> None:
        self._encoder.keep(frozenset[str]().union(*(session.topics for session in self._attached)))

    async def _handle(self, session: Session, message: ToDesk, writer: asyncio.StreamWriter) -> bool:
        """Take one message of an attached client; False when it leaves."""
        if isinstance(message, Ack):
            session.acknowledge(message.n)
            self._send_batch(session, writer)
        elif isinstance(message, Submit):
            failure, now = self._engine.failure, self._engine.now()
            command, refusal = on_its_way(message.command, now if message.given is None else message.given, now)
            refusal = refusal if failure is None else death_notice(failure)
            _send(writer, self._intake.submit(command, session.info.role, session.client, refusal))
        elif isinstance(message, Look):
            session.look(message.interest)
            self._forget_views()
            self._note_change()
        elif isinstance(message, Ask):
            await self._reply(message, writer)
        elif isinstance(message, Bye):
            if message.stop and session.info.role is Role.TRADE:
                self._on_stop(session.info.name)
            return False
        else:
            raise ProtocolError("Hello is said once.")
        return True

    async def _reply(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        if ask.what == STATUS:
            status = await desk_status(self._engine, self.info, self.clients, self._published)
            _send(writer, Reply(request_id=ask.request_id, body=replace(status, stays=self.stays, guard=self.guard())))
        else:
            _send(writer, Reply(request_id=ask.request_id, reason=f"The desk does not know {_shown(ask.what)!r}."))

    def _note_change(self) -> None:
        """Send what is new once the current step of the engine is done."""
        self._published.set()
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        for session, writer in tuple(self._attached.items()):
            if not session.waiting and guarded(partial(self._send_batch, session, writer)) is not None:
                writer.transport.abort()

    def _send_batch(self, session: Session, writer: asyncio.StreamWriter) -> None:
        batch = session.batch()
        if batch is not None:
            writer.write(framed(batch))


def _inode(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _listen(path: Path) -> tuple[socket.socket, tuple[int, int]]:
    """Return a listening socket that only this user can reach, and which file it is.

    Raises:
        OSError: see ``DeskServer.start``.
    """
    folder = path.parent.stat()
    if folder.st_uid != os.getuid() or stat.S_IMODE(folder.st_mode) & 0o077:
        raise PermissionError(errno.EPERM, f"The folder {path.parent} is not private (it must be yours and 0700)")
    if os.path.lexists(path):
        _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(CLIENTS_LIMIT)
        sock.setblocking(False)
        return sock, _inode(path)
    except OSError:
        sock.close()
        raise


def _remove_stale(path: Path) -> None:
    """Remove what lies where the socket is to be: a killed desk's, or whatever else got into this private folder."""
    kind = path.lstat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, f"There is a folder at {path} where the desk's socket is to be")
    if not stat.S_ISSOCK(kind):
        path.unlink()
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass
    raise OSError(errno.EADDRINUSE, f"A desk listens at {path} already")


def _peer(writer: asyncio.StreamWriter) -> Peer:
    """Return who connected.

    Raises:
        ProtocolError: it is another user, or nobody knows.
    """
    try:
        peer = peer_of(writer.get_extra_info("socket"))
    except OSError as error:
        raise ProtocolError(f"It is not known which user this client belongs to ({error}).") from None
    if peer.uid != os.getuid():
        raise ProtocolError("This desk belongs to another user.")
    return peer


async def _read(reader: asyncio.StreamReader) -> ToDesk:
    """Return the next message.

    Raises:
        ProtocolError: what came is none.
        IncompleteReadError: the connection has ended.
    """
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > TO_DESK_LIMIT:
        raise ProtocolError(f"A message of {length} bytes is longer than {TO_DESK_LIMIT}.")
    return decode_to_desk(await reader.readexactly(length))


def _send(writer: asyncio.StreamWriter, message: ToClient) -> None:
    if not writer.is_closing():
        writer.write(framed(encode(message)))


def _shown(text: str, length: int = NAME_LENGTH) -> str:
    """Return a client's text as it may stand in a log or on a screen."""
    return "".join(sign for sign in text[:length] if sign.isprintable()) or "?"
