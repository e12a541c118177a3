from __future__ import annotations

import logging
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from mexc_tui.cli.desks import configured_desk, read_settings
from mexc_tui.cli.io.exits import USAGE, ExitError
from mexc_tui.cli.io.logs import start_log
from mexc_tui.cli.main import main
from mexc_tui.config.paths import log_file
from mexc_tui.desk.choice import configured_choice
from mexc_tui.desk.exchange import run as exchange
from mexc_tui.desk.planning import configured_plan
from mexc_tui.domain.views import VenueKind


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("MEXC_BASE_URL", "MEXC_WS_URL", "MEXC_API_KEY", "MEXC_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    return tmp_path


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_names_commands_and_exit_codes(capsys):
    code, out, _ = outcome(capsys, "--help")
    assert code == 0
    for word in ("demo", "exchange", "config", "exit codes", "130", "141"):
        assert word in out


def test_version(capsys):
    code, out, _ = outcome(capsys, "--version")
    assert code == 0
    assert out.startswith("mexc-tui ")


@pytest.mark.parametrize("arguments", [("demo", "--frames", "0"), ("nonsense",), ("demo", "--seed", "x"), ("--what",)])
def test_bad_usage_is_exit_code_2(capsys, arguments):
    assert outcome(capsys, *arguments)[0] == 2


def test_without_a_terminal_it_says_so(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    for arguments in ((), ("demo",)):
        code, _, err = outcome(capsys, *arguments)
        assert code == 2
        assert "needs a terminal" in err
        assert "standard input is a pipe or a file" in err
        assert err.count("\n") == 1


def test_the_printed_config_can_be_used(capsys, home):
    code, out, _ = outcome(capsys, "config", "--print")
    assert code == 0
    (home / "config.toml").write_text(out)
    code, out, _ = outcome(capsys, "config")
    assert code == 0
    assert "valid" in out
    assert outcome(capsys, "config", "--path")[1].strip() == str(home / "config.toml")


def test_a_mistake_in_the_config_is_one_sentence(capsys, home):
    (home / "config.toml").write_text("[limits]\nmax_order_valu = 3\n")
    code, _, err = outcome(capsys, "config")
    assert code == 2
    assert err == (
        f"mexc-tui: {home}/config.toml, line 2, limits.max_order_valu: `max_order_valu` is not a setting; "
        "did you mean `max_order_value`?\n"
    )


def test_a_replay_that_is_not_there(capsys, home):
    code, _, err = outcome(capsys, "demo", "--frames", "1", "--replay", str(home / "absent.jsonl"))
    assert code == 2
    assert "no recorded market" in err


def test_the_desk_follows_the_address_and_the_key(monkeypatch):
    file, limits = read_settings()
    assert configured_choice(file).kind is VenueKind.PAPER
    monkeypatch.setenv("MEXC_BASE_URL", "http://127.0.0.1:8700")
    monkeypatch.setenv("MEXC_WS_URL", "ws://127.0.0.1:8700/ws")
    monkeypatch.setenv("MEXC_API_KEY", "mx0vglFirstKey")
    monkeypatch.setenv("MEXC_SECRET_KEY", "verysecret")
    local = configured_choice(file)
    assert (local.kind, local.name) == (VenueKind.LOCAL, "local-8700")
    plan = configured_plan(local, file, limits, armed=False)
    assert plan.kind is VenueKind.LOCAL
    assert not plan.armed_at_start
    for shown in (f"{plan!r}", f"{local!r}", str(local.arguments)):
        assert "mx0vglFirstKey" not in shown
        assert "verysecret" not in shown
    monkeypatch.setenv("MEXC_API_KEY", "mx0vglSecondKey")
    second = configured_choice(file)
    assert second.desk_id != local.desk_id
    monkeypatch.setenv("MEXC_BASE_URL", "")
    with pytest.raises(ExitError, match="MEXC_BASE_URL is empty") as refusal:
        configured_desk()
    assert refusal.value.code == USAGE


def test_the_log_never_holds_a_secret(home):
    start_log(("mx0vglSecretKey", "shhh-secret"))
    try:
        raise ValueError("signed with shhh-secret")
    except ValueError:
        logging.getLogger("mexc_tui.test").exception("key mx0vglSecretKey failed %s", {"k": "mx0vglSecretKey"})
    text = log_file().read_text()
    assert "failed" in text
    assert "ValueError" in text
    assert "mx0vglSecretKey" not in text
    assert "shhh-secret" not in text
    assert log_file().stat().st_mode & 0o777 == 0o600


def test_a_log_that_was_moved_on_is_as_private_as_the_new_one(home):
    path = home / "state" / "log" / "desk-x.log"
    start_log((), path)
    for _ in range(40):
        logging.getLogger("mexc_tui.test").warning("x" * 10_000)
    found = sorted(path.parent.iterdir())
    assert len(found) > 1
    assert {one.stat().st_mode & 0o777 for one in found} == {0o600}


def test_help_and_version_load_neither_screen_nor_network():
    script = (
        "import sys; from mexc_tui.cli.main import main; main(['--version']);"
        "print([name for name in ('textual', 'rich', 'aiohttp', 'google.protobuf', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_nobody_foresaw_is_one_sentence_and_a_traceback_in_the_log(home):
    script = (
        "import sys; from mexc_tui.cli import main; from mexc_tui.cli.commands import config\n"
        "def broken(arguments): raise ZeroDivisionError('inside')\n"
        "config.run = broken\n"
        "sys.exit(main.main(['config']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "internal error (ZeroDivisionError)" in done.stderr
    assert "stay at the exchange" in done.stderr
    assert "Traceback" in log_file().read_text()


def test_only_an_exchange_that_mirrors_another_reads_certificates(monkeypatch, tmp_path):
    usual = str(tmp_path / "authorities.pem")
    monkeypatch.setenv("SSL_CERT_FILE", usual)
    read_from: list[str] = []
    monkeypatch.setattr(exchange, "run", lambda *_: read_from.append(os.environ["SSL_CERT_FILE"]))
    assert main(("exchange", "--mirror")) == main(("exchange",)) == 0
    assert read_from == [usual, os.devnull]
    assert ssl.create_default_context().get_ca_certs() == []
