from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.commands import Flatten, Halt
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import JournalProblem, PlaceAccepted, PlaceNotSent, PlaceRejected, PlaceUnknown
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.kernel.effects import FetchAccount, Journal, SendCancelAll, SendOrder

D = Decimal
SYMBOL = "BTCUSDT"


def sales(bench):
    return [e.request for e in bench.effects if isinstance(e, SendOrder) and e.request.side is Side.SELL]


def flatten(bench, symbol=SYMBOL, command_id="f"):
    return bench.do(Flatten(command_id=command_id, symbol=symbol))


def done(bench, filled, order_id="S1", state=OrderState.FILLED):
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, order_id))
    bench.later(0.1)
    bench.fill(order, filled, price="59990", trade_id=f"T{order_id}", order_id=order_id)
    bench.report(order, state, filled, order_id=order_id)


def test_what_is_held_is_sold_at_once_as_a_capped_immediate_order(bench):
    bench.account(btc="0.5")
    flatten(bench)
    (sale,) = sales(bench)
    assert (sale.type, sale.qty) == (OrderType.IOC, D("0.5"))
    assert sale.price == D("56990.50")
    done(bench, "0.5")
    bench.balance("BTC", "0")
    assert bench.facts[-1].kind == "flattened"
    assert len(sales(bench)) == 1


def test_it_works_while_halted_locked_and_with_a_broken_journal(make):
    bench = make(armed=False)
    bench.market([("59990", "1")], [("60000", "1")])
    bench.account(btc="0.5")
    bench.do(Halt(command_id="h"))
    bench.do(JournalProblem("disk full"))
    effects = flatten(bench)
    assert len(sales(bench)) == 1
    assert not any(e.durable for e in effects if isinstance(e, Journal))


def test_working_orders_are_cancelled_first_and_their_money_waited_for(bench):
    bench.account(btc="0.5")
    bench.place(Side.SELL, "0.2", "61000")
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.report(order, OrderState.WORKING)
    bench.balance("BTC", "0.3", "0.2")
    effects = flatten(bench)
    assert SendCancelAll((SYMBOL,)) in effects
    assert len(sales(bench)) == 1
    bench.later(0.1)
    bench.report(order, OrderState.CANCELLED)
    assert len(sales(bench)) == 1
    bench.balance("BTC", "0.5")
    assert [s.qty for s in sales(bench)][1:] == [D("0.5")]


def test_pressing_it_twice_sells_once(bench):
    bench.account(btc="0.5")
    flatten(bench)
    flatten(bench, command_id="g")
    flatten(bench)
    assert len(sales(bench)) == 1


def test_a_sale_of_unknown_outcome_is_not_repeated(bench):
    bench.account(btc="0.5")
    flatten(bench)
    bench.do(PlaceUnknown(bench.order.client_order_id, "time-out"))
    bench.wait(60)
    assert len(sales(bench)) == 1


def test_the_rest_of_a_sale_that_filled_in_part_is_sold_again_never_below_the_first_floor(bench):
    bench.account(btc="0.5")
    flatten(bench)
    bench.level([("59990", "0"), ("59980", "0"), ("57000", "1")], [])
    done(bench, "0.2", state=OrderState.PARTIALLY_CANCELLED)
    bench.balance("BTC", "0.3")
    assert [s.qty for s in sales(bench)] == [D("0.5"), D("0.3")]
    assert {s.price for s in sales(bench)} == {D("56990.50")}


def test_it_gives_up_with_a_fact_when_nobody_buys(bench):
    bench.account(btc="0.5")
    flatten(bench)
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "S1"))
    bench.report(order, OrderState.CANCELLED, order_id="S1")
    assert "nobody bought" in bench.facts[-1].message
    assert len(sales(bench)) == 1


def test_dust_is_named_and_left(bench, make):
    bench.account(btc="0.00001")
    flatten(bench)
    assert sales(bench) == []
    said = bench.facts[-1].message
    assert said.startswith("BTCUSDT: nothing was sold: 0.00001 BTC, worth about ")
    assert "is too little to sell" in said
    assert "again" not in said, "pressing flatten again would change nothing"


def test_what_a_sale_leaves_over_is_no_failure_of_it(bench):
    bench.account(btc="0.50000061")
    flatten(bench)
    done(bench, "0.5")
    bench.balance("BTC", "0.00000061")
    fact = bench.facts[-1]
    assert (fact.kind, fact.level) == ("flattened", Level.GOOD)
    assert fact.message.startswith("BTCUSDT: sold but for 0.00000061 BTC")
    assert "again" not in fact.message


def test_a_sale_that_could_not_leave_is_tried_again_a_few_times(bench):
    bench.account(btc="0.5")
    flatten(bench)
    for _ in range(8):
        bench.do(PlaceNotSent(bench.order.client_order_id, "no connection"))
        bench.wait(2)
    assert 2 <= len(sales(bench)) <= 5
    assert bench.facts[-1].kind in ("problem", "denied")


def test_nothing_can_be_bought_while_it_runs(bench):
    bench.account(btc="0.5")
    flatten(bench)
    bench.place()
    assert "SIDE_SANITY" in {v.code for v in bench.facts[-1].violations}


def test_flatten_all_sells_every_holding_and_asks_for_the_whole_account(bench):
    bench.account(btc="0.5")
    effects = flatten(bench, symbol=None)
    assert len(sales(bench)) == 1
    assert any(isinstance(e, FetchAccount) for e in effects)


def test_holdings_that_are_not_known_are_waited_for(make):
    bench = make()
    bench.market([("59990", "1")], [("60000", "1")])
    flatten(bench)
    assert sales(bench) == []
    bench.account(btc="0.5")
    assert len(sales(bench)) == 1


def test_a_venue_that_cuts_off_orders_gets_several(make, bench):
    pair = msgspec.structs.replace(
        bench.view("instruments").by_symbol[SYMBOL], max_notional=D(15_000), ask_multiplier_down=D("0.01")
    )
    capped = make(pair=pair)
    capped.market([("59990", "1")], [("60000", "1")])
    capped.account(btc="0.5")
    flatten(capped)
    first = sales(capped)[0]
    assert first.qty * first.price <= 15_000


def test_the_floor_leaves_the_market_room_to_move_within_the_exchanges_own_range(make, bench):
    pair = msgspec.structs.replace(bench.view("instruments").by_symbol[SYMBOL], ask_multiplier_down=D("0.005"))
    tight = make(pair=pair)
    tight.market([("59990", "1")], [("60000", "1")])
    tight.account(btc="0.5")
    flatten(tight)
    risen = D(60_000) * D("1.001")
    assert sales(tight)[0].price >= risen * (1 - D("0.005"))


def test_a_sale_that_was_refused_is_tried_once_more_at_the_market_of_that_moment(bench):
    bench.account(btc="0.5")
    flatten(bench)
    bench.do(PlaceRejected(bench.order.client_order_id, 30087, "Order price exceeds allowed range"))
    assert len(sales(bench)) == 1
    bench.wait(2)
    assert len(sales(bench)) == 2
    bench.do(PlaceRejected(bench.order.client_order_id, 30087, "Order price exceeds allowed range"))
    bench.wait(60)
    assert len(sales(bench)) == 2
    assert "exceeds allowed range" in bench.facts[-1].message
    assert bench.facts[-1].kind == "problem"


@pytest.mark.parametrize("held", ["0", "0.5"])
def test_it_never_sells_more_than_is_held(bench, held):
    bench.account(btc=held)
    flatten(bench)
    assert sum((s.qty for s in sales(bench)), D(0)) <= D(held)
