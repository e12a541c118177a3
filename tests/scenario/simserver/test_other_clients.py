"""Clients that others wrote: the requests of hummingbot's connector, and a shell script of curl and openssl."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from yarl import URL

from mexc_tui.venues.mexc.pb import push_pb2 as pb
from mexc_tui.venues.simulator.markets.catalogue import default_markets, demo_exchange
from mexc_tui.venues.simulator.server import ApiKey, Server, ServerSettings

SYMBOL = "MXUSDT"
PRIVATE = [f"spot@private.{kind}.v3.api.pb" for kind in ("orders", "deals", "account")]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    markets = tuple(market for market in default_markets() if market.instrument.symbol in (SYMBOL, "BTCUSDT"))
    exchange = demo_exchange(start_ms=wall_ms(), markets=markets)
    exchange.open_account("bot", {"USDT": Decimal(10_000), "MX": Decimal(1_000)})
    running = Server(exchange, wall_ms, ServerSettings())
    await running.start()
    yield running
    await running.stop()


class Bot:
    """Asks as hummingbot does: everything in the query, no recvWindow, an empty body announced as JSON."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.key: ApiKey = server.keys.create("bot")

    async def public(self, path: str, **params: object) -> Any:
        return await self._send("GET", path, urlencode(params))

    async def signed(self, method: str, path: str, **params: object) -> Any:
        text = urlencode({**params, "timestamp": wall_ms()})
        proof = hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return await self._send(method, path, f"{text}&signature={proof}")

    async def _send(self, method: str, path: str, query: str) -> Any:
        url = URL(f"{self.server.rest_url}/api/v3/{path}" + (f"?{query}" if query else ""), encoded=True)
        headers = {"X-MEXC-APIKEY": self.key.access, "Content-Type": "application/json"}
        async with self.session.request(method, url, headers=headers) as answer:
            return await answer.json()


@pytest.fixture
async def bot(server: Server) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(server, session)


async def test_hummingbot_reads_rules_and_prices(bot: Bot) -> None:
    assert await bot.public("ping") == {}
    assert abs((await bot.public("time"))["serverTime"] - wall_ms()) < 2_000
    rules = {rule["symbol"]: rule for rule in (await bot.public("exchangeInfo"))["symbols"]}
    rule = rules[SYMBOL]
    assert rule["isSpotTradingAllowed"] is True
    assert "SPOT" in rule["permissions"]
    assert (rule["baseAsset"], rule["quoteAsset"], rule["status"]) == ("MX", "USDT", "1")
    assert {"LIMIT", "LIMIT_MAKER", "MARKET"} <= set(rule["orderTypes"])
    steps = [Decimal(f"1e-{rule[name]}") for name in ("quotePrecision", "baseAssetPrecision")]
    assert all(0 < step <= 1 for step in steps)
    assert all(Decimal(rule[name]) >= 0 for name in ("baseSizePrecision", "quoteAmountPrecision"))
    assert float((await bot.public("ticker/24hr", symbol=SYMBOL))["lastPrice"]) > 0
    best = {row["symbol"]: row for row in await bot.public("ticker/bookTicker")}[SYMBOL]
    assert Decimal(best["bidPrice"]) < Decimal(best["askPrice"])
    book = await bot.public("depth", symbol=SYMBOL, limit="1000")
    assert book["lastUpdateId"] > 0
    assert len(book["bids"]) > 20


async def test_hummingbot_trades_by_its_own_ids(bot: Bot) -> None:
    held = {row["asset"]: row for row in (await bot.signed("GET", "account"))["balances"]}
    assert Decimal(held["USDT"]["free"]) + Decimal(held["USDT"]["locked"]) == 10_000
    bid = Decimal((await bot.public("depth", symbol=SYMBOL, limit="5"))["bids"][0][0])
    order = {"symbol": SYMBOL, "side": "BUY", "quantity": "20", "type": "LIMIT", "timeInForce": "GTC"}
    name = "x-XEKWYICX-resting"
    price = (bid * Decimal("0.9")).quantize(Decimal("0.0001"))
    placed = await bot.signed("POST", "order", **order, price=f"{price:f}", newClientOrderId=name)
    assert str(placed["orderId"])
    assert abs(placed["transactTime"] * 1e-3 - time.time()) < 5
    found = await bot.signed("GET", "order", symbol=SYMBOL, origClientOrderId=name)
    assert (found["status"], str(found["orderId"])) == ("NEW", str(placed["orderId"]))
    assert abs(found["updateTime"] * 1e-3 - time.time()) < 5
    assert (await bot.signed("DELETE", "order", symbol=SYMBOL, origClientOrderId=name))["status"] == "CANCELED"
    again = await bot.signed("DELETE", "order", symbol=SYMBOL, origClientOrderId=name)
    assert "Unknown order sent" in str(again)
    assert "-2011" in str(again)
    missing = await bot.signed("GET", "order", symbol=SYMBOL, origClientOrderId="x-XEKWYICX-never")
    assert "Order does not exist" in str(missing)
    assert "-2013" in str(missing)


async def test_hummingbot_follows_its_market_order_by_trades_and_stream(bot: Bot) -> None:
    key = (await bot.signed("POST", "userDataStream"))["listenKey"]
    assert "code" not in await bot.signed("PUT", "userDataStream", listenKey=key)
    async with bot.session.ws_connect(f"{bot.server.ws_url}?listenKey={key}") as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": PRIVATE, "id": 1})
        assert json.loads((await socket.receive(timeout=5)).data)["code"] == 0
        bought = await bot.signed(
            "POST",
            "order",
            symbol=SYMBOL,
            side="BUY",
            type="MARKET",
            quoteOrderQty="25.5",
            newClientOrderId="x-XEKWYICX-market",
        )
        seen: dict[str, list[pb.PushDataV3ApiWrapper]] = {name: [] for name in PRIVATE}
        while not (all(seen.values()) and seen[PRIVATE[0]][-1].privateOrders.status == 2):
            frame = await socket.receive(timeout=5)
            push = pb.PushDataV3ApiWrapper.FromString(frame.data)
            seen[push.channel].append(push)
    deal = seen[PRIVATE[1]][0].privateDeals
    assert deal.clientOrderId == "x-XEKWYICX-market"
    trades = await bot.signed("GET", "myTrades", symbol=SYMBOL, orderId=bought["orderId"])
    assert deal.tradeId in {row["id"] for row in trades}
    for row in trades:
        assert Decimal(row["price"]) * Decimal(row["qty"]) == Decimal(row["quoteQty"])
        assert Decimal(row["commission"]) >= 0
        assert row["commissionAsset"] in ("MX", "USDT")
        assert abs(row["time"] * 1e-3 - time.time()) < 5


SCRIPT = r"""
set -eu
signed() {
    method=$1 path=$2 query=$3
    text="${query:+$query&}timestamp=$(date +%s)000"
    proof=$(printf %s "$text" | openssl dgst -sha256 -hmac "$API_SECRET" | sed 's/^.* //')
    curl -sS --noproxy '*' -X "$method" -H "X-MEXC-APIKEY: $API_KEY" "$BASE/api/v3/$path?$text&signature=$proof"
    echo
}
curl -sS --noproxy '*' "$BASE/api/v3/depth?symbol=MXUSDT&limit=5"
echo
order="symbol=MXUSDT&side=BUY&type=LIMIT&quantity=10&price=$PRICE&newClientOrderId=from-curl"
signed POST order "$order"
signed GET openOrders "symbol=MXUSDT"
signed DELETE order "symbol=MXUSDT&origClientOrderId=from-curl"
API_SECRET=wrong
signed GET account ""
"""


async def test_a_shell_script_trades(server: Server) -> None:
    missing = [tool for tool in ("sh", "curl", "openssl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not here")
    key = server.keys.create("bot")
    bid = server.exchange.depth(SYMBOL, 1)[1][0][0]
    told = {"BASE": server.rest_url, "API_KEY": key.access, "API_SECRET": key.secret}
    told["PRICE"] = f"{(bid * Decimal('0.9')).quantize(Decimal('0.0001')):f}"
    script = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        SCRIPT,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(script.communicate(), 20)
    assert script.returncode == 0, err.decode()
    book, placed, standing, cancelled, refused = (json.loads(line) for line in out.decode().splitlines())
    assert len(book["bids"]) == 5
    assert [order["orderId"] for order in standing] == [placed["orderId"]]
    assert cancelled["orderId"] == placed["orderId"]
    assert refused["code"] == 700002
