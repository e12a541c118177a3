"""One desk in the foreground: its exchange if it brings one, its engine, and the socket its clients come to.

It belongs to no terminal: hang-ups are ignored, SIGTERM or SIGINT end it in order, and SIGUSR1 halts trading. Whoever
started it reads one line of JSON from its standard output: that it is ready, or why it is not.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import SettingsFile
from mexc_tui.desk import failures
from mexc_tui.desk.child import ChildExchange
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import DeskHeldError, RequestError
from mexc_tui.desk.loopback import skip_certificates
from mexc_tui.desk.memory import keep_memory_small
from mexc_tui.desk.places import desk_lock, unregister, written_entry
from mexc_tui.desk.starting import Lifetime, Report, say
from mexc_tui.domain.errors import ExchangeFailedError
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind

if TYPE_CHECKING:
    from mexc_tui.desk.host import DeskHost
    from mexc_tui.desk.places import DeskEntry
    from mexc_tui.desk.plan import Plan

CHILD_LIMIT_S = 90.0
"""MEXC answers within seconds or is out of reach; its list of pairs may take long on a slow line."""

KILLED = (
    "The last desk of this account (process {pid}) was killed, or this machine went down. Orders that were working "
    "stayed at the exchange and are being compared with it; the pane of events shows what has changed."
)


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
        self._host: DeskHost | None = None
        self._to_halt = False
        """Whether a halt was asked for before there was anything to halt."""
        self._killed: DeskEntry | None = None
        """What a desk of this account left behind that ended out of order."""

    def run(self) -> int:
        """Run to the end and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_halt)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # A picture of the memory would hold the key.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            self._lock = desk_lock(self._choice.desk_id)
        except DeskHeldError as error:
            say(Report(held=True, error=str(error), exit_code=error.exit_code))
            return error.exit_code
        try:
            self._killed = written_entry(self._choice.desk_id)
            self._run()
        except (RequestError, ConfigError) as error:
            failure = failures.failed(error, "", self._choice.upstream)
            say(Report(error=str(failure), exit_code=failure.exit_code))
            return failure.exit_code
        finally:
            if self._host is not None:
                unregister(self._choice.desk_id)
            self._lock.release()
        return 0

    def _run(self) -> None:
        """Start the exchange first, if the desk brings one: it takes longest, and all else is loaded beside it."""
        keep_memory_small()
        choice = self._choice
        if choice.kind in (VenueKind.LOCAL, VenueKind.LIVE):
            from mexc_tui.desk.planning import configured_plan

            self._serve(configured_plan(choice, self._file, self._limits, armed=self._armed), None)
            return
        account = None
        if choice.kind is VenueKind.PAPER:
            from mexc_tui.desk.paper_account import PaperAccount

            account = PaperAccount(choice, fresh=self._fresh)
        child = ChildExchange(choice.options) if account is None else account.start_exchange()
        try:
            skip_certificates()
            import mexc_tui.desk.host
            import mexc_tui.kernel.desk
            import mexc_tui.venues.mexc.venue  # noqa: F401
            from mexc_tui.desk.planning import demo_plan, paper_plan

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
        from mexc_tui.desk.host import DeskHost

        plan = replace(plan, alerts=self._file.settings.alerts)
        if self._killed is not None and self._choice.kind in (VenueKind.LOCAL, VenueKind.PAPER, VenueKind.LIVE):
            plan = replace(plan, notices=(KILLED.format(pid=self._killed.pid), *plan.notices))
        self._host = DeskHost(
            self._choice,
            plan,
            program=self._program,
            lifetime=self._lifetime,
            lock=self._lock,
            start_log=self._start_log,
        )
        if self._to_halt:
            self._host.halt()
        self._host.run(child)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._host is None:
            raise SystemExit(128 + number)
        self._host.stop()

    def _on_halt(self, number: int, frame: FrameType | None) -> None:
        self._to_halt = True
        if self._host is not None:
            self._host.halt()
