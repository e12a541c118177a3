"""Puts a desk together: venue, journal and kernel, from settings."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.config.settings import DEFAULT_CURRENCY, AlertSettings, Credentials, GuardSettings
from mexc_tui.config.vault import Account
from mexc_tui.desk.guard.brief import guarded_before
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.ids import base36
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.engine import DeskPort
from mexc_tui.kernel.ports import JournalPort, Venue, VenueInfo
from mexc_tui.kernel.records import Resumed
from mexc_tui.store.accounts import JOURNAL, LOCK, account_folder

if TYPE_CHECKING:
    from mexc_tui.venues.mexc.stream.streams import Tap
    from mexc_tui.venues.mexc.venue import MexcVenue

_OURS = (VenueKind.DEMO, VenueKind.REPLAY, VenueKind.PAPER)
"""Exchanges of this program: no firewall stands before them that counts requests."""
IDENTITY_LIMIT_S = 5.0
DEMOS_KEPT_S = 86_400
LISTEN_KEY = "listen.key"
"""The key of the account stream in use, in the account's folder; worthless an hour after its last use."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchange, as whom, under which limits, and where the journal of that account lies."""

    kind: VenueKind
    base_url: str
    ws_url: str
    credentials: Credentials
    limits: Limits
    folder: Path | None = None
    """Where the journal lies; None: in the folder of the account."""
    currency: str = DEFAULT_CURRENCY
    """What holdings are valued in."""
    armed_at_start: bool = False
    depth_speed: str = "100ms"
    name: str = ""
    """What the venue is called; empty leaves that to the venue."""
    why_not: str = ""
    """Why orders of this desk are refused, where its account is only looked at."""
    notices: tuple[str, ...] = ()
    """Said once at the start; whole sentences."""
    guard: GuardSettings = GuardSettings()
    alerts: AlertSettings = AlertSettings()
    real: Account | None = None
    """The live account whose orders these are; None: no order is to leave this machine."""


class PlannedParts:
    """Makes the parts of a planned desk; ``Parts`` of the engine. Heavy imports happen here, on the engine's thread."""

    def __init__(
        self, plan: Plan, tap: Tap | None = None, *, enter: Callable[[Path], Awaitable[tuple[str, ...]]] | None = None
    ) -> None:
        """``enter`` lets a live session with the account of this folder begin, or raises ConfigError."""
        self._plan = plan
        self._enter = enter
        self._tap = tap
        self.folder: Path | None = None
        """Where the account's journal lies, once it is known."""
        self._venue: MexcVenue | None = None
        self._told: tuple[str, ...] = ()
        """What a guard did while no desk of the account ran."""

    async def journal(self, venue: Venue) -> JournalPort:
        """Open the journal of the account; without keys there is none."""
        plan = self._plan
        if not plan.credentials:
            from mexc_tui.store.nothing import NoJournal

            return NoJournal()
        from mexc_tui.store.journal import SqliteJournal
        from mexc_tui.venues.mexc.stream.listen_key import KeyNote

        folder = plan.folder
        if folder is None:
            folder = await account_folder(
                kind_at(plan.base_url), plan.base_url, plan.credentials, lambda: _asked(venue, IDENTITY_LIMIT_S)
            )
        self.folder = folder
        if self._venue is not None:
            self._venue.key_note = KeyNote(folder / LISTEN_KEY)
        self._told = guarded_before(folder)
        if plan.real is not None:
            if self._enter is None:
                raise RuntimeError("nobody checks whether this live session may begin")
            self._told += await self._enter(private_folder(folder))
        # An earlier format is upgraded first, which can take a while.
        return await asyncio.to_thread(SqliteJournal, private_folder(folder) / JOURNAL, plan.currency)

    def venue(self) -> Venue:
        """Make the venue that speaks MEXC's wire."""
        from mexc_tui.venues.mexc.clock import SystemClock
        from mexc_tui.venues.mexc.settings import MexcSettings
        from mexc_tui.venues.mexc.stream.channels import Speed
        from mexc_tui.venues.mexc.venue import MexcVenue, StreamSettings

        plan = self._plan
        settings = MexcSettings(
            base_url=plan.base_url,
            ws_url=plan.ws_url,
            api_key=plan.credentials.api_key.reveal(),
            api_secret=plan.credentials.secret_key.reveal(),
            real_orders=plan.real is not None,
        )
        if plan.kind in _OURS:
            settings = msgspec.structs.replace(settings, requests_per_s=100.0, request_burst=200)
        streams = StreamSettings(depth_speed=Speed(plan.depth_speed))
        self._venue = MexcVenue(
            settings, plan.kind, SystemClock(), self._tap, streams=streams, name=plan.name, why_not=plan.why_not
        )
        return self._venue

    def desk(self, info: VenueInfo, resumed: Resumed) -> DeskPort:
        """Make the kernel."""
        from mexc_tui.kernel.desk import Desk

        plan = self._plan
        return Desk(
            run_name(),
            plan.limits,
            info,
            currency=plan.currency,
            resumed=resumed,
            armed_at_start=plan.armed_at_start,
            arm_name="" if plan.real is None else plan.real.name,
            notices=(*filter(None, (resumed.lost,)), *plan.notices, *self._told),
        )


async def _asked(venue: Venue, limit_s: float) -> str:
    """Return what the exchange calls the account.

    Raises:
        VenueError: it does not say, or not in time.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await venue.account_id()
    except TimeoutError:
        raise VenueError(f"no answer within {limit_s:.0f} s", kind=ErrorKind.NETWORK, sent=False) from None


def run_name() -> str:
    """Return a name no other run has: the start in milliseconds and chance, in base 36."""
    return base36(time.time_ns() // 1_000_000)[-8:] + base36(secrets.randbelow(36**3)).rjust(3, "0")


def kind_at(base_url: str) -> VenueKind:
    """Return where the account of a key is, which is also the folder of its journal."""
    return VenueKind.LOCAL if is_local(base_url) else VenueKind.LIVE


def is_local(base_url: str) -> bool:
    """Whether an exchange runs on this machine."""
    from yarl import URL

    from mexc_tui.venues.mexc.settings import is_loopback

    return is_loopback(URL(base_url))


def demo_folder() -> Path:
    """Make the folder of one demo: its exchange starts empty, so its journal does too. Old ones are removed.

    Raises:
        ConfigError: the state folder cannot be written.
    """
    home = private_folder(state_folder() / VenueKind.DEMO.value)
    with contextlib.suppress(OSError):
        for old in home.iterdir():
            if old.is_dir() and time.time() - old.stat().st_mtime > DEMOS_KEPT_S:
                _remove_unless_held(old)
    try:
        folder = home / run_name()
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"The folder {home} cannot be written ({error.strerror}); nothing was started.") from error
    return folder


def _remove_unless_held(folder: Path) -> None:
    from mexc_tui.store.lock import journal_lock

    with journal_lock(folder / LOCK):
        shutil.rmtree(folder, ignore_errors=True)
