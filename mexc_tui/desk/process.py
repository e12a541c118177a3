"""One desk in the foreground: its exchange if it brings one, its engine, and the socket its clients come to.

It belongs to no terminal: hang-ups are ignored, and SIGTERM or SIGINT end it in order. Whoever started it reads one
line of JSON from its standard output: that it is ready, or why it is not.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import SettingsFile
from mexc_tui.desk import failures
from mexc_tui.desk.child import ChildExchange
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import DeskHeldError, RequestError
from mexc_tui.desk.places import DeskLock, unregister
from mexc_tui.desk.starting import Lifetime, Report, say
from mexc_tui.domain.errors import ExchangeFailedError
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind

if TYPE_CHECKING:
    from mexc_tui.desk.host import DeskHost
    from mexc_tui.desk.plan import Plan

CHILD_LIMIT_S = 90.0
"""MEXC answers within seconds or is out of reach; its list of pairs may take long on a slow line."""


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
        """Start the exchange first, if the desk brings one: it takes longest, and all else is loaded beside it."""
        choice = self._choice
        if choice.kind is VenueKind.LOCAL:
            from mexc_tui.desk.planning import configured_plan

            self._serve(configured_plan(choice, self._file, self._limits, armed=self._armed), None)
            return
        account = None
        if choice.kind is VenueKind.PAPER:
            from mexc_tui.desk.paper_account import PaperAccount

            account = PaperAccount(choice, fresh=self._fresh)
        child = ChildExchange(choice.options) if account is None else account.start_exchange()
        try:
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

        self._host = DeskHost(
            self._choice, plan, program=self._program, lifetime=self._lifetime, start_log=self._start_log
        )
        self._host.run(child)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._host is None:
            raise SystemExit(128 + number)
        self._host.stop()
