"""From settings and arguments to a running desk, and from its failures to exit codes."""

from __future__ import annotations

import difflib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from mexc_tui.cli.io.exits import FAILURE, UNREACHABLE, USAGE, ExitError
from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.limits import limits_of
from mexc_tui.config.loading import SettingsFile, load
from mexc_tui.config.paths import config_file
from mexc_tui.config.settings import Credentials, Secret, UiSettings
from mexc_tui.desk.child import Addresses
from mexc_tui.desk.plan import Plan, demo_folder, is_local
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import TOPIC_INSTRUMENTS, InstrumentsView, VenueKind
from mexc_tui.engine.engine import Engine, EngineClient, death_notice

REACH_LIMIT_S = 5.0
LOCAL_LIMIT_S = 20.0
"""An exchange on this machine that takes so long is not far away but broken."""
LIST_LIMIT_S = 5.0
SMALL = 20
"""An exchange with no more pairs than this is watched whole."""
WELL_KNOWN = tuple(f"{base}USDT" for base in ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "SUI", "LINK", "MX"))
_POLL_S = 0.002

OFFLINE_HINT = "`mexc-tui demo` needs no network: it opens the cockpit on an exchange of its own."


def read_settings() -> tuple[SettingsFile, Limits]:
    """Read the config file, checked whole.

    Raises:
        ExitError: it says something that cannot be used.
    """
    try:
        file = load(config_file())
        return file, limits_of(file)
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def demo_plan(addresses: Addresses, limits: Limits, *, replay: bool) -> Plan:
    """Return the plan of a desk on the exchange that was just started for it."""
    try:
        folder = demo_folder()
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None
    return Plan(
        kind=VenueKind.REPLAY if replay else VenueKind.DEMO,
        base_url=addresses.rest,
        ws_url=addresses.ws,
        credentials=_granted(addresses),
        limits=limits,
        folder=folder,
        armed_at_start=True,
    )


def _granted(addresses: Addresses) -> Credentials:
    """Return the keys that an exchange of this program gave with its addresses."""
    return Credentials(api_key=Secret(addresses.api_key), secret_key=Secret(addresses.api_secret))


def paper_plan(
    addresses: Addresses,
    file: SettingsFile,
    limits: Limits,
    folder: Path,
    upstream_url: str,
    notices: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of a desk on the paper exchange that mirrors ``upstream_url``."""
    host = urlsplit(upstream_url).hostname or upstream_url
    real = host == "mexc.com" or host.endswith(".mexc.com")
    return Plan(
        kind=VenueKind.PAPER,
        base_url=addresses.rest,
        ws_url=addresses.ws,
        credentials=_granted(addresses),
        limits=limits,
        folder=folder,
        currency=file.settings.account.currency,
        armed_at_start=True,
        depth_speed=file.settings.venue.depth_speed,
        name=f"paper on {'MEXC' if real else host}",
        notices=(*notices, *addresses.notices),
    )


def configured_plan(file: SettingsFile, limits: Limits) -> Plan:
    """Return the plan of a desk on the exchange that environment or config file name; it starts locked."""
    try:
        venue = venue_settings(file.settings.venue, os.environ)
        keys = credentials(os.environ)
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None
    kind = VenueKind.LOCAL if is_local(venue.base_url) else VenueKind.LIVE
    return Plan(
        kind=kind,
        base_url=venue.base_url,
        ws_url=venue.ws_url,
        credentials=keys,
        limits=limits,
        currency=file.settings.account.currency,
        depth_speed=venue.depth_speed,
    )


def wait_until_open(engine: Engine, plan: Plan) -> None:
    """Wait for the venue to answer.

    Raises:
        ExitError: it did not, or the engine ended for another reason.
    """
    limit_s = REACH_LIMIT_S if plan.kind is VenueKind.LIVE else LOCAL_LIMIT_S
    settled = engine.settled.wait(limit_s)
    while not settled and engine.reading:
        settled = engine.settled.wait(limit_s)
    if engine.failure is not None or not engine.running:
        raise failure_of(engine, plan)
    if not settled:
        raise ExitError(_unreachable(plan, f"no answer within {limit_s:.0f} s"), UNREACHABLE)


def failure_of(engine: Engine, plan: Plan) -> ExitError:
    """Return the error that ends the program for what ended the engine."""
    failure = engine.failure
    if isinstance(failure, ConfigError):
        return ExitError(str(failure), USAGE)
    if isinstance(failure, VenueError) and failure.kind in _NOT_REACHED:
        return ExitError(_unreachable(plan, failure.message), UNREACHABLE)
    return ExitError(death_notice(failure), FAILURE)


def opening(client: EngineClient, engine: Engine, asked: str | None, ui: UiSettings) -> tuple[str, tuple[str, ...]]:
    """Return the pair to open on and the watchlist.

    A pair asked for must be listed; a configured one may give way to the first that is.

    Raises:
        ExitError: the exchange does not list the pair that was asked for.
    """
    listed = _listed(client, engine)
    wanted = (asked or ui.symbol).strip().upper()
    if asked is None and listed and wanted not in listed:
        wanted = listed[0]
    if not listed or wanted in listed:
        return wanted, _watchlist(listed, wanted, ui)
    near = difflib.get_close_matches(wanted, listed, n=3, cutoff=0.4) or listed[:5]
    shown = "".join(sign for sign in wanted[:40] if sign.isprintable())
    raise ExitError(f"{shown} is not traded here; nothing was started. Near it: {', '.join(near)}.", USAGE)


def _watchlist(listed: list[str], opened: str, ui: UiSettings) -> tuple[str, ...]:
    """Return the configured watchlist, else all pairs of a small exchange, else the well-known ones of a large one."""
    if ui.watchlist:
        return tuple(name.strip().upper() for name in ui.watchlist)
    known = listed if len(listed) <= SMALL else [name for name in WELL_KNOWN if name in set(listed)]
    return tuple(dict.fromkeys([*known, opened]))


def _listed(client: EngineClient, engine: Engine) -> list[str]:
    client.look(Interest(topics=frozenset({TOPIC_INSTRUMENTS})))
    end = time.monotonic() + LIST_LIMIT_S
    while time.monotonic() < end and engine.running:
        view = client.view(TOPIC_INSTRUMENTS)
        if isinstance(view, InstrumentsView) and view.by_symbol:
            return list(view.by_symbol)
        time.sleep(_POLL_S)
    return []


def _unreachable(plan: Plan, why: str) -> str:
    return f"The exchange at {plan.base_url} cannot be reached: {why.rstrip('.')}. Nothing was sent. {OFFLINE_HINT}"


_NOT_REACHED = (ErrorKind.NETWORK, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE, ErrorKind.SERVER, ErrorKind.UNREADABLE)
