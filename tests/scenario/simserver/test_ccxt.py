"""The most used client library, unmodified but for addresses, trades on the embedded exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.server import FaultPlan, Server, ServerSettings
from tests.patience import LIMIT_S, eventually

ccxtpro = pytest.importorskip("ccxt.pro")
SYMBOL = "BTC/USDT"
FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(1), "MX": Decimal(10_000)}


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    exchange = demo_exchange(start_ms=wall_ms())
    exchange.accounts.deposit("ccxt", dict(FUNDS))
    running = Server(exchange, wall_ms, ServerSettings(), plan=FaultPlan(1))
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    key = server.keys.create("ccxt")
    # The throttle is the client's own and costs a second a request class; there is no need for it here.
    made = ccxtpro.mexc({"apiKey": key.access, "secret": key.secret, "newUpdates": True, "enableRateLimit": False})
    for group in ("spot", "contract"):
        suffix = "" if group == "spot" else "/api/v1/contract"
        made.urls["api"][group] = {"public": server.rest_url + suffix, "private": server.rest_url + suffix}
    made.urls["api"]["ws"]["spot"] = server.ws_url
    yield made
    await made.close()


async def test_reads_the_market(client: Any) -> None:
    markets = await client.load_markets()
    assert {SYMBOL, "42/USDT", "币安人生/USDT"} <= markets.keys()
    assert markets[SYMBOL]["active"] is True
    assert markets[SYMBOL]["precision"]["price"] == pytest.approx(0.01)
    assert markets["PAUSE/USDT"]["active"] is False
    book = await client.fetch_order_book(SYMBOL, 50)
    assert len(book["bids"]) == 50
    assert book["bids"][0][0] < book["asks"][0][0]
    candles = await client.fetch_ohlcv(SYMBOL, "1m", limit=5)
    assert len(candles) == 5
    assert [c[0] for c in candles] == sorted(c[0] for c in candles)
    trades = await client.fetch_trades(SYMBOL, limit=20)
    assert trades
    assert trades[-1]["price"] > 0
    ticker = await client.fetch_ticker("币安人生/USDT")
    assert ticker["last"] > 0
    assert len(await client.fetch_tickers()) == len([m for m in markets.values() if m["spot"]])
    assert SYMBOL in await client.fetch_bids_asks()
    assert abs(await client.fetch_time() - wall_ms()) < 2_000
    assert (await client.fetch_status())["status"] == "ok"
    assert "BTC" in await client.fetch_currencies()


async def test_trades_and_looks_it_up(client: Any) -> None:
    await client.load_markets()
    before = await client.fetch_balance()
    assert before["USDT"]["free"] == 100_000
    best = (await client.fetch_order_book(SYMBOL, 5))["bids"][0][0]
    resting = await client.create_order(
        SYMBOL, "limit", "buy", 0.01, round(best * 0.97, 2), {"clientOrderId": "from-ccxt-1"}
    )
    held = await client.fetch_balance()
    assert held["USDT"]["used"] == pytest.approx(0.01 * round(best * 0.97, 2))
    found = await client.fetch_order(resting["id"], SYMBOL)
    assert (found["status"], found["filled"], found["clientOrderId"]) == ("open", 0, "from-ccxt-1")
    assert [o["id"] for o in await client.fetch_open_orders(SYMBOL)] == [resting["id"]]
    assert [o["id"] for o in await client.fetch_open_orders()] == [resting["id"]]
    cancelled = await client.cancel_order(resting["id"], SYMBOL)
    assert cancelled["id"] == resting["id"]
    assert (await client.fetch_order(resting["id"], SYMBOL))["status"] == "canceled"

    bought = await client.create_order(SYMBOL, "market", "buy", 0.002)
    filled = await client.fetch_order(bought["id"], SYMBOL)
    assert (filled["status"], filled["filled"]) == ("closed", 0.002)
    fills = await client.fetch_my_trades(SYMBOL)
    assert {f["order"] for f in fills} == {bought["id"]}
    assert sum(f["amount"] for f in fills) == pytest.approx(0.002)
    by_cost = await client.create_market_buy_order_with_cost(SYMBOL, 50)
    assert (await client.fetch_order(by_cost["id"], SYMBOL))["cost"] == pytest.approx(50, rel=0.05)
    sold = await client.create_order(SYMBOL, "market", "sell", 0.001)
    assert {sold["id"], bought["id"]} <= {o["id"] for o in await client.fetch_orders(SYMBOL)}
    fee = await client.fetch_trading_fee(SYMBOL)
    assert fee["taker"] == pytest.approx(0.0005)
    # Money comes by the admin door: nothing was ever sent over a network.
    assert await client.fetch_deposits("USDT") == []
    assert await client.fetch_withdrawals("USDT") == []


async def test_every_order_type_and_cancel_all(client: Any) -> None:
    await client.load_markets()
    low = round((await client.fetch_order_book("MX/USDT", 5))["bids"][0][0] * 0.95, 4)
    await client.create_order("MX/USDT", "limit", "buy", 100, low)
    await client.create_order("MX/USDT", "limit", "buy", 100, low, {"postOnly": True})
    ioc = await client.create_order("MX/USDT", "limit", "buy", 100, low, {"timeInForce": "IOC"})
    assert (await client.fetch_order(ioc["id"], "MX/USDT"))["status"] == "canceled"
    batch = await client.create_orders(
        [
            {"symbol": "MX/USDT", "type": "limit", "side": "buy", "amount": 100, "price": low},
            {"symbol": "MX/USDT", "type": "limit", "side": "buy", "amount": 0.01, "price": low},
        ]
    )
    assert len(batch) == 2
    assert len(await client.fetch_open_orders("MX/USDT")) == 3
    await client.cancel_all_orders("MX/USDT")
    assert await client.fetch_open_orders("MX/USDT") == []


async def test_refusals_have_ccxt_classes(client: Any, server: Server) -> None:
    import ccxt

    await client.load_markets()
    price = (await client.fetch_order_book(SYMBOL, 5))["bids"][0][0]
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(SYMBOL, "limit", "buy", 5, price)
    with pytest.raises(ccxt.InvalidOrder):
        await client.create_order(SYMBOL, "limit", "buy", 0.000001, price)
    with pytest.raises(ccxt.ExchangeError, match="Order does not exist"):
        await client.fetch_order("C02__1", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="Unknown order sent"):
        await client.cancel_order("C02__1", SYMBOL)
    client.secret = "0" * 32
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()


async def watch_until(watch: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    async def look() -> Any:
        while not good(seen := await watch()):
            pass
        return seen

    return await asyncio.wait_for(look(), LIMIT_S)


async def test_watches_the_market(client: Any) -> None:
    await client.load_markets()

    async def book() -> None:
        seen = await watch_until(lambda: client.watch_order_book(SYMBOL), lambda b: len(b["bids"]) > 50)
        assert seen["bids"][0][0] < seen["asks"][0][0]

    async def trades() -> None:
        seen = await watch_until(lambda: client.watch_trades(SYMBOL), bool)
        assert seen[-1]["amount"] > 0

    async def ticker() -> None:
        seen = await watch_until(lambda: client.watch_ticker(SYMBOL), lambda t: t["bid"] is not None)
        assert seen["bid"] < seen["ask"]

    async def candles() -> None:
        seen = await watch_until(lambda: client.watch_ohlcv(SYMBOL, "1m"), bool)
        assert seen[-1][0] % 60_000 == 0

    async def eight_hours() -> None:
        seen = await watch_until(lambda: client.watch_ohlcv(SYMBOL, "8h"), bool)
        assert seen[-1][0] % (8 * 3_600_000) == 0

    await asyncio.gather(book(), trades(), ticker(), candles(), eight_hours())


async def test_watches_the_account(client: Any, server: Server) -> None:
    await client.load_markets()
    watching = [
        asyncio.create_task(watch_until(client.watch_orders, lambda rows: rows[-1]["status"] == "closed")),
        asyncio.create_task(watch_until(client.watch_my_trades, bool)),
        asyncio.create_task(watch_until(client.watch_balance, lambda b: "BTC" in b and b["BTC"]["free"] != 1)),
    ]
    private = [f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account")]
    await eventually(lambda: all(name in server.hub.open_channels for name in private))
    placed = await client.create_order(SYMBOL, "market", "buy", 0.003)
    orders, fills, balance = await asyncio.gather(*watching)
    assert orders[-1]["id"] == placed["id"]
    assert fills[-1]["order"] == placed["id"]
    assert balance["BTC"]["free"] > 1
