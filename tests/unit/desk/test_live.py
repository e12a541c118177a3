"""The door of live trading: locked at one place, and opened for a key by what was found before its first session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from mexc_tui.cli.doctor import live as live_command
from mexc_tui.cli.io.exits import ExitError
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.settings import Secret, Settings
from mexc_tui.config.vault import Account
from mexc_tui.desk import key_check, live
from mexc_tui.desk.choice import account_choice
from mexc_tui.desk.doctor import exchange
from mexc_tui.desk.doctor.checks import Check, fail, ok
from mexc_tui.desk.key_check import KeyFacts
from mexc_tui.desk.plan import PlannedParts
from mexc_tui.desk.planning import configured_plan
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind
from mexc_tui.store.accounts import known_folder, remember_key
from mexc_tui.store.latch import LATCH, LatchFile
from mexc_tui.venues.mexc.rest.models import KeyInfo
from mexc_tui.wire.mexc.endpoints import ACCOUNT_READ, DEAL_WRITE, WITHDRAW_WRITE

MAIN = Account(name="main", api_key=Secret("mx0key"), secret_key=Secret("secret"), mode="live")


async def test_one_line_unlocks_live_trading_and_nothing_less(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="live trading is locked in this version"):
        account_choice(MAIN)
    monkeypatch.setattr(live, "UNLOCKED", True)
    for account, allowed in ((MAIN, True), (replace(MAIN, mode="trade"), False), (replace(MAIN, mode="read"), False)):
        plan = configured_plan(account_choice(account), SettingsFile(Path("c"), Settings()), Limits(), armed=True)
        parts = PlannedParts(plan)
        assert parts.venue().info.can_trade is allowed
        assert plan.armed_at_start is not allowed
        assert (plan.real is not None) is allowed


class Found:
    """What the exchange and its key are found to be."""

    def __init__(self) -> None:
        self.checks: list[Check] = [ok("REST", "answers"), ok("clock", "right")]
        self.scope: tuple[str, ...] = (ACCOUNT_READ, DEAL_WRITE)
        self.times = 0

    async def exchange_checks(self, _: object) -> list[Check]:
        self.times += 1
        return self.checks

    async def key_facts(self, _: object) -> KeyFacts:
        info = KeyInfo(
            key_hint="", note="", permissions=self.scope, days_left=9, ip_white_list=(), status="", created=""
        )
        return KeyFacts(uid="7", info=info if self.scope else None, real=True)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    there = Found()
    monkeypatch.setattr(exchange, "exchange_checks", there.exchange_checks)
    monkeypatch.setattr(key_check, "key_facts", there.key_facts)
    return there


@pytest.mark.parametrize(
    ("changes", "guard", "why"),
    [
        ({"scope": (DEAL_WRITE, WITHDRAW_WRITE)}, "off", "the key may withdraw"),
        ({"scope": ()}, "off", "does not say whether the key may withdraw"),
        ({"scope": (ACCOUNT_READ,)}, "off", "the key may not trade"),
        ({"checks": [fail("clock", "an hour behind", "Set it.")]}, "off", "clock: an hour behind. Set it."),
        ({}, None, "no plan was chosen and none declined"),
    ],
)
async def test_a_failed_check_begins_no_live_session(
    found: Found, tmp_path: Path, changes: dict[str, object], guard: str | None, why: str
) -> None:
    for name, value in changes.items():
        setattr(found, name, value)
    with pytest.raises(ConfigError, match=why) as refused:
        await live.first_session(MAIN, guard, tmp_path)
    assert "nothing was sent" in str(refused.value)
    assert os.listdir(tmp_path) == []


async def test_what_was_passed_holds_for_the_key_it_was_passed_with(found: Found, tmp_path: Path) -> None:
    found.scope = (DEAL_WRITE, WITHDRAW_WRITE)
    named = replace(MAIN, may_withdraw=True)
    assert "key scope ok" in await live.first_session(named, "flatten", tmp_path)
    assert await live.first_session(named, None, tmp_path) == ""
    assert found.times == 1
    assert "mx0key" not in (tmp_path / live.RECORD).read_text()
    assert await live.first_session(replace(named, api_key=Secret("mx0other")), "off", tmp_path)
    assert found.times == 2
    (tmp_path / live.RECORD).write_bytes(b"{")
    with pytest.raises(ConfigError, match="guard"):
        await live.first_session(named, None, tmp_path)


def test_live_checks_wait_for_the_end_of_a_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name, text in (("MEXC_BASE_URL", "http://127.0.0.1:9"), ("MEXC_WS_URL", "ws://127.0.0.1:9/ws")):
        monkeypatch.setenv(name, text)
    for name in ("MEXC_API_KEY", "MEXC_SECRET_KEY"):
        monkeypatch.setenv(name, "mx0key")
    remember_key("http://127.0.0.1:9", MAIN.credentials, "7")
    folder = known_folder(VenueKind.LOCAL, "http://127.0.0.1:9", MAIN.credentials)
    assert folder is not None
    folder.mkdir(parents=True)
    LatchFile(folder / LATCH).write("halted: by hand")
    with pytest.raises(ExitError, match=r"halted here: by hand\. Resume first\. Nothing was sent"):
        live_command.run("BTCUSDT", as_json=False)
