"""Finds the desk that is meant, starts it where none runs, and hands back a connected client."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.vault import to_line
from mexc_tui.desk.child import package_command
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import BarredDeskError, DeskError, NotWaitedForError, SilentDeskError
from mexc_tui.desk.places import DeskEntry, entries, entry_of, runs
from mexc_tui.desk.starting import Lifetime, Report
from mexc_tui.domain.client import Role
from mexc_tui.domain.views import VenueKind

if TYPE_CHECKING:
    from mexc_tui.desk.client import SocketClient

START_LIMIT_S = 100.0
SLOW_S = 4.5
"""After so long without a desk somebody who waits is told so."""
ANSWER_LIMIT_S = 5.0
END_LIMIT_S = 12.0
_POLL_S = 0.01
_LARGEST_LINE = 64 * 1024
_NOTHING_SENT = "Nothing was sent."


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who attaches, and what for; as for ``SocketClient.connect``."""

    name: str
    role: Role
    after: int = 0
    owner: str = ""
    on_refused: Callable[[str], None] | None = None
    on_change: Callable[[], None] | None = None


class Start:
    """A desk on its way: begun by the constructor where none runs, which returns at once; ``attach`` waits for it."""

    def __init__(
        self,
        choice: DeskChoice,
        *,
        lifetime: Lifetime = Lifetime.KEEP,
        fresh: bool = False,
        armed: bool = False,
    ) -> None:
        self.choice, self._keys = replace(choice, keys=None), choice.keys
        self.started = False
        """Whether the desk that was attached to is one that this call started."""
        self._arguments = [*choice.arguments, "--lifetime", lifetime.value]
        self._arguments += (["--fresh"] if fresh else []) + (["--armed"] if armed else [])
        self._fresh = fresh
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""
        if fresh and runs(choice.desk_id):
            raise DeskError(
                f"The desk {choice.name} runs with this account, so no new one was begun. End it first with "
                f"`mexc-tui desk stop {choice.name}`."
            )
        if fresh or not runs(choice.desk_id):
            self._spawn()

    def attach(self, caller: Caller, *, on_slow: Callable[[], None] = lambda: None) -> SocketClient:
        """Wait for the desk and connect to it; ``on_slow`` is called once when that takes long.

        Raises:
            DeskError: it could not be started or does not answer; with what to do.
        """
        began, told = time.monotonic(), False
        while True:
            client = self._connected(caller)
            if client is not None:
                return client
            waited = time.monotonic() - began
            if waited > SLOW_S and not told:
                told = True
                on_slow()
            if waited > START_LIMIT_S:
                entry = entry_of(self.choice.desk_id)
                name = self.choice.name
                raise silent(entry) if entry else DeskError(f"The desk {name} did not start in time. {_NOTHING_SENT}")
            try:
                self._step()
            except KeyboardInterrupt:
                self.abandon()
                raise NotWaitedForError("The desk was not waited for any longer. Nothing was sent.", 3) from None

    def abandon(self) -> None:
        """End the desk if this call started it and nobody has come to it; idempotent."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_LIMIT_S)

    def _connected(self, caller: Caller) -> SocketClient | None:
        """Return a client if the desk listens."""
        from mexc_tui.desk.client import DeskAbsentError, DeskSilentError

        entry = entry_of(self.choice.desk_id)
        if entry is None:
            return None
        try:
            client = connect(entry, caller)
        except DeskSilentError:
            if self._process is not None:
                return None
            raise silent(entry) from None
        except DeskAbsentError:
            # It is about to end: its entry was read a moment too early.
            return None
        self.started = self._process is not None and client.info.pid == self._process.pid
        return client

    def _step(self) -> None:
        """Wait a moment for news of the desk, and start one where the last has gone."""
        process = self._process
        if process is None:
            if not runs(self.choice.desk_id):
                self._spawn()
                return
            time.sleep(_POLL_S)
            return
        report = self._report(process)
        if report is None or report.ready:
            return
        self._process = None
        process.wait()
        if not report.held:
            raise DeskError(report.error, report.exit_code)
        if self._fresh:
            raise DeskError(f"The desk {self.choice.name} was just started by another program; no new one was begun.")

    def _spawn(self) -> None:
        self._said = b""
        self._process = subprocess.Popen(
            [*package_command(), "desk", "run", *self._arguments],
            stdin=subprocess.DEVNULL if self._keys is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._process.stdin is not None and self._keys is not None:
            # Over the pipe: arguments and environment of a process can be read by others.
            with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(to_line(self._keys))

    def _report(self, process: subprocess.Popen[bytes]) -> Report | None:
        """Return what the desk said of its start, once it has said it."""
        stream = process.stdout
        if stream is None or stream.closed:
            time.sleep(_POLL_S)
            if process.poll() is None:
                return None
            return Report(
                error="The desk ended right after its start; its log in the state folder says why.", exit_code=1
            )
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            if not selector.select(0.25):
                return None
        data = os.read(stream.fileno(), _LARGEST_LINE)
        self._said += data
        for line in self._said.splitlines():
            with contextlib.suppress(msgspec.MsgspecError):
                report = msgspec.json.decode(line, type=Report, strict=True)
                stream.close()
                return report
        if data:
            return None
        stream.close()
        return Report(error=_last_words(self._said, process.wait()), exit_code=1)


def silent(entry: DeskEntry) -> SilentDeskError:
    """Return what to do about a desk that runs and does not answer."""
    return SilentDeskError(
        entry.pid,
        f"The desk {entry.name} (process {entry.pid}) runs and does not answer. {_NOTHING_SENT} Orders that were "
        f"working stay at the exchange. `mexc-tui desk stop {entry.name}` ends it; a new start finds its orders again.",
    )


def connect(entry: DeskEntry, caller: Caller) -> SocketClient:
    """Attach to a desk that runs.

    Raises:
        DeskAbsentError: nobody listens there any more.
        BarredDeskError: it does not let this client in; with what to do.
    """
    from mexc_tui.desk.client import DeskAbsentError, DeskRefusedError, SocketClient

    path = Path(entry.socket)
    try:
        if path.lstat().st_uid != os.getuid():
            raise DeskError(f"The socket {path} belongs to another user; nothing was sent. Remove it and try again.")
    except FileNotFoundError:
        raise DeskAbsentError(f"The desk {entry.name} has no socket any more.") from None
    try:
        return SocketClient.connect(
            path,
            name=caller.name,
            role=caller.role,
            after=caller.after,
            owner=caller.owner,
            limit_s=ANSWER_LIMIT_S,
            on_refused=caller.on_refused,
            find=lambda: _where(entry.desk_id),
            on_change=caller.on_change,
        )
    except DeskRefusedError as error:
        raise BarredDeskError(
            entry.pid, f"The desk {entry.name} (process {entry.pid}) does not let this program in. {error}"
        ) from None


def _where(desk_id: str) -> Path | None:
    """Return where a desk of this account listens now; None where none does."""
    try:
        entry = entry_of(desk_id)
    except ConfigError:
        return None
    return None if entry is None else Path(entry.socket)


def attach_to(entry: DeskEntry, caller: Caller) -> SocketClient:
    """Attach to a desk that was named.

    Raises:
        DeskError: it does not answer, or does not let this client in.
    """
    from mexc_tui.desk.client import DeskAbsentError

    try:
        return connect(entry, caller)
    except DeskAbsentError:
        raise silent(entry) from None


def end(entry: DeskEntry) -> bool:
    """End a desk in order, whatever version it is, and wait for that; whether it ended in time.

    A signal asks for it: that is understood by desks of every version, and by one that answers no more.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(entry.pid, signal.SIGTERM)
    return wait_for_end(entry.desk_id)


def wait_for_end(desk_id: str, limit_s: float | None = None) -> bool:
    """Wait until no process is that desk any more; whether that came in time."""
    deadline = time.monotonic() + (END_LIMIT_S if limit_s is None else limit_s)
    while runs(desk_id):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def meant(name: str | None, configured: DeskChoice | None, *, starts: bool = False) -> DeskEntry | None:
    """Return the running desk that a command means; None where none runs, or where one is to be started.

    With ``starts`` the account of an exchange on this machine that is configured is meant even if no desk runs for it.

    A name wins; then the account of an exchange on this machine that is configured; then the only desk that runs.

    Raises:
        DeskError: none has the name, or several run and none of them is the configured one.
    """
    found = entries()
    if name is not None:
        for entry in found:
            if name in (entry.name, entry.desk_id):
                return entry
        known = ", ".join(entry.name for entry in found)
        raise DeskError(
            f"No desk {name[:60]!r} runs. {f'Running: {known}.' if known else 'No desk runs at all.'} {_NOTHING_SENT}",
            2,
        )
    if configured is not None and configured.kind is VenueKind.LOCAL:
        own = next((entry for entry in found if entry.desk_id == configured.desk_id), None)
        if own is not None or starts:
            return own
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found)
        raise DeskError(f"Several desks run ({names}); say which one with --desk NAME. Nothing was sent.", 2)
    return found[0] if found else None


def _last_words(said: bytes, code: int) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    last = "".join(sign for sign in lines[-1][:400] if sign.isprintable()) if lines else f"it ended with code {code}"
    return last if last.startswith("The ") else f"The desk could not be started: {last.removeprefix('mexc-tui: ')}"
