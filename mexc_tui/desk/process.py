"""One desk in the foreground: its exchange if it brings one, its engine, and the socket its clients come to.

It belongs to no terminal: hang-ups are ignored, and SIGTERM or SIGINT end it in order. Whoever started it reads one
line of JSON from its standard output: that it is ready, or why it is not.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import SettingsFile
from mexc_tui.desk import failures
from mexc_tui.desk.child import ChildExchange
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import DeskError, DeskHeldError, RequestError
from mexc_tui.desk.paper_account import PaperAccount
from mexc_tui.desk.places import DeskEntry, DeskLock, desk_log, register, registered, socket_path, unregister
from mexc_tui.desk.plan import Plan, PlannedParts
from mexc_tui.desk.planning import configured_plan, demo_plan, paper_plan
from mexc_tui.desk.protocol import DeskInfo
from mexc_tui.desk.server import DeskServer
from mexc_tui.desk.starting import SCREEN, Lifetime, Report, say
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Arm
from mexc_tui.domain.errors import ExchangeFailedError
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.engine import Engine, death_notice

REACH_LIMIT_S = 5.0
LOCAL_LIMIT_S = 20.0
"""An exchange on this machine that takes so long is not far away but broken."""
CHILD_LIMIT_S = 90.0
"""MEXC answers within seconds or is out of reach; its list of pairs may take long on a slow line."""
ENGINE_LIMIT_S = 8.0
SWITCH_S = 0.00005
"""How long one thread may keep the others waiting."""
FIRST_CLIENT_S = 15.0
MOMENT_S = 3.0
LOST_SCREEN_S = 300.0
REACHABLE_S = 1.0
"""Between two looks at whether this desk can be found."""
_FOREVER_S = 3600.0
STOPPED = "The desk was stopped. Orders that were working stay at the exchange."

_log = logging.getLogger(__name__)


class DeskProcess:
    """Runs the desk of a choice until it is told to end or its time has come."""

    def __init__(
        self,
        choice: DeskChoice,
        file: SettingsFile,
        limits: Limits,
        *,
        program: str,
        lifetime: Lifetime = Lifetime.KEEP,
        armed: bool = False,
        fresh: bool = False,
        start_log: Callable[[Path, tuple[str, ...]], None],
    ) -> None:
        """``start_log`` begins a log in which these secrets are never written."""
        self._choice = choice
        self._file = file
        self._limits = limits
        self._program = program
        self._lifetime = lifetime
        self._armed = armed
        self._fresh = fresh
        self._start_log = start_log
        self._engine: Engine | None = None
        self._reason = STOPPED
        self._server: DeskServer | None = None
        self._clients = 0
        self._ending: asyncio.TimerHandle | None = None

    def run(self) -> int:
        """Run to the end and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            lock = DeskLock(self._choice.desk_id)
        except DeskHeldError as error:
            say(Report(held=True, error=str(error), exit_code=error.exit_code))
            return error.exit_code
        try:
            self._run()
        except (RequestError, ConfigError) as error:
            failure = failures.failed(error, "", self._choice.upstream)
            say(Report(error=str(failure), exit_code=failure.exit_code))
            return failure.exit_code
        finally:
            unregister(self._choice.desk_id)
            lock.release()
        return 0

    def _run(self) -> None:
        choice = self._choice
        if choice.kind is VenueKind.LOCAL:
            self._serve(configured_plan(choice, self._file, self._limits, armed=self._armed), None)
            return
        account = PaperAccount(choice, fresh=self._fresh) if choice.kind is VenueKind.PAPER else None
        child = ChildExchange(choice.options) if account is None else account.start_exchange()
        try:
            import mexc_tui.kernel.desk
            import mexc_tui.venues.mexc.venue  # noqa: F401

            try:
                addresses = child.ready(CHILD_LIMIT_S)
            except ExchangeFailedError as error:
                raise failures.failed(error, "", choice.upstream) from None
            if account is None:
                plan = demo_plan(choice, addresses, self._limits)
            else:
                plan = paper_plan(choice, addresses, self._file, self._limits, account.folder, account.notices)
                account.begun()
            self._serve(plan, child)
        finally:
            child.close()
            if account is not None:
                account.close()

    def _serve(self, plan: Plan, child: ChildExchange | None) -> None:
        self._start_log(
            desk_log(self._choice.name), (plan.credentials.api_key.reveal(), plan.credentials.secret_key.reveal())
        )
        sys.setswitchinterval(SWITCH_S)
        engine = self._engine = Engine(PlannedParts(plan), beside=self._beside)
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
                engine.join(_FOREVER_S)
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
        await server.start()
        try:
            self._end_in(None if self._lifetime is Lifetime.KEEP else FIRST_CLIENT_S)
            say(Report(ready=True))
            await self._stay_reachable(server, entry)
        finally:
            self._end_in(None)
            await server.close(self._reason if engine.failure is None else death_notice(engine.failure))

    async def _stay_reachable(self, server: DeskServer, entry: DeskEntry) -> None:
        """Listen anew, and write down where, when socket or entry are gone: the folder of a login ends with it."""
        told = ""
        while True:
            await asyncio.sleep(REACHABLE_S)
            try:
                if not server.reachable():
                    await server.listen_at(socket_path(entry.desk_id))
                    entry = replace(entry, socket=str(server.path))
                if not registered(entry):
                    entry = register(entry)
                told = ""
            except (OSError, ConfigError) as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("this desk cannot be found at present: %s", error)

    def _on_stop(self, who: str) -> None:
        self._reason = f"The desk was stopped by {who}. Orders that were working stay at the exchange."
        if self._engine is not None:
            self._engine.stop()

    def _on_clients(self, count: int) -> None:
        """Decide what becomes of the desk now that so many clients are attached."""
        came, self._clients = count > self._clients, count
        clients = () if self._server is None else self._server.clients
        screens = [one for one in clients if one.name.startswith(SCREEN) and one.role is Role.TRADE]
        if came and screens and self._lifetime is Lifetime.MOMENT:
            self._stay()
        waits = {Lifetime.KEEP: None, Lifetime.SCREENS: LOST_SCREEN_S, Lifetime.MOMENT: MOMENT_S}
        self._end_in(None if count else waits[self._lifetime])

    def _stay(self) -> None:
        """Become what a screen would have started: locked, unless this exchange's money is paper money."""
        ours = self._choice.kind in (VenueKind.DEMO, VenueKind.REPLAY)
        self._lifetime = Lifetime.SCREENS if ours else Lifetime.KEEP
        if self._choice.kind is VenueKind.LOCAL and self._engine is not None:
            self._engine.submit(Arm(command_id=f"stay-{time.time_ns()}", armed=False))

    def _end_in(self, seconds: float | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if seconds is not None:
            self._ending = asyncio.get_running_loop().call_later(seconds, self._on_stop, "itself: nobody needs it now")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._engine is None:
            raise SystemExit(128 + number)
        self._engine.stop()
