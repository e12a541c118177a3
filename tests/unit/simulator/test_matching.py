from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, OwnTrade, PublicTrade, SimError

D = Decimal
S = "ABCUSDT"


def test_better_price_first_then_first_come(exchange, limit):
    late_better = limit("ann", Side.SELL, "100.00", "1")
    worse = limit("ann", Side.SELL, "101.00", "1")
    behind = limit("bob", Side.SELL, "100.00", "1")
    taker = limit("ann", Side.BUY, "101.00", "1.5")
    assert taker.status == "FILLED"
    assert exchange.orders.find_order("ann", S, order_id=late_better.order_id).status == "FILLED"
    assert exchange.orders.find_order("bob", S, order_id=behind.order_id).filled_qty == D("0.5")
    assert exchange.orders.find_order("ann", S, order_id=worse.order_id).status == "NEW"


def test_price_improvement_is_released(exchange, limit, money):
    limit("bob", Side.SELL, "100", "1")
    limit("ann", Side.BUY, "110", "1")
    assert money("ann", "USDT") == (D(9900), D(0))
    assert money("ann", "ABC") == (D("100.9995"), D(0))
    assert money("bob", "USDT") == (D(10100), D(0))


def test_resting_order_locks_and_cancel_releases(exchange, limit, money):
    order = limit("ann", Side.BUY, "99.5", "2")
    assert money("ann", "USDT") == (D(9801), D(199))
    done = exchange.orders.cancel("ann", S, order_id=order.order_id)
    assert done.status == "CANCELED"
    assert money("ann", "USDT") == (D(10000), D(0))
    with pytest.raises(SimError) as refused:
        exchange.orders.cancel("ann", S, order_id=order.order_id)
    assert refused.value.code == -2011


def test_part_filled_then_cancelled(exchange, limit, money):
    order = limit("ann", Side.SELL, "100", "2")
    limit("bob", Side.BUY, "100", "0.5")
    done = exchange.orders.cancel("ann", S, order_id=order.order_id)
    assert (done.status, done.filled_qty, done.filled_quote) == ("PARTIALLY_CANCELED", D("0.5"), D(50))
    assert money("ann", "ABC") == (D("99.5"), D(0))


def test_ioc_cancels_its_rest(exchange, limit):
    limit("bob", Side.SELL, "100", "1")
    order = limit("ann", Side.BUY, "100", "3", "IMMEDIATE_OR_CANCEL")
    assert (order.status, order.filled_qty) == ("PARTIALLY_CANCELED", D(1))
    assert limit("ann", Side.BUY, "100", "3", "IMMEDIATE_OR_CANCEL").status == "CANCELED"
    assert exchange.orders.open_orders("ann") == []


def test_fok_fills_whole_or_not_at_all(exchange, limit, events):
    limit("bob", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "101", "1")
    assert limit("ann", Side.BUY, "100.99", "2", "FILL_OR_KILL").status == "CANCELED"
    assert not any(isinstance(event, PublicTrade) for event in events)
    assert limit("ann", Side.BUY, "101", "2", "FILL_OR_KILL").status == "FILLED"


def test_post_only_that_would_trade_is_taken_and_cancelled(exchange, limit, money):
    limit("bob", Side.SELL, "100", "1")
    refused = limit("ann", Side.BUY, "100", "1", "LIMIT_MAKER")
    assert refused.status == "CANCELED"
    assert refused.order_id.startswith("C02__")
    assert money("ann", "USDT") == (D(10000), D(0))
    assert limit("ann", Side.BUY, "99.99", "1", "LIMIT_MAKER").status == "NEW"


def test_market_buy_by_amount_spends_at_most_that(exchange, limit, money):
    limit("bob", Side.SELL, "100", "0.3")
    limit("bob", Side.SELL, "103", "5")
    order = exchange.orders.place("ann", symbol=S, side=Side.BUY, type="MARKET", quote_qty=D("50"))
    assert order.status == "FILLED"
    assert order.filled_quote <= 50
    assert order.qty == order.filled_qty == D("0.494")
    assert money("ann", "USDT") == (D(10000) - order.filled_quote, D(0))


def test_market_order_stops_at_its_protective_price(exchange, limit):
    limit("bob", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "106", "1")
    order = exchange.orders.place("ann", symbol=S, side=Side.BUY, type="MARKET", qty=D(2))
    assert (order.status, order.filled_qty, order.price) == ("PARTIALLY_CANCELED", D(1), D("105.00"))


def test_market_order_without_the_other_side(exchange):
    with pytest.raises(SimError) as refused:
        exchange.orders.place("ann", symbol=S, side=Side.SELL, type="MARKET", qty=D(2))
    assert refused.value.code == 30025


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "traded"),
    [
        ("", "FILLED", "FILLED", True),
        ("CANCEL_TAKER", "NEW", "CANCELED", False),
        ("cancel_maker", "CANCELED", "NEW", False),
        ("CANCEL_BOTH", "CANCELED", "CANCELED", False),
    ],
)
def test_self_trade_prevention(exchange, limit, money, mode, maker, taker, traded):
    first = limit("ann", Side.SELL, "100", "1")
    second = limit("ann", Side.BUY, "100", "1", stp_mode=mode)
    assert exchange.orders.find_order("ann", S, order_id=first.order_id).status == maker
    assert second.status == taker
    trades = exchange.orders.own_trades("ann", S)
    assert bool(trades) is traded
    assert all(trade.is_self_trade for trade in trades)
    assert {trade.is_maker for trade in trades} == ({True, False} if traded else set())
    exchange.orders.cancel_all("ann")
    assert money("ann", "USDT")[1] == money("ann", "ABC")[1] == 0


def test_own_trade_says_who_paid_what(exchange, limit):
    limit("bob", Side.BUY, "100", "1")
    limit("ann", Side.SELL, "100", "1")
    (taken,) = exchange.orders.own_trades("ann", S)
    (made,) = exchange.orders.own_trades("bob", S)
    assert (taken.fee, taken.fee_asset, taken.is_maker) == (D("0.05"), "USDT", False)
    assert (made.fee, made.fee_asset, made.is_maker) == (D(0), "ABC", True)
    assert taken.trade_id == made.trade_id
    assert taken.trade_id.endswith("X1")
    assert not taken.is_self_trade


def test_every_change_of_the_book_is_one_version(exchange, limit, events):
    before = exchange.market.depth(S, 1)[0]
    limit("bob", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "101", "1")
    limit("ann", Side.BUY, "101", "1.5")
    levels = [event for event in events if isinstance(event, BookLevel)]
    assert [event.version for event in levels] == list(range(before + 1, before + len(levels) + 1))
    assert exchange.market.depth(S, 10) == (levels[-1].version, [], [(D("101"), D("0.5"))])
    assert [(event.price, event.qty) for event in levels][-2:] == [(D(100), D(0)), (D(101), D("0.5"))]


def test_client_ids_find_orders(exchange):
    made = exchange.orders.place(
        "ann", symbol=S, side=Side.BUY, type="LIMIT", qty=D(1), price=D(90), client_order_id="mtui-a-1"
    )
    assert exchange.orders.find_order("ann", S, client_order_id="mtui-a-1").order_id == made.order_id
    with pytest.raises(SimError) as unknown:
        exchange.orders.find_order("bob", S, client_order_id="mtui-a-1")
    assert unknown.value.code == -2013
    assert exchange.orders.cancel("ann", S, client_order_id="mtui-a-1").status == "CANCELED"


def test_a_test_order_changes_nothing(exchange, events, money):
    exchange.orders.place("ann", symbol=S, side=Side.BUY, type="LIMIT", qty=D(1), price=D(90), test=True)
    assert events == []
    assert exchange.orders.open_orders("ann") == []
    assert money("ann", "USDT") == (D(10000), D(0))


def test_queries_answer_newest_first_and_by_span(exchange, limit):
    orders = []
    for step in range(3):
        exchange.advance(exchange.now_ms + 1000)
        orders.append(limit("ann", Side.BUY, str(90 + step), "1"))
    found = exchange.orders.all_orders("ann", S, orders[1].created_ms, None, 10)
    assert [order.order_id for order in found] == [orders[2].order_id, orders[1].order_id]
    assert [order.order_id for order in exchange.orders.open_orders("ann")] == [order.order_id for order in orders]


def test_foreign_size_that_stood_first_trades_first(exchange, limit, events):
    pair = exchange.symbols.pair(S)
    pair.add(Side.BUY, 10000, 2000)
    order = limit("ann", Side.BUY, "100", "1")
    pair.add(Side.BUY, 10000, 3000)
    pair.foreign_take(Side.SELL, 10000, 2500)
    assert exchange.orders.find_order("ann", S, order_id=order.order_id).filled_qty == D("0.5")
    pair.foreign_take(Side.SELL, 10000, 500)
    assert exchange.orders.find_order("ann", S, order_id=order.order_id).status == "FILLED"
    assert exchange.market.depth(S, 1)[1] == [(D("100"), D(3))]
    assert len([event for event in events if isinstance(event, OwnTrade)]) == 2
