"""Every REST call takes whatever JSON comes for an answer: a typed value or a VenueError, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.answers import Answer, read_answer
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.examples import examples

ORDER = OrderRequest(
    client_order_id="a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)
CALLS: dict[str, Callable[[MexcRest], Any]] = {
    "ping": lambda r: r.market.ping(),
    "server_time": lambda r: r.market.server_time(),
    "default_symbols": lambda r: r.market.default_symbols(),
    "exchange_info": lambda r: r.market.exchange_info(),
    "exchange_info one": lambda r: r.market.exchange_info("MXUSDT"),
    "depth": lambda r: r.market.depth("MXUSDT"),
    "trades": lambda r: r.market.trades("MXUSDT"),
    "agg_trades": lambda r: r.market.agg_trades("MXUSDT"),
    "klines": lambda r: r.market.klines("MXUSDT", Interval.M1),
    "klines of 8 hours": lambda r: r.market.klines("MXUSDT", Interval.H8),
    "avg_price": lambda r: r.market.avg_price("MXUSDT"),
    "ticker_24h": lambda r: r.market.ticker_24h(),
    "ticker_24h one": lambda r: r.market.ticker_24h("MXUSDT"),
    "ticker_price": lambda r: r.market.ticker_price(),
    "book_ticker": lambda r: r.market.book_ticker(),
    "symbol_offline": lambda r: r.market.symbol_offline(),
    "announcements": lambda r: r.market.announcements(),
    "etf_info": lambda r: r.market.etf_info("BTC3LUSDT"),
    "place_order": lambda r: r.trading.place_order(ORDER),
    "test_order": lambda r: r.trading.test_order(ORDER),
    "batch_orders": lambda r: r.trading.batch_orders([ORDER]),
    "cancel_order": lambda r: r.trading.cancel_order("MXUSDT", order_id="1"),
    "cancel_open_orders": lambda r: r.trading.cancel_open_orders(["MXUSDT"]),
    "cancel_all": lambda r: r.trading.cancel_all(),
    "order": lambda r: r.trading.order("MXUSDT", order_id="1"),
    "open_orders": lambda r: r.trading.open_orders(["MXUSDT"]),
    "all_orders": lambda r: r.trading.all_orders("MXUSDT"),
    "my_trades": lambda r: r.trading.my_trades("MXUSDT"),
    "info": lambda r: r.account.info(),
    "trade_fee": lambda r: r.account.trade_fee("MXUSDT"),
    "self_symbols": lambda r: r.account.self_symbols(),
    "mx_deduct": lambda r: r.account.mx_deduct(),
    "set_mx_deduct": lambda r: r.account.set_mx_deduct(True),
    "kyc_status": lambda r: r.account.kyc_status(),
    "uid": lambda r: r.account.uid(),
    "api_key_info": lambda r: r.account.api_key_info(),
    "change_api_key": lambda r: r.account.change_api_key(note="", ip_white_list=()),
    "capital_config": lambda r: r.account.capital_config(),
    "strategy_groups": lambda r: r.account.strategy_groups("g"),
    "create_strategy_group": lambda r: r.account.create_strategy_group("g"),
    "delete_strategy_group": lambda r: r.account.delete_strategy_group("1"),
    "add_to_strategy_group": lambda r: r.account.add_to_strategy_group("1", ("2",)),
    "listen_key_create": lambda r: r.account.listen_key_create(),
    "listen_key_list": lambda r: r.account.listen_key_list(),
    "listen_key_extend": lambda r: r.account.listen_key_extend("k"),
    "listen_key_close": lambda r: r.account.listen_key_close("k"),
}
NAMES = (
    *("symbol", "symbols", "status", "baseAsset", "quoteAsset", "quotePrecision", "baseAssetPrecision", "orderTypes"),
    *("filters", "filterType", "bidMultiplierUp", "permissions", "balances", "asset", "free", "locked", "canTrade"),
    *(
        "serverTime",
        "lastUpdateId",
        "bids",
        "asks",
        "price",
        "qty",
        "time",
        "isBuyerMaker",
        "tradeType",
        "mins",
        "data",
    ),
    *("details", "title", "postTime", "state", "offlineTime", "orderId", "side", "type", "origQty", "executedQty"),
    *("clientOrderId", "updateTime", "id", "isBuyer", "commission", "commissionAsset", "makerCommission", "code"),
    *("takerCommission", "mxDeductEnable", "uid", "remainingValidity", "ipWhiteList", "coin", "networkList", "p", "q"),
    *("withdrawFee", "minConfirm", "tradeGroupId", "tradeGroupUid", "listenKey", "available", "T", "m", "msg", "note"),
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "1", "0.5", "1e3", "-1", "NaN", "MXUSDT", "BUY", "NEW", "LIMIT", "PERCENT_PRICE_BY_SIDE", "x"]
    )
    | st.sampled_from([10**400, 10**18, -(10**30), 1e308, "9" * 80, "\ud7ff", "\x1b[0m"])
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=40,
)


PAIR = {
    "symbol": "MXUSDT", "status": "1", "baseAsset": "MX", "quoteAsset": "USDT", "quotePrecision": 4, "st": False,
    "baseAssetPrecision": 2, "orderTypes": ["LIMIT"], "isSpotTradingAllowed": True, "tradeSideType": 1,
    "quoteAmountPrecision": "1", "baseSizePrecision": "0.1", "maxQuoteAmount": "5", "makerCommission": "0",
    "filters": [{"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "0.2", "askMultiplierDown": "0.2"}],
    "firstOpenTime": 5, "fullName": "MX",
}  # fmt: skip
TICKER = {
    "symbol": "MXUSDT", "priceChangePercent": "0.1", "lastPrice": "1", "bidPrice": "1", "bidQty": "1", "askPrice": "2",
    "askQty": "", "openPrice": "1", "highPrice": "1", "lowPrice": "1", "volume": "1", "quoteVolume": None, "price": "1",
}  # fmt: skip
REPORT = {
    "symbol": "MXUSDT", "orderId": "1", "clientOrderId": None, "price": "1", "origQty": "1", "executedQty": "0",
    "cummulativeQuoteQty": "0", "status": "NEW", "type": "LIMIT", "side": "BUY", "time": 5, "updateTime": None,
    "origQuoteOrderQty": "1", "origClientOrderId": "a",
}  # fmt: skip
FILL = {
    "symbol": "MXUSDT", "id": "1", "orderId": "1", "price": "1", "qty": "1", "quoteQty": "1", "commission": "0",
    "commissionAsset": "MX", "time": 5, "isBuyer": True, "isMaker": False, "clientOrderId": None,
}  # fmt: skip
TRADE = {"price": "1", "qty": "1", "time": 5, "isBuyerMaker": False, "tradeType": "BID"}
NETWORK = {
    "netWork": "MX", "network": "MX", "contract": None, "depositEnable": True, "withdrawEnable": True,
    "withdrawFee": "0.1", "withdrawMin": "1", "withdrawMax": None, "minConfirm": 5, "depositTips": None,
}  # fmt: skip
GROUP = {"tradeGroupName": "g", "tradeGroupId": 91, "tradeGroupUid": "1,2"}
KEY = {
    "note": "n", "createTime": "2026", "permissions": "A,B", "remainingValidity": 5, "ipWhiteList": "", "status": "OK",
}  # fmt: skip
ROW = [60_000, "1", "2", "1", "2", "5", 120_000, "8"]
GOOD: dict[str, Any] = {
    "server_time": {"serverTime": 5},
    "default_symbols": {"data": ["MXUSDT"], "code": 0, "msg": "success"},
    "exchange_info": {"symbols": [PAIR, PAIR]},
    "exchange_info one": {"symbols": [PAIR]},
    "depth": {"lastUpdateId": 5, "bids": [["1", "2"]], "asks": [["2", "2"]]},
    "trades": [TRADE],
    "agg_trades": [{"p": "1", "q": "1", "T": 5, "m": True}],
    "klines": [ROW],
    "klines of 8 hours": [ROW],
    "avg_price": {"mins": 5, "price": "1"},
    "ticker_24h": [TICKER, TICKER],
    "ticker_24h one": TICKER,
    "ticker_price": [TICKER, TICKER],
    "book_ticker": [TICKER, TICKER],
    "symbol_offline": {"data": [{"symbol": "MXUSDT", "state": 3, "offlineTime": 5}]},
    "announcements": {"data": [{"details": [{"title": "t", "url": "u", "postTime": 5, "language": "en"}]}]},
    "etf_info": {"symbol": "MXUSDT", "netValue": "1", "feeRate": "1", "leverage": "3", "timestamp": 5},
    "place_order": {"symbol": "MXUSDT", "orderId": "1", "orderListId": -1},
    "batch_orders": [{"symbol": "MXUSDT", "orderId": "1", "newClientOrderId": "a-1", "code": None, "msg": None}],
    "cancel_order": REPORT,
    "cancel_open_orders": [REPORT],
    "cancel_all": {"code": 200, "msg": "success"},
    "order": REPORT,
    "open_orders": [REPORT],
    "all_orders": [REPORT],
    "my_trades": [FILL],
    "info": {
        "canTrade": True,
        "accountType": "SPOT",
        "permissions": ["SPOT"],
        "balances": [{"asset": "MX", "free": "1", "locked": "0"}],
    },
    "trade_fee": {"data": {"makerCommission": 0, "takerCommission": 0.0005}, "code": 0},
    "self_symbols": {"code": 200, "data": ["MXUSDT"], "msg": None},
    "mx_deduct": {"data": {"mxDeductEnable": True}, "code": 0},
    "kyc_status": {"status": "1"},
    "uid": {"uid": "1"},
    "api_key_info": KEY,
    "change_api_key": KEY,
    "capital_config": [{"coin": "MX", "name": "MX", "networkList": [NETWORK]}],
    "strategy_groups": {"data": [GROUP], "code": 200},
    "create_strategy_group": {"data": GROUP, "code": 200},
    "delete_strategy_group": {"data": True, "code": 200},
    "add_to_strategy_group": {"data": GROUP, "code": 200},
    "listen_key_create": {"listenKey": "k"},
    "listen_key_list": {"listenKey": ["k"], "available": 5},
    "listen_key_extend": {"listenKey": "k"},
}


def spoilt(data: st.DataObject, value: Any) -> Any:
    """Put anything in the place of a part of a good answer, or leave that part out, or add one."""
    if isinstance(value, dict) and value:
        name = data.draw(st.sampled_from(sorted(value)))
        what = data.draw(st.sampled_from(["deeper", "deeper", "anything", "gone"]))
        changed = dict(value)
        if what == "gone":
            del changed[name]
        else:
            changed[name] = spoilt(data, value[name]) if what == "deeper" else data.draw(ANYTHING)
        return {**changed, "added": data.draw(PLAIN)}
    if isinstance(value, list) and value:
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], spoilt(data, value[at]), *value[at + 1 :]]
    return data.draw(ANYTHING)


async def ask(name: str, answer: Any) -> VenueError | None:
    rest = MexcRest(MexcSettings(base_url="http://127.0.0.1:1", api_key="mx0key", api_secret="secret"))
    body = json.dumps(answer).encode()

    async def call(endpoint: Any, params: Any = None) -> Any:
        return await read_answer(endpoint.call, Answer(200, "application/json", None, body))

    rest._transport.call = call  # type: ignore[method-assign]
    try:
        await CALLS[name](rest)
    except VenueError as error:
        return error
    finally:
        await rest.close()
    return None


@pytest.mark.parametrize("name", CALLS)
@examples(25)
@given(data=st.data())
def test_any_answer_is_a_value_or_an_error_with_a_remedy(name: str, data: st.DataObject) -> None:
    answer = spoilt(data, GOOD[name]) if name in GOOD and data.draw(st.booleans()) else data.draw(ANYTHING)
    error = asyncio.run(ask(name, answer))
    if error is not None:
        assert error.remedy
        assert error.message.isprintable()
        assert not (error.definite and name == "place_order" and error.code is None)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_is_read(name: str) -> None:
    assert asyncio.run(ask(name, GOOD[name])) is None
