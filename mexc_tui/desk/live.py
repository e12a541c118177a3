"""Live accounts, whose orders are meant to be real: where they may open, and what their first session has to pass."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.files import read_json, replace_whole
from mexc_tui.config.vault import Account
from mexc_tui.desk.doctor.checks import Check, Verdict, fail, ok

if TYPE_CHECKING:
    from mexc_tui.desk.key_check import KeyFacts

UNLOCKED = False
"""Whether a live account may open at an exchange that is not on this machine. Nothing else has to change for it."""
RECORD = "live.json"
LOCKED = (
    "{name} is a live account of {address}, and live trading is locked in this version: a live account opens only at "
    "an exchange on this machine, to rehearse. Nothing was sent. `mexc-tui keys mode {name} read` lets it look."
)
BEGINS_LOCKED = "A live desk begins with its ticket locked: press `a` and type {name} to send orders."
NO_GUARD = 'Say what is to happen when the desk dies: [guard] plan = "cancel entries", "flatten", or "off" for nothing.'
WITHDRAWS = "Make one that may not, or take this one by `mexc-tui keys rotate {0} --may-withdraw {0}`."


class FirstSession(msgspec.Struct, frozen=True, kw_only=True):
    """What was found before the first live session of an account with a key."""

    account: str
    key: str
    """SHA-256 of the API key."""
    at_ms: int
    checks: list[Check]


def refuse_while_locked(account: Account, *, local: bool) -> None:
    """Let a live account open here, or say why not; ``local`` says whether its exchange is on this machine.

    Raises:
        ConfigError: live trading is locked.
    """
    if account.mode == "live" and not local and not UNLOCKED:
        raise ConfigError(LOCKED.format(name=account.name, address=account.base_url))


async def first_session(account: Account, guard: str | None, folder: Path) -> str:
    """Pass the checks that stand before the first live session with a key, and record them in the account's folder.

    Returns a sentence to tell; empty where this was done before. ``guard`` is the plan that was chosen, None for none.

    Raises:
        ConfigError: a check failed, or cannot be recorded.
    """
    key = hashlib.sha256(account.api_key.reveal().encode()).hexdigest()
    path = folder / RECORD
    if _passed(path, account.name, key):
        return ""
    checks = [*await _asked(account), _guard(guard)]
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    if failed:
        found = " ".join(f"{check.check}: {check.detail}. {check.remedy}" for check in failed)
        raise ConfigError(
            f"The first live session of {account.name} did not begin, and nothing was sent: {len(failed)} of "
            f"{len(checks)} checks failed. {found}"
        )
    record = FirstSession(account=account.name, key=key, at_ms=time.time_ns() // 1_000_000, checks=checks)
    try:
        replace_whole(path, msgspec.json.format(msgspec.json.encode(record), indent=1))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}), so no live session was begun.") from None
    told = ", ".join(f"{check.check} {check.verdict.value}" for check in checks)
    return f"First live session of {account.name}: {told}; kept in {path}."


def _passed(path: Path, name: str, key: str) -> bool:
    try:
        found = read_json(path, FirstSession)
    except (OSError, ValueError):
        return False
    return (found.account, found.key) == (name, key)


async def _asked(account: Account) -> list[Check]:
    from mexc_tui.desk.doctor.exchange import exchange_checks
    from mexc_tui.desk.errors import RequestError
    from mexc_tui.desk.key_check import key_facts, settings_of

    checks = await exchange_checks(settings_of(account))
    try:
        facts = await key_facts(account)
    except RequestError as error:
        return [*checks, fail("key scope", f"the key was not accepted: {error}", "Correct that and start again.")]
    return [*checks, _scope(account, facts)]


def _scope(account: Account, facts: KeyFacts) -> Check:
    """Judge what the key may do; what is not known is taken for the worst."""
    if not facts.may_trade:
        remedy = f"Make one that may, and `mexc-tui keys rotate {account.name}`."
        return fail("key scope", "the key may not trade", remedy)
    if facts.info is not None and facts.info.permissions and not facts.may_withdraw:
        return ok("key scope", "the key may not withdraw")
    detail = "the key may withdraw" if facts.may_withdraw else "the exchange does not say whether the key may withdraw"
    if account.may_withdraw:
        return ok("key scope", f"{detail}, which was allowed for {account.name} by name")
    return fail("key scope", detail, WITHDRAWS.format(account.name))


def _guard(plan: str | None) -> Check:
    if plan is None:
        return fail("guard", "no plan was chosen and none declined", NO_GUARD)
    return ok("guard", "declined" if plan == "off" else plan)
