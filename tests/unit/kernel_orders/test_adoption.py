"""Orders that were placed elsewhere on the account: told once, adopted on request, and else left alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import AdoptOrders, AmendOrder, CancelAll, CancelOrder, Flatten, Halt
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import OrderReport, OrderState, OrderType, Origin, Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.effects import SendCancel, SendCancelAll, SendOrder
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.records import CommandRecord, OrderRecord

D = Decimal


def stranger(
    name: str, side: Side = Side.BUY, price: str = "59000", qty: str = "0.01", kind: OrderType | None = OrderType.LIMIT
) -> OrderReport:
    return OrderReport(
        symbol="BTCUSDT",
        order_id=name,
        client_order_id="",
        side=side,
        type=kind,
        state=OrderState.WORKING,
        price=D(price),
        qty=D(qty),
        quote_qty=None,
        filled_qty=D(0),
        filled_quote=D(0),
        created_ms=1,
        updated_ms=1,
    )


def asked(bench) -> list[str]:
    return [fact.message for fact in bench.facts if fact.kind == "elsewhere"]


def only(effects, *kinds):
    return [effect for effect in effects if isinstance(effect, kinds)]


def adopt(bench, *names: str, leave: bool = False, command_id: str = ""):
    return bench.do(AdoptOrders(command_id=command_id, client_order_ids=names, leave=leave))


def origin(bench, name: str) -> Origin:
    return next(order.origin for order in bench.orders if order.client_order_id == name)


def ready(make, **how):
    bench = make(**how)
    bench.market([("59990.00", "1"), ("59980.00", "5")], [("60000.00", "1"), ("60010.00", "5")])
    return bench


def test_orders_found_together_are_one_question_that_names_them_and_what_to_type(bench):
    bench.account(orders=(stranger("C02__123456789"), stranger("C02__123456788", Side.SELL, "61000")))
    assert not asked(bench)
    bench.wait(3)
    (text,) = asked(bench)
    assert text.startswith("2 orders on this account were placed elsewhere: limit buy of 0.01 BTCUSDT at 59,000")
    assert "(…23456789)" in text
    assert "(…23456788)" in text
    assert "`:adopt`" in text
    assert "`:adopt none`" in text


def test_nobody_is_asked_twice_about_an_order_not_by_time_nor_by_a_restart_nor_by_a_snapshot(bench, make):
    bench.account(orders=(stranger("S1"),))
    bench.wait(150)
    assert len(asked(bench)) == 1
    fold = Fold("USDT")
    fold.add(bench.records)
    for again in (ready(make, resumed=bench.records, run="r2"), ready(make, snapshot=fold.snapshot(), run="r3")):
        again.account(orders=(stranger("S1"),))
        again.wait(150)
        assert not asked(again)
        again.account(orders=(stranger("S1"), stranger("S2")))
        again.wait(3)
        (text,) = asked(again)
        assert "(S2)" in text
        assert "(S1)" not in text


def test_a_bot_that_places_all_the_time_is_asked_about_once_a_minute(bench):
    orders = []
    for number in range(60):
        orders.append(stranger(f"S{number}"))
        bench.account(orders=tuple(orders))
        bench.wait(3)
    assert 3 <= len(asked(bench)) <= 4


def test_an_order_that_is_over_at_once_is_no_question(bench):
    bench.account(orders=(stranger("S1"),))
    bench.report(bench.order, OrderState.FILLED, "0.01", order_id="S1")
    bench.wait(5)
    assert not asked(bench)


def test_adopting_sends_nothing_is_recorded_with_who_asked_and_survives_a_restart(bench, make):
    bench.account(orders=(stranger("S1"), stranger("S2")))
    bench.wait(2)
    command = AdoptOrders(command_id="a1", client_order_ids=("S1",))
    effects = bench.do(Given(command=command, client="screen 7", role=Role.TRADE))
    assert not only(effects, SendOrder, SendCancel, SendCancelAll)
    assert (origin(bench, "S1"), origin(bench, "S2")) == (Origin.ADOPTED, Origin.ASKED)
    given, changed = [r for r in bench.records if isinstance(r, CommandRecord | OrderRecord)][-2:]
    assert (given.client, given.name) == ("screen 7", "AdoptOrders")
    assert changed.order.origin is Origin.ADOPTED
    again = ready(make, resumed=bench.records, run="r2")
    assert (origin(again, "S1"), origin(again, "S2")) == (Origin.ADOPTED, Origin.ASKED)


def test_adopting_again_changes_nothing_and_says_so(bench):
    bench.account(orders=(stranger("S1"),))
    bench.wait(2)
    adopt(bench, "S1")
    before = len([r for r in bench.records if isinstance(r, OrderRecord)])
    adopt(bench, "S1")
    assert "adopted already" in bench.facts[-1].message
    adopt(bench, "S1", leave=True)
    assert origin(bench, "S1") is Origin.ADOPTED
    assert len([r for r in bench.records if isinstance(r, OrderRecord)]) == before


@pytest.mark.parametrize("leave", [False, True])
def test_what_is_no_order_of_elsewhere_is_refused_by_name_and_the_rest_is_done(bench, leave: bool):
    bench.place(price="58000")
    own = bench.order.client_order_id
    bench.account(orders=(stranger("S1"),))
    bench.wait(2)
    adopt(bench, "S1", own, "S9", leave=leave)
    fact = bench.facts[-1]
    assert "was placed here" in fact.message
    assert "S9 is no order known here" in fact.message
    assert origin(bench, "S1") is (Origin.LEFT if leave else Origin.ADOPTED)
    assert origin(bench, own) is Origin.HERE


def test_a_left_order_can_be_adopted_later(bench):
    bench.account(orders=(stranger("S1"),))
    bench.wait(2)
    adopt(bench, "S1", leave=True)
    assert origin(bench, "S1") is Origin.LEFT
    adopt(bench, "S1")
    assert origin(bench, "S1") is Origin.ADOPTED


def test_only_an_adopted_order_is_amended(bench):
    bench.account(orders=(stranger("S1"),))
    bench.wait(2)
    amend = AmendOrder(command_id="", client_order_id="S1", price=D(58_500))
    assert not only(bench.do(amend), SendCancel)
    assert "adopt it first" in bench.facts[-1].message
    adopt(bench, "S1")
    assert [cancel.order_id for cancel in only(bench.do(amend), SendCancel)] == ["S1"]
    order = next(order for order in bench.orders if order.client_order_id == "S1")
    effects = bench.report(order, OrderState.CANCELLED, order_id="S1")
    effects += bench.account(orders=())
    (sent,) = only(effects, SendOrder)
    assert (sent.request.price, sent.request.qty) == (D(58_500), D("0.01"))
    assert bench.order.origin is Origin.HERE


def test_an_order_of_a_kind_that_cannot_be_placed_here_is_not_amended_adopted_or_not(bench):
    bench.account(orders=(stranger("S1", kind=None),))
    bench.wait(2)
    adopt(bench, "S1")
    assert not only(bench.do(AmendOrder(command_id="", client_order_id="S1", price=D(58_500))), SendCancel)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_loss_limit_cancels_entries_of_this_desk_and_adopted_ones_only(make, adopted: bool):
    limits = Limits(max_day_loss=D(1_000), reducing_cancels=True, max_position_value=D(10**6))
    bench = make(limits=limits)
    bench.market([("59990.00", "5")], [("60000.00", "5")])
    bench.account(btc="1", orders=(stranger("S1", price="50000"),))
    bench.wait(2)
    if adopted:
        adopt(bench, "S1")
    bench.level([("59990.00", "0"), ("58000.00", "5")], [("60000.00", "0"), ("58010.00", "5")])
    effects = bench.wait(1)
    assert bench.view(TOPIC_RISK).state is TradingState.REDUCING
    assert [cancel.order_id for cancel in only(effects, SendCancel)] == (["S1"] if adopted else [])


@pytest.mark.parametrize("origin_", [Origin.ASKED, Origin.LEFT, Origin.ADOPTED])
@pytest.mark.parametrize(
    "command",
    [
        CancelOrder(command_id="", client_order_id="S1"),
        CancelAll(command_id="", symbol="BTCUSDT"),
        CancelAll(command_id=""),
        CancelAll(command_id="", side=Side.BUY),
        Flatten(command_id="", symbol="BTCUSDT"),
        Halt(command_id=""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cancels_on_purpose_takes_every_order_whoever_placed_it(bench, origin_: Origin, command):
    bench.account(orders=(stranger("S1"),))
    bench.wait(2)
    if origin_ is not Origin.ASKED:
        adopt(bench, "S1", leave=origin_ is Origin.LEFT)
    effects = bench.do(command)
    assert only(effects, SendCancel, SendCancelAll)
    assert next(order for order in bench.orders if order.client_order_id == "S1").cancel_requested


def test_after_a_restart_a_sweep_takes_orders_of_elsewhere_by_when_the_exchange_says_they_were_made(bench, make):
    bench.account(orders=(stranger("S1"),))
    again = ready(make, resumed=bench.records, run="r2")
    effects = again.do(CancelAll(command_id=""))
    assert only(effects, SendCancelAll)
    assert next(order for order in again.orders if order.client_order_id == "S1").cancel_requested
