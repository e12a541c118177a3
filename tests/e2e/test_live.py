"""A live account at an exchange of this machine, from the vault to its first order."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.cli import accounts
from mexc_tui.config.settings import MEXC_REST, MEXC_STREAM, Secret
from mexc_tui.config.vault import Account, Vault
from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.desk.live import RECORD
from tests.desks import desks, program


@pytest.fixture(scope="module")
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "3"])
    try:
        yield child.ready()
    finally:
        child.close()


@pytest.fixture
def vault(environment: dict[str, str], exchange: Addresses, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """An unlocked vault; asking for its passphrase is another test's."""
    made = Vault.create(Path(environment["XDG_CONFIG_HOME"]) / "mexc-tui" / "keys.vault", Secret("pass phrase"), cost=4)
    made.put(account(exchange))
    monkeypatch.setattr(accounts, "unlocked", lambda *_: made)
    return made


def account(exchange: Addresses, **more: object) -> Account:
    fields: dict[str, object] = {
        "name": "main",
        "mode": "live",
        "api_key": Secret(exchange.api_key),
        "secret_key": Secret(exchange.api_secret),
        "base_url": exchange.rest,
        "ws_url": exchange.ws,
        **more,
    }
    return Account(**fields)  # type: ignore[arg-type]


def start(environment: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    return program(environment, "desk", "start", "--account", "main", *more)


def settle(environment: dict[str, str], text: str) -> None:
    path = Path(environment["XDG_CONFIG_HOME"]) / "mexc-tui" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_live_trading_is_locked_elsewhere(environment: dict[str, str], vault: Vault, exchange: Addresses) -> None:
    vault.put(account(exchange, base_url=MEXC_REST, ws_url=MEXC_STREAM))
    refused = start(environment)
    assert refused.returncode == 2
    assert "live trading is locked in this version" in refused.stderr
    assert desks(environment) == []


def test_a_rehearsal_from_the_checks_to_the_first_order(
    environment: dict[str, str], vault: Vault, exchange: Addresses
) -> None:
    refused = start(environment)
    assert refused.returncode == 2
    for reason in ("guard: no plan was chosen", "key scope: the key may withdraw", "nothing was sent"):
        assert reason in refused.stderr
    assert desks(environment) == []

    settle(environment, '[guard]\nplan = "off"\n')
    vault.put(account(exchange, may_withdraw=True))
    assert "It is locked" in start(environment).stdout
    (row,) = desks(environment)
    assert (row["kind"], row["armed"]) == ("live", False)
    (record,) = Path(environment["XDG_STATE_HOME"]).rglob(RECORD)
    assert {check["check"] for check in json.loads(record.read_text())["checks"]} >= {"REST", "clock", "guard"}

    buy = ("buy", "BTCUSDT", "$20", "--at", "60000", "--desk", "main")
    assert program(environment, *buy).returncode == 1
    assert "--arm-name" in start(environment, "--armed").stderr
    wrong = start(environment, "--armed", "--arm-name", "other")
    assert (wrong.returncode, "stays locked" in wrong.stderr) == (1, True)
    assert start(environment, "--armed", "--arm-name", "main").returncode == 0
    assert program(environment, *buy).returncode == 0
    large = program(environment, "buy", "BTCUSDT", "$150", "--at", "60000", "--desk", "main", "--yes")
    assert large.returncode == 1
    assert "100" in large.stdout

    assert program(environment, "desk", "stop", "main").returncode == 0
    settle(environment, "")
    assert start(environment).returncode == 0, "the checks were passed before"
    assert [row["armed"] for row in desks(environment)] == [False]
