"""What of this machine ``mexc-tui doctor`` checks, and with its settings the exchange."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.limits import limits_of
from mexc_tui.config.loading import SettingsFile, load
from mexc_tui.config.paths import config_file, log_file, state_folder
from mexc_tui.config.program import VERSION
from mexc_tui.config.settings import Credentials, VenueSettings
from mexc_tui.desk.doctor.checks import Check, fail, ok, warn
from mexc_tui.desk.doctor.exchange import exchange_checks
from mexc_tui.desk.plan import is_local, kind_at
from mexc_tui.domain.limits import TradingState
from mexc_tui.store.accounts import JOURNAL, known_folder
from mexc_tui.store.inspect import inspect
from mexc_tui.store.latch import trading_state
from mexc_tui.venues.mexc.rest.signing import SigningError, self_test
from mexc_tui.venues.mexc.settings import MexcSettings


def machine_checks() -> Iterator[Check]:
    """Check this machine first, then the exchange."""
    yield ok("program", f"mexc-tui {VERSION}, Python {platform.python_version()}, {platform.system()}")
    file, check = _config()
    yield check
    venue, keys, check = _environment(file)
    yield check
    yield _signature()
    yield _folder("state folder", state_folder(), "journals and logs")
    yield _folder("log", log_file().parent, "what went wrong")
    if venue is not None and keys is not None:
        yield _journal(venue, keys)
        settings = _settings(venue, keys)
        if isinstance(settings, Check):
            yield settings
        else:
            yield from asyncio.run(exchange_checks(settings))


def _config() -> tuple[SettingsFile | None, Check]:
    path = config_file()
    try:
        file = load(path)
        limits_of(file)
    except ConfigError as error:
        return None, fail("config", str(error), f"Correct it; `mexc-tui config --print` shows every setting. {path}")
    return file, ok("config", f"{path} {'is valid' if path.exists() else 'does not exist; defaults apply'}")


def _environment(file: SettingsFile | None) -> tuple[VenueSettings | None, Credentials | None, Check]:
    configured = VenueSettings() if file is None else file.settings.venue
    try:
        venue = venue_settings(configured, os.environ)
        keys = credentials(os.environ)
    except ConfigError as error:
        return None, None, fail("addresses", str(error), "Correct the environment variables or the config file.")
    where = "this machine" if is_local(venue.base_url) else "the network: market data only, orders are refused"
    return venue, keys, ok("addresses", f"{venue.base_url} and {venue.ws_url}, on {where}")


def _settings(venue: VenueSettings, keys: Credentials) -> MexcSettings | Check:
    try:
        return MexcSettings(
            base_url=venue.base_url,
            ws_url=venue.ws_url,
            api_key=keys.api_key.reveal(),
            api_secret=keys.secret_key.reveal(),
        )
    except ValueError as error:
        return fail("exchange", f"The addresses cannot be used: {error}.", "Correct MEXC_BASE_URL and MEXC_WS_URL.")


def _signature() -> Check:
    try:
        self_test()
    except SigningError as error:
        return fail("signature", str(error), "Reinstall Python or this program: no signed request would be accepted.")
    return ok("signature", "MEXC's published example gives the published signature here")


def _folder(name: str, path: Path, what: str) -> Check:
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        remedy = "Make it writable, or point XDG_STATE_HOME to a folder that is."
        return fail(name, f"{path} cannot be {'written' if there == path else 'made'}: {what} have no place", remedy)
    free = os.statvfs(there)
    left_mb = free.f_bavail * free.f_frsize // 1_000_000
    if left_mb < 100:
        return warn(name, f"{path}: only {left_mb} MB are left", "Free some space: the journal must never run out.")
    return ok(name, f"{path} {'can be written' if there == path else 'will be made'}")


def desk_of_account() -> str:
    """Return who holds the journal of the configured account; empty where nobody does.

    Raises:
        ConfigError: addresses or keys cannot be used.
    """
    folder = _known_folder()
    return "" if folder is None else inspect(folder / JOURNAL).holder


def halt_of_account() -> str:
    """Return why trading with the configured account is halted on this machine; empty where it is not.

    Raises:
        ConfigError: addresses or keys cannot be used.
    """
    folder = _known_folder()
    state, reason = (TradingState.ACTIVE, "") if folder is None else trading_state(folder)
    return reason or "halted" if state is TradingState.HALTED else ""


def _known_folder() -> Path | None:
    venue, keys = venue_settings(load(config_file()).settings.venue, os.environ), credentials(os.environ)
    return known_folder(kind_at(venue.base_url), venue.base_url, keys)


def _journal(venue: VenueSettings, keys: Credentials) -> Check:
    if not keys:
        return ok("journal", "none is kept without an API key")
    folder = known_folder(kind_at(venue.base_url), venue.base_url, keys)
    if folder is None:
        return ok("journal", "this key was not used yet; the journal of its account is made at the first start")
    path = folder / JOURNAL
    found = inspect(path)
    if found.problem:
        remedy = "Move the file away to start a new journal, and check open orders on the exchange first."
        return fail("journal", f"{path} cannot be used: {found.problem}", remedy)
    if not found.exists:
        return ok("journal", f"{path} is made at the next start")
    used = f", in use by {found.holder}" if found.holder else ""
    return ok("journal", f"{path} holds {found.records} records{used}")
