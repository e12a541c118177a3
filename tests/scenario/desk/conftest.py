"""A real desk server on a real socket, around a real engine with a venue and a kernel that a test sets."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from mexc_tui.config.program import VERSION
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.protocol import (
    BUILD,
    LENGTH,
    PROTOCOL,
    DeskInfo,
    Hello,
    decode_to_client,
    encode,
    framed,
)
from mexc_tui.desk.server import DeskServer
from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Halt
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import VenueNotice
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.engine import Engine
from mexc_tui.kernel.effects import EmitFact
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import Resumed
from tests.patience import LIMIT_S, until


class Quiet:
    """A venue without pairs and a journal without records."""

    info = VenueInfo(name="quiet", kind=VenueKind.DEMO, can_trade=True)

    async def open(self, sink):
        pass

    async def close(self):
        pass

    async def instruments(self):
        return ()

    async def api_symbols(self):
        return None

    async def tickers(self):
        return ()

    async def resume(self):
        return Resumed()


class Kernel:
    """Publishes what a test sets and makes a fact of every notice and command."""

    def __init__(self) -> None:
        self.current = {}
        self.commands = []
        self.asked = frozenset()
        self._seq = 0

    def start(self, at):
        return []

    def handle(self, item, at):
        if isinstance(item, VenueNotice):
            return [self._fact("notice", item.message, "")]
        item = item.command if isinstance(item, Given) else item
        if isinstance(item, Halt):
            self.commands.append(item)
            return [self._fact("halted", item.reason, item.command_id)]
        return []

    def views(self, at, topics):
        self.asked = topics
        return {topic: view for topic, view in self.current.items() if topic in topics}

    def _fact(self, kind, message, command_id):
        self._seq += 1
        return EmitFact(
            Fact(seq=self._seq, time_ms=1, kind=kind, level=Level.INFO, message=message, command_id=command_id)
        )


class Bed:
    """One desk. ``raw`` speaks to it byte by byte, ``connect`` as a client does."""

    def __init__(self, folder: Path, desk_id: str = "desk-1") -> None:
        self.path = folder / "s"
        self.kernel = Kernel()
        self.stops: list[str] = []
        self.counts: list[int] = []
        self._open = []
        info = DeskInfo(
            desk_id=desk_id,
            name="demo",
            kind=VenueKind.DEMO,
            venue="quiet",
            account="a",
            pid=os.getpid(),
            started_ms=1,
            program=VERSION,
        )
        quiet = Quiet()
        self.engine = Engine(self, beside=self._beside)
        self.server = DeskServer(self.engine, self.path, info, on_stop=self.stops.append, on_clients=self.counts.append)
        self.venue = lambda: quiet

        async def journal(venue):
            return venue

        self.journal = journal
        self.engine.start()
        until(self._listens)

    def desk(self, info, resumed):
        return self.kernel

    async def _beside(self, engine) -> None:
        self._loop = asyncio.get_running_loop()
        await self.server.run()

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.path)) == 0 or not self.engine.running

    def on_loop(self, call):
        """Run a call on the engine's loop and return what it returns."""

        async def run():
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(LIMIT_S)

    def on_loop_wait(self, call):
        """Run a coroutine on the engine's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(LIMIT_S)

    def say(self, *messages: str) -> None:
        """Let the desk make a fact of each message."""
        for message in messages:
            self.engine.notify(message)

    def show(self, **views) -> None:
        """Publish views by topic (``__`` for ``:``)."""
        self.kernel.current = self.kernel.current | {name.replace("__", ":"): view for name, view in views.items()}

    def connect(self, name: str = "screen", role: Role = Role.TRADE, **options) -> SocketClient:
        client = SocketClient.connect(self.path, name=name, role=role, **options)
        self._open.append(client)
        return client

    def raw(self, hello: Hello | None = None) -> Raw:
        raw = Raw(self.path)
        self._open.append(raw)
        if hello is not None:
            raw.send(hello)
        return raw

    def session(self, name: str):
        """The desk's side of an attached client."""
        return self.on_loop(lambda: next(one for one in self.server._attached if one.info.name == name))

    def unsent_bytes(self, session) -> int:
        """How much the desk holds for a client that its socket has not taken."""
        return self.on_loop(lambda: self.server._attached[session].transport.get_write_buffer_size())

    def cut(self) -> None:
        """Break every connection from the desk's side, in the middle of whatever is going on."""
        self.on_loop(lambda: [writer.transport.abort() for writer in self.server._attached.values()])

    def names(self) -> list[str]:
        return self.on_loop(lambda: [one.info.name for one in self.server._attached])

    def stop(self) -> None:
        self.engine.stop()
        assert self.engine.join(LIMIT_S)

    def close(self) -> None:
        for one in self._open:
            one.close()
        if self.engine.running:
            self.stop()


class Raw:
    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(LIMIT_S)
        self._sock.connect(str(path))
        self._stream = self._sock.makefile("rb")

    def send(self, *messages) -> None:
        self.send_bytes(b"".join(framed(encode(message)) for message in messages))

    def send_bytes(self, data: bytes) -> None:
        self._sock.sendall(data)

    def sends_all(self, messages) -> bool:
        """Whether the desk reads all of it, as long as nobody reads its answers."""
        self._sock.settimeout(0.2)
        try:
            self.send(*messages)
        except TimeoutError:
            return False
        return True

    def read(self):
        """The next message; None when the desk has hung up."""
        try:
            head = self._stream.read(LENGTH.size)
            if len(head) < LENGTH.size:
                return None
            return decode_to_client(self._stream.read(*LENGTH.unpack(head)))
        except ConnectionResetError:
            return None

    def close(self) -> None:
        self._stream.close()
        self._sock.close()


@pytest.fixture
def folder():
    # The path of a socket may have little more than a hundred characters.
    made = Path(tempfile.mkdtemp(prefix="mt"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def desks(folder):
    """Makes a desk at the same path as the one before it."""
    made = []

    def make(desk_id: str = "desk-1") -> Bed:
        made.append(Bed(folder, desk_id))
        return made[-1]

    yield make
    for bed in made:
        bed.close()


@pytest.fixture
def bed(desks) -> Bed:
    return desks()


@pytest.fixture
def hello():
    def make(**changes) -> Hello:
        usual = {"protocol": PROTOCOL, "program": VERSION, "build": BUILD, "name": "raw", "role": Role.TRADE}
        return Hello(**(usual | changes))

    return make
