"""The desk outlives its screens: attached to, left, killed and found again, by screens and by commands."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.cli.commands import desk as desk_command
from mexc_tui.desk import launch
from mexc_tui.desk.child import Addresses, ChildExchange
from tests.desks import (
    alive,
    book_is_shown,
    children_of,
    desk_pids,
    desks,
    frozen,
    gone,
    only_desk,
    program,
    rows,
)
from tests.patience import LIMIT_S, until

pytestmark = pytest.mark.e2e

ORDER = re.compile(r"● working\s+BTCUSDT\s+buy|● BTCUSDT\s+buy")


def order_is_shown(text: str) -> bool:
    return book_is_shown(text) and ORDER.search(text) is not None


@pytest.fixture(scope="module")
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "3"])
    try:
        yield child.ready()
    finally:
        child.close()


@pytest.fixture
def local(environment, exchange) -> dict[str, str]:
    """The environment of an exchange on this machine that no desk owns, without open orders."""
    found = {**environment, **addresses(exchange)}
    assert program(found, "cancel", "--all", "--direct").returncode == 0
    return found


def addresses(at: Addresses) -> dict[str, str]:
    return {
        "MEXC_BASE_URL": at.rest,
        "MEXC_WS_URL": at.ws,
        "MEXC_API_KEY": at.api_key,
        "MEXC_SECRET_KEY": at.api_secret,
    }


def exchange_of(local: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in local.items() if name.startswith("MEXC_")}


def open_orders(environment: dict[str, str]) -> list[str]:
    done = program(environment, "orders", "--json")
    assert done.returncode == 0, done.stderr
    return [row["client_order_id"] for row in rows(done)]


def at_exchange(environment: dict[str, str]) -> list[str]:
    """What the exchange itself lists, without a desk."""
    done = program(environment, "orders", "--direct", "--json")
    assert done.returncode == 0, done.stderr
    return [row["client_order_id"] for row in rows(done)]


# --- screens


def test_a_killed_screen_leaves_the_desk_with_its_orders_and_says_what_was_missed(screen, environment):
    first = screen("demo", "--seed", "3")
    first.until(book_is_shown)
    for keys in ("]" * 8, "JJ", "b", "\r"):
        first.press(keys)
    first.until(order_is_shown)
    desk = only_desk(environment)
    assert (desk["screens"], desk["open_orders"]) == (1, 1)
    first.process.kill()
    first.ended()
    until(lambda: only_desk(environment)["screens"] == 0)
    assert program(environment, "buy", "ETHUSDT", "$30", "--market").returncode == 0
    again = screen("demo", "--seed", "3")
    # The notice is there before anything else, and gives way to what happens next.
    again.until(lambda text: re.search(r"since the last screen left, [1-9] of them a? ?fills?: F8 shows them", text))
    again.until(order_is_shown)
    assert only_desk(environment)["pid"] == desk["pid"]
    again.press("\x11")
    assert again.ended() == 0
    gone(desk["pid"])
    assert desks(environment) == []


def test_a_lost_terminal_ends_the_screen_and_not_the_desk(screen, environment):
    first = screen("demo")
    first.until(book_is_shown)
    first.hang_up()
    assert first.ended() == 128 + signal.SIGHUP
    desk = only_desk(environment)
    assert desk["screens"] == 0
    screen("attach").until(book_is_shown)
    assert only_desk(environment)["screens"] == 1
    assert program(environment, "desk", "stop").returncode == 0
    journals = list(Path(environment["XDG_STATE_HOME"]).rglob("journal.db*"))
    assert [path.name for path in journals] == ["journal.db"], "the journal was not closed"


def test_two_screens_each_look_at_their_own_pair_and_leaving_one_asks_nothing(screen, environment):
    first = screen("demo")
    first.until(book_is_shown)
    second = screen("attach", "--symbol", "ETHUSDT", columns=80, rows=24)
    second.until(lambda text: "LADDER ETHUSDT" in text and "exact" in text)
    assert "LADDER BTCUSDT" in first.text
    first.press("\x11")
    assert first.ended() == 0
    desk = only_desk(environment)
    assert desk["screens"] == 1
    second.press("\x11")
    assert second.ended() == 0
    gone(desk["pid"])


def test_a_screen_that_may_only_look_trades_nothing_and_stops_nothing(screen, environment):
    first = screen("demo", "--role", "view")
    text = first.until(lambda text: book_is_shown(text) and "VIEW" in text)
    assert "ARMED" not in text
    for keys in ("b", "B", "\r", "C", "F", "!", "a", "x"):
        first.press(keys)
        first.until(lambda text: "this screen can only look" in text)
    first.press(":halt\r")
    first.until(lambda text: "this screen can only look" in text)
    assert only_desk(environment)["state"] == "active"
    first.press("\x11")
    assert first.ended() == 0
    assert alive(only_desk(environment)["pid"])


def test_leaving_the_only_screen_asks_and_keeps_the_desk_with_its_order(screen, local):
    first = screen(**exchange_of(local))
    first.until(book_is_shown)
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 1, "the ticket is locked"
    first.press("a")
    first.until(lambda text: "ARMED" in text)
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    first.press("\x11")
    text = first.until(lambda text: "what becomes of the desk?" in text)
    assert "1 order is working" in text
    first.press("\x1b")
    first.until(lambda text: "what becomes of the desk?" not in text)
    first.press("\x11")
    first.until(lambda text: "what becomes of the desk?" in text)
    assert first.answer("k") == 0
    assert "goes on with 1 working order" in " ".join(first.text.split())
    desk = only_desk(local)
    assert (desk["open_orders"], desk["screens"]) == (1, 0)


def test_stopping_the_desk_from_its_only_screen_leaves_its_order_at_the_exchange(screen, local):
    assert program(local, "desk", "start", "--armed").returncode == 0
    pid = only_desk(local)["pid"]
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    terminal = screen("attach", **exchange_of(local))
    terminal.until(book_is_shown)
    terminal.press("\x11")
    terminal.until(lambda text: "what becomes of the desk?" in text)
    assert terminal.answer("s") == 0
    gone(pid)
    assert len(at_exchange(local)) == 1, "a working order stays at the exchange"


def test_the_setting_answers_for_you(screen, local, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[desk]\non_quit = "stop"\n')
    first = screen(**exchange_of(local), MEXC_TUI_CONFIG=str(path))
    first.until(book_is_shown)
    pid = only_desk(local)["pid"]
    first.press("\x11")
    assert first.ended() == 0
    gone(pid)


def test_a_desk_that_dies_is_told_and_found_again(screen, local):
    assert program(local, "desk", "start", "--armed").returncode == 0
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    first = screen("attach", **exchange_of(local))
    first.until(book_is_shown)
    os.kill(only_desk(local)["pid"], signal.SIGKILL)
    text = first.until(lambda text: "NO DESK" in text)
    assert "exchange" in text
    assert "mexc-tui starts it again" in text
    assert program(local, "desk", "start").returncode == 0
    first.until(lambda text: "was killed" in text)
    first.until(order_is_shown)
    assert only_desk(local)["open_orders"] == 1


def test_a_desk_that_does_not_answer_a_command_is_told_on_the_screen(screen, environment):
    first = screen("demo")
    first.until(book_is_shown)
    pid = only_desk(environment)["pid"]
    with frozen(pid):
        first.press("!")
        first.until(lambda text: "The desk has not answered" in text)
    first.until(lambda text: "HALTED" in text)


def test_a_desk_that_is_stopped_says_who_did_it(screen, environment):
    first = screen("demo")
    first.until(book_is_shown)
    assert program(environment, "desk", "stop").returncode == 0
    first.until(lambda text: "NO DESK" in text and "stopped" in text)
    first.press("\x11")
    first.until(lambda text: "the next start finds the orders again" in " ".join(text.split()))
    assert first.ended() == 1


def test_a_screen_that_may_only_look_says_that_the_desk_it_started_goes_on(screen, local):
    unlisted = screen("--role", "view", "--symbol", "NOPEUSDT", **exchange_of(local))
    assert unlisted.ended() == 2
    assert "nothing was started" in unlisted.text
    assert not desk_pids(local["XDG_STATE_HOME"])
    terminal = screen("--role", "view", **exchange_of(local))
    terminal.until(book_is_shown)
    terminal.press("\x11")
    assert terminal.ended() == 0
    assert "goes on" in terminal.text


# --- killed at random moments


@pytest.mark.parametrize("seed", range(2))
def test_screens_killed_at_random_moments_take_nothing_with_them(screen, environment, seed):
    chance = random.Random(seed)
    assert program(environment, "desk", "start", "--demo").returncode == 0
    desk = only_desk(environment)
    terminals = [screen("attach") for _ in range(4)]
    for terminal in terminals:
        terminal.read(chance.uniform(0.0, 0.8))
        terminal.press("JJb\r")
        terminal.read(chance.uniform(0.0, 0.3))
        terminal.process.kill()
        terminal.ended()
    now = until(lambda: (found := only_desk(environment))["screens"] == 0 and found)
    assert now["pid"] == desk["pid"]
    assert (now["state"], now["unknown"], now["ready"]) == ("active", 0, True)
    assert len(open_orders(environment)) == now["open_orders"]


@pytest.mark.parametrize("seed", range(3))
def test_a_desk_killed_at_random_moments_finds_every_order_again_and_sends_none_twice(local, seed):
    chance = random.Random(seed)
    assert program(local, "desk", "start", "--armed").returncode == 0
    (pid,) = desk_pids(local["XDG_STATE_HOME"])
    command = [sys.executable, "-m", "mexc_tui", "buy", "BTCUSDT", "$20", "--at", "60000", "--json"]
    placing = subprocess.Popen(command, env=local, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with contextlib.suppress(subprocess.TimeoutExpired):
        placing.wait(chance.uniform(0.2, 0.9))
    os.kill(pid, signal.SIGKILL)
    placing.communicate(timeout=LIMIT_S)
    assert placing.returncode in (0, 1, 4)
    assert program(local, "desk", "start", "--armed").returncode == 0
    known = until(lambda: (found := only_desk(local))["ready"] and not found["unknown"] and found)
    there = at_exchange(local)
    assert known["open_orders"] == len(there)
    assert len(there) in ((1,) if placing.returncode == 0 else (0, 1))
    assert len(open_orders(local)) == len(there)


# --- one desk for each account


def test_of_two_starters_both_get_the_same_desk(environment):
    commands = [[sys.executable, "-m", "mexc_tui", "desk", "start", "--demo"] for _ in range(3)]
    started = [subprocess.Popen(one, env=environment, stdout=subprocess.PIPE, text=True) for one in commands]
    said = [process.communicate(timeout=LIMIT_S)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len({re.search(r"process (\d+)", text).group(1) for text in said}) == 1  # type: ignore[union-attr]
    assert only_desk(environment)["kind"] == "demo"


def test_a_command_of_the_moment_leaves_no_desk_behind(local):
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    assert len(open_orders(local)) == 1
    assert program(local, "cancel", "--all").returncode == 0
    until(lambda: not desk_pids(local["XDG_STATE_HOME"]))


def test_a_desk_of_the_moment_is_kept_by_whoever_starts_one(local):
    """It would end three seconds after the command that it was made for."""
    assert program(local, "status").returncode == 0
    started = program(local, "desk", "start")
    assert "ran already" in started.stdout, started.stderr
    assert "It is locked" in started.stdout
    kept = only_desk(local)
    assert (kept["armed"], kept["stays"]) == (False, True)
    refused = program(local, "buy", "BTCUSDT", "$20", "--at", "60000")
    assert refused.returncode == 1
    assert "desk start --armed" in refused.stdout
    assert "locked" not in program(local, "desk", "start", "--armed").stdout
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    assert only_desk(local)["pid"] == kept["pid"]


def test_status_waits_for_the_value_of_what_is_held(local):
    assert program(local, "buy", "ETHUSDT", "$50", "--market").returncode == 0
    until(lambda: not desk_pids(local["XDG_STATE_HOME"]))
    (row,) = rows(program(local, "status", "--json"))
    assert row["equity"] is not None


def test_a_desk_that_was_frozen_ends_when_it_was_told_to(local):
    assert program(local, "desk", "start").returncode == 0
    pid = only_desk(local)["pid"]
    with frozen(pid):
        os.kill(pid, signal.SIGTERM)
    gone(pid)


def test_a_signal_halts_a_desk_without_any_client_and_the_journal_knows_it_was_one(local):
    assert program(local, "desk", "start", "--armed").returncode == 0
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 0
    os.kill(only_desk(local)["pid"], signal.SIGUSR1)
    until(lambda: (only_desk(local)["state"], only_desk(local)["open_orders"]) == ("halted", 0))
    assert "USR1" in only_desk(local)["reason"]
    assert program(local, "buy", "BTCUSDT", "$20", "--at", "60000").returncode == 1
    assert open_orders(local) == []


def test_a_desk_that_does_not_answer_is_told_with_what_to_do(local, monkeypatch):
    assert program(local, "desk", "start").returncode == 0
    pid = only_desk(local)["pid"]
    for name in ("ANSWER_LIMIT_S", "END_LIMIT_S"):
        monkeypatch.setattr(launch, name, 0.2)
    monkeypatch.setattr(desk_command, "ENDING_S", 0.1)
    with frozen(pid):
        done, listed, stopped = (program(local, *words) for words in (("halt",), ("desk", "status"), ("desk", "stop")))
    assert done.returncode == 4
    assert f"process {pid}) runs and does not answer." in done.stderr
    assert "as soon as it goes on" in done.stderr
    assert "is starting" not in done.stderr.splitlines()[-1]
    assert max(map(len, listed.stdout.splitlines())) < 120
    assert "no answer" in listed.stdout
    assert "does not answer" in listed.stderr
    assert stopped.returncode == 1
    assert f"kill -9 {pid}" in stopped.stdout
    gone(pid)


def test_a_mistake_in_the_settings_stands_before_no_halt_and_no_stop(environment, tmp_path):
    assert program(environment, "desk", "start", "--demo").returncode == 0
    path = tmp_path / "bad.toml"
    path.write_text('[desk]\non_quit = "maybe"\n')
    bad = {"MEXC_TUI_CONFIG": str(path)}
    for arguments in (("halt",), ("cancel", "--all"), ("status", "--desk", "demo"), ("desk", "logs"), ("desk", "stop")):
        done = program(environment, *arguments, **bad)
        assert done.returncode == 0, done.stderr
        assert ("on_quit" in done.stderr) is ("--desk" not in arguments)
    assert program(environment, "halt", **bad).returncode == 2


def test_a_command_that_could_mean_several_desks_names_them(environment):
    for options in ((), ("--seed", "5")):
        assert program(environment, "desk", "start", "--demo", *options).returncode == 0
    refused = program(environment, "halt")
    assert refused.returncode == 2
    assert "demo, demo-seed-5" in refused.stderr
    assert program(environment, "halt", "--desk", "demo-seed-5").returncode == 0
    assert {desk["name"]: desk["state"] for desk in desks(environment)} == {"demo": "active", "demo-seed-5": "halted"}
    assert "No desk 'nope' runs" in program(environment, "status", "--desk", "nope").stderr
    stopped = program(environment, "desk", "stop", "--all")
    assert stopped.returncode == 0
    assert stopped.stdout.count("has ended") == 2
    assert desks(environment) == []


def test_the_only_desk_is_taken_and_named(environment):
    assert program(environment, "desk", "start", "--demo").returncode == 0
    done = program(environment, "status", "--json")
    assert done.returncode == 0
    assert rows(done)[0]["desk"] == "demo"
    assert "through the desk demo" in done.stderr
    assert only_desk(environment)["stays"] is True


# --- a desk that cannot be


def test_a_desk_that_cannot_start_says_why(environment, local, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = {"MEXC_BASE_URL": f"http://127.0.0.1:{port}", "MEXC_WS_URL": f"ws://127.0.0.1:{port}/ws"}
    done = program(environment, "desk", "start", **away)
    (why,) = (line for line in done.stderr.splitlines() if not line.endswith("is starting"))
    assert (done.returncode, "cannot be reached" in why) == (3, True)
    bad = tmp_path / "bad.toml"
    bad.write_text("[desk]\non_quit = 3\n")
    assert program(environment, "desk", "start", "--demo", MEXC_TUI_CONFIG=str(bad)).returncode == 2
    assert desks(environment) == []


def test_what_a_killed_desk_left_behind_hinders_nobody(environment):
    assert program(environment, "desk", "start", "--demo").returncode == 0
    desk = only_desk(environment)
    children = children_of(desk["pid"])
    os.kill(desk["pid"], signal.SIGKILL)
    gone(desk["pid"])
    assert desks(environment) == []
    for child in children:
        gone(child)
    assert program(environment, "desk", "start", "--demo").returncode == 0
    assert only_desk(environment)["pid"] != desk["pid"]


def test_a_desk_is_found_again_when_the_runtime_folder_of_its_login_is_gone(environment):
    """It goes with the last session of a user, and comes back empty with the next one; the desk lives on."""
    assert program(environment, "desk", "start", "--demo").returncode == 0
    desk, runtime = only_desk(environment), Path(environment["XDG_RUNTIME_DIR"])
    shutil.rmtree(runtime)
    until(lambda: only_desk(environment)["problem"] == "", "the desk cannot be reached")
    runtime.mkdir(0o700)
    for path in (Path(environment["XDG_STATE_HOME"]) / "mexc-tui" / "desks").glob("*.json"):
        path.unlink()
    until(lambda: desks(environment), "the desk cannot be found")
    found = only_desk(environment)
    assert (found["pid"], found["problem"]) == (desk["pid"], "")
    done = program(environment, "desk", "start", "--demo")
    assert "ran already" in done.stdout


def test_a_desk_of_another_version_is_named_and_can_be_stopped(environment, tmp_path):
    script = (
        "import sys; from mexc_tui.desk import protocol, server; from mexc_tui.config import program\n"
        "protocol.PROTOCOL = server.PROTOCOL = 99\n"
        "from mexc_tui.cli.main import main; sys.exit(main(['desk', 'run', '--demo']))"
    )
    other = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert b'"ready":true' in other.stdout.readline()
    refused = program(environment, "status")
    assert refused.returncode == 1
    assert "protocol 99" in refused.stderr
    assert "mexc-tui desk stop demo" in refused.stderr
    assert "protocol 99" in only_desk(environment)["problem"]
    assert program(environment, "desk", "stop", "demo").returncode == 0
    assert other.wait(timeout=LIMIT_S) == 0
    assert program(environment, "demo", "--frames", "2").returncode == 0


def test_a_socket_folder_that_others_may_enter_is_not_used(environment):
    folder = Path(environment["XDG_RUNTIME_DIR"]) / "mexc-tui"
    folder.mkdir()
    folder.chmod(0o777)
    done = program(environment, "desk", "start", "--demo")
    assert done.returncode == 2
    assert "can be entered by others" in done.stderr


# --- the desk command


def test_the_unit_runs_this_program(environment):
    done = program(environment, "desk", "unit", "--demo", "--seed", "5")
    assert done.returncode == 0
    (start,) = [line for line in done.stdout.splitlines() if line.startswith("ExecStart=")]
    assert start.endswith("desk run --demo --seed 5")
    assert "EnvironmentFile=" in done.stdout
    odd = program(environment, "desk", "unit", "--demo", "--replay", "/a b/100%$x'y.gz").stdout
    assert '--replay "/a b/100%%$$x\'y.gz"\n' in odd


def test_a_desk_belongs_to_no_terminal_and_keeps_its_files_to_itself(screen, environment):
    terminal = screen("demo")
    terminal.until(book_is_shown)
    pid = only_desk(environment)["pid"]
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGHUP)
    assert only_desk(environment)["pid"] == pid
    state = Path(environment["XDG_STATE_HOME"]) / "mexc-tui"
    for path in (*(state / "desks").iterdir(), *(state / "log").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    (listening,) = Path(environment["XDG_RUNTIME_DIR"]).rglob("*.sock")
    assert listening.stat().st_mode & 0o077 == 0
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"mx0" not in arguments
    assert program(environment, "desk", "logs").returncode == 0
