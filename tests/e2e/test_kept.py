"""Killed the moment it has acknowledged something: the exchange knows it when it comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mexc_tui import MexcExchange
from mexc_tui.domain.orders import OrderState

pytestmark = pytest.mark.e2e


@pytest.fixture
def exchange(environment) -> Iterator[Callable[..., Any]]:
    """Start an exchange and return its process with what it said."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **more: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
        command = [sys.executable, "-m", "mexc_tui", "exchange", "--port", "0", "--json", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**environment, **more})
        started.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(params=["model", "mirror"])
def kept(request, exchange, tmp_path: Path) -> Callable[[], Any]:
    """Start the same exchange with a state file again and again."""
    arguments, addresses = ["--state", str(tmp_path / "account.json")], {}
    if request.param == "mirror":
        _, there = exchange("--seed", "1")
        addresses = {"MEXC_BASE_URL": there["rest"], "MEXC_WS_URL": there["ws"]}
        arguments += ["--mirror", "--delay-ms", "0"]
    return lambda: exchange(*arguments, **addresses)


async def trade_and_kill(process: subprocess.Popen[bytes], at: dict[str, str]) -> tuple[str, str, Any, Any]:
    client = MexcExchange(at["api_key"], at["api_secret"], base_url=at["rest"], ws_url=at["ws"])
    async with client.session(["MXUSDT"], ungated=True) as mexc:
        taken = await mexc.place_market_order("MXUSDT", "BUY", quote_qty="50")
        await mexc.wait_finished(taken.order_id)
        fills = await mexc.rest.trading.my_trades("MXUSDT")
        gone = await mexc.place_limit_order("MXUSDT", "BUY", "20", "1.5")
        await mexc.cancel_order("MXUSDT", order_id=gone.order_id)
        held = await mexc.rest.account.balances()
        stands = await mexc.place_limit_order("MXUSDT", "BUY", "10", "1.5")
        process.kill()
        process.wait()
    return gone.order_id, stands.order_id, fills, held


async def test_an_order_that_was_acknowledged_survives_a_kill(kept):
    process, at = kept()
    gone, stands, fills, held = await trade_and_kill(process, at)
    _, at = kept()
    client = MexcExchange(at["api_key"], at["api_secret"], base_url=at["rest"], ws_url=at["ws"])
    async with client.session(["MXUSDT"], ungated=True) as mexc:
        assert [order.order_id for order in mexc.open_orders] == [stands]
        assert [f.trade_id for f in await mexc.rest.trading.my_trades("MXUSDT")] == [f.trade_id for f in fills] != []
        after = await mexc.rest.account.balances()
        usdt = [next(row for row in rows if row.asset == "USDT") for rows in (held, after)]
        assert usdt[1].locked - usdt[0].locked == usdt[0].free - usdt[1].free == 15
        assert {r.asset: r.total for r in after} == {r.asset: r.total for r in held}
        assert (await mexc.rest.trading.order("MXUSDT", order_id=gone)).state is OrderState.CANCELLED
