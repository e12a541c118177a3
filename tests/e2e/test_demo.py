"""The installed program as a person meets it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.desk.child import ChildExchange
from tests.desks import book_is_shown, children_of, desks, gone, only_desk, program
from tests.patience import LIMIT_S

pytestmark = pytest.mark.e2e


def test_with_errors_in_a_file_the_screen_is_in_the_terminal(screen, tmp_path):
    with (tmp_path / "errors").open("wb") as errors:
        terminal = screen("demo", "--seed", "3", errors=errors)
        terminal.until(book_is_shown)
        terminal.press("\x11")
        assert terminal.ended() == 0
    assert (tmp_path / "errors").read_bytes() == b""


def test_a_terminal_without_unicode_shows_the_same_in_ascii(screen):
    terminal = screen("demo", "--seed", "3", PYTHONIOENCODING="ascii")
    text = terminal.until(book_is_shown)
    assert text.isascii()
    assert "????????USDT" in text
    terminal.press("\x11")
    assert terminal.ended() == 0


def test_look_place_see_cancel_and_leave(screen, environment):
    terminal = screen("demo", "--seed", "3")
    text = terminal.until(book_is_shown)
    assert "DEMO" in text
    assert "ARMED" in text
    terminal.press("]" * 8)
    terminal.press("J" * 2)
    terminal.press("b")
    terminal.press("\r")
    row = r"(\S) BTCUSDT\s+buy\s+[\d,]+\.\d\d\s+0\.\d+"
    shown = terminal.until(lambda text: re.search(row, text))
    working = re.search(row, shown)
    terminal.press("C")
    terminal.until(lambda text: (now := re.search(row, text)) and working and now[1] != working[1])
    terminal.press("\x11")
    assert terminal.ended() == 0
    assert "Traceback" not in terminal.raw.decode("utf-8", "replace")
    outside = [path for path in Path(environment["HOME"]).iterdir() if path.name not in ("config", "data", "state")]
    assert outside == []


def test_the_exchange_ends_with_a_killed_desk(screen, environment):
    terminal = screen("demo")
    terminal.until(book_is_shown)
    desk = only_desk(environment)["pid"]
    (child,) = children_of(desk)
    os.kill(desk, signal.SIGKILL)
    gone(child)


def test_the_demo_ends_whole_with_its_last_screen(screen, environment):
    terminal = screen("demo")
    terminal.until(book_is_shown)
    desk = only_desk(environment)["pid"]
    (child,) = children_of(desk)
    terminal.press("\x11")
    assert terminal.ended() == 0
    gone(desk)
    gone(child)


def test_an_exchange_that_breaks_down_is_told(screen, environment):
    terminal = screen("demo")
    terminal.until(book_is_shown)
    (child,) = children_of(only_desk(environment)["pid"])
    os.kill(child, signal.SIGKILL)
    terminal.until(lambda text: "embedded exchange has ended" in text)
    terminal.press("\x11")
    assert terminal.ended() == 1
    assert "embedded exchange has ended" in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_gives_the_terminal_back(screen, number):
    terminal = screen("demo")
    terminal.until(book_is_shown)
    os.kill(terminal.process.pid, number)
    assert terminal.ended() == 128 + number
    assert b"\x1b[?1049l" in terminal.raw
    assert b"Traceback" not in terminal.raw


def test_a_tiny_terminal_is_told_and_can_grow(screen):
    terminal = screen("demo", columns=30, rows=8)
    terminal.until(lambda text: text.strip())
    assert terminal.process.poll() is None
    terminal.resize(120, 40)
    terminal.until(book_is_shown)
    terminal.press("\x11")
    assert terminal.ended() == 0


def sentence(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("mexc-tui: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_frames_without_a_terminal(environment):
    done = python(environment, "-m", "mexc_tui", "demo", "--frames", "20")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_pair_that_is_not_traded(environment):
    words = sentence(program(environment, "demo", "--frames", "5", "--symbol", "btcusd"), 2)
    assert "BTCUSD is not traded here" in words
    assert "BTCUSDT" in words


def test_a_malformed_config(environment, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[limits]\n\nmax_ordr_value = 3\n")
    words = sentence(program(environment, "demo", "--frames", "5", MEXC_TUI_CONFIG=str(path)), 2)
    assert f"{path}, line 3" in words
    assert "did you mean `max_order_value`?" in words


def test_an_unwritable_state_folder(environment, tmp_path):
    (tmp_path / "file").write_text("")
    words = sentence(program(environment, "demo", "--frames", "5", XDG_STATE_HOME=str(tmp_path / "file")), 2)
    assert "cannot be made" in words
    assert "nothing was started" in words


@pytest.mark.parametrize("content", ["", "not json\n", '{"type":"x"}\n', '{"t":1'])
def test_a_replay_that_cannot_be_played(environment, tmp_path, content):
    tape = tmp_path / "tape.jsonl"
    tape.write_text(content)
    assert "tape.jsonl" in sentence(program(environment, "demo", "--frames", "5", "--replay", str(tape)), 2)


def test_a_port_in_use(environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = sentence(program(environment, "exchange", "--port", str(taken.getsockname()[1])), 2)
    assert "in use" in words


def test_an_exchange_that_is_not_there(screen):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    terminal = screen(MEXC_BASE_URL=f"http://127.0.0.1:{port}", MEXC_WS_URL=f"ws://127.0.0.1:{port}/ws")
    assert terminal.ended() == 3
    assert "cannot be reached" in terminal.text
    assert "mexc-tui demo" in " ".join(terminal.text.split())


def test_a_terminal_that_cannot_place_a_cursor(screen):
    terminal = screen("demo", TERM="dumb")
    assert terminal.ended() == 2
    assert "TERM" in terminal.text


def test_a_recorded_market(environment, tapes):
    tape = tapes / "four-perps-2021-07-22.jsonl"
    done = python(environment, "-m", "mexc_tui", "demo", "--frames", "40", "--replay", str(tape))
    assert done.returncode == 0, done.stderr


def test_a_crash_of_the_screen_shows_no_traceback_and_no_values(environment, tmp_path):
    script = tmp_path / "crash.py"
    script.write_text(
        "import sys\n"
        "from mexc_tui.ui.app import CockpitApp\n"
        "def broken(self):\n"
        "    secret_of_the_day = 'hush'\n"
        "    raise ZeroDivisionError('inside')\n"
        "CockpitApp._tick = broken\n"
        "from mexc_tui.cli.main import main\n"
        "sys.exit(main(['demo', '--frames', '5']))\n"
    )
    done = python(environment, str(script))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "internal error (ZeroDivisionError)" in done.stderr
    assert "hush" not in done.stderr + done.stdout


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """An exchange of this machine that no desk owns: its addresses, and the keys of an account."""
    child = ChildExchange()
    try:
        at = child.ready()
        yield {
            "MEXC_BASE_URL": at.rest,
            "MEXC_WS_URL": at.ws,
            "MEXC_API_KEY": at.api_key,
            "MEXC_SECRET_KEY": at.api_secret,
        }
    finally:
        child.close()


def test_two_terminals_on_one_account_share_its_desk(screen, environment, exchange):
    first, second = screen(**exchange), screen(**exchange)
    assert "LOCKED" in first.until(book_is_shown)
    assert "LOCKED" in second.until(book_is_shown)
    first.press("a")
    second.until(lambda text: "ARMED" in text)
    assert [desk["screens"] for desk in desks({**environment, **exchange})] == [2]


def test_without_keys_a_desk_of_its_own_only_watches(screen, environment, exchange):
    assert program(environment, "desk", "start", **exchange).returncode == 0
    addresses = {name: text for name, text in exchange.items() if name.endswith("_URL")}
    assert "WATCH ONLY" in screen(**addresses).until(book_is_shown)
    assert sorted(desk["screens"] for desk in desks({**environment, **exchange})) == [0, 1]
