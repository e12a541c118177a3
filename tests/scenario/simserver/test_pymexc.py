"""pymexc, another library than ccxt, unmodified but for addresses: REST, public and account streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import Server, ServerSettings
from tests.patience import LIMIT_S, eventually

pytest.importorskip("pymexc")

SYMBOL, OTHER_SCRIPT = "MXUSDT", "币安人生USDT"
PAIRS = (SYMBOL, "BTCUSDT", OTHER_SCRIPT)
FUNDS = {"USDT": Decimal(10_000), "MX": Decimal(1_000)}
Heard = dict[str, asyncio.Queue[Any]]


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    markets = tuple(market for market in default_markets() if market.instrument.symbol in PAIRS)
    exchange = demo_exchange(start_ms=wall_ms(), markets=markets)
    exchange.accounts.deposit("pymexc", dict(FUNDS))
    running = Server(exchange, wall_ms, ServerSettings())
    await running.start()
    monkeypatch.setattr("pymexc._async.base.SPOT", running.rest_url)
    monkeypatch.setattr("pymexc._async.spot.SPOT_WS", running.ws_url)
    monkeypatch.setattr("pymexc.base_websocket.SPOT", running.ws_url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    yield running
    await running.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    from pymexc import AsyncSpotHTTP

    key = server.keys.create("pymexc")
    made = AsyncSpotHTTP(key.access, key.secret)
    yield made
    await made.session.close()


async def low_price(client: Any) -> str:
    bid = Decimal((await client.order_book(SYMBOL, 5))["bids"][0][0])
    return f"{(bid * Decimal('0.93')).quantize(Decimal('0.0001')):f}"


async def test_reads_the_market(client: Any) -> None:
    assert await client.ping() == {}
    assert abs((await client.time())["serverTime"] - wall_ms()) < 2_000
    assert set((await client.default_symbols())["data"]) == set(PAIRS)
    named = (await client.exchange_info(symbols=[SYMBOL, OTHER_SCRIPT]))["symbols"]
    assert [row["symbol"] for row in named] == [SYMBOL, OTHER_SCRIPT]
    assert len((await client.order_book(OTHER_SCRIPT, 50))["bids"]) == 50
    assert await client.trades(SYMBOL)
    now = wall_ms()
    assert await client.agg_trades(SYMBOL, start_time=now - 600_000, end_time=now, limit=5)
    assert len(await client.klines(SYMBOL, "60m", limit=5)) == 5
    assert float((await client.avg_price(SYMBOL))["price"]) > 0
    assert (await client.ticker_24h(SYMBOL))["symbol"] == SYMBOL
    for everything in (client.ticker_24h(), client.ticker_price(), client.ticker_book_price(None)):
        assert {row["symbol"] for row in await everything} == set(PAIRS)


async def test_trades_and_looks_it_up(client: Any) -> None:
    low = await low_price(client)
    assert await client.test_order(SYMBOL, "BUY", "LIMIT", quantity=10, price=low) == {}
    placed = await client.order(SYMBOL, "BUY", "LIMIT", quantity=10, price=low, new_client_order_id="pm-1")
    found = await client.query_order(SYMBOL, orig_client_order_id="pm-1")
    assert (found["orderId"], found["status"]) == (placed["orderId"], "NEW")
    batch = [{"newClientOrderId": "pm-2"}, {"newClientOrderId": "pm-3"}]
    rows = await client.batch_orders(batch, SYMBOL, "BUY", "LIMIT", quantity=10, price=low)
    assert [row["newClientOrderId"] for row in rows] == ["pm-2", "pm-3"]
    assert len(await client.current_open_orders(f"{SYMBOL},BTCUSDT")) == 3
    gone = await client.cancel_order(SYMBOL, order_id=placed["orderId"])
    assert (gone["origClientOrderId"], gone["status"]) == ("pm-1", "CANCELED")
    assert len(await client.cancel_all_open_orders(f"{SYMBOL},BTCUSDT")) == 2
    bought = await client.order(OTHER_SCRIPT, "BUY", "MARKET", quote_order_qty=20)
    assert {row["orderId"] for row in await client.account_trade_list(OTHER_SCRIPT)} == {bought["orderId"]}
    assert len(await client.all_orders(SYMBOL, start_time=wall_ms() - 60_000, end_time=wall_ms())) == 3
    held = {row["asset"]: row for row in (await client.account_information())["balances"]}
    assert Decimal(held["USDT"]["free"]) < 10_000
    assert held["USDT"]["locked"] == "0"
    assert (await client.query_symbol_commission(SYMBOL))["data"]["takerCommission"] == 0.0005
    assert {"MX", "USDT"} <= {row["coin"] for row in await client.get_currency_info()}


async def test_the_account_beside_its_orders(client: Any) -> None:
    assert set((await client.get_default_symbols())["data"]) == set(PAIRS)
    uid = (await client.get_uid())["uid"]
    group = str((await client.create_stp_strategy_group("one two"))["data"]["tradeGroupId"])
    assert (await client.add_uid_to_stp_strategy_group(uid, group))["code"] == 200
    assert [row["tradeGroupUid"] for row in (await client.query_stp_strategy_group("one two"))["data"]] == [uid]
    assert (await client.delete_stp_strategy_group(group))["data"] is True
    key = (await client.create_listen_key())["listenKey"]
    assert (await client.keep_alive_listen_key(key))["listenKey"] == key
    assert key in (await client.get_listen_keys())["listenKey"]
    assert (await client.close_listen_key(key))["listenKey"] == key


async def test_refusals_have_mexcs_codes(client: Any) -> None:
    from pymexc._async.base import MexcAPIError

    low = await low_price(client)
    refused: list[tuple[Awaitable[Any], str]] = [
        (client.order_book("NOPEUSDT"), "-1121"),
        (client.query_order(SYMBOL, order_id="C02__1"), "-2013"),
        (client.cancel_order(SYMBOL, order_id="C02__1"), "-2011"),
        (client.cancel_order(SYMBOL), "700004"),
        (client.order(SYMBOL, "BUY", "LIMIT", quantity=0.1, price=low), "30002"),
        (client.order(SYMBOL, "SELL", "MARKET", quantity=5_000), "30005"),
        (client.keep_alive_listen_key("0" * 64), "730708"),
    ]
    for call, code in refused:
        with pytest.raises(MexcAPIError, match=rf"\(code={code}\)"):
            await call


def into(heard: Heard, name: str) -> Callable[[Any], Awaitable[None]]:
    heard[name] = asyncio.Queue()
    return heard[name].put


async def next_of(heard: Heard, name: str) -> Any:
    return await asyncio.wait_for(heard[name].get(), LIMIT_S)


async def leave(stream: Any) -> None:
    await stream.close()
    await stream.close_all()


async def test_hears_the_market(server: Server) -> None:
    from pymexc import AsyncSpotWebSocket

    heard: Heard = {}
    stream = AsyncSpotWebSocket()
    stream.endpoint = server.ws_url
    await stream.deals_stream(into(heard, "deals"), "BTCUSDT", "100ms")
    await stream.kline_stream(into(heard, "kline"), "BTCUSDT", "Hour8")
    await stream.depth_stream(into(heard, "depth"), OTHER_SCRIPT, "100ms")
    await stream.book_ticker_stream(into(heard, "best"), SYMBOL, "10ms")
    await stream.book_ticker_batch_stream(into(heard, "best of a list"), SYMBOL)
    await stream.mini_ticker_stream(into(heard, "figures"), OTHER_SCRIPT)
    await stream.mini_tickers_stream(into(heard, "all figures"))
    assert (await next_of(heard, "deals")).deals[0].tradeType in (1, 2)
    assert (await next_of(heard, "kline")).windowStart % 28_800 == 0
    first, second = await next_of(heard, "depth"), await next_of(heard, "depth")
    assert int(second.fromVersion) == int(first.toVersion) + 1
    best = await next_of(heard, "best")
    assert Decimal(best.bidPrice) < Decimal(best.askPrice)
    assert len((await next_of(heard, "best of a list")).items) == 1
    assert (await next_of(heard, "figures")).symbol == OTHER_SCRIPT
    assert {row.symbol for row in (await next_of(heard, "all figures")).items} == set(PAIRS)
    await leave(stream)


async def test_hears_the_account(server: Server, client: Any) -> None:
    from pymexc import AsyncSpotWebSocket

    heard: Heard = {}
    stream = AsyncSpotWebSocket(api_key=client.api_key, api_secret=client.api_secret)
    await stream.account_orders(into(heard, "orders"))
    await stream.account_deals(into(heard, "deals"))
    await stream.account_update(into(heard, "balances"))
    private = [f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account")]
    await eventually(lambda: all(name in server.hub.open_channels for name in private))
    placed = await client.order(SYMBOL, "BUY", "MARKET", quantity=12, new_client_order_id="pm-stream")
    seen = await next_of(heard, "orders")
    while seen.status != 2:
        seen = await next_of(heard, "orders")
    assert (seen.id, seen.clientId, seen.cumulativeQuantity) == (placed["orderId"], "pm-stream", "12")
    fill = await next_of(heard, "deals")
    assert (fill.orderId, fill.feeCurrency) == (placed["orderId"], "MX")
    assets = {(await next_of(heard, "balances")).vcoinName for _ in range(2)}
    assert assets <= {"USDT", "MX"}
    await leave(stream)
    await stream._keepalive_http.session.close()
