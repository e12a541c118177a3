"""The guard's process: it hears its desk's heartbeats on standard input, and acts when they stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.desk.guard.brief import FAREWELL, Brief, GuardReport, keep
from mexc_tui.desk.guard.watch import LOOK_S, Watch
from mexc_tui.desk.guard.work import Account, Work, carry_out
from mexc_tui.desk.places import runs
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.ids import base36
from mexc_tui.domain.views import VenueKind
from mexc_tui.venues.mexc.clock import SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue

MOST_TRYING_S = 3_600.0
_BRIEF_BYTES = 65_536

_log = logging.getLogger(__name__)


def run(start_log: Callable[[Path, tuple[str, ...]], None]) -> int:
    """Guard the desk whose brief is the first line of standard input; return the exit code.

    ``start_log`` begins a log in which these secrets are never written.
    """
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    line = _first_line()
    try:
        brief = msgspec.json.decode(line, type=Brief)
    except msgspec.MsgspecError:
        sys.stderr.write("A guard is started by its desk; see [guard] in `mexc-tui config --print`.\n")
        return 2
    start_log(Path(brief.folder) / "guard.log", (brief.api_key, brief.api_secret))
    os.set_blocking(0, False)
    return asyncio.run(Guard(brief).watch())


class Guard:
    """Watches one desk, and carries its plan out as often as it goes silent."""

    def __init__(self, brief: Brief, heartbeats: int = 0, look_s: float = LOOK_S) -> None:
        """``heartbeats`` is the descriptor that they come by, which must not block."""
        self._brief = brief
        self._heartbeats = heartbeats
        self._look_s = look_s
        self._watch = Watch(brief.settings.after_s)

    async def watch(self) -> int:
        """Watch until the desk ends in order or another one has taken its place; return the exit code."""
        watch = self._watch
        while not watch.said_goodbye:
            await asyncio.sleep(self._look_s)
            self._look()
            if watch.cut and not watch.said_goodbye and self._replaced():
                return 0  # A new desk of the account runs, with a guard of its own.
            if watch.gone:
                await self._act()
                if watch.cut:
                    return 0
                while watch.gone:
                    await asyncio.sleep(self._look_s)
                    self._look()
        return 0

    def _look(self) -> None:
        signs = self._read()
        if signs is not None:
            self._watch.heard(signs, FAREWELL)
        self._watch.look()

    def _read(self) -> bytes | None:
        """Return what came since the last look: None for nothing, and nothing at all once the pipe is closed."""
        try:
            return os.read(self._heartbeats, _BRIEF_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _replaced(self) -> bool:
        """Whether another desk of the account runs."""
        return runs(self._brief.desk_id)

    @asynccontextmanager
    async def _account(self) -> AsyncIterator[Account]:
        """Give the account that the brief has the keys of."""
        brief = self._brief
        settings = MexcSettings(
            base_url=brief.base_url,
            ws_url=brief.ws_url,
            api_key=brief.api_key,
            api_secret=brief.api_secret,
            real_orders=brief.real_orders,
        )
        venue = MexcVenue(settings, VenueKind.LOCAL if settings.is_local else VenueKind.LIVE, SystemClock())
        try:
            await venue.rest.open()
            yield venue
        finally:
            await venue.rest.close()

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def _kept(self, report: GuardReport) -> bool:
        """Write down what was done, and return whether that is on the disk."""
        return _keep(Path(self._brief.folder), report)

    def _still_wanted(self) -> bool:
        """Whether the desk is silent still; asked before every step, cancel and sale."""
        if not self._watch.cut:
            self._look()
        return self._watch.gone and not (self._watch.cut and self._replaced())

    async def _act(self) -> None:
        brief = self._brief
        why = "the desk had ended without a word" if self._watch.cut else "the desk had not answered"
        report = GuardReport(
            began_ms=self._now_ms(),
            why=f"{why} for {brief.settings.after_s} s",
            plan=brief.settings.plan or "off",
        )
        _log.warning("%s; carrying out: %s", report.why, report.plan)
        deadline = time.monotonic() + MOST_TRYING_S
        work: Work | None = None

        def progress() -> bool:
            if work is not None:
                report.cancelled, report.sold, report.left = work.cancelled, work.sold, work.left
            return self._kept(report)

        try:
            async with self._account() as account:
                work = Work(account, brief.settings, brief.currency, "grd" + base36(report.began_ms))
                report.done = await carry_out(
                    work,
                    wanted=lambda: self._still_wanted() and time.monotonic() < deadline,
                    on_progress=progress,
                )
        except (VenueError, ConfigError) as error:
            _log.error("the plan could not be carried out: %s", error)
        # Nobody else knows what was done; a desk that has come back meanwhile tells it when it finds the report.
        while not progress() and self._watch.cut and time.monotonic() < deadline:  # noqa: ASYNC110 - a disk
            await asyncio.sleep(self._look_s)
        _log.warning("ended; done: %s, cancelled: %s, sold: %s", report.done, len(report.cancelled), len(report.sold))


def _keep(folder: Path, report: GuardReport) -> bool:
    try:
        keep(folder, report)
    except OSError as error:
        _log.error("what was done could not be written down: %s", error)
        return False
    return True


def _first_line() -> bytes:
    """Read up to the first line end, and not a byte further: what follows are heartbeats."""
    line = bytearray()
    while len(line) < _BRIEF_BYTES:
        sign = os.read(0, 1)
        if sign in (b"", b"\n"):
            break
        line += sign
    return bytes(line)
