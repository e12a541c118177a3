"""Puts a desk together: venue, journal and kernel, from settings."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.config.settings import Credentials
from mexc_tui.domain.ids import base36
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind
from mexc_tui.engine.effects import Probe
from mexc_tui.engine.engine import DeskPort, Engine
from mexc_tui.kernel.effects import Record
from mexc_tui.kernel.ports import JournalPort, Venue, VenueInfo

if TYPE_CHECKING:
    from mexc_tui.venues.mexc.stream.streams import Tap

_OURS = (VenueKind.DEMO, VenueKind.REPLAY, VenueKind.PAPER)
"""Exchanges of this program: no firewall stands before them that counts requests."""
JOURNAL = "journal.db"
LOCK = "journal.lock"
DEMOS_KEPT_S = 86_400


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchange, as whom, under which limits, and where the journal of that account lies."""

    kind: VenueKind
    base_url: str
    ws_url: str
    credentials: Credentials
    limits: Limits
    folder: Path
    armed_at_start: bool = False
    depth_speed: str = "100ms"
    name: str = ""
    """What the venue is called; empty leaves that to the venue."""
    notices: tuple[str, ...] = ()
    """Said once at the start; whole sentences."""


class PlannedParts:
    """Makes the parts of a planned desk; ``Parts`` of the engine. Heavy imports happen here, on the engine's thread."""

    def __init__(self, plan: Plan, tap: Tap | None = None) -> None:
        self._plan = plan
        self._tap = tap

    def journal(self) -> JournalPort:
        """Open the journal of the account; without keys there is none."""
        if not self._plan.credentials:
            from mexc_tui.store.nothing import NoJournal

            return NoJournal()
        from mexc_tui.store.journal import SqliteJournal

        return SqliteJournal(private_folder(self._plan.folder) / JOURNAL)

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
        )
        if plan.kind in _OURS:
            settings = msgspec.structs.replace(settings, requests_per_s=100.0, request_burst=200)
        streams = StreamSettings(depth_speed=Speed(plan.depth_speed))
        return MexcVenue(settings, plan.kind, SystemClock(), self._tap, streams=streams, name=plan.name)

    def desk(self, info: VenueInfo, resumed: tuple[Record, ...]) -> DeskPort:
        """Make the kernel."""
        from mexc_tui.kernel.desk import Desk

        plan = self._plan
        return Desk(
            run_name(), plan.limits, info, resumed=resumed, armed_at_start=plan.armed_at_start, notices=plan.notices
        )


def build(plan: Plan, probe: Probe | None = None) -> Engine:
    """Return the engine of a plan, not yet started."""
    return Engine(PlannedParts(plan), probe=probe)


def run_name() -> str:
    """Return a name no other run has: the start in milliseconds and chance, in base 36."""
    return base36(time.time_ns() // 1_000_000)[-8:] + base36(secrets.randbelow(36**3)).rjust(3, "0")


def account_folder(kind: VenueKind, base_url: str, credentials: Credentials) -> Path:
    """Return the folder of an account's journal: one for each venue and key."""
    key = credentials.api_key.reveal()
    who = hashlib.sha256(f"{base_url}\n{key}".encode()).hexdigest()[:12]
    return state_folder() / kind.value / who


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
    from mexc_tui.store.lock import FileLock

    lock = FileLock(folder / LOCK)
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
