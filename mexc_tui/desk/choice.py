"""Which desk is meant: the demo's, the paper account's, or that of a configured exchange on this machine."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.vault import Account
from mexc_tui.desk.live import refuse_while_locked
from mexc_tui.domain.views import VenueKind
from mexc_tui.store.accounts import normalised


class DeskChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A desk, whether it runs or not: what it is called, and how its process is started."""

    kind: VenueKind
    name: str
    desk_id: str
    """One for each account; the same whoever asks, and whatever runs."""
    account: str
    """Whose money it is, in words."""
    upstream: str = ""
    """The exchange's address; for paper that of the market. Empty for the demo, which brings its own."""
    has_account: bool = True
    """False where there is no key: its desk can only look."""
    options: tuple[str, ...] = ()
    """What the demo's exchange is started with."""
    keys: Account | None = None
    """The account of the vault, where it is one and is unlocked; a running desk is found without."""
    from_vault: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``mexc-tui desk run`` that mean this desk, in the same environment."""
        if self.kind in (VenueKind.DEMO, VenueKind.REPLAY):
            return ("--demo", *self.options)
        if self.from_vault:
            return ("--account", self.name)
        return ("--paper",) if self.kind is VenueKind.PAPER else ()


def demo_choice(options: Sequence[str]) -> DeskChoice:
    """Return the demo with these options for its exchange, such as ``("--seed", "3")``."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    replay = given.get("--replay")
    parts = ["replay", Path(replay).name.split(".")[0]] if replay is not None else ["demo"]
    parts += [f"{name.lstrip('-')}-{value}" for name, value in given.items() if name != "--replay"]
    kind = VenueKind.DEMO if replay is None else VenueKind.REPLAY
    name = _readable("-".join(parts))
    return DeskChoice(
        kind=kind,
        name=name,
        desk_id=f"{kind.value}-{_digest(*options)}" if options else kind.value,
        account="the demo's 10,000 USDT of paper money",
        options=tuple(options),
    )


def configured_choice(file: SettingsFile, environment: Mapping[str, str] = os.environ) -> DeskChoice:
    """Return the desk of plain ``mexc-tui``: at an exchange of this machine that is configured, else on paper.

    Raises:
        ConfigError: addresses or keys cannot be used.
    """
    from mexc_tui.desk.plan import is_local

    venue = venue_settings(file.settings.venue, environment)
    if not is_local(venue.base_url):
        return paper_choice(file, environment)
    keys = credentials(environment)
    key = keys.api_key.reveal()
    return DeskChoice(
        kind=VenueKind.LOCAL,
        name=_readable(f"local-{_port(venue.base_url)}" + ("" if key else "-watch")),
        desk_id=f"local-{_digest(normalised(venue.base_url), key)}",
        account=f"{venue.base_url}, " + (f"key …{key[-4:]}" if key else "without a key"),
        upstream=venue.base_url,
        has_account=bool(key),
    )


def paper_choice(file: SettingsFile, environment: Mapping[str, str] = os.environ) -> DeskChoice:
    """Return the desk that trades with paper money on the configured exchange's market.

    Raises:
        ConfigError: the addresses cannot be used.
    """
    from mexc_tui.desk.plan import is_local

    upstream = venue_settings(file.settings.venue, environment).base_url
    host = urlsplit(upstream).hostname or upstream
    real = is_mexc(host)
    return DeskChoice(
        kind=VenueKind.PAPER,
        name="paper" if real else _readable(f"paper-{_port(upstream) if is_local(upstream) else host}"),
        desk_id=f"paper-{_digest(normalised(upstream))}",
        account=f"paper money on {'MEXC' if real else upstream}",
        upstream=upstream,
    )


def account_choice(account: Account) -> DeskChoice:
    """Return the desk of an account of the vault.

    Raises:
        ConfigError: it is a live account, and may not open where it is.
    """
    from mexc_tui.desk.plan import is_local

    local = is_local(account.base_url)
    refuse_while_locked(account, local=local)
    where = "MEXC" if is_mexc(urlsplit(account.base_url).hostname or "") else account.base_url
    return DeskChoice(
        kind=VenueKind.LOCAL if local and account.mode != "live" else VenueKind.LIVE,
        name=account.name,
        desk_id=account_desk_id(account.name),
        account=f"{account.name} on {where}, key …{account.api_key.reveal()[-4:]}",
        upstream=account.base_url,
        keys=account,
        from_vault=True,
    )


def running_choice(name: str) -> DeskChoice | None:
    """Return the desk of an account of the vault if it runs: it holds its key, so the vault may stay locked."""
    from mexc_tui.desk.places import entry_of

    entry = entry_of(account_desk_id(name))
    if entry is None:
        return None
    return DeskChoice(kind=entry.kind, name=name, desk_id=entry.desk_id, account=entry.account, from_vault=True)


def account_desk_id(name: str) -> str:
    """Return the id of the desk of an account of the vault."""
    return f"account-{_digest(name)}"


def is_mexc(host: str) -> bool:
    """Whether a host is MEXC's."""
    return host == "mexc.com" or host.endswith(".mexc.com")


def _port(address: str) -> str:
    parts = urlsplit(address)
    return str(parts.port or (443 if parts.scheme == "https" else 80))


def _readable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:40].lower()


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
