from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.commands import Flatten, Halt
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    InstrumentsLoaded,
    JournalProblem,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
)
from mexc_tui.domain.orders import Balance, OrderState, OrderType, Side
from mexc_tui.kernel.effects import FetchAccount, Journal, SendCancelAll, SendOrder
from tests.unit.kernel_orders.conftest import health

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


def test_asked_twice_it_sells_once_and_answers_both(bench):
    bench.account(btc="0.5")
    flatten(bench, command_id="f1")
    flatten(bench, command_id="f2")
    done(bench, "0.5")
    bench.balance("BTC", "0")
    assert [fact.command_id for fact in bench.facts if fact.kind == "flattened"] == ["f1", "f2"]
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
    assert [e.symbols for e in effects if isinstance(e, SendCancelAll)] == [(SYMBOL,)]
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


def newest(bench):
    return bench.desk._store.get(sales(bench)[-1].client_order_id)


@pytest.mark.parametrize("minutes", [3, 9])
def test_sales_that_never_reached_the_exchange_count_for_nothing(bench, minutes: int):
    """A firewall's page first, then a pause in which nothing leaves: sold whole at the market after it."""
    bench.account(btc="0.5")
    flatten(bench)
    bench.do(PlaceRejected(newest(bench).client_order_id, 0, "the firewall blocked it", unread=True))
    bench.do(health(held="the firewall in front of MEXC blocks this address"))
    for _ in range(minutes * 4):
        bench.wait(15)
        if not newest(bench).state.final:
            bench.do(PlaceNotSent(newest(bench).client_order_id, "requests pause"))
    assert len(sales(bench)) > 5
    assert [f.message for f in bench.facts if "does not reach the exchange" in f.message], "it is said"
    bench.market([("49990.00", "1")], [("50000.00", "1")])
    tried = len(sales(bench))
    bench.do(health())
    assert len(sales(bench)) == tried + 1, "at once when requests go out again"
    assert sales(bench)[-1].price == D("47490.50"), "the price of a sale that never was is no floor"
    order = newest(bench)
    bench.fill(order, "0.5", price="49990", order_id="S1")
    bench.report(order, OrderState.FILLED, "0.5", order_id="S1")
    bench.balance("BTC", "0")
    assert bench.facts[-1].message == "BTCUSDT is flat."


def test_a_sale_that_cannot_leave_for_long_is_given_up_aloud(bench):
    bench.account(btc="0.5")
    flatten(bench)
    for _ in range(50):
        if not newest(bench).state.final:
            bench.do(PlaceNotSent(newest(bench).client_order_id, "no connection"))
        bench.wait(15)
    assert len(sales(bench)) <= 50
    (said,) = [f.message for f in bench.facts if "could not be sold entirely" in f.message]
    assert "no sale reaches the exchange: no connection" in said
    before = len(sales(bench))
    bench.wait(60)
    assert len(sales(bench)) == before


def test_flatten_all_names_what_has_no_pair_with_the_account_currency(make, pair):
    bench = make()
    other = msgspec.structs.replace(pair, symbol="FOOUSDC", base="FOO", quote="USDC")
    bench.do(InstrumentsLoaded((pair, other)))
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    held = {"BTC": "0.5", "FOO": "12", "OLD": "7"}
    balances = tuple(Balance(asset=asset, free=D(text), locked=D(0)) for asset, text in held.items())
    bench.do(Reconciled((), balances, (), bench.mono_ns, frozenset({SYMBOL}), frozenset({SYMBOL})))
    flatten(bench, symbol=None)
    (said,) = [f for f in bench.facts if f.kind == "problem"]
    assert said.level is Level.BAD
    assert "no pair with USDT: 12 FOO (flatten FOOUSDC), 7 OLD (no pair sells it)." in said.message
    assert [sale.symbol for sale in sales(bench)] == [SYMBOL]


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
