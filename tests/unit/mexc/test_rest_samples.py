"""Every recorded or documented answer of MEXC is read, and read right."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.instrument import InstrumentStatus, TradeSides
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest, OrderState, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest

LIMIT = OrderRequest(
    client_order_id="", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(50), price=Decimal("0.1")
)
BATCH = [
    OrderRequest(
        client_order_id=name,
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        qty=Decimal(1),
        price=Decimal(40_000),
    )
    for name in ("hio8279hbdsds", "123456", "")
]


@pytest.fixture
def play(samples: Path, server: Any) -> Callable[[str, str, str], None]:
    def play(method: str, path: str, name: str) -> None:
        server.json(method, path, (samples / f"{name}.json").read_bytes())

    return play


Play = Callable[[str, str, str], None]


async def test_exchange_info_tells_minimums_from_precisions(rest: MexcRest, play: Play) -> None:
    play("GET", "exchangeInfo", "GET_api_v3_exchangeInfo")
    pairs = {pair.symbol: pair for pair in await rest.market.exchange_info()}
    btc, metal, pyth = pairs["BTCUSDT"], pairs["METALUSDT"], pairs["PYTHUSDT"]
    assert (btc.price_decimals, btc.qty_decimals, btc.min_qty, btc.min_notional) == (
        2,
        8,
        Decimal("0.000001"),
        Decimal(1),
    )
    assert not btc.tradable
    assert btc.bid_multiplier_up == btc.ask_multiplier_down == Decimal("0.005")
    assert metal.tradable
    assert (metal.tick, metal.step, metal.min_qty) == (Decimal("0.00001"), Decimal("0.01"), Decimal("0.1"))
    assert (metal.max_notional, metal.max_notional_market) == (Decimal(2_000_000), Decimal(100_000))
    assert (metal.maker_fee, metal.taker_fee, metal.full_name) == (Decimal(0), Decimal("0.0005"), "Metal Blockchain")
    assert "IMMEDIATE_OR_CANCEL" in metal.order_types
    assert pyth.min_qty == 0


async def test_older_and_upcoming_listings_are_read(rest: MexcRest, play: Play) -> None:
    play("GET", "exchangeInfo", "GET_api_v3_exchangeInfo__2025-01_capture")
    (brock,) = await rest.market.exchange_info()
    assert brock.bid_multiplier_up is None
    assert brock.tradable
    play("GET", "exchangeInfo", "GET_api_v3_exchangeInfo__upcoming_listing")
    (coming,) = await rest.market.exchange_info("NEWCOINUSDT")
    assert (coming.status, coming.first_open_ms, coming.sides) == (
        InstrumentStatus.PAUSED,
        1760007200000,
        TradeSides.BOTH,
    )
    play("GET", "exchangeInfo", "GET_api_v3_exchangeInfo__one_symbol")
    (btc,) = await rest.market.exchange_info("BTCUSDT")
    assert btc.symbol == "BTCUSDT"


async def test_public_market_data(rest: MexcRest, play: Play) -> None:
    play("GET", "ping", "GET_api_v3_ping")
    await rest.market.ping()
    play("GET", "time", "GET_api_v3_time")
    assert await rest.market.server_time() == 1767211150479
    play("GET", "defaultSymbols", "GET_api_v3_defaultSymbols")
    assert "币安人生USDT" in await rest.market.default_symbols()
    play("GET", "depth", "GET_api_v3_depth")
    book = await rest.market.depth("BTCUSDT", 5_000)
    assert (book.version, book.limit) == (56217769552, 2_000)
    assert (book.bids[0], book.asks[0]) == (("87900.00", "0.05661525"), ("87903.98", "5.12181600"))
    play("GET", "trades", "GET_api_v3_trades")
    trades = await rest.market.trades("BTCUSDT")
    assert [trade.time_ms for trade in trades] == sorted(trade.time_ms for trade in trades)
    assert (trades[-1].taker, trades[-1].price, trades[-1].trade_id) == (Side.BUY, Decimal("87924.49"), "")
    assert trades[0].qty == Decimal("0.00576229")
    play("GET", "aggTrades", "GET_api_v3_aggTrades")
    aggregated = await rest.market.agg_trades("BTCUSDT")
    assert (aggregated[-1].qty, aggregated[-1].taker) == (Decimal("0.61162371"), Side.BUY)
    play("GET", "avgPrice", "GET_api_v3_avgPrice")
    assert (await rest.market.avg_price("BTCUSDT")).price == Decimal("87920.64")
    play("GET", "symbol/offline", "GET_api_v3_symbol_offline")
    assert [(row.symbol, row.offline_ms) for row in await rest.market.symbol_offline()] == [
        ("LVNUSDT", None),
        ("LOKAUSDT", 1724125694000),
    ]
    play("GET", "announcements", "GET_api_v3_announcements")
    assert (await rest.market.announcements())[0].posted_ms == 1790090755000
    play("GET", "etf/info", "GET_api_v3_etf_info")
    assert (await rest.market.etf_info("OP3SUSDT")).real_leverage == Decimal("2.9126")


async def test_candles_know_whether_they_are_closed(rest: MexcRest, play: Play, server: Any) -> None:
    play("GET", "klines", "GET_api_v3_klines__5m")
    candles = await rest.market.klines("BTCUSDT", Interval.M5)
    assert [candle.open_ms for candle in candles][:2] == [1767056100000, 1767056400000]
    assert (candles[0].quote_volume, candles[0].closed) == (Decimal("1525897.53"), True)
    later = await rest.market.klines("BTCUSDT", Interval.M5, start_ms=1767056400000, end_ms=1767057000000)
    assert [candle.open_ms for candle in later] == [1767056400000, 1767056700000]
    now = rest.server_now_ms()
    server.json("GET", "klines", [[now - 1_000, "1", "2", "1", "2", "5", now + 59_000, "8"]])
    assert not (await rest.market.klines("BTCUSDT", Interval.M1))[0].closed


@pytest.mark.parametrize("newest", [True, False])
async def test_more_candles_than_the_exchange_gives_at_a_time(rest: MexcRest, server: Any, newest: bool) -> None:
    """MEXC documents 1,000 at a time and was seen to give 500, whichever end of the span that leaves out."""
    minute, last = 60_000, 1_767_052_800_000

    async def answer(asked: Any) -> web.StreamResponse:
        end = int(asked.query.get("endTime", last + minute))
        start = int(asked.query.get("startTime", 0))
        row = [at for at in range(last - 1_999 * minute, last + 1, minute) if start <= at < end]
        limit = min(500, int(asked.query["limit"]))
        row = row[-limit:] if newest or "startTime" not in asked.query else row[:limit]
        return web.json_response([[at, "1", "2", "1", "2", "5", at + minute, "8"] for at in row])

    server.on("GET", "klines", answer)
    latest = await rest.market.klines("BTCUSDT", Interval.M1, 800)
    assert [candle.open_ms for candle in latest] == [last - n * minute for n in range(799, -1, -1)]
    before = await rest.market.klines("BTCUSDT", Interval.M1, 1_000, end_ms=last)
    assert [candle.open_ms for candle in before] == [last - n * minute for n in range(1_000, 0, -1)]
    spanned = await rest.market.klines(
        "BTCUSDT", Interval.M1, 1_000, start_ms=last - 699 * minute, end_ms=last + minute
    )
    assert [candle.open_ms for candle in spanned] == [last - n * minute for n in range(699, -1, -1)]


FOUR_HOURS = 4 * 3_600_000
MIDNIGHT = 1_767_052_800_000


def four_hours(at: int, *figures: str) -> list[object]:
    opens, high, low, close, volume, quote = figures
    return [MIDNIGHT + at * FOUR_HOURS, opens, high, low, close, volume, MIDNIGHT + (at + 1) * FOUR_HOURS, quote]


async def test_candles_of_eight_hours_are_made_of_two_of_four(rest: MexcRest, server: Any) -> None:
    halves = [
        four_hours(0, "10", "12", "9.5", "11", "0.1", "1.1"),
        four_hours(1, "11", "11.5", "8", "9", "0.2", "1.9"),
        four_hours(2, "9", "9", "9", "9", "0.3", "2.7"),
    ]
    server.json("GET", "klines", halves)
    first, second = await rest.market.klines("BTCUSDT", Interval.H8, 2)
    assert server.last("GET", "klines").query["interval"] == "4h"
    assert (first.open_ms, first.open, first.high, first.low, first.close) == (
        MIDNIGHT,
        Decimal(10),
        Decimal(12),
        Decimal(8),
        Decimal(9),
    )
    assert (first.volume, first.quote_volume, first.closed) == (Decimal("0.3"), Decimal("3.0"), True)
    assert (second.open_ms, second.volume) == (MIDNIGHT + 2 * FOUR_HOURS, Decimal("0.3"))
    # Cut off by the limit in the middle of a window: a first candle that is only half of one is not shown.
    server.json("GET", "klines", [four_hours(n, "1", "1", "1", "1", "1", "1") for n in range(1, 5)])
    assert [c.open_ms for c in await rest.market.klines("BTCUSDT", Interval.H8, 2)] == [
        MIDNIGHT + 2 * FOUR_HOURS,
        MIDNIGHT + 4 * FOUR_HOURS,
    ]
    # A pair that began to trade in the middle of a window has no other half.
    server.json("GET", "klines", [four_hours(1, "1", "1", "1", "1", "1", "1")])
    assert [c.open_ms for c in await rest.market.klines("BTCUSDT", Interval.H8, 2)] == [MIDNIGHT]


async def test_tickers_of_one_pair_and_of_all(rest: MexcRest, play: Play) -> None:
    play("GET", "ticker/24hr", "GET_api_v3_ticker_24hr__one")
    (one,) = await rest.market.ticker_24h("BTCUSDT")
    assert (one.last, one.change) == (Decimal("87904"), Decimal("-0.0055"))
    play("GET", "ticker/24hr", "GET_api_v3_ticker_24hr__all")
    assert len(await rest.market.ticker_24h()) == 5
    play("GET", "ticker/price", "GET_api_v3_ticker_price__one")
    assert (await rest.market.ticker_price("BTCUSDT"))[0].price == Decimal("87878.42")
    play("GET", "ticker/price", "GET_api_v3_ticker_price__all")
    assert len(await rest.market.ticker_price()) == 5
    play("GET", "ticker/bookTicker", "GET_api_v3_ticker_bookTicker__one")
    assert (await rest.market.book_ticker("BTCUSDT"))[0].ask_qty == Decimal("1.783024")
    play("GET", "ticker/bookTicker", "GET_api_v3_ticker_bookTicker__all")
    assert len(await rest.market.book_ticker()) == 5


async def test_orders_and_own_trades(rest: MexcRest, play: Play) -> None:
    play("GET", "order", "GET_api_v3_order__filled_market")
    market = await rest.trading.order("KASUSDT", client_order_id="sbo000077")
    assert market is not None
    assert (market.state, market.type, market.filled_quote) == (
        OrderState.FILLED,
        OrderType.MARKET,
        Decimal("5.72522853"),
    )
    play("GET", "order", "GET_api_v3_order__open_limit")
    limit = await rest.trading.order("LTCBTC", order_id="C02__474424498318368768044")
    assert limit is not None
    assert (limit.state, limit.qty, limit.quote_qty) == (OrderState.WORKING, Decimal("1.0"), None)
    play("GET", "order", "GET_api_v3_order__stp_canceled")
    stopped = await rest.trading.order("BTCUSDT", order_id="1")
    assert stopped is not None
    assert (stopped.state, stopped.qty) == (OrderState.CANCELLED, None)
    play("GET", "openOrders", "GET_api_v3_openOrders")
    (partial,) = await rest.trading.open_orders(["MXUSDT"])
    assert (partial.state, partial.filled_qty, partial.client_order_id) == (OrderState.PARTIAL, Decimal(4), "")
    play("GET", "allOrders", "GET_api_v3_allOrders")
    assert (await rest.trading.all_orders("LTCBTC"))[0].state is OrderState.CANCELLED
    play("GET", "myTrades", "GET_api_v3_myTrades")
    first, second = await rest.trading.my_trades("KASUSDT")
    assert (first.fee, first.fee_asset, first.is_maker, first.side) == (Decimal("0.0035"), "USDT", True, Side.SELL)
    assert (second.fee, second.fee_asset, second.client_order_id) == (Decimal("0.1"), "MX", "")


async def test_placing_and_cancelling(rest: MexcRest, play: Play) -> None:
    play("POST", "order", "POST_api_v3_order__limit")
    assert await rest.trading.place_order(LIMIT) == "06a480e69e604477bfb48dddd5f0b750"
    play("POST", "order", "POST_api_v3_order__market")
    assert await rest.trading.place_order(LIMIT) == "C02__728298455591530497024"
    play("POST", "order/test", "POST_api_v3_order_test")
    await rest.trading.test_order(LIMIT)
    for name in ("docs", "observed"):
        play("DELETE", "order", f"DELETE_api_v3_order__{name}")
        await rest.trading.cancel_order("MXUSDT", order_id="1")
    play("DELETE", "openOrders", "DELETE_api_v3_openOrders")
    assert await rest.trading.cancel_open_orders(["BTCUSDT"]) == (
        "C02__474424498318368768011",
        "C02__474424498318368768013",
    )
    play("DELETE", "order/all", "DELETE_api_v3_order_all")
    await rest.trading.cancel_all()


async def test_batches_answer_order_by_order(rest: MexcRest, play: Play, server: Any) -> None:
    play("POST", "batchOrders", "POST_api_v3_batchOrders__mixed")
    first, second, third = await rest.trading.batch_orders(BATCH)
    assert (first.order_id, third.order_id) == ("1196315350023612316", "1196315350023612318")
    assert second.error is not None
    assert (second.error.kind, second.error.code, second.error.definite) == (ErrorKind.BAD_PARAMETER, 30002, True)
    assert "0.5USDT" in second.error.message
    sent = json.loads(server.last("POST", "batchOrders").query["batchOrders"])
    assert sent[0] == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "1",
        "price": "40000",
        "newClientOrderId": "hio8279hbdsds",
    }
    play("POST", "batchOrders", "POST_api_v3_batchOrders__all_ok")
    assert [result.error for result in await rest.trading.batch_orders(BATCH[:2])] == [None, None]


async def test_account_and_settings(rest: MexcRest, play: Play) -> None:
    play("GET", "account", "GET_api_v3_account")
    assert [(row.asset, row.total) for row in await rest.account.balances()] == [
        ("NBNTEST", Decimal(1111111)),
        ("MAIN", Decimal(1020000)),
    ]
    play("GET", "account", "GET_api_v3_account__old_form")
    info = await rest.account.info()
    assert info.can_trade
    assert info.balances[1].free == Decimal("88.120131350620957006")
    play("GET", "tradeFee", "GET_api_v3_tradeFee")
    assert (await rest.account.trade_fee("MXUSDT")).maker == Decimal("0.003")
    play("GET", "selfSymbols", "GET_api_v3_selfSymbols")
    assert "GENE1USDT" in await rest.account.self_symbols()
    play("GET", "mxDeduct/enable", "GET_api_v3_mxDeduct_enable")
    assert await rest.account.mx_deduct() is False
    play("POST", "mxDeduct/enable", "POST_api_v3_mxDeduct_enable")
    assert await rest.account.set_mx_deduct(True) is True
    play("GET", "kyc/status", "GET_api_v3_kyc_status")
    assert await rest.account.kyc_status() == 1
    play("GET", "uid", "GET_api_v3_uid")
    assert await rest.account.uid() == "209302839"
    play("GET", "apiKeyInfo", "GET_api_v3_apiKeyInfo")
    key = await rest.account.api_key_info()
    assert (key.days_left, key.status, key.ip_white_list) == (82, "VALID", ())
    assert "SPOT_DEAL_WRITE" in key.permissions
    assert "mx0aBYs33eIilxBWC5" not in repr(key)
    play("POST", "apiKeyInfo", "POST_api_v3_apiKeyInfo")
    assert await rest.account.change_api_key(note="note2", ip_white_list=("1.1.1.1",)) == ("1.1.1.1", "2.2.2.2")
    play("GET", "capital/config/getall", "GET_api_v3_capital_config_getall")
    coins = {coin.coin: coin for coin in await rest.account.capital_config()}
    assert coins["EOS"].networks[0].withdraw_fee == Decimal("0.0001")
    assert (coins["BTC"].networks[0].name, coins["EOS"].networks[0].withdraw_enabled) == ("BSC", False)


async def test_self_trade_groups(rest: MexcRest, play: Play) -> None:
    play("GET", "strategy/group", "GET_api_v3_strategy_group")
    play("POST", "strategy/group", "POST_api_v3_strategy_group")
    play("DELETE", "strategy/group", "DELETE_api_v3_strategy_group")
    play("POST", "strategy/group/uid", "POST_api_v3_strategy_group_uid")
    play("DELETE", "strategy/group/uid", "DELETE_api_v3_strategy_group_uid")
    (listed,) = await rest.account.strategy_groups("tradeGroupOne")
    assert (await rest.account.create_strategy_group("tradeGroupOne")).group_id == listed.group_id == "91"
    assert (await rest.account.add_to_strategy_group("92", ("49910594",))).uids == ("49910594", "49910595")
    assert await rest.account.remove_from_strategy_group("92", ("49910594",))
    assert await rest.account.delete_strategy_group("91")


async def test_stream_keys(rest: MexcRest, play: Play, server: Any) -> None:
    for method in ("POST", "PUT", "DELETE"):
        play(method, "userDataStream", f"{method}_api_v3_userDataStream")
    play("GET", "userDataStream", "GET_api_v3_userDataStream")
    key = await rest.account.listen_key_create()
    assert key.startswith("pqia")
    await rest.account.listen_key_extend(key)
    await rest.account.listen_key_close(key)
    keys = await rest.account.listen_key_list()
    assert (len(keys.keys), keys.available) == (2, 198)
    assert keys.keys[0] not in repr(keys)
    for method in ("PUT", "DELETE"):
        assert server.last(method, "userDataStream").query["listenKey"] == key
        assert "signature" in server.last(method, "userDataStream").query


async def test_recorded_errors_have_a_kind_a_meaning_and_a_remedy(make_rest: Any, samples: Path, server: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    for sample in json.loads((samples / "ERROR_bodies.json").read_text()):
        server.json("GET", "account", sample["body"], status=sample["httpStatus"])
        with pytest.raises(VenueError) as caught:
            await rest.account.balances()
        error = caught.value
        assert error.code == sample["body"]["code"]
        assert error.kind is not ErrorKind.OTHER
        assert error.definite
        assert error.remedy
        if error.http_status != 429:
            assert sample["body"]["msg"] in error.message


def _shape(value: Any) -> Any:
    """Return the keys and types of an answer; of a list, those of its rows together."""
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(_shape(part), sort_keys=True) for part in value})
    return type(value).__name__


def test_what_ships_has_the_shape_of_what_was_recorded(samples: Path) -> None:
    for made in sorted((Path(__file__).parents[2] / "samples").glob("*.json")):
        ours, theirs = (json.loads((folder / made.name).read_text()) for folder in (made.parent, samples))
        if made.name.startswith("WS_push__"):
            ours, theirs = ours["decoded"], theirs["decoded"]
        if made.stem in ("ERROR_bodies", "BOOK_REPLAY_synthetic"):
            continue
        shapes, recorded = _shape(ours), _shape(theirs)
        if isinstance(shapes, list):
            assert set(shapes) <= set(recorded), made.name
        else:
            assert shapes.keys() == recorded.keys(), made.name
