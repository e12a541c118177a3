"""``mexc-tui exchange`` as a process: what it prints, when it ends, and how it fails."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import LIMIT_S, until

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-m", "mexc_tui", "exchange"]


class Running:
    """A started exchange and its one line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--json", "--until-stdin-closes", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said: dict[str, str] = json.loads(self.process.stdout.readline())

    def public(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.said['rest']}{path}", timeout=LIMIT_S) as answer:
            return json.loads(answer.read())

    def signed(self, method: str, path: str, query: str = "") -> Any:
        text = f"{query}&timestamp={time.time_ns() // 1_000_000}".removeprefix("&")
        proof = hmac.new(self.said["api_secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"{self.said['rest']}/api/v3/{path}?{text}&signature={proof}",
            method=method,
            headers={"X-MEXC-APIKEY": self.said["api_key"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return json.loads(answer.read())

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, out, err


@pytest.fixture
def running() -> Iterator[list[Running]]:
    started: list[Running] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_one_line_then_service_until_stdin_closes(running: list[Running]) -> None:
    exchange = Running("--seed", "5")
    running.append(exchange)
    assert exchange.said.keys() == {"rest", "ws", "api_key", "api_secret"}
    assert exchange.said["rest"].startswith("http://127.0.0.1:")
    assert exchange.said["ws"].startswith("ws://127.0.0.1:")
    assert exchange.said["api_key"].startswith("mx0")
    assert len(exchange.public("/api/v3/defaultSymbols")["data"]) >= 5
    assert exchange.signed("GET", "account")["balances"]
    assert exchange.end() == (0, "", "")
    again = Running("--seed", "5")
    running.append(again)
    assert again.said["api_key"] == exchange.said["api_key"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(running: list[Running], number: int) -> None:
    exchange = Running()
    running.append(exchange)
    exchange.process.send_signal(number)
    assert exchange.process.wait(LIMIT_S) == 0
    assert exchange.end() == (0, "", "")


def test_state_survives_a_kill(running: list[Running], tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    first = Running("--state", str(file))
    running.append(first)
    bid = first.public("/api/v3/depth?symbol=MXUSDT&limit=5")["bids"][0][0]
    price = f"{float(bid) * 0.93:.4f}"
    order = first.signed("POST", "order", f"symbol=MXUSDT&side=BUY&type=LIMIT&quantity=10&price={price}")
    first.process.kill()
    first.process.wait(LIMIT_S)
    second = Running("--state", str(file))
    running.append(second)
    assert second.said["api_key"] == first.said["api_key"]
    assert [row["orderId"] for row in second.signed("GET", "openOrders")] == [order["orderId"]]
    kept = list(tmp_path.iterdir())
    assert file in kept
    assert {entry.stat().st_mode & 0o077 for entry in kept} == {0}


def refused(*arguments: str) -> str:
    ended = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip()


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refused("--port", port)
    assert port in told
    assert "in use" in told
    assert "\n" not in told


@pytest.mark.parametrize("content", [None, "", "not json\n", '{"kind":"depth_snapshot"}\n'])
def test_recordings_that_cannot_be_played(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "tape.jsonl"
    if content is not None:
        file.write_text(content)
    told = refused("--port", "0", "--replay", str(file))
    assert str(file) in told
    assert "\n" not in told


def test_a_state_file_that_cannot_be_used(tmp_path: Path) -> None:
    assert "cannot be" in refused("--port", "0", "--state", str(tmp_path / "no" / "folder" / "state.json"))
    damaged = tmp_path / "state.json"
    damaged.write_text('{"format": 1')
    told = refused("--port", "0", "--state", str(damaged))
    assert str(damaged) in told
    assert damaged.read_text() == '{"format": 1'


@pytest.mark.parametrize(
    "arguments",
    [("--port", "70000"), ("--speed", "0"), ("--speed", "quick"), ("--faults", "gremlins"), ("--port", "x")],
)
def test_bad_usage(arguments: tuple[str, str]) -> None:
    assert refused("--port", "0", *arguments)


def test_a_recording_starts_when_its_book_is_asked_for(running: list[Running], tapes: Path) -> None:
    exchange = Running("--replay", str(tapes / "four-perps-2021-07-22.jsonl"), "--speed", "10")
    running.append(exchange)
    symbols = exchange.public("/api/v3/defaultSymbols")["data"]
    assert len(symbols) == 4
    until(lambda: all(exchange.public(f"/api/v3/depth?symbol={symbol}&limit=5")["bids"] for symbol in symbols))


def test_the_end_of_a_recording_is_said_once(running: list[Running], tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    book = {"kind": "depth_snapshot", "symbol": "ABCUSDT", "lastUpdateId": 7}
    tape.write_text(json.dumps({"t": 1_000, **book, "bids": [["1.0", "5"]], "asks": [["1.1", "5"]]}) + "\n")
    exchange = Running("--replay", str(tape))
    running.append(exchange)
    exchange.public("/api/v3/depth?symbol=ABCUSDT&limit=5")
    assert exchange.process.stdout is not None
    said = json.loads(exchange.process.stdout.readline())
    assert "recording is over" in said["notice"]
    assert exchange.public("/api/v3/depth?symbol=ABCUSDT&limit=5")["bids"]
