"""`mexc-tui keys`: what is typed is kept, judged and never shown."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mexc_tui.cli.commands import keys
from mexc_tui.cli.main import main
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.paths import vault_file
from mexc_tui.config.settings import GuardSettings, Secret, Settings
from mexc_tui.config.vault import Account, Vault
from mexc_tui.desk import choice
from mexc_tui.desk.doctor.exchange import _scope
from mexc_tui.desk.key_check import KeyFacts
from mexc_tui.desk.plan import PlannedParts
from mexc_tui.desk.planning import configured_plan
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import VenueKind
from mexc_tui.venues.mexc.rest.models import AccountInfo, KeyInfo

PASSPHRASE, KEY, SECRET = "correct horse battery", "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
OTHER = "mx0otherKEYofTHEsame"
NEW = f"{PASSPHRASE}\n{PASSPHRASE}\n{KEY}\n{SECRET}\n"
Run = Callable[..., tuple[int, str]]


def facts(*permissions: str, ips: tuple[str, ...] = ("1.2.3.4",), uid: str = "77", real: bool = True) -> KeyFacts:
    info = KeyInfo(
        key_hint="mx0…", note="", permissions=permissions, days_left=90, ip_white_list=ips, status="VALID", created=""
    )
    return KeyFacts(uid=uid, info=info, real=real)


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the exchange says of every key."""
    says = SimpleNamespace(facts=facts("SPOT_ACCOUNT_READ", "SPOT_DEAL_WRITE"))
    monkeypatch.setattr(keys, "_facts", lambda _: says.facts)
    return says


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], exchange: SimpleNamespace
) -> Run:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("mexc_tui.cli.main.start_last_resort", lambda: None)
    monkeypatch.setitem(Vault.create.__func__.__kwdefaults__, "cost", 4)

    def call(*arguments: str, typed: str = PASSPHRASE) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        code = main(["keys", *arguments])
        said = "".join(capfd.readouterr())
        assert not any(text in said for text in (PASSPHRASE, KEY, SECRET, OTHER))
        return code, said

    return call


def kept() -> dict[str, Account]:
    return Vault.unlock(vault_file(), Secret(PASSPHRASE)).accounts


def test_an_account_is_added_listed_renamed_rotated_and_removed(run: Run, exchange: SimpleNamespace) -> None:
    assert run("add", "main", typed=NEW)[0] == 0
    assert kept()["main"].api_key.reveal() == KEY
    code, said = run("list", "--json")
    assert json.loads(said) == {
        "type": "account",
        "name": "main",
        "mode": "trade",
        "rest": "https://api.mexc.com",
        "runs": False,
    }
    assert run("rename", "main", "first")[0] == 0
    assert run("rotate", "first", typed=f"{PASSPHRASE}\n{OTHER}\n{SECRET}\n")[0] == 0
    assert kept()["first"].api_key.reveal() == OTHER
    changed = "a longer passphrase"
    assert run("change-passphrase", typed=f"{PASSPHRASE}\n{changed}\n{changed}\n")[0] == 0
    code, said = run("remove", "first")
    assert code == 2
    assert "does not open" in said
    assert run("remove", "first", typed=changed)[0] == 0
    assert Vault.unlock(vault_file(), Secret(changed)).accounts == {}


@pytest.mark.parametrize(
    ("says", "more", "code", "told"),
    [
        (facts("SPOT_DEAL_WRITE", "SPOT_WITHDRAW_WRITE"), (), 2, "may withdraw"),
        (facts("SPOT_DEAL_WRITE", "SPOT_WITHDRAW_WRITE"), ("--may-withdraw", "other"), 2, "--may-withdraw main"),
        (facts("SPOT_DEAL_WRITE", "SPOT_WITHDRAW_WRITE"), ("--may-withdraw", "main"), 0, "make one that may not"),
        (facts("SPOT_DEAL_WRITE", "SPOT_WITHDRAW_WRITE", real=False), (), 0, "was added"),
        (facts("SPOT_DEAL_WRITE", ips=()), (), 0, "taken from any address"),
        (facts("SPOT_ACCOUNT_READ"), (), 0, "its desk only looks"),
        (facts("SPOT_DEAL_WRITE"), ("--read-only",), 0, "sends no order"),
        (facts("SPOT_DEAL_WRITE"), ("--rest", "http://127.0.0.1:1"), 2, "go together"),
        (facts("SPOT_DEAL_WRITE"), ("--rest", "ftp://x", "--ws", "wss://x"), 2, "not an address"),
    ],
    ids=range(9),
)
def test_what_a_key_may_do_decides(
    run: Run, exchange: SimpleNamespace, says: KeyFacts, more: tuple[str, ...], code: int, told: str
) -> None:
    exchange.facts = says
    found, said = run("add", "main", *more, typed=NEW)
    assert (found, told in said) == (code, True), said
    assert vault_file().exists() is (code == 0)
    if code == 0:
        looks = not says.may_trade or "--read-only" in more
        assert kept()["main"].mode == ("read" if looks else "trade")


def test_a_key_of_another_account_does_not_take_its_place(run: Run, exchange: SimpleNamespace) -> None:
    run("add", "main", typed=NEW)
    for uid, why in (("88", "of another account"), ("", "cannot be told")):
        exchange.facts = facts("SPOT_DEAL_WRITE", uid=uid)
        code, said = run("rotate", "main", typed=f"{PASSPHRASE}\n{OTHER}\n{SECRET}\n")
        assert code == 2
        assert why in said
    assert kept()["main"].api_key.reveal() == KEY


def test_a_name_twice_two_passphrases_that_differ_and_an_early_end(run: Run) -> None:
    assert run("add", "main", typed=f"{PASSPHRASE}\nanother one\n")[0] == 2
    assert run("add", "main", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n{KEY}\n")[0] == 2
    assert not vault_file().exists()
    run("add", "main", typed=NEW)
    assert "already" not in run("list")[1]
    assert run("add", "main", typed=NEW) == (
        2,
        "mexc-tui: There is an account 'main'; `mexc-tui keys rotate main` replaces its key.\n",
    )
    assert run("add", "../main")[0] == 2


def test_an_account_names_its_desk_address_and_mode() -> None:
    made = Account(name="main", api_key=Secret(KEY), secret_key=Secret(SECRET))
    here = Account(
        name="main", api_key=Secret(KEY), secret_key=Secret(SECRET), base_url="http://127.0.0.1:9", ws_url="ws://x"
    )
    far, near = choice.account_choice(made), choice.account_choice(here)
    assert (far.kind, near.kind) == (VenueKind.LIVE, VenueKind.LOCAL)
    assert far.arguments == ("--account", "main")
    assert SECRET not in repr(far)
    assert KEY not in repr(far)
    assert far.account == "main on MEXC, key …BWC5"


@pytest.mark.parametrize(
    ("says", "verdict", "told"),
    [
        (facts("SPOT_DEAL_WRITE"), "ok", "1 addresses allowed"),
        (facts("SPOT_DEAL_WRITE", ips=()), "warn", "Bind it to your addresses"),
        (facts("SPOT_DEAL_WRITE", ips=(), real=False), "ok", "any address"),
        (facts("SPOT_WITHDRAW_WRITE"), "warn", "may withdraw"),
    ],
    ids=range(4),
)
def test_doctor_says_what_speaks_against_a_key(says: KeyFacts, verdict: str, told: str) -> None:
    account = AccountInfo(
        can_trade=True, can_withdraw=None, can_deposit=None, account_type="SPOT", permissions=(), balances=()
    )
    check = _scope(account, says.info, real=says.real)
    assert check.verdict.value == verdict
    assert told in f"{check.detail} {check.remedy}"


def test_the_keyring_of_the_system_keeps_the_passphrase_where_that_is_chosen(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[tuple[str, str], str] = {}
    fake = SimpleNamespace(
        get_password=lambda service, user: held.get((service, user)),
        set_password=lambda service, user, text: held.update({(service, user): text}),
        errors=SimpleNamespace(KeyringError=LookupError),
    )
    config = tmp_path / "config.toml"
    config.write_text("[vault]\nkeyring = true\n")
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(config))
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install mexc-tui[keyring]" in run("list")[1]
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert run("add", "main", typed=NEW)[0] == 0
    assert list(held.values()) == [PASSPHRASE]
    assert "main" in run("list", typed="")[1]
    changed = "a longer passphrase"
    assert run("change-passphrase", typed=f"{changed}\n{changed}\n")[0] == 0
    assert list(held.values()) == [changed]
    fake.get_password = lambda service, user: {}[service]
    assert "does not answer" in run("list")[1]
    config.write_text("")
    assert run("list", typed=PASSPHRASE)[0] == 2


@pytest.mark.parametrize(
    ("address", "mode", "why"),
    [
        ({}, "trade", "live trading is locked"),
        ({}, "read", "kept to look only"),
        ({"base_url": "http://127.0.0.1:9", "ws_url": "ws://127.0.0.1:9/ws"}, "read", "kept to look only"),
        ({"base_url": "http://127.0.0.1:9", "ws_url": "ws://127.0.0.1:9/ws"}, "trade", ""),
        ({"base_url": "http://127.0.0.1:9", "ws_url": "ws://127.0.0.1:9/ws"}, "live", ""),
    ],
    ids=range(5),
)
async def test_a_desk_trades_only_where_address_and_mode_allow_it(address: dict[str, str], mode: str, why: str) -> None:
    made = Account(name="main", api_key=Secret(KEY), secret_key=Secret(SECRET), mode=mode, **address)  # type: ignore[arg-type]
    guard = GuardSettings(plan="flatten")
    file = SettingsFile(Path("config.toml"), Settings(guard=guard))
    plan = configured_plan(choice.account_choice(made), file, Limits(), armed=True)
    info = PlannedParts(plan).venue().info
    assert (info.can_trade, why in info.why_not) == (not why, True), info.why_not
    assert plan.guard.plan == ("off" if mode == "read" else "flatten")
    live = mode == "live"
    assert (plan.kind is VenueKind.LIVE, plan.armed_at_start) == (live or not address, not live)
    assert (plan.real is not None, plan.limits.max_order_value) == (live, 100 if live else 2_500)
