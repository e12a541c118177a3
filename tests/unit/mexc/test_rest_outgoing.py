"""Strict in what is sent: what cannot be right never leaves; tolerant in what is read: one odd row hides no other."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest import signing
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.models import SelfTrade
from mexc_tui.venues.mexc.settings import MexcSettings

ORDER = OrderRequest(
    client_order_id="mtui-a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)
DAY = 86_400_000
NAMES = ["", "A", "MX USDT", "MXUSDT\n", "MX/USDT", "MX\x1bUSDT", "\ud800USDT", "MX&side=SELL", "X" * 61, "A,B,"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "call",
    [
        lambda rest, name: rest.market.depth(name),
        lambda rest, name: rest.market.trades(name),
        lambda rest, name: rest.market.agg_trades(name),
        lambda rest, name: rest.market.avg_price(name),
        lambda rest, name: rest.market.ticker_24h(name),
        lambda rest, name: rest.market.book_ticker(name),
        lambda rest, name: rest.market.exchange_info("MXUSDT", name),
        lambda rest, name: rest.account.trade_fee(name),
        lambda rest, name: rest.trading.order(name, order_id="1"),
        lambda rest, name: rest.trading.cancel_order(name, order_id="1"),
        lambda rest, name: rest.trading.cancel_open_orders([name]),
        lambda rest, name: rest.trading.open_orders([name]),
        lambda rest, name: rest.trading.my_trades(name),
    ],
)
async def test_names_that_no_pair_has_are_not_sent(rest: MexcRest, server: Any, call: Any, name: str) -> None:
    before = len(server.asked)
    with pytest.raises(VenueError) as caught:
        await call(rest, name)
    assert (caught.value.kind, caught.value.sent, caught.value.definite) == (ErrorKind.BAD_PARAMETER, False, True)
    assert caught.value.message.isprintable()
    assert len(server.asked) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda rest: rest.market.agg_trades("MXUSDT", start_ms=1),
        lambda rest: rest.market.agg_trades("MXUSDT", end_ms=1),
        lambda rest: rest.market.agg_trades("MXUSDT", start_ms=0, end_ms=3_600_001),
        lambda rest: rest.market.agg_trades("MXUSDT", start_ms=5, end_ms=4),
        lambda rest: rest.trading.all_orders("MXUSDT", start_ms=0, end_ms=7 * DAY + 1),
        lambda rest: rest.trading.all_orders("MXUSDT", start_ms=5, end_ms=4),
        lambda rest: rest.trading.my_trades("MXUSDT", since_ms=5, until_ms=4),
        lambda rest: rest.trading.order("MXUSDT", order_id="1", client_order_id="2"),
        lambda rest: rest.trading.order("MXUSDT"),
        lambda rest: rest.trading.order("MXUSDT", client_order_id="a\x00"),
        lambda rest: rest.trading.batch_orders([]),
        lambda rest: rest.trading.batch_orders([ORDER] * 21),
        lambda rest: rest.account.change_api_key(note="", ip_white_list=("1.2.3",)),
        lambda rest: rest.account.change_api_key(note="", ip_white_list=("1.2.3.4",) * 21),
        lambda rest: rest.account.change_api_key(note="line\nend", ip_white_list=()),
        lambda rest: rest.account.add_to_strategy_group("1", ()),
        lambda rest: rest.account.remove_from_strategy_group("1", ("1,2",)),
    ],
)
async def test_parameters_that_cannot_be_right_are_not_sent(rest: MexcRest, server: Any, call: Any) -> None:
    before = len(server.asked)
    with pytest.raises(VenueError) as caught:
        await call(rest)
    assert (caught.value.kind, caught.value.sent, caught.value.definite) == (ErrorKind.BAD_PARAMETER, False, True)
    assert len(server.asked) == before


@pytest.mark.parametrize("value", [Decimal("1E+31"), Decimal("1E-31"), Decimal("1E+999999"), Decimal("1E-999999")])
async def test_numbers_of_absurd_size_are_not_sent(rest: MexcRest, server: Any, value: Decimal) -> None:
    for changes in ({"qty": value}, {"price": value}):
        values = {name: getattr(ORDER, name) for name in ORDER.__struct_fields__} | changes
        with pytest.raises(VenueError, match="number above zero"):
            await rest.trading.place_order(OrderRequest(**values))
    assert server.count("POST", "order") == 0


@pytest.mark.parametrize(
    ("value", "text"), [("1E-8", "0.00000001"), ("1E+3", "1000"), ("0.10", "0.1"), ("12345678901234567.00000001", None)]
)
async def test_numbers_go_out_plain_and_exact(rest: MexcRest, server: Any, value: str, text: str | None) -> None:
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    values = {name: getattr(ORDER, name) for name in ORDER.__struct_fields__} | {"qty": Decimal(value)}
    await rest.trading.place_order(OrderRequest(**values))
    assert server.last("POST", "order").query["quantity"] == (text or value)


async def test_self_trade_prevention_is_sent_only_where_it_is_wanted(rest: MexcRest, server: Any) -> None:
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1", "stpMode": ""})
    server.json("POST", "order/test", {})
    await rest.trading.place_order(ORDER)
    assert "stpMode" not in server.last("POST", "order").query
    await rest.trading.place_order(ORDER, self_trade=SelfTrade.CANCEL_MAKER)
    await rest.trading.test_order(ORDER, self_trade=SelfTrade.CANCEL_BOTH)
    assert server.last("POST", "order").query["stpMode"] == "cancel_maker"
    assert server.last("POST", "order/test").query["stpMode"] == "cancel_both"


async def test_several_pairs_at_once(rest: MexcRest, server: Any) -> None:
    row = {
        "status": "1",
        "baseAsset": "A",
        "quoteAsset": "USDT",
        "quotePrecision": 4,
        "baseAssetPrecision": 2,
        "isSpotTradingAllowed": True,
    }
    server.json("GET", "exchangeInfo", {"symbols": [{**row, "symbol": "AUSDT"}, {**row, "symbol": "币安人生USDT"}]})
    pairs = await rest.market.exchange_info("AUSDT", "币安人生USDT")
    assert [pair.symbol for pair in pairs] == ["AUSDT", "币安人生USDT"]
    assert server.last("GET", "exchangeInfo").query == {"symbols": "AUSDT,币安人生USDT"}
    with pytest.raises(VenueError, match="does not describe BUSDT"):
        await rest.market.exchange_info("AUSDT", "BUSDT")


ODD = [None, [], "x", {}, {"symbol": None}, {"symbol": "BUSDT", "lastPrice": "n/a", "price": "n/a", "bidPrice": {}}]


async def test_one_odd_row_does_not_hide_the_figures_of_all_other_pairs(rest: MexcRest, server: Any) -> None:
    good = {"symbol": "AUSDT", "lastPrice": "1.50", "price": 1.5, "bidPrice": "", "askPrice": None, "added": {"x": [1]}}
    for path, call in (
        ("ticker/24hr", rest.market.ticker_24h),
        ("ticker/price", rest.market.ticker_price),
        ("ticker/bookTicker", rest.market.book_ticker),
    ):
        server.json("GET", path, [*ODD, good])
        (row,) = await call()
        assert row.symbol == "AUSDT"
        server.json("GET", path, ODD)
        with pytest.raises(VenueError, match="none of its rows"):
            await call()
        server.json("GET", path, [])
        assert await call() == ()
        server.json("GET", path, ODD[-1])
        with pytest.raises(VenueError, match="could not be read"):
            await call("BUSDT")
    assert rest.metrics().unreadable_rows == 3 * 2 * len(ODD)


async def test_one_odd_coin_does_not_hide_the_others(rest: MexcRest, server: Any) -> None:
    odd = [None, {"coin": None}, {"coin": "X", "networkList": [{"withdrawFee": "much"}]}]
    server.json("GET", "capital/config/getall", [*odd, {"coin": "BTC", "Name": "Bitcoin", "networkList": None}])
    (coin,) = await rest.account.capital_config()
    assert (coin.coin, coin.name, coin.networks) == ("BTC", "Bitcoin", ())
    assert rest.metrics().unreadable_rows == 3


async def test_one_odd_balance_is_never_left_out(make_rest: Any, server: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    for odd in ({"asset": "BTC"}, {"asset": "BTC", "free": "some"}, {"free": "1"}, None):
        server.json("GET", "account", {"balances": [{"asset": "USDT", "free": "1"}, odd]})
        with pytest.raises(VenueError, match="could not be read"):
            await rest.account.balances()


@pytest.mark.parametrize("value", ["mx0abc\n", "mx0 abc", "mx0\x00", "mx0ä", "\tmx0"])
def test_keys_that_were_copied_badly_are_refused_without_being_shown(value: str) -> None:
    for changes in ({"api_key": value, "api_secret": "s"}, {"api_key": "k", "api_secret": value}):
        with pytest.raises(ValueError, match="copied along") as caught:
            MexcSettings(**changes)
        assert "mx0" not in str(caught.value)


@pytest.mark.parametrize(
    "note", ["a (b) c", "x,y;z", "!*'~-_.", "50% + 1 = ?", "üñ 币安人生", 'q"u/o\\te', "a&b=c#d", "[1]{2}|^`"]
)
async def test_what_is_signed_is_what_is_sent(rest: MexcRest, server: Any, note: str) -> None:
    server.json("POST", "apiKeyInfo", {"ipWhiteList": ""})
    await rest.account.change_api_key(note=note, ip_white_list=())
    asked = server.last("POST", "apiKeyInfo")
    text, _, signature = asked.raw_query.rpartition("&signature=")
    assert signature == signing.signature("45d0b3c26f2644f19bfb98b07741b2f5", text)
    assert text.isascii()
    assert asked.query["note"] == note


async def test_fees_coins_and_own_pairs_are_asked_for_once_in_their_time(
    rest: MexcRest, server: Any, manual_clock: Any
) -> None:
    server.json("GET", "tradeFee", {"data": {"makerCommission": 0, "takerCommission": 5e-4}, "code": 0})
    server.json("GET", "capital/config/getall", [{"coin": "BTC"}])
    server.json("GET", "selfSymbols", {"code": 200, "data": ["MXUSDT"], "msg": None})
    server.json("GET", "defaultSymbols", {"code": 200, "data": ["MXUSDT"], "msg": None})
    calls: list[tuple[str, str, Any, float]] = [
        ("fees", "tradeFee", lambda: rest.account.trade_fee("MXUSDT"), 3_600),
        ("coins", "capital/config/getall", rest.account.capital_config, 3_600),
        ("own symbols", "selfSymbols", rest.account.self_symbols, 300),
        ("default symbols", "defaultSymbols", rest.market.default_symbols, 300),
    ]
    for name, path, call, seconds in calls:
        await asyncio.gather(*(call() for _ in range(20)))
        manual_clock.now += seconds - 1
        await call()
        assert server.count("GET", path) == 1
        manual_clock.now += 2
        await call()
        assert server.count("GET", path) == 2
        rate = rest.metrics().cache[name]
        assert (rate.hits, rate.misses) == (20, 2)
    server.json("POST", "mxDeduct/enable", {"data": {"mxDeductEnable": True}, "code": 0})
    asked = server.count("GET", "tradeFee")
    assert (await rest.account.trade_fee("MXUSDT")).taker == Decimal("0.0005")
    await rest.account.set_mx_deduct(True)
    await rest.account.trade_fee("MXUSDT")
    assert server.count("GET", "tradeFee") - asked in (1, 2)
