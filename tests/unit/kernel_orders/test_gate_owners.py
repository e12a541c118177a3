"""Controls that depend on whose an order is, and on how old its pair is: what passes, what not, and where it turns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.gate import check
from mexc_tui.domain.limits import Answer, OwnerLimits
from mexc_tui.domain.views import Owned
from tests.unit.kernel_orders.test_gate import buy, codes, inputs, limits, message, sell

D = Decimal
HOUR = 3_600_000


def script(owner: str = "script", **counted: Any) -> Owned:
    return Owned(**{"owner": owner, "moved": D(0), "added": D(0), **counted})


def own(owner: str = "script", **most: Any) -> Any:
    return limits(owner={owner: OwnerLimits(**most)})


CASES = [
    ("orders_per_second", 2, {"sends": 1}, {"sends": 2}),
    ("max_open_orders", 2, {"open_orders": 1}, {"open_orders": 2}),
    ("max_order_value", D("999.9"), {}, None),
    ("max_day_exposure", D("1999.9"), {"day_exposure": D(1_000)}, {"day_exposure": D("1000.1")}),
    ("max_added_value", D("1999.9"), {"added": D(1_000)}, {"added": D("1000.1")}),
    ("max_open_orders", 0, None, {}),
    ("max_order_value", D(0), None, {}),
]


@pytest.mark.parametrize("owner", ["script", "grid", "person"])
@pytest.mark.parametrize(("name", "most", "within", "beyond"), CASES)
def test_an_owner_keeps_to_its_own_limits_and_nobody_else_does(owner, name, most, within, beyond):
    state = {"limits": own(owner, **{name: most})}
    if within is not None:
        assert check(buy(), inputs(**state, owned=script(owner, **within))).passes
    draft = buy("0.1001") if beyond is None else buy()
    refused = check(draft, inputs(**state, owned=script(owner, **(beyond or {}))))
    assert codes(refused) == {"AUTOMATION_AUTHORITY"}
    assert "limit of its own" in message(refused, "AUTOMATION_AUTHORITY")
    assert check(draft, inputs(**state, owned=script("other", **(beyond or {})))).passes
    held = inputs(**state, base_free=D(9), base_total=D(9), owned=script(owner, **(beyond or {})))
    assert check(sell(), held).passes, "what reduces is never held back"


def test_the_account_s_own_limit_holds_beside_a_looser_one_of_an_owner():
    wide = own(max_order_value=D(10**6))
    assert codes(check(buy("0.3"), inputs(limits=wide, owned=script()))) == {"MAX_ORDER_VALUE"}


def test_what_an_owner_added_must_be_known_where_it_is_limited():
    unknown = inputs(limits=own(max_added_value=D(10**6)), owned=script(added=None))
    assert "AUTOMATION_AUTHORITY" in message(check(buy(), unknown), "CHECK_UNAVAILABLE")
    assert check(buy(), inputs(limits=own(max_order_value=D(10**6)), owned=script(added=None))).passes


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        ("REPEATED_EXECUTION", {"entries": 60}),
        ("REPEATED_EXECUTION", {"filled": (20, 0)}),
        ("REPEATED_EXECUTION", {"halted": "It was"}),
        ("VOLATILITY_BREAKER", {"moved": D("0.1")}),
        ("VOLATILITY_BREAKER", {"pair_halted": "It was"}),
    ],
)
def test_automation_that_runs_away_or_meets_a_storm_may_only_reduce(code, counted):
    refused = check(buy(), inputs(owned=script(**counted)))
    assert codes(refused) == {code}
    assert refused.violations[0].answer is Answer.HALT
    name = "BTCUSDT" if code == "VOLATILITY_BREAKER" else "script"
    assert f"“release {name}”" in message(refused, code)
    assert (refused.max_qty, refused.binding) == (D(0), code)
    assert check(sell(), inputs(base_free=D(2), base_total=D(2), owned=script(**counted))).passes
    assert check(buy(), inputs(owned=script("person", **counted))).passes
    off = {"repeated_entries": 0, "repeated_fills": 0, "breaker_move": D(0)}
    latched = "halted" in counted or "pair_halted" in counted
    assert check(buy(), inputs(limits=limits(**off), owned=script(**counted))).passes is not latched


def test_automation_just_below_goes_on():
    calm = script(entries=59, filled=(19, 500), moved=D("0.09999999"))
    assert check(buy(), inputs(owned=calm)).passes


def test_a_move_that_is_not_known_holds_automation_back():
    verdict = check(buy(), inputs(owned=script(moved=None)))
    assert "VOLATILITY_BREAKER" in message(verdict, "CHECK_UNAVAILABLE")
    assert check(buy(), inputs(owned=Owned())).passes
    off = inputs(limits=limits(breaker_move=D(0)), owned=script(moved=None))
    assert check(buy(), off).passes


@pytest.mark.parametrize("age", [-1, 0, 24 * HOUR - 1])
def test_a_pair_that_is_new_is_asked_about_and_bought_little_of(age):
    new = {"listed_ms": age}
    asked = check(buy("0.02"), inputs(**new))
    assert asked.to_confirm == ("CONFIRM_LISTING",)
    yes = ("CONFIRM_LISTING",)
    assert check(buy("0.025", confirmed=yes), inputs(**new)).passes
    assert codes(check(buy("0.0251", confirmed=yes), inputs(**new))) == {"LISTING_GUARD"}
    assert codes(check(buy("0.01", confirmed=yes), inputs(**new, base_exposure=D(200)))) == {"LISTING_GUARD"}
    largest = check(buy("9", confirmed=yes), inputs(**new))
    assert (largest.max_qty, largest.binding) == (D("0.0250"), "LISTING_GUARD")
    assert check(sell("2"), inputs(**new, base_free=D(2), base_total=D(2))).passes


def test_a_pair_is_not_new_for_ever_nor_where_its_age_is_not_known():
    for age in (None, 24 * HOUR):
        assert check(buy(), inputs(listed_ms=age)).passes
    assert check(buy(), inputs(listed_ms=0, limits=limits(listing_hours=0))).passes
    unknown = check(buy(confirmed=("CONFIRM_LISTING",)), inputs(listed_ms=0, base_exposure=None))
    assert "LISTING_GUARD" in message(unknown, "CHECK_UNAVAILABLE")


def test_an_order_without_a_declared_owner_is_judged_as_a_person_s():
    assert msgspec.structs.replace(inputs(), owned=Owned()).owned.owner == "person"
