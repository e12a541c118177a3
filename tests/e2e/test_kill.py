"""A terminal killed with SIGKILL at any point of an order's life loses no order and sends none twice."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.domain.orders import OrderReport
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.patience import LIMIT_S

pytestmark = pytest.mark.e2e
SCRIPT = Path(__file__).with_name("headless.py")
SYMBOL = "MXUSDT"


@pytest.fixture
def exchange():
    child = ChildExchange(["--seed", "11"])
    yield child.ready()
    child.close()


def at_exchange(at: Addresses) -> dict[str, OrderReport]:
    """Everything the exchange has ever taken, by its own id."""

    async def ask() -> dict[str, OrderReport]:
        settings = MexcSettings(base_url=at.rest, ws_url=at.ws, api_key=at.api_key, api_secret=at.api_secret)
        async with MexcRest(settings) as rest:
            return {report.order_id: report for report in await rest.trading.all_orders(SYMBOL)}

    return asyncio.run(ask())


def start(at: Addresses, folder: Path, point: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), at.rest, at.ws, at.api_key, at.api_secret, point],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def recovered(at: Addresses, folder: Path) -> dict[str, list]:
    out, err = start(at, folder, "recover").communicate(timeout=LIMIT_S)
    assert out, err
    return json.loads(out)


@pytest.mark.parametrize(
    ("point", "sent", "known", "state"),
    [
        ("before-intent", 0, 0, None),
        ("after-intent", 0, 1, {"rejected"}),
        ("after-ack", 1, 1, {"working"}),
        ("working", 1, 1, {"working"}),
        ("filled", 1, 1, {"filled", "partially cancelled"}),
    ],
)
def test_killed_at(exchange, tmp_path, point, sent, known, state):
    before = at_exchange(exchange)
    victim = start(exchange, tmp_path / "desk", point)
    _, err = victim.communicate(timeout=LIMIT_S)
    assert victim.returncode == -signal.SIGKILL, err
    fresh = [report for order_id, report in at_exchange(exchange).items() if order_id not in before]
    assert len(fresh) == sent
    for _ in range(2 if point == "working" else 1):
        again = recovered(exchange, tmp_path / "desk")
        assert len(again["orders"]) == known
        assert {order["state"] for order in again["orders"]} <= (state or set())
        assert {order["id"] for order in again["orders"]} >= {report.client_order_id for report in fresh}
        assert len([order_id for order_id in at_exchange(exchange) if order_id not in before]) == sent
    if point == "filled":
        assert again["fills"]


def test_killed_after_the_order_left_and_before_any_answer(exchange, tmp_path):
    before = at_exchange(exchange)
    for fault in ({"name": "ack_lost", "p": 1.0, "count": 1, "mode": "cut"}, {"name": "missing_push", "p": 1.0}):
        admin(exchange, "POST", "/admin/faults", fault)
    victim = start(exchange, tmp_path / "desk", "wait")
    end = time.monotonic() + LIMIT_S
    while not (fresh := [report for key, report in at_exchange(exchange).items() if key not in before]):
        assert time.monotonic() < end
        assert victim.poll() is None, victim.communicate()[1]
    victim.kill()
    victim.wait()
    victim.communicate()
    admin(exchange, "DELETE", "/admin/faults", None)
    again = recovered(exchange, tmp_path / "desk")
    assert [(order["id"], order["state"]) for order in again["orders"]] == [(fresh[0].client_order_id, "working")]
    assert len(at_exchange(exchange)) == len(before) + 1


def admin(at: Addresses, method: str, path: str, body: object) -> None:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(at.rest + path, data, headers, method=method), timeout=LIMIT_S):
        pass
