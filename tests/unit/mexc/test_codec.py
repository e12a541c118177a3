"""Recorded frames decode to the values beside them, and nothing malformed gets through."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    CandleSeen,
    FillReported,
    LinkChanged,
    LinkState,
    OrderReported,
    TickersSeen,
    TopLevels,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.venues.mexc.stream.codec import CodecError, UnknownBodyError, decode
from mexc_tui.venues.mexc.stream.decoder import FrameDecoder
from mexc_tui.wire.mexc.intervals import BY_STREAM_NAME
from mexc_tui.wire.mexc.pb import push_pb2 as pb

RECV = 1_234


def sample(samples: Path, name: str) -> tuple[bytes, dict[str, Any]]:
    data = json.loads((samples / f"WS_push__{name}.json").read_text())
    return bytes.fromhex(data["hex"]), data["decoded"]


def pairs(items: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(item["price"], item["quantity"]) for item in items]


def make(channel: str = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", symbol: str = "BTCUSDT") -> Any:
    return pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=1_760_000_000_000)


def depth_frame(first: str = "5", last: str = "7") -> Any:
    wrapper = make()
    wrapper.publicAggreDepths.bids.add(price="1.5", quantity="2")
    wrapper.publicAggreDepths.fromVersion = first
    wrapper.publicAggreDepths.toVersion = last
    return wrapper


def test_every_recorded_frame_decodes_to_the_messages_beside_it(samples: Path) -> None:
    files = sorted((samples).glob("WS_push__*.json"))
    assert len(files) >= 14
    for file in files:
        data = json.loads(file.read_text())
        frame = bytes.fromhex(data["hex"])
        assert len(frame) == data["bytes"]
        assert json_format.MessageToDict(pb.PushDataV3ApiWrapper.FromString(frame)) == data["decoded"], file.name
        assert decode(frame, RECV), file.name


@pytest.mark.parametrize("name", ["docs", "live_BTCUSDT", "live_PAIDUSDT_bids_only"])
def test_depth(samples: Path, name: str) -> None:
    frame, said = sample(samples, f"public_aggre_depth_100ms__{name}")
    body = said["publicAggreDepths"]
    assert decode(frame, RECV) == (
        BookDelta(
            said["symbol"],
            int(body["fromVersion"]),
            int(body["toVersion"]),
            pairs(body.get("bids", [])),
            pairs(body.get("asks", [])),
            int(said["sendTime"]),
            RECV,
        ),
    )


def test_retired_increment_batch_becomes_one_delta_a_version(samples: Path) -> None:
    frame, said = sample(samples, "public_increase_depth_batch")
    deltas = decode(frame, RECV)
    items = said["publicIncreaseDepthsBatch"]["items"]
    assert [delta.first for delta in deltas if isinstance(delta, BookDelta)] == [int(i["version"]) for i in items]
    assert [delta.bids for delta in deltas if isinstance(delta, BookDelta)] == [pairs(i["bids"]) for i in items]


def test_limit_depth_is_a_picture_of_the_top_and_never_taken_for_a_whole_book(samples: Path) -> None:
    frame, said = sample(samples, "public_limit_depth_5")
    body = said["publicLimitDepths"]
    bids, asks = (
        tuple((Decimal(price), Decimal(qty)) for price, qty in pairs(body[side])) for side in ("bids", "asks")
    )
    assert decode(frame, RECV) == (TopLevels("BTCUSDT", int(body["version"]), bids, asks, RECV, 5),)


@pytest.mark.parametrize(
    ("name", "body"), [("public_aggre_deals_100ms", "publicAggreDeals"), ("public_deals__legacy", "publicDeals")]
)
def test_trades(samples: Path, name: str, body: str) -> None:
    frame, said = sample(samples, name)
    (seen,) = decode(frame, RECV)
    assert isinstance(seen, TradesSeen)
    assert seen.symbol == said["symbol"]
    for trade, item in zip(seen.trades, said[body]["deals"], strict=True):
        assert trade.price == Decimal(item["price"])
        assert trade.qty == Decimal(item["quantity"])
        assert trade.taker is {1: Side.BUY, 2: Side.SELL}[item["tradeType"]]
        assert trade.time_ms == int(item["time"])
        assert trade.trade_id == item.get("tradeId", "")


def test_candle_times_are_turned_from_seconds_and_close_stands_before_high(samples: Path) -> None:
    frame, said = sample(samples, "public_kline_Min15")
    (seen,) = decode(frame, RECV)
    body = said["publicSpotKline"]
    assert isinstance(seen, CandleSeen)
    assert (seen.symbol, seen.interval, seen.candle.closed) == ("BTCUSDT", Interval.M15, False)
    assert seen.candle.open_ms == int(body["windowStart"]) * 1000
    names = {"open": "openingPrice", "close": "closingPrice", "high": "highestPrice", "low": "lowestPrice"}
    names |= {"volume": "volume", "quote_volume": "amount"}
    for ours, theirs in names.items():
        assert getattr(seen.candle, ours) == Decimal(body[theirs]), ours


@pytest.mark.parametrize(
    ("name", "path"),
    [("public_aggre_bookTicker_100ms", "publicAggreBookTicker"), ("public_bookTicker_batch", "publicBookTickerBatch")],
)
def test_best_prices(samples: Path, name: str, path: str) -> None:
    frame, said = sample(samples, name)
    body = said[path]
    item = body["items"][0] if "items" in body else body
    values = [Decimal(item[key]) for key in ("bidPrice", "bidQuantity", "askPrice", "askQuantity")]
    assert decode(frame, RECV) == (TopOfBook("BTCUSDT", *values, RECV),)


def test_a_one_sided_book_has_no_best_prices_rather_than_zero() -> None:
    wrapper = make("spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT")
    wrapper.publicAggreBookTicker.askPrice = "5"
    wrapper.publicAggreBookTicker.askQuantity = "1"
    assert decode(wrapper.SerializeToString(), RECV) == ()
    wrapper.publicAggreBookTicker.bidPrice = "0"
    assert decode(wrapper.SerializeToString(), RECV) == ()


@pytest.mark.parametrize("name", ["public_miniTicker", "public_miniTickers"])
def test_tickers_do_not_mix_up_base_volume_and_turnover(samples: Path, name: str) -> None:
    frame, said = sample(samples, name)
    items = said["publicMiniTickers"]["items"] if name.endswith("s") else [said["publicMiniTicker"]]
    (seen,) = decode(frame, RECV)
    assert isinstance(seen, TickersSeen)
    for ticker, item in zip(seen.tickers, items, strict=True):
        assert ticker.symbol == item["symbol"]
        assert ticker.volume == Decimal(item["quantity"])
        assert ticker.quote_volume == Decimal(item["volume"])
        assert (ticker.last, ticker.change) == (Decimal(item["price"]), Decimal(item["rate"]))
        assert ticker.bid is None


def test_order_pushes(samples: Path) -> None:
    (limit,) = decode(sample(samples, "private_orders__limit_buy_new")[0], RECV)
    assert isinstance(limit, OrderReported)
    report = limit.report
    assert (report.type, report.side, report.state) == (OrderType.LIMIT, Side.BUY, OrderState.WORKING)
    assert (report.client_order_id, report.qty, report.quote_qty) == ("my-1", Decimal(10), None)
    assert (report.created_ms, report.updated_ms) == (1_760_000_000_100, 1_760_000_000_123)
    (market,) = decode(sample(samples, "private_orders__market_sell_filled")[0], RECV)
    assert isinstance(market, OrderReported)
    report = market.report
    assert (report.type, report.side, report.state) == (OrderType.MARKET, Side.SELL, OrderState.FILLED)
    assert (report.client_order_id, report.qty, report.filled_qty) == ("", Decimal(1), Decimal(1))
    assert report.filled_quote == Decimal("3.6962")


def test_a_market_buy_by_amount_has_no_quantity_rather_than_zero() -> None:
    wrapper = make("spot@private.orders.v3.api.pb", "MXUSDT")
    body = wrapper.privateOrders
    body.id, body.orderType, body.tradeType, body.status, body.amount = "C02__1", 5, 1, 1, "25"
    (seen,) = decode(wrapper.SerializeToString(), RECV)
    assert isinstance(seen, OrderReported)
    assert (seen.report.qty, seen.report.quote_qty) == (None, Decimal(25))


def test_an_order_type_we_cannot_place_is_none_and_not_a_failure() -> None:
    wrapper = make("spot@private.orders.v3.api.pb", "MXUSDT")
    body = wrapper.privateOrders
    body.id, body.orderType, body.tradeType, body.status = "C02__1", 100, 1, 1
    (seen,) = decode(wrapper.SerializeToString(), RECV)
    assert isinstance(seen, OrderReported)
    assert seen.report.type is None


def test_fill_and_balance_pushes(samples: Path) -> None:
    frame, said = sample(samples, "private_deals")
    body = said["privateDeals"]
    (seen,) = decode(frame, RECV)
    assert isinstance(seen, FillReported)
    fill = seen.fill
    assert (fill.trade_id, fill.order_id, fill.symbol) == (body["tradeId"], body["orderId"], "MXUSDT")
    assert (fill.side, fill.is_maker, fill.fee_asset) == (Side.SELL, False, "MX")
    assert fill.fee == Decimal(body["feeAmount"])
    (seen,) = decode(sample(samples, "private_account")[0], RECV)
    assert isinstance(seen, BalanceReported)
    assert seen.balance.free == Decimal("21.94210356004384")
    assert (seen.balance.locked, seen.change) == (Decimal(0), "CONTRACT_TRANSFER")


@pytest.mark.parametrize(
    ("first", "last"),
    [("", "7"), ("5", ""), ("-5", "7"), ("5", "7.0"), ("0x5", "7"), ("٥", "7"), ("9", "7"), ("1" * 5000, "7")],
)
def test_versions_must_be_ascending_decimal_digits(first: str, last: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode(depth_frame(first, last).SerializeToString(), RECV)
    assert caught.value.symbol == "BTCUSDT"
    assert caught.value.book


@pytest.mark.parametrize("text", ["", "nan", "1e5", "-1", "0", "١", " 1", "1_0", "Infinity", "9" * 80])
def test_a_trade_price_must_be_a_plain_number_above_zero(text: str) -> None:
    wrapper = make("spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT")
    wrapper.publicAggreDeals.deals.add(price=text, quantity="1", tradeType=1, time=1_760_000_000_000)
    with pytest.raises(CodecError):
        decode(wrapper.SerializeToString(), RECV)


def test_impossible_times_and_sides_are_refused() -> None:
    for fields in ({"time": -1}, {"time": 1 << 60}, {"tradeType": 3}, {"tradeType": 0}):
        wrapper = make("spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT")
        item = {"price": "1", "quantity": "1", "tradeType": 1, "time": 1_760_000_000_000} | fields
        wrapper.publicAggreDeals.deals.add(**item)
        with pytest.raises(CodecError):
            decode(wrapper.SerializeToString(), RECV)


def test_a_symbol_missing_from_the_wrapper_is_taken_from_the_channel() -> None:
    wrapper = depth_frame()
    wrapper.ClearField("symbol")
    (delta,) = decode(wrapper.SerializeToString(), RECV)
    assert isinstance(delta, BookDelta)
    assert delta.symbol == "BTCUSDT"


def test_a_frame_without_known_body_is_named_so() -> None:
    with pytest.raises(UnknownBodyError):
        decode(make().SerializeToString(), RECV)


def test_candles_of_every_stream_interval_are_read() -> None:
    for name, interval in BY_STREAM_NAME.items():
        wrapper = make(f"spot@public.kline.v3.api.pb@BTCUSDT@{name}")
        body = wrapper.publicSpotKline
        body.interval, body.windowStart = name, 1_767_052_800
        body.openingPrice = body.closingPrice = body.highestPrice = body.lowestPrice = "2"
        (seen,) = decode(wrapper.SerializeToString(), RECV)
        assert isinstance(seen, CandleSeen)
        assert seen.interval is interval
    assert set(BY_STREAM_NAME.values()) == set(Interval)


def test_an_unreadable_depth_frame_breaks_the_promise_of_its_book_only() -> None:
    decoder = FrameDecoder()
    (lost,) = decoder.decode(depth_frame("x").SerializeToString(), RECV)
    assert isinstance(lost, LinkChanged)
    assert (lost.private, lost.symbols) == (False, frozenset({"BTCUSDT"}))
    trades = make("spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT")
    trades.publicAggreDeals.deals.add(price="x", quantity="1", tradeType=1, time=1)
    assert decoder.decode(trades.SerializeToString(), RECV) == ()
    assert decoder.malformed == 2
    assert decoder.samples[0].hex == depth_frame("x").SerializeToString().hex()


def test_a_truncated_depth_frame_still_names_its_symbol() -> None:
    decoder = FrameDecoder()
    frame = depth_frame().SerializeToString()
    (lost,) = decoder.decode(frame[:-3], RECV)
    assert isinstance(lost, LinkChanged)
    assert lost.symbols == {"BTCUSDT"}


def test_an_unreadable_account_frame_asks_for_reconciliation() -> None:
    wrapper = make("spot@private.orders.v3.api.pb", "MXUSDT")
    wrapper.privateOrders.status = 9
    inputs = FrameDecoder().decode(wrapper.SerializeToString(), RECV)
    assert [(item.private, item.state) for item in inputs if isinstance(item, LinkChanged)] == [
        (True, LinkState.RECONNECTING),
        (True, LinkState.CONNECTED),
    ]


def test_one_odd_ticker_does_not_blind_the_others_but_is_counted(samples: Path) -> None:
    frame, _ = sample(samples, "public_miniTickers")
    wrapper = pb.PushDataV3ApiWrapper.FromString(frame)
    wrapper.publicMiniTickers.items[0].price = "1E-8"
    decoder = FrameDecoder()
    (seen,) = decoder.decode(wrapper.SerializeToString(), RECV)
    assert isinstance(seen, TickersSeen)
    assert [ticker.symbol for ticker in seen.tickers] == ["ETHUSDT"]
    assert decoder.malformed == 1


def test_fields_the_schema_lacks_are_counted_with_a_sample() -> None:
    decoder = FrameDecoder()
    frame = depth_frame().SerializeToString() + bytes([0xB8, 0x3E, 0x01])
    assert len(decoder.decode(frame, RECV)) == 1
    assert dict(decoder.unknown_fields) == {"wrapper.999": 1}
    assert decoder.samples[0].hex == frame.hex()
    assert decoder.not_understood == 0
    assert decoder.drift == "fields wrapper.999"


def test_a_message_of_a_new_kind_is_logged_with_its_bytes_and_told(caplog: pytest.LogCaptureFixture) -> None:
    decoder = FrameDecoder()
    assert decoder.drift == ""
    frame = pb.PushDataV3ApiWrapper(channel="spot@public.new.v4", sendTime=5).SerializeToString()
    for _ in range(100):
        decoder.decode(frame, RECV)
    assert decoder.drift == "messages of a new kind"
    assert frame.hex() in caplog.text
    assert len(caplog.records) == 20


def test_what_concerns_the_account_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    frame = pb.PushDataV3ApiWrapper(channel="spot@private.new.v4", symbol="held").SerializeToString()
    FrameDecoder().decode(frame, RECV)
    assert "not understood" in caplog.text
    assert b"held".hex() not in caplog.text


def test_samples_stay_bounded() -> None:
    decoder = FrameDecoder()
    for _ in range(200):
        decoder.decode(b"\xff" * 5_000, RECV)
    assert decoder.malformed == 200
    assert len(decoder.samples) == 32
    assert all(len(item.hex) <= 1_024 for item in decoder.samples)
