"""Answers have the shape of the recorded ones: the same keys, and texts where MEXC has texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ADDED = {
    "clientOrderId",
    "timestamp",
    "stpMode",
    "cancelReason",
    "firstOpenTime",
    "orderListId",
    "isWorking",
    "timeInForce",
    "stopPrice",
    "icebergQty",
    "origQuoteOrderQty",
    "total",
    "available",
    "newClientOrderId",
    "conceptPlateIds",
    "contractAddress",
    "msg",
    "code",
}
"""Keys that some recorded answers have and some have not."""


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "text", int: "number", float: "number", type(None): "null", list: "list", dict: "object"}[type(value)]


def compare(ours: Any, recorded: Any, where: str = "") -> None:
    """Require every recorded key with its kind; a null on either side fits anything."""
    if ours is None or recorded is None:
        return
    assert kind(ours) == kind(recorded), f"{where}: {ours!r} where MEXC has {recorded!r}"
    if isinstance(ours, dict):
        missing = recorded.keys() - ours.keys() - ADDED
        extra = ours.keys() - recorded.keys() - ADDED
        assert not missing, f"{where}: without {missing}"
        assert not extra, f"{where}: with {extra}"
        for name in recorded.keys() & ours.keys():
            compare(ours[name], recorded[name], f"{where}.{name}")
    elif isinstance(ours, list) and ours and recorded:
        assert len(ours) == len(recorded) or kind(ours[0]) == kind(recorded[0]), where
        for place, one in enumerate(ours):
            compare(one, recorded[min(place, len(recorded) - 1)], f"{where}[{place}]")


def sample(samples: Path, name: str) -> Any:
    return json.loads((samples / f"{name}.json").read_text())


PUBLIC = [
    ("ping", "GET_api_v3_ping"),
    ("time", "GET_api_v3_time"),
    ("defaultSymbols", "GET_api_v3_defaultSymbols"),
    ("exchangeInfo", "GET_api_v3_exchangeInfo"),
    ("exchangeInfo?symbol=BTCUSDT", "GET_api_v3_exchangeInfo__one_symbol"),
    ("depth?symbol=BTCUSDT&limit=5", "GET_api_v3_depth"),
    ("trades?symbol=BTCUSDT", "GET_api_v3_trades"),
    ("aggTrades?symbol=BTCUSDT", "GET_api_v3_aggTrades"),
    ("klines?symbol=BTCUSDT&interval=5m&limit=5", "GET_api_v3_klines__5m"),
    ("avgPrice?symbol=BTCUSDT", "GET_api_v3_avgPrice"),
    ("ticker/24hr", "GET_api_v3_ticker_24hr__all"),
    ("ticker/24hr?symbol=BTCUSDT", "GET_api_v3_ticker_24hr__one"),
    ("ticker/price", "GET_api_v3_ticker_price__all"),
    ("ticker/price?symbol=BTCUSDT", "GET_api_v3_ticker_price__one"),
    ("ticker/bookTicker", "GET_api_v3_ticker_bookTicker__all"),
    ("ticker/bookTicker?symbol=BTCUSDT", "GET_api_v3_ticker_bookTicker__one"),
    ("announcements?limit=5", "GET_api_v3_announcements"),
]


async def test_public_answers(rig: Any, samples: Path) -> None:
    for path, name in PUBLIC:
        compare(await rig.ok(f"/api/v3/{path}"), sample(samples, name), path)
    await rig.admin("pause", symbol="MXUSDT")
    offline = await rig.ok("/api/v3/symbol/offline")
    compare({"data": offline["data"][:1]}, sample(samples, "GET_api_v3_symbol_offline"), "offline")
    assert offline == {"data": [{"symbol": "MXUSDT", "state": 2}]}


SIGNED = [
    ("GET", "account", "", "GET_api_v3_account"),
    ("GET", "tradeFee", "symbol=BTCUSDT", "GET_api_v3_tradeFee"),
    ("GET", "selfSymbols", "", "GET_api_v3_selfSymbols"),
    ("GET", "mxDeduct/enable", "", "GET_api_v3_mxDeduct_enable"),
    ("POST", "mxDeduct/enable", "mxDeductEnable=true", "POST_api_v3_mxDeduct_enable"),
    ("GET", "kyc/status", "", "GET_api_v3_kyc_status"),
    ("GET", "uid", "", "GET_api_v3_uid"),
    ("GET", "capital/config/getall", "", "GET_api_v3_capital_config_getall"),
    ("POST", "strategy/group", "tradeGroupName=g", "POST_api_v3_strategy_group"),
    ("POST", "strategy/group/uid", "tradeGroupId=91&uid=1%2C2", "POST_api_v3_strategy_group_uid"),
    ("GET", "strategy/group", "tradeGroupName=g", "GET_api_v3_strategy_group"),
    ("DELETE", "strategy/group/uid", "tradeGroupId=91&uid=2", "DELETE_api_v3_strategy_group_uid"),
    ("DELETE", "strategy/group", "tradeGroupId=91", "DELETE_api_v3_strategy_group"),
    ("POST", "userDataStream", "", "POST_api_v3_userDataStream"),
    ("GET", "userDataStream", "", "GET_api_v3_userDataStream"),
    ("DELETE", "order/all", "", "DELETE_api_v3_order_all"),
]


async def test_account_answers(rig: Any, samples: Path) -> None:
    for method, path, query, name in SIGNED:
        compare(await rig.done(method, path, query), sample(samples, name), f"{method} {path}")
    info = await rig.done("GET", "apiKeyInfo", f"accessKey={rig.key.access}")
    compare(info, sample(samples, "GET_api_v3_apiKeyInfo"), "apiKeyInfo")
    changed = await rig.done("POST", "apiKeyInfo", f"apiKey={rig.key.access}&ipWhiteList=127.0.0.1&note=n")
    compare(changed, sample(samples, "POST_api_v3_apiKeyInfo"), "apiKeyInfo")
    made = await rig.done("POST", "userDataStream")
    for method in ("PUT", "DELETE"):
        answer = await rig.done(method, "userDataStream", f"listenKey={made['listenKey']}")
        compare(answer, sample(samples, f"{method}_api_v3_userDataStream"), method)


async def test_order_answers(rig: Any, samples: Path) -> None:
    bid = rig.best("BTCUSDT")[0]
    text = f"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price={bid - 100}&newClientOrderId=myOrder1"
    assert await rig.done("POST", "order/test", text) == sample(samples, "POST_api_v3_order_test")
    placed = await rig.done("POST", "order", text)
    compare(placed, sample(samples, "POST_api_v3_order__limit"), "order")
    assert not placed.keys() & {"status", "fills", "clientOrderId", "executedQty"}
    compare(await rig.done("GET", "openOrders", "symbol=BTCUSDT"), sample(samples, "GET_api_v3_openOrders"), "open")
    found = await rig.done("GET", "order", "symbol=BTCUSDT&origClientOrderId=myOrder1")
    compare(found, sample(samples, "GET_api_v3_order__open_limit"), "order")
    assert found["clientOrderId"] == "myOrder1"
    market = await rig.done("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001")
    compare(market, sample(samples, "POST_api_v3_order__market"), "market")
    filled = await rig.done("GET", "order", f"symbol=BTCUSDT&orderId={market['orderId']}")
    compare(filled, sample(samples, "GET_api_v3_order__filled_market"), "filled")
    compare(await rig.done("GET", "allOrders", "symbol=BTCUSDT"), sample(samples, "GET_api_v3_allOrders"), "all")
    compare(await rig.done("GET", "myTrades", "symbol=BTCUSDT"), sample(samples, "GET_api_v3_myTrades"), "trades")
    gone = await rig.done("DELETE", "order", f"symbol=BTCUSDT&orderId={placed['orderId']}")
    compare(gone, {**sample(samples, "DELETE_api_v3_order__docs"), "orderId": "4"}, "cancelled")
    assert gone["status"] == "CANCELED"
    await rig.done("POST", "order", text)
    compare(await rig.done("DELETE", "openOrders", "symbol=BTCUSDT"), sample(samples, "DELETE_api_v3_openOrders"), "x")


async def test_refusals_are_mexcs_own(rig: Any, samples: Path) -> None:
    recorded = {entry["body"]["code"]: entry for entry in sample(samples, "ERROR_bodies")}
    bid = rig.best("BTCUSDT")[0]
    order = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity={}&price={}"
    seen = [
        await rig.get("/api/v3/depth?symbol=NOPEUSDT"),
        await rig.get("/api/v3/aggTrades?symbol=BTCUSDT&startTime=1&endTime=4000000"),
        await rig.call("DELETE", "order", "symbol=BTCUSDT&orderId=C02__1"),
        await rig.call("POST", "order", order.format(50, bid)),
        await rig.call("POST", "order", order.format("0.01", bid * 2)),
        await rig.call(
            "POST", "order", "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&side=SELL&type=MARKET&quantity=100"
        ),
    ]
    assert [body["code"] for _, body in seen] == [-1121, -1127, -2011, 10101, 30087, 30004]
    for status, body in seen:
        assert status == recorded[body["code"]]["httpStatus"]
        assert body == recorded[body["code"]]["body"]
    status, body = await rig.call("POST", "order", order.format("0.000001", bid))
    assert (status, body) == (400, {"code": 30002, "msg": "The minimum transaction volume cannot be less than:1USDT"})


@pytest.mark.parametrize("count", [20, 21, 0])
async def test_batches(rig: Any, count: int) -> None:
    bid = rig.best("MXUSDT")[0]
    entries = [
        {"symbol": "MXUSDT", "side": "BUY", "type": "LIMIT", "quantity": "10", "price": str(bid - place)}
        for place in range(count)
    ]
    if entries:
        entries[0] |= {"type": "LIMIT_ORDER", "newClientOrderId": "first"}
        entries[1] = {**entries[0], "quantity": "0.1", "newClientOrderId": "second"}
        for place in range(2, count):
            entries[place]["price"] = str(bid)
    from urllib.parse import quote

    status, body = await rig.call("POST", "batchOrders", "batchOrders=" + quote(json.dumps(entries), safe=""))
    if count != 20:
        assert (status, body["code"]) == (400, 730002)
        return
    assert status == 200
    assert len(body) == 20
    assert body[0]["newClientOrderId"] == "first"
    assert body[0]["orderListId"] == -1
    assert body[1] == {
        "newClientOrderId": "second",
        "msg": "The minimum transaction volume cannot be less than:1USDT",
        "code": 30002,
    }
