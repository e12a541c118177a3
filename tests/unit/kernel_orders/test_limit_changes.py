"""Changing limits while the desk runs: tightened at once, loosened with a reason, a delay and a ceiling."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.commands import SetLimit
from mexc_tui.domain.inputs import JournalProblem
from mexc_tui.domain.limit_changes import NAMES, changed, looser, problems, value_of
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.limit_changes import TIGHTENED, WAITING
from mexc_tui.kernel.records import StateRecord
from tests.unit.kernel_orders.conftest import Bench, build

D = Decimal
START = Limits(
    max_order_value=D(1_000), ceilings={"max_order_value": D(3_000), "max_day_loss": D(0), "idle_lock_minutes": D(90)}
)
DELAY_S = START.loosening_delay_minutes * 60


def change(bench: Bench, value: str | None, reason: str = "", name: str = "max_order_value") -> str:
    """Change a limit and return what the desk says."""
    before = len(bench.facts)
    bench.do(SetLimit(command_id="", name=name, value=None if value is None else D(value), reason=reason))
    return " ".join(fact.message for fact in bench.facts[before:])


def now(bench: Bench, name: str = "max_order_value") -> Decimal | None:
    return value_of(bench.view(TOPIC_RISK).limits, name)


def restarted(
    bench: Bench, limits: Limits = START, *, snapshot: bool = False, after_s: float = 0, arm_name: str = ""
) -> Bench:
    """Return a desk that takes up what the other one recorded."""
    if snapshot:
        fold = Fold("USDT")
        fold.add(bench.records)
        other = build(limits=limits, snapshot=fold.snapshot(), run="r2", arm_name=arm_name)
    else:
        other = build(limits=limits, resumed=bench.records, run="r2", arm_name=arm_name)
    other.wall_ms, other.mono_ns = bench.wall_ms + int(after_s * 1_000), 5_000_000_000
    other.begin()
    return other


def test_what_tightens_holds_for_the_next_order(make):
    bench = make(limits=START)
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    bench.account()
    assert "it was 1000" in change(bench, "100")
    bench.place(qty="0.01", price="60000")
    assert bench.order.state is OrderState.DENIED
    assert "100" in bench.order.reason


def test_what_loosens_waits_and_can_be_called_off():
    bench = build(limits=START)
    assert "needs a reason" in change(bench, "2000")
    assert "needs a reason" in change(bench, "2000", "  \n ")
    assert "ceiling of max_order_value, 3000" in change(bench, "3000.01", "why not")
    assert "in 10 minutes: rebalancing" in change(bench, "2000", "rebalancing")
    bench.tick(DELAY_S - 1)
    assert now(bench) == 1_000
    assert [one.value for one in bench.view(TOPIC_RISK).waiting] == [D(2_000)]
    bench.tick(1)
    assert (now(bench), bench.view(TOPIC_RISK).waiting) == (D(2_000), ())
    assert "as the config file says" in bench.facts[-1].message
    change(bench, "2500", "more")
    assert "called off" in change(bench, None)
    change(bench, "2500", "more")
    assert "called off" in change(bench, "2000")
    bench.tick(DELAY_S)
    assert now(bench) == 2_000
    assert "No loosening" in change(bench, None)


def test_an_unfit_change_is_refused_in_words():
    bench = build(limits=START)
    for name, value, words in (
        ("max_ordr_value", "1", "no limit max_ordr_value"),
        ("ceilings", "1", "no limit"),
        ("loosening_delay_minutes", "1", "no limit"),
        ("deny_flagged", "0", "no limit"),
        ("max_asset_value.", "1", "no limit"),
        ("max_order_value", "0", "above zero"),
        ("max_open_orders", "1.5", "whole number"),
        ("max_slippage", "5", "fraction"),
        ("max_asset_value.BTC", "-1", "above zero"),
        ("idle_lock_minutes", "0", "ceiling"),
        ("duplicate_window_ms", "10", "ceiling"),
    ):
        assert words in change(bench, value, "because", name), name
        assert bench.facts[-1].kind == "problem"
    assert bench.view(TOPIC_RISK).limits == START
    assert "needs a reason" in change(bench, "0", "", "max_day_loss")
    assert "is 500 now, it was not set" in change(bench, "500", "", "max_asset_value.BTC")


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restart_takes_the_tighter_one_of_file_and_record(snapshot: bool):
    bench = build(limits=START)
    change(bench, "500")
    change(bench, "400", name="max_asset_value.BTC")
    change(bench, "2000", "rebalancing")
    after = restarted(bench, snapshot=snapshot, after_s=DELAY_S - 10)
    assert (now(after), now(after, "max_asset_value.BTC")) == (D(500), D(400))
    assert "max_order_value 500" in after.facts[-1].message
    assert now(restarted(bench, changed(START, "max_order_value", D(300)))) == 300
    after.tick(9)
    assert now(after) == 500
    after.tick(1)
    assert now(after) == 2_000
    bench.effects += after.effects
    again = restarted(bench, snapshot=snapshot)
    assert (now(again), again.view(TOPIC_RISK).waiting) == (D(1_000), ())


@pytest.mark.parametrize("snapshot", [False, True])
def test_what_waits_to_be_loosened_is_called_off_when_a_live_desk_starts(snapshot: bool):
    bench = build(limits=START)
    change(bench, "500")
    change(bench, "2000", "rebalancing on paper")
    live = restarted(bench, snapshot=snapshot, arm_name="main", after_s=DELAY_S - 10)
    assert live.view(TOPIC_RISK).waiting == ()
    assert any("called off. Ask again" in fact.message for fact in live.facts)
    live.tick(DELAY_S)
    assert now(live) == 500
    bench.effects += live.effects
    again = restarted(bench, snapshot=snapshot)
    assert again.view(TOPIC_RISK).waiting == (), "it does not come back either"
    assert "in 10 minutes" in change(live, "900", "meant for live")


def test_a_clock_that_was_set_makes_nothing_wait_longer_than_the_delay():
    bench = build(limits=START)
    change(bench, "2000", "rebalancing")
    bench.wall_ms -= 10**9
    after = restarted(bench)
    after.tick(DELAY_S - 1)
    assert now(after) == 1_000
    after.tick(1)
    assert now(after) == 2_000


def test_a_ceiling_that_was_lowered_meanwhile_holds():
    bench = build(limits=START)
    change(bench, "2000", "rebalancing")
    after = restarted(bench, Limits(max_order_value=D(1_000)))
    after.tick(DELAY_S)
    assert now(after) == 1_000
    assert "looser than its ceiling" in after.facts[-1].message


def test_what_a_full_disk_lost_is_recorded_when_it_works_again():
    bench = build(limits=START)
    bench.do(JournalProblem("disk full"))
    change(bench, "2000", "rebalancing")
    change(bench, None)
    change(bench, "500")
    bench.effects.clear()
    bench.do(JournalProblem(""))
    assert {(record.name, record.value) for record in bench.records if isinstance(record, StateRecord)} == {
        (WAITING + "max_order_value", ""),
        (TIGHTENED + "max_order_value", "500"),
    }


_VALUES = st.sampled_from(["0", "1", "89", "90", "500", "1000", "1001", "2999", "3000", "3001", "25000"])
_STEPS = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "max_asset_value.BTC"]) | st.sampled_from(list(START.ceilings)),
        _VALUES | st.none(),
        st.sampled_from(["", "because"]),
        st.sampled_from([0, 60, DELAY_S - 1, DELAY_S]),
        st.sampled_from(["", "", "restart", "snapshot"]),
    ),
    max_size=12,
)


@given(_STEPS)
def test_nothing_loosens_at_once_nor_past_its_ceiling(steps):
    bench = build(limits=START)
    for name, value, reason, seconds, end in steps:
        before = bench.view(TOPIC_RISK)
        change(bench, value, reason, name)
        after = bench.view(TOPIC_RISK)
        bench.tick(seconds)
        later = bench.view(TOPIC_RISK)
        waited = {one.name for one in (*before.waiting, *after.waiting)}
        for limit in (*NAMES, "max_asset_value.BTC"):
            first, second, third = (value_of(view.limits, limit) for view in (before, after, later))
            assert not looser(limit, second, first)
            assert limit in waited or not looser(limit, third, second)
            most = START.ceilings.get(limit, value_of(START, limit))
            assert not looser(limit, third, most)
        assert not list(problems(later.limits)) or any(
            looser(limit, value_of(later.limits, limit), most) for limit, most in START.ceilings.items()
        )
        if end:
            held = bench.view(TOPIC_RISK)
            other = restarted(bench, snapshot=end == "snapshot")
            for limit in (*NAMES, "max_asset_value.BTC"):
                one, two = value_of(held.limits, limit), value_of(START, limit)
                tighter = two if looser(limit, one, two) else one
                assert now(other, limit) == tighter
            assert other.view(TOPIC_RISK).waiting == held.waiting
            other.effects = [*bench.effects, *other.effects]
            bench = other


def test_every_single_number_has_an_order():
    for name in NAMES:
        values = [D(1), D("0.5") if isinstance(getattr(START, name), Decimal) else D(2)]
        assert sum(looser(name, *pair) for pair in (values, values[::-1])) == 1
    assert all(not looser("max_day_loss", a, b) for a, b in pairwise([D(1), D(2), D(0), D(0)]))
