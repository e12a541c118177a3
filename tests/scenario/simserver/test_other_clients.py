"""Clients that others wrote: their requests as they really left them, and a shell script of curl and openssl."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
from yarl import URL

from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import ApiKey, Server, ServerSettings
from mexc_tui.wire.mexc.pb import push_pb2 as pb
from tests.patience import LIMIT_S

SYMBOL = "MXUSDT"
PRIVATE = [f"spot@private.{kind}.v3.api.pb" for kind in ("orders", "deals", "account")]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    markets = tuple(market for market in default_markets() if market.instrument.symbol in (SYMBOL, "BTCUSDT"))
    exchange = demo_exchange(start_ms=wall_ms(), markets=markets)
    exchange.accounts.deposit("bot", {"USDT": Decimal(10_000), "MX": Decimal(1_000)})
    running = Server(exchange, wall_ms, ServerSettings())
    await running.start()
    yield running
    await running.stop()


class Bot:
    """Asks as hummingbot does: no recvWindow; what is posted stands in the body as a form that is announced as JSON."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.key: ApiKey = server.keys.create("bot")

    async def public(self, path: str, **params: object) -> Any:
        return await self.send("GET", path, urlencode(params))

    async def signed(self, method: str, path: str, **params: object) -> Any:
        text = urlencode({**params, "timestamp": wall_ms()})
        whole = f"{text}&signature={self.proof(text)}"
        return await (self.send(method, path, "", whole) if method == "POST" else self.send(method, path, whole))

    def proof(self, text: str) -> str:
        return hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    async def send(
        self, method: str, path: str, query: str, body: str | None = None, kind: str = "application/json"
    ) -> Any:
        url = URL(f"{self.server.rest_url}/api/v3/{path}" + (f"?{query}" if query else ""), encoded=True)
        headers = {"X-MEXC-APIKEY": self.key.access, "Content-Type": kind}
        async with self.session.request(method, url, headers=headers, data=body) as answer:
            return await answer.json()


@pytest.fixture
async def bot(server: Server) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(server, session)


async def test_hummingbot_reads_rules_and_prices(bot: Bot) -> None:
    assert await bot.public("ping") == {}
    told = await bot.send("GET", "time", "", kind="application/x-www-form-urlencoded")
    assert abs(told["serverTime"] - wall_ms()) < LIMIT_S * 1_000
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
    name = "HUMBOTBMXUT660c36eec3cf3cc0f23ff"
    price = (bid * Decimal("0.9")).quantize(Decimal("0.0001"))
    placed = await bot.signed("POST", "order", **order, price=f"{price:f}", newClientOrderId=name)
    assert str(placed["orderId"])
    assert abs(placed["transactTime"] * 1e-3 - time.time()) < LIMIT_S
    found = await bot.signed("GET", "order", symbol=SYMBOL, origClientOrderId=name)
    assert (found["status"], str(found["orderId"])) == ("NEW", str(placed["orderId"]))
    assert abs(found["updateTime"] * 1e-3 - time.time()) < LIMIT_S
    assert (await bot.signed("DELETE", "order", symbol=SYMBOL, origClientOrderId=name))["status"] == "CANCELED"
    again = await bot.signed("DELETE", "order", symbol=SYMBOL, origClientOrderId=name)
    assert "Unknown order sent" in str(again)
    assert "-2011" in str(again)
    missing = await bot.signed("GET", "order", symbol=SYMBOL, origClientOrderId="HUMBOTSMXUT660c36eedd75ccc0f23ff")
    assert "Order does not exist" in str(missing)
    assert "-2013" in str(missing)


async def test_hummingbot_follows_its_market_order_by_trades_and_stream(bot: Bot) -> None:
    key = (await bot.signed("POST", "userDataStream"))["listenKey"]
    assert "code" not in await bot.signed("PUT", "userDataStream", listenKey=key)
    async with bot.session.ws_connect(f"{bot.server.ws_url}?listenKey={key}") as socket:
        for number, name in enumerate(PRIVATE, 1):
            await socket.send_json({"method": "SUBSCRIPTION", "params": [name], "id": number})
            assert json.loads((await socket.receive(timeout=LIMIT_S)).data) == {"id": number, "code": 0, "msg": name}
        await socket.send_json({"method": "PING"})
        assert json.loads((await socket.receive(timeout=LIMIT_S)).data)["msg"] == "PONG"
        bought = await bot.signed(
            "POST",
            "order",
            symbol=SYMBOL,
            side="BUY",
            quantity="8.00",
            type="MARKET",
            newClientOrderId="HUMBOTBMXUT660c3b9af6c5d2e23356f",
        )
        seen: dict[str, list[pb.PushDataV3ApiWrapper]] = {name: [] for name in PRIVATE}
        while not (all(seen.values()) and seen[PRIVATE[0]][-1].privateOrders.status == 2):
            frame = await socket.receive(timeout=LIMIT_S)
            push = pb.PushDataV3ApiWrapper.FromString(frame.data)
            seen[push.channel].append(push)
    deal = seen[PRIVATE[1]][0].privateDeals
    assert deal.clientOrderId == "HUMBOTBMXUT660c3b9af6c5d2e23356f"
    trades = await bot.signed("GET", "myTrades", symbol=SYMBOL, orderId=bought["orderId"])
    assert deal.tradeId in {row["id"] for row in trades}
    for row in trades:
        assert Decimal(row["price"]) * Decimal(row["qty"]) == Decimal(row["quoteQty"])
        assert Decimal(row["commission"]) >= 0
        assert row["commissionAsset"] in ("MX", "USDT")
        assert abs(row["time"] * 1e-3 - time.time()) < LIMIT_S


Style = Callable[[dict[str, str], int], tuple[str, str]]


def as_pymexc(params: dict[str, str], now: int) -> tuple[str, str]:
    """Sorted; a space is signed as %20 and sent as a plus."""
    ordered = sorted({**params, "timestamp": str(now), "recvWindow": "5000"}.items())
    return urlencode(ordered), urlencode(ordered).replace("+", "%20")


def as_aiomexc(params: dict[str, str], now: int) -> tuple[str, str]:
    """Signed as a form, and encoded again by the HTTP library, which leaves commas as they are."""
    text = urlencode({**params, "recvWindow": "30000", "timestamp": str(now)})
    return text.replace("%2C", ","), text


def as_mexc_api(params: dict[str, str], now: int) -> tuple[str, str]:
    """Signed without any encoding."""
    whole = {**params, "recvWindow": "5000", "timestamp": str(now)}
    return urlencode(whole), "&".join(f"{name}={value}" for name, value in whole.items())


def as_mexcs_own_sdk(params: dict[str, str], now: int) -> tuple[str, str]:
    """Encoded as browsers do it, no recvWindow."""
    whole = {**params, "timestamp": str(now)}
    text = "&".join(f"{name}={quote(value, safe=SAFE_IN_BROWSERS)}" for name, value in whole.items())
    return text, text


SAFE_IN_BROWSERS = "!'()*~"
STYLES = [as_pymexc, as_aiomexc, as_mexc_api, as_mexcs_own_sdk]


async def ask(bot: Bot, style: Style, method: str, path: str, **params: str) -> Any:
    sent, text = style(params, wall_ms())
    return await bot.send(method, path, f"{sent}&signature={bot.proof(text)}")


@pytest.mark.parametrize("style", STYLES)
async def test_every_way_of_signing_trades(bot: Bot, style: Style) -> None:
    bid = Decimal((await bot.public("depth", symbol=SYMBOL, limit="5", timestamp="1", recvWindow="5000"))["bids"][0][0])
    price = f"{(bid * Decimal('0.93')).quantize(Decimal('0.0001')):f}"
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "10", "price": price}
    placed = await ask(bot, style, "POST", "order", **order, newClientOrderId="am-1")
    assert placed["type"] == "LIMIT", placed
    found = await ask(bot, style, "GET", "order", symbol=SYMBOL, origClientOrderId="am-1")
    assert (found["orderId"], found["status"]) == (placed["orderId"], "NEW")
    gone = await ask(bot, style, "DELETE", "order", symbol=SYMBOL, orderId=placed["orderId"])
    # Typed clients read all of these from a cancel; it tells what was done before.
    assert {"price", "origQty", "executedQty", "cummulativeQuoteQty", "status", "type", "side"} <= gone.keys()
    key = (await ask(bot, style, "POST", "userDataStream"))["listenKey"]
    assert key in (await ask(bot, style, "GET", "userDataStream"))["listenKey"]
    assert await ask(bot, style, "PUT", "userDataStream", listenKey=key) == {"listenKey": key}
    assert await ask(bot, style, "DELETE", "userDataStream", listenKey=key) == {"listenKey": key}
    assert (await ask(bot, style, "PUT", "userDataStream", listenKey=key))["code"] == 730708


@pytest.mark.parametrize("style", [as_pymexc, as_aiomexc, as_mexcs_own_sdk])
async def test_lists_and_other_scripts_are_signed_by_everyone_who_encodes_them(bot: Bot, style: Style) -> None:
    assert await ask(bot, style, "GET", "openOrders", symbol=f"{SYMBOL},BTCUSDT") == []
    assert (await ask(bot, style, "GET", "openOrders", symbol="币安人生USDT"))["code"] == -1121


async def test_pymexcs_batch_has_spaces_in_its_json(bot: Bot) -> None:
    bid = Decimal((await bot.public("depth", symbol=SYMBOL, limit="5"))["bids"][0][0])
    low = f"{(bid * Decimal('0.93')).quantize(Decimal('0.0001')):f}"
    entry = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "10", "price": low}
    placed = await ask(bot, as_pymexc, "POST", "batchOrders", batchOrders=json.dumps([entry, entry]))
    assert [row["symbol"] for row in placed] == [SYMBOL, SYMBOL]


async def test_a_list_may_be_a_name_repeated(bot: Bot) -> None:
    found = (await bot.send("GET", "exchangeInfo", "symbols=MXUSDT&symbols=BTCUSDT"))["symbols"]
    assert {row["symbol"] for row in found} == {"MXUSDT", "BTCUSDT"}


async def test_a_query_may_be_announced_as_the_form_it_is_but_not_a_body(bot: Bot) -> None:
    text = f"timestamp={wall_ms()}"
    whole, form = f"{text}&signature={bot.proof(text)}", "application/x-www-form-urlencoded"
    assert "listenKey" in await bot.send("POST", "userDataStream", whole, kind=form)
    assert (await bot.send("POST", "userDataStream", "", whole, form))["code"] == 700013


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
    bid = server.exchange.market.depth(SYMBOL, 1)[1][0][0]
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
    out, err = await asyncio.wait_for(script.communicate(), LIMIT_S)
    assert script.returncode == 0, err.decode()
    book, placed, standing, cancelled, refused = (json.loads(line) for line in out.decode().splitlines())
    assert len(book["bids"]) == 5
    assert [order["orderId"] for order in standing] == [placed["orderId"]]
    assert cancelled["orderId"] == placed["orderId"]
    assert refused["code"] == 700002
