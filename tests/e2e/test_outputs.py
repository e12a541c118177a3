"""Commands whose output is closed or full: what they do is done all the same, and the code tells of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from mexc_tui.desk.child import ChildExchange
from tests.desks import end_desks, runtime_folder
from tests.patience import LIMIT_S

pytestmark = pytest.mark.e2e

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    home = tmp_path_factory.mktemp("home")
    child = ChildExchange(["--seed", "1"])
    with contextlib.ExitStack() as stack:
        stack.callback(child.close)
        runtime = stack.enter_context(runtime_folder())
        stack.callback(end_desks, home / "state")
        found = child.ready()
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("MEXC_")},
            "MEXC_BASE_URL": found.rest,
            "MEXC_WS_URL": found.ws,
            "MEXC_API_KEY": found.api_key,
            "MEXC_SECRET_KEY": found.api_secret,
            "MEXC_TUI_CONFIG": str(home / "config.toml"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_RUNTIME_DIR": runtime,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

        def start(
            *arguments: str, to: str = "", env: Mapping[str, str] = MappingProxyType({})
        ) -> subprocess.CompletedProcess[str]:
            command = ["/bin/sh", "-c", f'exec "$@" {to}', "sh", sys.executable, "-m", "mexc_tui", *arguments]
            return subprocess.run(
                command,
                env={**environment, **env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )

        assert start("desk", "start", "--armed").returncode == 0
        yield start


def open_orders(run: Run) -> list[str]:
    done = run("orders", "--json")
    assert done.returncode == 0
    return [json.loads(line)["client_order_id"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("to", [">&-", ">&- 2>&- <&-", ">/dev/full"])
def test_an_order_that_was_taken_is_0_and_every_named_order_is_cancelled(run, to):
    said = ""
    for price in ("60000", "59000"):
        placed = run("buy", "BTCUSDT", "$20", "--at", price, to=to)
        assert placed.returncode == 0, placed.stderr
        said += placed.stderr
    standing = open_orders(run)
    assert len(standing) == 2
    if "full" in to:
        assert all(name in said for name in standing), "what cannot be printed there is said here"
    assert run("cancel", "--all", to=to).returncode == 0
    assert open_orders(run) == []


@pytest.mark.parametrize("command", [("book", "BTCUSDT"), ("watch", "BTCUSDT", "--seconds", "20")])
def test_data_that_cannot_be_written_is_one_sentence_and_1(run, command):
    done = run(*command, to=">/dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "mexc-tui: Standard output cannot be written: No space left on device.\n",
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:surrogateescape"])
def test_an_output_that_cannot_show_a_name_gets_its_escape(run, encoding):
    (line,) = [
        line for line in run("markets", env={"PYTHONIOENCODING": encoding}).stdout.splitlines() if "u5e01" in line
    ]
    assert line.startswith("\\u5e01\\u5b89\\u4eba\\u751fUSDT ")
    done = run("watch", "币安人生USDT", "--channels", "ticker", "--seconds", "1", env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    assert "\\u5e01\\u5b89\\u4eba\\u751fUSDT     ticker  last " in done.stdout


def test_json_is_utf_8_whatever_the_output_shows(run):
    done = run("markets", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "币安人生USDT" in {json.loads(line)["symbol"] for line in done.stdout.splitlines()}


def test_closed_outputs_are_no_fault(run):
    assert run("watch", "BTCUSDT", "--seconds", "0.5", to=">&-").returncode == 0
    done = run("markets", to=">&-")
    assert (done.returncode, "internal error" in done.stderr) == (0, False)
