"""Overriding: one soft control, for one order, with a reason, by a person who was asked; hard ones never."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.controls.table import CONTROLS
from mexc_tui.domain.gate import check, fingerprint
from mexc_tui.domain.limits import Answer, Limits, Violation
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.domain.overrides import OVERRIDABLE
from mexc_tui.kernel.records import DenialRecord, IntentRecord
from tests.unit.kernel_orders.conftest import SYMBOL, Bench, build
from tests.unit.kernel_orders.test_gate import book, buy, codes, inputs, limits, market, message

D = Decimal
ASKED = ("CONFIRM_OVERRIDE", "CONFIRM_LISTING")
SOFT: dict[str, tuple[Draft, dict[str, Any]]] = {
    "MAX_ORDER_QTY": (buy(), {"limits": limits(max_order_qty={"BTCUSDT": D("0.05")})}),
    "MAX_ORDER_VALUE": (buy("0.3"), {}),
    "PRICE_COLLAR_FAR": (buy(price="10101"), {}),
    "PRICE_COLLAR_NEAR": (buy(price="4500"), {}),
    "SLIPPAGE_ESTIMATE": (buy("0.1", "10090"), {"book": book(asks=((10_000_00, 100), (10_090_00, 90_000)))}),
    "DUPLICATE_ORDER": (buy(), {"recent_sends": ((500, fingerprint("BTCUSDT", Side.BUY, D(9999), D("0.1"))),)}),
    "MAX_POSITION": (buy(), {"base_exposure": D(9_500)}),
    "MAX_GROSS_EXPOSURE": (buy(), {"gross_exposure": D(24_500)}),
    "MAX_OPEN_ORDERS": (buy(), {"open_orders": 50}),
    "SESSION_BUDGET": (buy(), {"limits": limits(max_day_exposure=D(900))}),
    "MARKET_DATA_REASONABILITY": (buy(), {"book": book(bids=((8_999_00, 1),))}),
    "LISTING_GUARD": (buy(), {"listed_ms": 0}),
}


def overriding(draft: Draft, control: str, because: str = "the hedge needs it", confirmed: Any = ASKED) -> Draft:
    return msgspec.structs.replace(draft, override=control, because=because, confirmed=confirmed)


def test_the_table_names_what_may_be_overridden_and_nothing_hard():
    assert {code for control in CONTROLS if control.overridable for code in control.codes} == OVERRIDABLE == set(SOFT)
    for code in OVERRIDABLE:
        assert Violation(code=code, message="").answer in (Answer.REJECT, Answer.BLOCK)
    hard = {"FREE_BALANCE", "TRADING_STATE", "REDUCING", "ARMED", "UNKNOWN_OUTCOME_LOCK", "NOTIONAL_MAX", "BOOK_VALID"}
    assert not OVERRIDABLE & (hard | {"LOSS_LIMIT_DAY", "LOSS_STREAK_COOLDOWN", "AUTOMATION_AUTHORITY", "SELF_CROSS"})


@pytest.mark.parametrize("control", sorted(SOFT))
def test_a_soft_control_is_lifted_for_one_order_once_asked_and_no_other_with_it(control):
    draft, state = SOFT[control]
    yes = ("CONFIRM_LISTING",)
    refused = check(msgspec.structs.replace(draft, confirmed=yes), inputs(**state))
    assert codes(refused) == {control}
    assert f"override {control} because" in message(refused, control)
    asked = check(overriding(draft, control, confirmed=yes), inputs(**state))
    assert (asked.passes, asked.to_confirm) == (False, ("CONFIRM_OVERRIDE",))
    said = message(asked, "CONFIRM_OVERRIDE")
    assert f"overrides {control}, because the hedge needs it" in said
    taken = check(overriding(draft, control), inputs(**state))
    assert taken.passes
    (note,) = [one for one in taken.notes if one.code == "CONFIRM_OVERRIDE"]
    assert note.message == said
    assert taken.max_qty is not None
    assert taken.max_qty >= draft.qty
    other = "MAX_ORDER_VALUE" if control != "MAX_ORDER_VALUE" else "MAX_OPEN_ORDERS"
    assert control in codes(check(overriding(draft, other), inputs(**state)))
    assert not check(overriding(draft, control), inputs(**state, armed=False)).passes


@pytest.mark.parametrize("because", ["", "  ", "x" * 201])
def test_an_override_without_a_reason_that_can_be_kept_is_refused(because):
    assert codes(check(overriding(buy(), "MAX_ORDER_VALUE", because), inputs())) == {"OVERRIDE"}


@pytest.mark.parametrize(
    ("control", "state"),
    [
        ("FREE_BALANCE", {"quote_free": D(900)}),
        ("ARMED", {"armed": False}),
        ("UNKNOWN_OUTCOME_LOCK", {"unknown": 1}),
        ("PRICE_COLLAR_REFERENCE", {"last": None, "book": book(bids=(), asks=())}),
    ],
)
def test_what_is_hard_stays_whatever_the_reason(control, state):
    verdict = check(overriding(buy(), control), inputs(**state))
    assert {"OVERRIDE", control} <= codes(verdict)
    assert not verdict.to_confirm
    assert "because" not in message(check(buy(), inputs(**state)), control)


def test_ceilings_hold_for_an_override_too():
    capped = limits(ceilings={"max_order_value": D(3_000), "max_pair_order_value.BTCUSDT": D(2_900)})
    assert check(overriding(buy("0.29"), "MAX_ORDER_VALUE"), inputs(limits=capped)).passes
    beyond = check(overriding(buy("0.2901"), "MAX_ORDER_VALUE"), inputs(limits=capped))
    assert codes(beyond) == {"MAX_ORDER_VALUE"}
    assert "2,900.00" in message(beyond, "MAX_ORDER_VALUE")


def test_what_nothing_stands_against_is_not_asked_about():
    assert check(overriding(buy(), "MAX_ORDER_VALUE", confirmed=()), inputs()).passes


def test_the_price_cap_of_a_market_order_is_not_lifted_with_another_control():
    verdict = check(overriding(market("0.3"), "MAX_ORDER_VALUE"), inputs())
    assert (verdict.passes, verdict.cap) == (True, D(10_050))


def give(bench: Bench, *, owner: str = "person", attended: bool = True, **override: Any) -> bool:
    draft = Draft(symbol=SYMBOL, side=Side.BUY, type=OrderType.LIMIT, qty=D("0.05"), price=D(60_000), **override)
    command = PlaceOrder(command_id="", draft=draft)
    given = Given(command=command, client="test", role=Role.TRADE, owner=owner, attended=attended)
    return bool(bench.sent(bench.do(given)))


def test_only_a_person_overrides_for_one_order_and_the_journal_keeps_why():
    bench = build(limits=Limits(max_order_value=D(1_000), confirm_order_value=D(10**6), max_in_flight=50))
    bench.market([("59990.00", "9")], [("60000.00", "9")])
    bench.account()
    override = {"override": "MAX_ORDER_VALUE", "because": "the hedge needs it"}
    yes = {"confirmed": ("CONFIRM_OVERRIDE",)}
    assert not give(bench, **override)
    assert not give(bench, **override, **yes, owner="script", attended=False)
    assert not give(bench, **override, **yes, owner="grid", attended=False)
    denials = [record.codes for record in bench.records if isinstance(record, DenialRecord)]
    assert denials == [("CONFIRM_OVERRIDE",), ("OVERRIDE",), ("OVERRIDE",)]
    assert give(bench, **override, **yes)
    (intent,) = [record for record in bench.records if isinstance(record, IntentRecord)]
    assert ["the hedge needs it" in note.message for note in intent.notes] == [True]
    bench.report(bench.order, OrderState.CANCELLED)
    bench.tick(2)
    assert not give(bench), "the next order is judged as ever"
    assert give(bench, **override, **yes, owner="script", attended=True)
