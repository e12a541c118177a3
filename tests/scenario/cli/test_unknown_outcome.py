"""An order of which nobody can say what became of it: exit code 4, sent once, found again afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.cli import acting, placing
from mexc_tui.cli.main import main
from mexc_tui.desk.child import Addresses, ChildExchange
from tests.patience import LIMIT_S

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]
SCRIPT = Path(__file__).with_name("speechless_desk.py")


@pytest.fixture
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "1", "--faults", "missing_push:p=1"])
    try:
        yield child.ready()
    finally:
        child.close()


@pytest.fixture
def speechless(call: Call) -> Iterator[Callable[[str], None]]:
    """Start a desk that learns nothing any more once this call was made."""
    started: list[subprocess.Popen[bytes]] = []

    def start(begins: str) -> None:
        process = subprocess.Popen([sys.executable, str(SCRIPT), begins], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert b'"ready":true' in process.stdout.readline()

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=LIMIT_S)


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Wait only so long for an outcome that will not come; what the desk has of it is there much earlier."""

    def hurry() -> None:
        monkeypatch.setattr(placing, "OUTCOME_LIMIT_S", 2.0)
        monkeypatch.setattr(acting, "OUTCOME_LIMIT_S", 2.0)

    return hurry


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[[], None]:
    """End the desk; the next one is waited for as long as usual, although pushes do not come."""

    def stop() -> None:
        assert main(["desk", "stop"]) == 0
        monkeypatch.setattr(placing, "OUTCOME_LIMIT_S", LIMIT_S)
        monkeypatch.setattr(acting, "OUTCOME_LIMIT_S", LIMIT_S)
        capfd.readouterr()

    return stop


def test_an_order_that_nobody_can_find_is_4_and_is_found_later(call, speechless, in_a_hurry, end):
    speechless("place_order")
    in_a_hurry()
    code, (row,), said = call("buy", "BTCUSDT", "$20", "--at", "60000")
    assert (code, row["state"], row["order_id"]) == (4, "unknown", None)
    assert row["client_order_id"] in said
    assert "may be live" in said
    end()
    code, (found,), _ = call("orders")
    assert found["client_order_id"] == row["client_order_id"]
    code, (gone,), _ = call("cancel", row["client_order_id"])
    assert (code, gone["outcome"]) == (0, "cancelled")


def test_the_next_order_settles_what_was_left_unknown_and_sends_nothing_again(call, speechless, in_a_hurry, end):
    speechless("place_order")
    in_a_hurry()
    assert call("buy", "BTCUSDT", "$20", "--at", "60000")[0] == 4
    end()
    code, (second,), _ = call("buy", "BTCUSDT", "$20", "--at", "59000")
    assert (code, second["state"]) == (0, "working")
    assert len(call("orders")[1]) == 2
    assert call("cancel", "--all")[0] == 0


def test_a_cancel_of_which_nothing_can_be_learnt_is_4(call, speechless, in_a_hurry, end):
    speechless("cancel_order")
    code, (placed,), _ = call("buy", "ETHUSDT", "$20", "--at", "2000")
    assert code == 0
    in_a_hurry()
    code, (row,), said = call("cancel", placed["client_order_id"])
    assert (code, row["outcome"], row["client_order_id"]) == (4, "unknown", placed["client_order_id"])
    assert "not known" in said
    end()
    assert call("orders")[:2] == (0, [])
