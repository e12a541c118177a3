"""The admin door: what it opens, and to whom."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.venues.simulator.server import ApiKey


async def test_accounts_money_and_keys(rig: Any) -> None:
    funded = await rig.admin("fund", account="bob", funds={"USDT": "12.5", "XYZ": "3"})
    assert funded["balances"] == {"USDT": "12.5", "XYZ": "3"}
    made = await rig.admin("keys", account="bob", permissions=["SPOT_ACCOUNT_READ"], note="reader")
    key = ApiKey(access=made["api_key"], secret=made["api_secret"], account_id="bob")
    assert key.access.startswith("mx0")
    assert (await rig.done("GET", "account", "", key))["balances"][0] == {
        "asset": "USDT",
        "free": "12.5",
        "locked": "0",
    }
    assert (await rig.call("GET", "openOrders", "", key))[1]["code"] == 700007
    assert {row["account"] for row in await rig.ok("/admin/accounts")} == {"demo", "bob"}


async def test_a_coin_can_be_announced_and_opens_at_its_time(rig: Any) -> None:
    await rig.admin(
        "list", symbol="NEWUSDT", base="NEW", quote="USDT", price="0.5", price_decimals=4, opens_in_ms=60_000
    )
    row = (await rig.ok("/api/v3/exchangeInfo?symbol=NEWUSDT"))["symbols"][0]
    assert (row["status"], row["firstOpenTime"]) == ("2", rig.clock[0] + 60_000)
    assert "NEWUSDT" not in (await rig.ok("/api/v3/defaultSymbols"))["data"]
    order = "symbol=NEWUSDT&side=BUY&type=MARKET&quoteOrderQty=5"
    assert (await rig.call("POST", "order", order))[1]["code"] == 30000
    await rig.step(60_000)
    await rig.step(1_000, 5)
    assert (await rig.ok("/api/v3/exchangeInfo?symbol=NEWUSDT"))["symbols"][0]["status"] == "1"
    assert "NEWUSDT" in (await rig.ok("/api/v3/defaultSymbols"))["data"]
    assert (await rig.call("POST", "order", order))[0] == 200
    news = (await rig.ok("/api/v3/announcements?limit=5"))["data"][0]["details"]
    assert "NEWUSDT" in news[0]["title"]


async def test_pausing_and_moving_a_market(rig: Any) -> None:
    await rig.admin("pause", symbol="MXUSDT")
    text = "symbol=MXUSDT&side=BUY&type=MARKET&quantity=5"
    assert (await rig.call("POST", "order", text))[1]["code"] == 30000
    await rig.admin("pause", symbol="MXUSDT", paused=False)
    assert (await rig.call("POST", "order", text))[0] == 200
    before = rig.best("BTCUSDT")[0]
    await rig.admin("nudge", symbol="BTCUSDT", fraction="0.1")
    await rig.step(1_000, 10)
    assert rig.best("BTCUSDT")[0] > before * Decimal("1.05")


async def test_streams_can_be_cut_and_listen_keys_killed(rig: Any) -> None:
    public, private = await rig.stream(), await rig.private_stream()
    await public.ask("PING")
    assert await rig.admin("kill-listen-keys") == {"killed": 1}
    await private.raw()
    assert await rig.admin("drop") == {"dropped": 1}
    await public.raw()
    status = await rig.ok("/admin/status")
    assert status["channels"] == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("fund", {"account": "bob", "funds": {"USDT": "-1"}}),
        ("fund", {"account": "bob", "funds": {"USDT": "lots"}}),
        ("fund", {"account": "bob"}),
        ("keys", {"account": "bob", "permissions": ["EVERYTHING"]}),
        ("list", {"symbol": "NEW", "base": "NEW", "quote": "USDT"}),
        ("list", {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT"}),
        ("pause", {"symbol": "NOPE"}),
        ("nudge", {"symbol": "BTCUSDT", "fraction": "100"}),
        ("faults", {"name": "gremlins"}),
        ("limits", {"rules": "none"}),
        ("drop", {"acount": "typo"}),
    ],
)
async def test_mistakes_are_told(rig: Any, path: str, body: dict[str, object]) -> None:
    async with rig.session.post(f"{rig.server.rest_url}/admin/{path}", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


@pytest.mark.parametrize("path", ["/admin/accounts", "/api/v3/time", "/ws", "/no/such/path"])
@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({}, True),
        ({"Host": "localhost"}, True),
        ({"Host": "[::1]:8080"}, True),
        ({"Host": "LOCALHOST:1", "Origin": "http://LOCALHOST:1"}, True),
        ({"Host": "evil.example"}, False),
        ({"Host": "127.0.0.1.evil.example:80"}, False),
        ({"Host": "localhost:80@evil.example"}, False),
        ({"Host": "10.0.0.1"}, False),
        ({"Host": ""}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, False),
    ],
)
async def test_web_pages_are_kept_out(rig: Any, path: str, headers: dict[str, str], let_in: bool) -> None:
    streaming = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    more = {**streaming, **key} if path == "/ws" else {}
    async with rig.session.get(rig.server.rest_url + path, headers={**headers, **more}) as answer:
        assert (answer.status != 403) is let_in
        if not let_in:
            assert (await answer.json())["msg"] == "This exchange is for programs on this machine only."
