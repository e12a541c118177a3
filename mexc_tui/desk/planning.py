"""From a choice of desk to its plan: addresses, keys, limits, and where its journal lies."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.limits import limits_of
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.settings import Credentials, GuardSettings, Secret
from mexc_tui.desk.child import Addresses
from mexc_tui.desk.choice import DeskChoice, is_mexc
from mexc_tui.desk.live import BEGINS_LOCKED
from mexc_tui.desk.plan import Plan, demo_folder
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind

READ_ONLY = "this account is kept to look only (`mexc-tui keys list`), as its key may not trade or you wanted it so"


def demo_plan(choice: DeskChoice, addresses: Addresses, limits: Limits) -> Plan:
    """Return the plan of a desk on the exchange that was just started for it."""
    return Plan(
        kind=choice.kind,
        base_url=addresses.rest,
        ws_url=addresses.ws,
        credentials=_granted(addresses),
        limits=limits,
        folder=demo_folder(),
        armed_at_start=True,
    )


def paper_plan(
    choice: DeskChoice,
    addresses: Addresses,
    file: SettingsFile,
    limits: Limits,
    folder: Path,
    notices: tuple[str, ...],
) -> Plan:
    """Return the plan of a desk on the paper exchange that mirrors the choice's upstream."""
    host = urlsplit(choice.upstream).hostname or choice.upstream
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
        name=f"paper on {'MEXC' if is_mexc(host) else host}",
        notices=(*notices, *addresses.notices),
    )


def configured_plan(choice: DeskChoice, file: SettingsFile, limits: Limits, *, armed: bool) -> Plan:
    """Return the plan of a desk of an account of the vault, or on the exchange that environment or config file name."""
    account, venue = choice.keys, file.settings.venue
    live = account is not None and account.mode == "live"
    if account is None:
        venue, keys = venue_settings(venue, os.environ), credentials(os.environ)
    else:
        venue, keys = replace(venue, base_url=account.base_url, ws_url=account.ws_url), account.credentials
    looks = account is not None and account.mode == "read"
    return Plan(
        kind=choice.kind,
        base_url=venue.base_url,
        ws_url=venue.ws_url,
        credentials=keys,
        limits=limits_of(file, live=True) if live else limits,
        currency=file.settings.account.currency,
        depth_speed=venue.depth_speed,
        armed_at_start=armed and not live,
        name=choice.account.partition(",")[0] if live else "",
        notices=(BEGINS_LOCKED.format(name=choice.name),) if live else (),
        real=account if live else None,
        guard=GuardSettings(plan="off") if looks else file.settings.guard,
        why_not=READ_ONLY if looks else "",
    )


def _granted(addresses: Addresses) -> Credentials:
    """Return the keys that an exchange of this program gave with its addresses."""
    return Credentials(api_key=Secret(addresses.api_key), secret_key=Secret(addresses.api_secret))
