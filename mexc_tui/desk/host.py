"""The engine of a desk and the socket its clients come to, until it is told to end or its time has come."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.locks import FileLock
from mexc_tui.desk import failures
from mexc_tui.desk.child import ChildExchange
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import DeskError
from mexc_tui.desk.memory import keep_pauses_short
from mexc_tui.desk.places import DeskEntry, desk_log, register, registered, socket_path
from mexc_tui.desk.plan import Plan, PlannedParts
from mexc_tui.desk.protocol import DeskInfo
from mexc_tui.desk.server import DeskServer
from mexc_tui.desk.starting import STARTER, Lifetime, Report, is_screen, say
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Arm, Halt
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.engine import Engine, death_notice

REACH_LIMIT_S = 5.0
LOCAL_LIMIT_S = 20.0
"""An exchange on this machine that takes so long is not far away but broken."""
ENGINE_LIMIT_S = 8.0
SWITCH_S = 0.00005
"""How long one thread may keep the others waiting."""
FIRST_CLIENT_S = 15.0
MOMENT_S = 3.0
LOST_SCREEN_S = 300.0
REACHABLE_S = 1.0
"""Between two looks at whether this desk can be found."""
LOOK_S = 0.5
"""A signal that reached another thread is acted on when the main one looks up; Python does not wake it for that."""
SIGNALLED = "the desk's process was sent the signal USR1"
STOPPED = "The desk was stopped. Orders that were working stay at the exchange."

_log = logging.getLogger(__name__)


class DeskHost:
    """Runs a planned desk; made by the process that holds its lock."""

    def __init__(
        self,
        choice: DeskChoice,
        plan: Plan,
        *,
        program: str,
        lifetime: Lifetime,
        lock: FileLock,
        start_log: Callable[[Path, tuple[str, ...]], None],
    ) -> None:
        """``lock`` makes this process the desk; ``start_log`` begins a log in which these secrets are never written."""
        self._lock = lock
        self._choice = choice
        self._plan = plan
        self._program = program
        self._lifetime = lifetime
        self._start_log = start_log
        self._parts = PlannedParts(plan, enter=self._enter)
        self._engine = Engine(self._parts, beside=self._beside)
        self._reason = STOPPED
        self._server: DeskServer | None = None
        self._clients = 0
        self._ending: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Ask for the end; callable from a signal handler."""
        self._engine.stop()

    def halt(self) -> None:
        """Halt trading; callable from a signal handler, and before the start."""
        self._engine.submit(Halt(command_id=f"signal-{time.time_ns()}", reason=SIGNALLED), "signal")

    def run(self, child: ChildExchange | None) -> None:
        """Serve until the end; ``child`` is the exchange that the desk brings.

        Raises:
            DeskError: it could not be started, or broke down; with what to do.
        """
        plan, engine = self._plan, self._engine
        self._start_log(
            desk_log(self._choice.name), (plan.credentials.api_key.reveal(), plan.credentials.secret_key.reveal())
        )
        sys.setswitchinterval(SWITCH_S)
        keep_pauses_short()
        engine.start()
        if child is not None:
            child.watch(engine.fail, engine.notify)
        try:
            limit_s = REACH_LIMIT_S if plan.kind is VenueKind.LIVE else LOCAL_LIMIT_S
            settled = engine.settled.wait(limit_s)
            while not settled and engine.reading:
                settled = engine.settled.wait(limit_s)
            if not settled:
                raise failures.unreachable(plan.base_url, f"no answer within {limit_s:.0f} s")
            while engine.running:
                engine.join(LOOK_S)
        finally:
            engine.stop()
            ended = engine.join(ENGINE_LIMIT_S)
        if engine.failure is not None:
            raise failures.failed(engine.failure, death_notice(engine.failure), plan.base_url)
        if not ended:
            raise DeskError("The engine did not end in time; orders that were working stay at the exchange.")

    async def _beside(self, engine: Engine) -> None:
        """Listen for clients while the engine runs, and tell them why it ends."""
        choice = self._choice
        path = socket_path(choice.desk_id)
        entry = register(
            DeskEntry(
                desk_id=choice.desk_id,
                name=choice.name,
                kind=choice.kind,
                account=choice.account,
                pid=os.getpid(),
                socket=str(path),
                log=str(desk_log(choice.name)),
                started_ms=time.time_ns() // 1_000_000,
                program=self._program,
            )
        )
        info = DeskInfo(
            desk_id=f"{entry.desk_id}.{entry.started_ms}",
            name=entry.name,
            kind=entry.kind,
            venue=choice.upstream or "the embedded exchange",
            account=entry.account,
            pid=entry.pid,
            started_ms=entry.started_ms,
            program=entry.program,
        )
        server = DeskServer(engine, path, info, on_stop=self._on_stop, on_clients=self._on_clients)
        self._server = server
        self._live_for(self._lifetime)
        await server.start()
        guard = self._guarded(server, entry)
        notifier = self._notifying(engine)
        try:
            self._end_in(None if self._lifetime is Lifetime.KEEP else FIRST_CLIENT_S)
            say(Report(ready=True))
            await self._stay_reachable(server, entry)
        finally:
            self._end_in(None)
            beside = [task for task in (guard, notifier) if task is not None]
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await server.close(self._reason if engine.failure is None else death_notice(engine.failure))

    async def _enter(self, folder: Path) -> tuple[str, ...]:
        """Let a live session begin."""
        from mexc_tui.desk.live import first_session

        real = self._plan.real
        told = "" if real is None else await first_session(real, self._plan.guard.plan, folder)
        return (told,) if told else ()

    def _guarded(self, server: DeskServer, entry: DeskEntry) -> asyncio.Task[None] | None:
        """Start the guard that was agreed; None where there is none."""
        plan, folder = self._plan, self._parts.folder
        if plan.guard.plan in (None, "off") or folder is None:
            return None
        from mexc_tui.desk.guard.brief import Brief
        from mexc_tui.desk.guard.keeper import GuardKeeper

        brief = Brief(
            desk_id=entry.desk_id,
            desk_name=entry.name,
            base_url=plan.base_url,
            ws_url=plan.ws_url,
            api_key=plan.credentials.api_key.reveal(),
            api_secret=plan.credentials.secret_key.reveal(),
            real_orders=plan.real is not None,
            currency=plan.currency,
            folder=str(folder),
            settings=plan.guard,
        )
        keeper = GuardKeeper(brief, self._engine.notify, lambda: self._engine.failure is None)
        server.guard = keeper.state
        return asyncio.create_task(keeper.run())

    def _notifying(self, engine: Engine) -> asyncio.Task[None] | None:
        """Start telling alerts where the settings say; None where they say nothing."""
        settings = self._plan.alerts
        if not settings.command and not settings.webhook:
            return None
        from mexc_tui.desk.notifier import Notifier

        return asyncio.create_task(Notifier(settings, engine.hub, engine.notify).run())

    async def _stay_reachable(self, server: DeskServer, entry: DeskEntry) -> None:
        """Be found again when socket, entry or lock are gone: the folder of a login ends with it, people tidy up."""
        problem = ""
        while True:
            await asyncio.sleep(REACHABLE_S)
            try:
                self._lock.renew()
                if not server.reachable():
                    await server.listen_at(socket_path(entry.desk_id))
                    entry = replace(entry, socket=str(server.path))
                if not registered(entry):
                    entry = register(entry)
                problem = ""
            except (OSError, ConfigError) as error:
                if str(error) != problem:
                    problem = str(error)
                    _log.warning("this desk cannot be found at present: %s", error)

    def _on_stop(self, who: str) -> None:
        self._reason = f"The desk was stopped by {who}. Orders that were working stay at the exchange."
        self._engine.stop()

    def _on_clients(self, count: int) -> None:
        """Decide what becomes of the desk now that so many clients are attached."""
        came, self._clients = count > self._clients, count
        clients = () if self._server is None else self._server.clients
        names = [one.name for one in clients if one.role is Role.TRADE]
        kept, seen = STARTER in names, any(is_screen(name) for name in names)
        if came and (kept or (seen and self._lifetime is Lifetime.MOMENT)):
            self._stay(for_good=kept)
        waits = {Lifetime.KEEP: None, Lifetime.SCREENS: LOST_SCREEN_S, Lifetime.MOMENT: MOMENT_S}
        self._end_in(None if count else waits[self._lifetime])

    def _stay(self, *, for_good: bool) -> None:
        """Become what a screen or a ``desk start`` would have started: locked, unless its money is paper money."""
        was_momentary = self._lifetime is Lifetime.MOMENT
        ours = self._choice.kind in (VenueKind.DEMO, VenueKind.REPLAY)
        self._live_for(Lifetime.SCREENS if ours and not for_good else Lifetime.KEEP)
        if was_momentary and self._choice.kind in (VenueKind.LOCAL, VenueKind.LIVE):
            self._engine.submit(Arm(command_id=f"stay-{time.time_ns()}", armed=False))

    def _live_for(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        if self._server is not None:
            self._server.stays = lifetime is Lifetime.KEEP

    def _end_in(self, seconds: float | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if seconds is not None:
            self._ending = asyncio.get_running_loop().call_later(seconds, self._leave)

    def _leave(self) -> None:
        """End because nobody needs the desk; who is on the way in just now does."""
        if self._server is None or self._server.leave():
            self._on_stop("itself: nobody needs it now")
        else:
            self._end_in(MOMENT_S)
