"""Commands as processes: signals, pipes that close, and a recorder that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.desk.child import ChildExchange
from tests.patience import LIMIT_S, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home = tmp_path_factory.mktemp("home")
    child = ChildExchange(["--seed", "1"])
    try:
        found = child.ready()
        yield {
            **{name: text for name, text in os.environ.items() if not name.startswith(("MEXC_", "COLUMNS", "LINES"))},
            "MEXC_BASE_URL": found.rest,
            "MEXC_WS_URL": found.ws,
            "MEXC_TUI_CONFIG": str(home / "config.toml"),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
    finally:
        child.close()


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mexc_tui", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_watching_in_order(environment, number, code):
    process = start(environment, "watch", "BTCUSDT", "--json")
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while '"live"' not in lines[-1]:
        lines.append(process.stdout.readline())
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code
    rows = [json.loads(line) for line in [*lines, *out.splitlines()]]
    assert rows[-1] == {"type": "link", "state": "closed", "reason": ""}
    assert err == ""


def test_a_reader_that_goes_away_ends_it_quietly(environment):
    process = start(environment, "watch", "BTCUSDT")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=LIMIT_S) == 141
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize(("name", "size"), [("killed.tape", 12_000), ("killed.tape.gz", 3_000)])
def test_what_a_killed_recorder_wrote_can_be_replayed(environment, tmp_path, name, size):
    path = tmp_path / name
    process = start(environment, "record", "BTCUSDT", str(path))
    until(lambda: process.poll() is not None or (path.exists() and path.stat().st_size > size))
    assert process.poll() is None
    process.kill()
    process.wait()
    served = ChildExchange(["--replay", str(path), "--speed", "max"])
    try:
        addresses = served.ready()
        there = {**environment, "MEXC_BASE_URL": addresses.rest, "MEXC_WS_URL": addresses.ws}
        watcher = start(there, "watch", "BTCUSDT", "--json")
        assert watcher.stdout is not None
        while '"live"' not in (line := watcher.stdout.readline()):
            assert line
        assert json.loads(line)["bids"]
        watcher.terminate()
        watcher.communicate(timeout=LIMIT_S)
    finally:
        served.close()


def test_help_needs_nothing_heavy(environment):
    code = "import sys; from mexc_tui.cli.main import build_parser; build_parser(); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert not loaded & {"textual", "aiohttp", "google.protobuf", "rich", "mexc_tui.kernel.desk", "sqlite3"}


def test_doctor_shows_keys_as_they_arrive_and_gives_the_terminal_back(environment, screen):
    terminal = screen("doctor", "--keys", TERM="xterm-256color", LC_ALL="C.UTF-8")
    terminal.until(lambda text: "Press any key" in text)
    terminal.press("\x1b[A")
    terminal.until(lambda text: "up" in text and "1b 5b 41" in text)
    terminal.press("\x1b")
    terminal.until(lambda text: "escape" in text)
    terminal.press("\x03")
    terminal.until(lambda text: "ctrl+c" in text)
    terminal.press("\x03")
    assert terminal.ended() == 0


def test_doctor_copes_with_a_terminal_that_answers_nothing(environment, screen):
    terminal = screen("doctor", TERM="xterm-256color", LC_ALL="C.UTF-8")
    assert terminal.ended() == 0
    assert "120 columns, 40 rows" in terminal.text
    assert "warn  frames" in terminal.text
