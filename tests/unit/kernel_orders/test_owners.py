"""Whose an order is, what that owner may do, and what halts it: kept over restarts, lifted by a person only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import AmendOrder, Command, Draft, Flatten, PlaceOrder, Release, SetLimit
from mexc_tui.domain.inputs import JournalProblem, TradesSeen
from mexc_tui.domain.limits import Limits, OwnerLimits
from mexc_tui.domain.market import Trade
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.owners import HALTED
from mexc_tui.kernel.records import DenialRecord, IntentRecord, StateRecord
from tests.unit.kernel_orders.conftest import PAIR, SYMBOL, Bench, build

D = Decimal
FAST: Any = {"orders_per_second": 10_000, "max_in_flight": 10_000, "max_open_orders": 10_000, "duplicate_max": 10_000}


def ready(**limits: Any) -> Bench:
    return at_market(build(limits=Limits(**{**FAST, **limits})))


def at_market(bench: Bench, btc: str = "0") -> Bench:
    bench.market([("59990.00", "9")], [("60000.00", "9")])
    bench.account(btc=btc)
    return bench


def give(bench: Bench, command: Command, owner: str = "script") -> list[Any]:
    return bench.do(Given(command=command, client="test", role=Role.TRADE, owner=owner))


def place(bench: Bench, owner: str = "script", side: Side = Side.BUY, qty: str = "0.001", price: str = "60000") -> bool:
    """Send an order; whether it left."""
    draft = Draft(symbol=SYMBOL, side=side, type=OrderType.LIMIT, qty=D(qty), price=D(price))
    return bool(bench.sent(give(bench, PlaceOrder(command_id="", draft=draft), owner)))


def restarted(bench: Bench, *, snapshot: bool, limits: Limits | None = None, btc: str = "0") -> Bench:
    """Return a desk that takes up what the other one recorded, a moment later."""
    limits = limits or Limits(**FAST)
    if snapshot:
        fold = Fold("USDT")
        fold.add(bench.records)
        other = build(limits=limits, snapshot=fold.snapshot(), run="r2")
    else:
        other = build(limits=limits, resumed=bench.records, run="r2")
    other.wall_ms = bench.wall_ms + 1_000
    for order in other.orders:
        if order.state.may_be_live:
            other.report(order, OrderState.CANCELLED, order_id=f"X{order.client_order_id}")
    return at_market(other, btc)


def denial(bench: Bench) -> str:
    return next(fact.message for fact in reversed(bench.facts) if fact.kind == "denied")


def halts(bench: Bench) -> dict[str, str]:
    return {one.name: one.reason for one in bench.view(TOPIC_RISK).halts}


@pytest.mark.parametrize("owner", ["person", "script", "grid-1"])
def test_an_order_is_recorded_with_its_owner_whether_it_goes_or_not(owner):
    bench = ready()
    assert place(bench, owner)
    assert not place(bench, owner, qty="1")
    recorded = [one.order.owner for one in bench.records if isinstance(one, IntentRecord | DenialRecord)]
    assert recorded == [owner, owner]
    assert [order.owner for order in restarted(bench, snapshot=True).orders] == [owner, owner]


def test_who_amends_owns_the_new_order_and_who_flattens_its_sales():
    bench = ready()
    place(bench, "person", price="59000")
    old = bench.order
    bench.report(old, OrderState.WORKING)
    give(bench, AmendOrder(command_id="a", client_order_id=old.client_order_id, price=D(58_000)))
    bench.report(bench.order, OrderState.CANCELLED)
    assert (bench.order.price, bench.order.owner) == (D(58_000), "script")
    held = at_market(build(limits=Limits(**FAST)), btc="0.5")
    give(held, Flatten(command_id="f", symbol=SYMBOL), "grid")
    held.tick()
    assert (held.order.side, held.order.owner) == (Side.SELL, "grid")


def test_an_owner_s_own_limits_count_its_orders_alone():
    bench = ready(owner={"script": OwnerLimits(max_open_orders=1, orders_per_second=2)})
    assert place(bench, "person")
    assert place(bench, "grid")
    assert place(bench)
    assert not place(bench)
    assert "1 order open" in denial(bench)
    bench.report(next(o for o in bench.orders if o.owner == "script" and o.state.may_be_live), OrderState.CANCELLED)
    assert place(bench)
    bench.report(next(o for o in bench.orders if o.owner == "script" and o.state.may_be_live), OrderState.CANCELLED)
    assert not place(bench)
    assert "within one second" in denial(bench)
    bench.tick(1)
    assert place(bench)


@pytest.mark.parametrize("snapshot", [False, True])
def test_an_owner_s_day_is_counted_apart_and_over_a_restart(snapshot):
    own = Limits(**FAST, owner={"script": OwnerLimits(max_day_exposure=D(120)), "person": OwnerLimits()})
    bench = at_market(build(limits=own))
    assert place(bench, "person", qty="0.01")
    assert place(bench)
    assert place(bench)
    assert not place(bench)
    again = restarted(bench, snapshot=snapshot, limits=own)
    assert not place(again)
    assert "orders today worth 180.00" in denial(again)
    assert place(again, "grid")
    tight = SetLimit(command_id="t", name="owner.person.max_day_exposure", value=D(650))
    give(again, tight, "person")
    assert not place(again, "person"), "600 of a person, 120 of the script, 60 of grid"
    assert "660.00" in denial(again)


@pytest.mark.parametrize("snapshot", [False, True])
def test_what_an_owner_has_bought_counts_until_it_is_sold_and_over_a_restart(snapshot):
    own = Limits(**FAST, owner={"script": OwnerLimits(max_added_value=D(120))})
    bench = at_market(build(limits=own), btc="0.1")
    assert place(bench, "person", qty="0.02")
    assert place(bench)
    order = bench.order
    bench.report(order, OrderState.FILLED, "0.001")
    bench.fill(order, "0.001")
    assert place(bench, qty="0.001", price="59000")
    working = bench.order
    bench.report(working, OrderState.WORKING, order_id="X2")
    assert not place(bench, qty="0.0001"), "60 bought, 59 may still be"
    assert place(bench, "person", qty="0.001")
    bench.report(working, OrderState.CANCELLED, order_id="X2")
    again = restarted(bench, snapshot=snapshot, limits=own, btc="0.101")
    assert not place(again, qty="0.0011")
    assert place(again, side=Side.SELL, qty="0.001", price="59990")
    sale = again.order
    again.report(sale, OrderState.FILLED, "0.001", order_id="X3")
    again.fill(sale, "0.001", price="59990", trade_id="T3", order_id="X3")
    assert place(again, qty="0.002")


def run_away(bench: Bench, times: int) -> list[bool]:
    return [place(bench, price="59000") for _ in range(times)]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_script_that_fires_too_often_is_halted_until_a_person_releases_it(snapshot):
    bench = at_market(ready(repeated_entries=5), btc="0.1")
    assert run_away(bench, 6) == [True] * 5 + [False]
    assert "sent 5 orders that did not reduce within 60 s" in halts(bench)["script"]
    assert sum(fact.kind == "automation halted" for fact in bench.facts) == 1
    assert place(bench, "person")
    assert place(bench, "grid")
    assert place(bench, side=Side.SELL, price="60010")
    bench.wait(61)
    at_market(bench, btc="0.1")
    assert not place(bench), "the halt does not pass by itself"
    again = restarted(bench, snapshot=snapshot, btc="0.1")
    assert halts(again) == halts(bench)
    assert not place(again)
    give(again, Release(command_id="r", name="script"))
    assert "Only a person" in again.facts[-1].message
    assert not place(again)
    give(again, Release(command_id="r", name="nobody"), "person")
    assert "not halted; what is: script" in again.facts[-1].message
    give(again, Release(command_id="r", name="script"), "person")
    assert halts(again) == {}
    assert place(again)
    assert halts(restarted(again, snapshot=snapshot)) == {}


def test_a_restart_does_not_reset_the_count():
    bench = ready(repeated_entries=5)
    assert run_away(bench, 4) == [True] * 4
    again = restarted(bench, snapshot=False, limits=Limits(**FAST, repeated_entries=5))
    assert run_away(again, 2) == [True, False]


def test_the_same_again_and_again_after_it_filled_halts_too():
    bench = ready(repeated_fills=3)
    for number in range(3):
        assert place(bench)
        order = bench.order
        bench.report(order, OrderState.FILLED, "0.001", order_id=f"X{number}")
    assert not place(bench)
    assert halts(bench) == {"script": "3 buys of a script in BTCUSDT filled within 60 s"}
    slow = ready(repeated_fills=3)
    for number in range(6):
        assert place(slow)
        slow.report(slow.order, OrderState.FILLED, "0.001", order_id=f"X{number}")
        slow.wait(31)
        at_market(slow)


def test_a_halt_that_may_not_have_been_recorded_is_recorded_again():
    bench = ready(repeated_entries=1)
    run_away(bench, 2)
    bench.do(JournalProblem("disk full"))
    bench.effects.clear()
    bench.do(JournalProblem(""))
    assert [one.name for one in bench.records if isinstance(one, StateRecord) and one.value] == [f"{HALTED}script"]


def test_a_release_that_may_not_have_been_recorded_is_recorded_again():
    bench = ready(repeated_entries=1)
    run_away(bench, 2)
    assert list(halts(bench)) == ["script"]
    bench.do(JournalProblem("disk full"))
    give(bench, Release(command_id="r", name="script"), "person")
    bench.effects.clear()
    bench.do(JournalProblem(""))
    assert [(one.name, one.value) for one in bench.records if isinstance(one, StateRecord)] == [(f"{HALTED}script", "")]


def trade(bench: Bench, price: str, number: int) -> None:
    one = Trade(trade_id=f"t{number}", price=D(price), qty=D(1), taker=Side.BUY, time_ms=bench.wall_ms)
    bench.do(TradesSeen(SYMBOL, (one,), bench.mono_ns))


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_storm_closes_a_pair_to_automation_until_a_person_releases_it(snapshot):
    bench = at_market(ready(breaker_move=D("0.05")), btc="0.1")
    trade(bench, "60000", 1)
    bench.tick(30)
    at_market(bench, btc="0.1")
    trade(bench, "57143", 2)
    assert place(bench), "not quite 5 %"
    trade(bench, "57142", 3)
    assert place(bench, "person")
    assert halts(bench) == {}, "nobody concerned has tried"
    assert not place(bench)
    assert not place(bench, "grid")
    assert list(halts(bench)) == [SYMBOL]
    assert "moved 5.00" in halts(bench)[SYMBOL]
    assert place(bench, side=Side.SELL, price="60010")
    bench.wait(120)
    at_market(bench, btc="0.1")
    assert not place(bench)
    again = restarted(bench, snapshot=snapshot)
    assert not place(again)
    give(again, Release(command_id="r", name=SYMBOL), "person")
    assert place(again)


def test_a_jump_after_a_silence_is_a_move_and_one_long_past_is_none():
    bench = ready()
    trade(bench, "50000", 1)
    bench.wait(600)
    at_market(bench)
    trade(bench, "60000", 2)
    assert not place(bench)
    other = ready()
    trade(other, "50000", 1)
    trade(other, "60000", 2)
    other.wait(62)
    at_market(other)
    trade(other, "60000", 3)
    assert place(other)


def change(bench: Bench, name: str, value: str | None, reason: str = "") -> str:
    give(bench, SetLimit(command_id="", name=name, value=None if value is None else D(value), reason=reason), "person")
    return bench.facts[-1].message


def test_an_owner_s_limits_are_changed_like_every_other():
    name = "owner.script.max_order_value"
    bench = ready(ceilings={name: D(500)})
    assert "it was not set" in change(bench, name, "100")
    assert not place(bench, qty="0.002")
    assert "needs a reason" in change(bench, name, "200")
    assert "ceiling" in change(bench, name, "501", "more")
    assert "in 10 minutes" in change(bench, name, "500", "more")
    bench.tick(600)
    at_market(bench)
    assert place(bench, qty="0.002")
    for wrong in ("owner.Script.max_order_value", "owner.script.max_slippage", "owner.script"):
        assert "There is no limit" in change(bench, wrong, "1")
    assert "whole number" in change(bench, "owner.script.max_open_orders", "1.5")
    assert "negative" in change(bench, name, "-1")
    change(bench, "owner.grid.max_open_orders", "0")
    assert not place(bench, "grid")
    assert not place(restarted(bench, snapshot=True), "grid")


def test_a_new_pair_is_known_by_the_exchange_s_own_time():
    pair = msgspec.structs.replace(PAIR, first_open_ms=1_790_000_000_000 - 23 * 3_600_000)
    bench = at_market(build(pair=pair))
    assert not place(bench)
    assert "was listed 23 hours ago" in denial(bench)
    bench.later(3_600)
    assert place(at_market(bench))
