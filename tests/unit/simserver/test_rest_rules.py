"""The quirks of MEXC's REST side that clients trip over."""

from __future__ import annotations

import asyncio
import itertools
import re
from decimal import Decimal
from typing import Any

import pytest


@pytest.mark.parametrize("interval", ["1h", "8h", "1w", "2m", "", "Min1"])
async def test_intervals_that_mexc_does_not_know(rig: Any, interval: str) -> None:
    status, body = await rig.get(f"/api/v3/klines?symbol=BTCUSDT&interval={interval}")
    assert status == 400
    assert body["code"] in (-1121, 700004)


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "30m", "60m", "4h", "1d", "1W", "1M"])
async def test_candles_close_where_the_next_opens(rig: Any, interval: str) -> None:
    rows = await rig.ok(f"/api/v3/klines?symbol=BTCUSDT&interval={interval}&limit=3")
    assert rows
    assert all(earlier[6] == later[0] for earlier, later in itertools.pairwise(rows))
    assert rows[-1][0] <= rig.clock[0] < rows[-1][6]
    assert all(isinstance(text, str) for row in rows for text in (*row[1:6], row[7]))


async def test_the_end_of_a_candle_request_is_exclusive(rig: Any) -> None:
    rows = await rig.ok("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=4")
    asked = await rig.ok(f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={rows[0][0]}&endTime={rows[2][0]}")
    assert [row[0] for row in asked] == [rows[0][0], rows[1][0]]


async def test_depth_is_padded_and_capped(rig: Any) -> None:
    await rig.step(10, 20)
    deep = await rig.ok("/api/v3/depth?symbol=BTCUSDT&limit=5000")
    assert len(deep["bids"]) <= 2000
    assert all(re.fullmatch(r"\d+\.\d{2}", price) and re.fullmatch(r"\d+\.\d{6}", qty) for price, qty in deep["bids"])
    bids = [Decimal(price) for price, _ in deep["bids"]]
    assert bids == sorted(bids, reverse=True)
    assert len((await rig.ok("/api/v3/depth?symbol=BTCUSDT"))["asks"]) == 100
    best = await rig.ok("/api/v3/ticker/bookTicker?symbol=BTCUSDT")
    assert [best["bidPrice"], best["bidQty"]] == deep["bids"][0]


async def test_symbols_is_ignored_by_tickers_but_not_by_exchange_info(rig: Any) -> None:
    assert len(await rig.ok("/api/v3/ticker/price?symbols=BTCUSDT")) == len(rig.exchange.symbols.instruments())
    info = await rig.ok("/api/v3/exchangeInfo?symbols=BTCUSDT,%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT")
    assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT", "币安人生USDT"]
    assert (await rig.get("/api/v3/exchangeInfo?symbols=BTCUSDT,NOPE"))[1]["code"] == -1121


async def test_fields_named_precision_are_minimums(rig: Any) -> None:
    row = (await rig.ok("/api/v3/exchangeInfo?symbol=MXUSDT"))["symbols"][0]
    assert (row["quoteAmountPrecision"], row["baseSizePrecision"]) == ("1", "0.01")
    assert (row["quotePrecision"], row["baseAssetPrecision"], row["status"]) == (4, 2, "1")
    assert "IMMEDIATE_OR_CANCEL" not in row["orderTypes"]


async def test_trade_fee_is_a_number_with_every_digit(rig: Any) -> None:
    async with rig.session.get(
        f"{rig.server.rest_url}/api/v3/tradeFee?{rig.signed('symbol=BTCUSDT')}",
        headers={"X-MEXC-APIKEY": rig.key.access},
    ) as answer:
        assert '"takerCommission":0.0005' in await answer.text()


async def test_agg_trades_round_to_the_second_and_want_both_times(rig: Any) -> None:
    rows = await rig.ok("/api/v3/aggTrades?symbol=BTCUSDT")
    assert rows
    assert all(row["T"] % 1000 == 0 and row["a"] is None for row in rows)
    assert (await rig.get("/api/v3/aggTrades?symbol=BTCUSDT&startTime=1"))[1]["code"] == -1128


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("symbol=BTCUSDT&type=LIMIT&quantity=1&price=1", 700004),
        ("symbol=BTCUSDT&side=HOLD&type=LIMIT&quantity=1&price=1", 730002),
        ("symbol=BTCUSDT&side=BUY&type=STOP&quantity=1&price=1", 730002),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1", 700004),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1e3&price=1", 700008),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=NaN&price=1", 700008),
        ("symbol=BTCUSDT&side=BUY&type=MARKET", 700004),
        ("symbol=btcusdt&side=BUY&type=MARKET&quantity=1", -1121),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=1&newClientOrderId=%1B%5B2J", 700008),
        ("side=BUY&type=MARKET&quantity=1", 700004),
    ],
)
async def test_orders_that_make_no_sense(rig: Any, query: str, code: int) -> None:
    status, body = await rig.call("POST", "order", query)
    assert (status, body["code"]) == (400, code)
    assert rig.exchange.orders.open_orders("demo") == []


@pytest.mark.parametrize(
    ("amount", "fits"), [("50", True), ("50.1234", True), ("50.12345", False), ("50.00000", False)]
)
async def test_an_amount_has_no_more_decimals_than_the_price(rig: Any, amount: str, fits: bool) -> None:
    status, body = await rig.call("POST", "order", f"symbol=MXUSDT&side=BUY&type=MARKET&quoteOrderQty={amount}")
    assert status == (200 if fits else 400), body
    if not fits:
        assert body == {"code": 400, "msg": " amount scale is invalid"}


async def test_a_cancel_needs_an_id(rig: Any) -> None:
    assert (await rig.call("DELETE", "order", "symbol=BTCUSDT"))[1]["code"] == 700004
    assert (await rig.call("GET", "order", "symbol=BTCUSDT&orderId=C02__9"))[1]["code"] == -2013
    assert (await rig.call("DELETE", "openOrders"))[1]["code"] == 700004


async def test_unknown_paths_and_methods_answer_in_json(rig: Any) -> None:
    assert await rig.get("/api/v3/nothing") == (404, {"code": 404, "msg": "Not Found"})
    status, body = await rig.send("POST", "/api/v3/ping")
    assert (status, body["code"]) == (405, 405)


async def test_accounts_do_not_see_each_other(rig: Any) -> None:
    other = await rig.admin("keys", account="bob")
    await rig.admin("fund", account="bob", funds={"USDT": "50"})
    key = rig.server.keys.get(other["api_key"])
    bid = rig.best("MXUSDT")[0]
    placed = await rig.done("POST", "order", f"symbol=MXUSDT&side=BUY&type=LIMIT&quantity=5&price={bid}", key)
    assert await rig.done("GET", "openOrders") == []
    assert (await rig.call("GET", "order", f"symbol=MXUSDT&orderId={placed['orderId']}"))[1]["code"] == -2013
    assert (await rig.done("GET", "uid")) != (await rig.done("GET", "uid", "", key))
    status, body = await rig.call("POST", "userDataStream", "", key)
    assert status == 200
    assert (await rig.call("PUT", "userDataStream", f"listenKey={body['listenKey']}"))[1]["code"] == 730708


async def test_a_key_may_be_limited_to_pairs(rig: Any) -> None:
    made = await rig.admin("keys", account="demo", symbols=["MXUSDT"])
    key = rig.server.keys.get(made["api_key"])
    assert (await rig.done("GET", "selfSymbols", "", key))["data"] == ["MXUSDT"]
    status, body = await rig.call("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001", key)
    assert (status, body["code"]) == (400, 70011)


async def test_a_request_that_cannot_be_read_leaves_no_trace_of_its_keys(
    rig: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    host, port = rig.server.rest_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("GET /api/v3/order?signature=feedbeef&symbol=币 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b"400" in await reader.readline()
    writer.close()
    assert "feedbeef" not in caplog.text + "".join(capsys.readouterr())


async def test_a_fault_of_the_exchange_itself_is_answered_in_json(
    rig: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise ArithmeticError("out of paper")

    monkeypatch.setattr(rig.exchange.market, "recent_trades", broken)
    assert await rig.get("/api/v3/trades?symbol=BTCUSDT&x=secret") == (500, {"code": 500, "msg": "Internal error"})
    assert "out of paper" in caplog.text
    assert "secret" not in caplog.text
