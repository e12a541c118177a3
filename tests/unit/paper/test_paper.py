"""Paper orders on a mirrored market."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mexc_tui.domain.market import Ticker
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookBroken, BookLevel, SimError
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.venues.simulator.paper.market import GRACE_MS, RETURN_MS

BUY, SELL = Side.BUY, Side.SELL


def test_an_order_queues_behind_what_stood_there_and_fills_in_parts(desk):
    order = desk.send(BUY, "99", 5)
    assert desk.shown()[0]["99.00"] == "15"
    desk.pass_time(300)
    desk.trade(SELL, 9900, 10)
    assert desk.fills == []
    desk.trade(SELL, 9900, 2)
    assert desk.told == [("99.00x2", "C")]
    assert desk.state(order) == "PARTIALLY_FILLED"
    desk.trade(SELL, 9900, 9)
    assert desk.told[1:] == [("99.00x3", "C")]
    assert desk.state(order) == "FILLED"
    assert all(fill.is_maker and fill.fee == 0 for fill in desk.fills)


def test_what_leaves_without_a_trade_is_taken_to_have_stood_behind(desk):
    desk.send(BUY, "99", 5)
    desk.levels((BUY, 9900, 30))
    desk.pass_time(300)
    desk.levels((BUY, 9900, 12))
    desk.pass_time(300)
    desk.trade(SELL, 9900, 10)
    assert desk.fills == []
    desk.levels((BUY, 9900, 4))
    desk.pass_time(300)
    desk.trade(SELL, 9900, 3)
    assert desk.told == [("99.00x3", "C")]


def test_a_push_that_comes_before_its_trade_does_not_count_twice(desk):
    desk.send(BUY, "99", 5)
    desk.pass_time(300)
    desk.levels((BUY, 9900, 0))
    desk.trade(SELL, 9900, 10)
    assert desk.fills == []
    desk.pass_time(300)
    desk.trade(SELL, 9900, 1)
    assert desk.told == [("99.00x1", "C")]


def test_a_trade_at_a_worse_price_went_through_the_order(desk):
    desk.send(BUY, "99", 5)
    desk.pass_time(300)
    desk.trade(SELL, 9800, 3)
    assert desk.told == [("99.00x3", "C")]


def test_a_trade_from_before_the_order_fills_nothing(desk):
    desk.send(BUY, "99.50", 5)
    desk.exchange.feed_trade("ABCUSDT", SELL, 9800, 50, desk.now - 400)
    assert desk.fills == []


def test_a_trade_that_was_on_its_way_when_the_order_came_fills_nothing_in_a_quiet_market(desk):
    desk.pass_time(60_000)
    desk.send(BUY, "99.50", 5)
    desk.pass_time(120)
    desk.exchange.feed_trade("ABCUSDT", SELL, 9800, 50, desk.now - 150)
    assert desk.fills == []
    desk.trade(SELL, 9800, 2)
    assert desk.told == [("99.50x2", "C")]


def test_the_time_of_an_order_is_told_by_the_mirrored_exchange_s_clock(desk):
    desk.exchange.mirror.upstream_ms = lambda: desk.now + 5_000
    desk.send(BUY, "99.50", 5)
    desk.exchange.feed_trade("ABCUSDT", SELL, 9800, 50, desk.now + 4_900)
    assert desk.fills == []
    desk.exchange.feed_trade("ABCUSDT", SELL, 9800, 2, desk.now + 5_100)
    assert desk.told == [("99.50x2", "C")]


def test_two_orders_at_one_price_share_no_trade(desk):
    desk.levels((BUY, 9900, 0))
    first = desk.send(BUY, "99", 5)
    desk.send(BUY, "99", 5)
    desk.pass_time(300)
    desk.trade(SELL, 9900, 7)
    assert desk.told == [("99.00x5", "C"), ("99.00x2", "C")]
    assert desk.state(first) == "FILLED"


def test_a_taker_walks_the_mirrored_book_and_pays_the_taker_fee(desk):
    desk.send(BUY, "102", 15)
    assert desk.told == [("101.00x10", "C"), ("102.00x5", "C")]
    assert [fill.fee for fill in desk.fills] == [Decimal("0.01"), Decimal("0.005")]
    assert desk.shown()[1] == {"102.00": "15"}
    assert desk.tape == []


def test_what_was_taken_is_not_there_a_second_time_until_it_returns(desk):
    desk.send(BUY, "101", 10)
    desk.pass_time(300)
    desk.levels((SELL, 10100, 12))
    assert desk.shown()[1]["101.00"] == "2"
    desk.send(BUY, "101", 10, "IMMEDIATE_OR_CANCEL")
    assert desk.told[1:] == [("101.00x2", "C")]
    desk.pass_time(RETURN_MS)
    assert desk.shown()[1]["101.00"] == "12"


def test_a_quote_that_crosses_fills_only_after_a_grace_and_as_assumed(desk):
    order = desk.send(BUY, "100", 5)
    desk.levels((SELL, 9950, 3))
    assert "99.50" not in desk.shown()[1]
    desk.pass_time(GRACE_MS - 10)
    assert desk.fills == []
    desk.pass_time(10)
    assert desk.told == [("100.00x3", "A")]
    assert desk.fills[0].assumed
    desk.pass_time(GRACE_MS * 4)
    assert len(desk.fills) == 1
    assert desk.state(order) == "PARTIALLY_FILLED"
    bids, asks = desk.shown()
    assert max(map(Decimal, bids)) < min(map(Decimal, asks))


def test_trades_within_the_grace_prove_the_fill(desk):
    desk.send(BUY, "100", 3)
    desk.pass_time(300)
    desk.levels((SELL, 9950, 3))
    desk.trade(SELL, 9900, 8)
    assert desk.told == [("100.00x3", "C")]
    assert desk.shown()[1]["99.50"] == "3"
    desk.pass_time(GRACE_MS * 2)
    assert len(desk.fills) == 1


def test_a_quote_that_was_held_back_is_shown_when_the_order_goes(desk):
    order = desk.send(BUY, "100", 3)
    desk.levels((SELL, 9950, 3))
    assert "99.50" not in desk.shown()[1]
    desk.exchange.core.orders.cancel("ann", "ABCUSDT", order_id=order.order_id)
    assert desk.shown()[1]["99.50"] == "3"


def test_the_tape_shows_what_was_traded_there_at_its_own_time(desk):
    desk.send(BUY, "99", 5)
    desk.pass_time(300)
    desk.exchange.feed_trade("ABCUSDT", SELL, 9800, 50, desk.now - 7)
    assert desk.tape == [("98.00", "50")]
    assert desk.exchange.core.market.recent_trades("ABCUSDT", 5)[0].time_ms == desk.now - 7


def test_an_order_meets_the_book_after_its_delay(slow):
    order = slow.send(BUY, "101", 5, arrive=False)
    slow.pass_time(79)
    assert slow.state(order) == "NEW"
    slow.levels((SELL, 10100, 2))
    slow.pass_time(1)
    assert slow.told == [("101.00x2", "C")]
    assert slow.shown()[0]["101.00"] == "3"


def test_nothing_overtakes_on_the_way(slow):
    slow.send(SELL, "99", 5, arrive=False)
    slow.delay_ms = 0
    slow.send(SELL, "99", 7, arrive=False)
    slow.pass_time(80)
    assert slow.told == [("99.00x5", "C"), ("99.00x5", "C")]


def test_an_order_that_is_cancelled_on_the_way_never_arrives(slow):
    order = slow.send(BUY, "101", 5, arrive=False)
    slow.exchange.core.orders.cancel("ann", "ABCUSDT", order_id=order.order_id)
    slow.pass_time(200)
    assert slow.fills == []
    assert slow.state(order) == "CANCELED"


def test_post_only_that_would_take_on_arrival_is_cancelled(slow):
    order = slow.send(BUY, "100", 5, "LIMIT_MAKER", arrive=False)
    slow.levels((SELL, 10000, 2))
    slow.pass_time(80)
    assert slow.state(order) == "CANCELED"
    assert slow.fills == []


def test_without_current_data_nothing_is_matched_and_everybody_sees_it(desk):
    order = desk.send(BUY, "99", 5)
    version = desk.exchange.core.market.depth("ABCUSDT", 1)[0]
    desk.events.clear()
    desk.exchange.mirror.stale("ABCUSDT", "the stream is down")
    assert isinstance(desk.events[0], BookBroken)
    assert isinstance(desk.events[1], BookLevel)
    assert desk.events[1].version > version + 1
    assert desk.shown() == ({}, {})
    desk.pass_time(300)
    desk.trade(SELL, 9000, 50)
    assert desk.fills == []
    with pytest.raises(SimError, match=r"the mirrored market is down .the stream is down") as refused:
        desk.send(BUY, "99", 5)
    assert refused.value.code == 30000
    desk.book()
    desk.pass_time(300)
    desk.trade(SELL, 9900, 12)
    assert desk.told == [("99.00x2", "C")]
    assert desk.state(order) == "PARTIALLY_FILLED"


def test_orders_on_their_way_into_a_lost_market(slow):
    market = slow.send(BUY, None, 5, "MARKET", arrive=False)
    limit = slow.send(BUY, "101", 5, arrive=False)
    slow.exchange.mirror.stale("ABCUSDT", "gone")
    slow.pass_time(100)
    assert slow.state(market) == "CANCELED"
    assert slow.state(limit) == "NEW"
    slow.book()
    assert slow.told == [("101.00x5", "C")]


def test_the_account_survives_a_restart_and_the_meantime_fills_nothing(desk):
    resting = desk.send(BUY, "99", 5)
    desk.send(SELL, "98", 4)
    under_way = desk.exchange.core.orders.place("ann", symbol="ABCUSDT", side=SELL, type="MARKET", qty=Decimal(3))
    before = {row.asset: row.total for row in desk.exchange.core.accounts.balances("ann")}
    saved = json.loads(json.dumps(desk.exchange.dump(), default=str))
    desk.now += 3_600_000
    desk.exchange = desk.fresh()
    desk.exchange.restore(saved)
    assert desk.state(resting) == "NEW"
    assert desk.state(under_way) == "CANCELED"
    desk.book(bids=((9900, 40), (9800, 20)))
    assert {row.asset: row.total for row in desk.exchange.core.accounts.balances("ann")} == before
    desk.pass_time(300)
    desk.trade(SELL, 9900, 40)
    assert desk.fills == []
    desk.trade(SELL, 9900, 5)
    assert desk.told == [("99.00x5", "C")]
    assert not desk.exchange.core.accounts.unaccounted()


def test_what_crosses_a_returned_order_fills_it_as_assumed(desk):
    desk.send(BUY, "99", 5)
    saved = desk.exchange.dump()
    desk.exchange = desk.fresh()
    desk.exchange.restore(saved)
    desk.book(bids=((9600, 5),), asks=((9700, 2), (9800, 9)))
    assert desk.shown()[1] == {}
    desk.pass_time(GRACE_MS)
    assert [proof for _, proof in desk.told] == ["A"] * len(desk.told)
    assert sum(fill.qty for fill in desk.fills) == 5
    assert {fill.price for fill in desk.fills} == {Decimal("99.00")}
    assert desk.shown()[1] == {"98.00": "6"}


def test_fees_can_be_set(desk):
    exchange = PaperExchange(start_ms=desk.now, maker_fee=Decimal("0.002"), taker_fee=Decimal("0.003"))
    exchange.mirror_pairs(desk.exchange.core.symbols.instruments())
    exchange.core.accounts.deposit("ann", {"USDT": Decimal(1)})
    assert exchange.core.fees.rates("ann", exchange.core.symbols.instrument("ABCUSDT")) == (
        Decimal("0.002"),
        Decimal("0.003"),
    )


def test_pairs_come_and_go_with_the_mirrored_list(desk):
    instrument = desk.exchange.core.symbols.instrument("ABCUSDT")
    desk.exchange.mirror_pairs([])
    with pytest.raises(SimError):
        desk.send(BUY, "99", 5)
    assert desk.exchange.core.symbols.instrument("ABCUSDT").status.value == "offline"
    desk.exchange.mirror_pairs([instrument])
    desk.send(BUY, "99", 5)


def test_a_fee_in_mx_goes_by_the_mirrored_price_while_it_is_current(desk):
    exchange = desk.exchange
    abc = exchange.core.symbols.instrument("ABCUSDT")
    exchange.mirror_pairs([abc, replace(abc, symbol="MXUSDT", base="MX", taker_fee=Decimal(0))])
    exchange.core.accounts.deposit("ann", {"MX": Decimal(10)})
    exchange.core.fees.pay_in_mx("ann", True)
    desk.send(BUY, "101", 1)
    exchange.mirror.tickers_live = True
    exchange.mirror.feed_ticker(Ticker(symbol="MXUSDT", last=Decimal(2)))
    desk.send(BUY, "101", 1)
    exchange.mirror.feed_ticker(Ticker(symbol="MXUSDT", last=Decimal(4)))
    desk.send(BUY, "101", 1)
    exchange.mirror.tickers_live = False
    desk.send(BUY, "101", 1)
    paid = [(fill.fee, fill.fee_asset) for fill in desk.fills]
    usual = (Decimal("0.001"), "ABC")
    assert paid == [usual, (Decimal("0.0404"), "MX"), (Decimal("0.0202"), "MX"), usual]
    assert not exchange.core.accounts.unaccounted()
