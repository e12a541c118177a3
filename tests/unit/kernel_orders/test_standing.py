"""What account and exchange as such hold back: new exposure, never what reduces, and only while it lasts."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.commands import CancelOrder
from mexc_tui.domain.controls.standing import MOST_UNVALUED_MS, loss_limit_day
from mexc_tui.domain.facts import Level
from mexc_tui.domain.limits import Answer, Limits, Violation
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import OrderState, Side
from mexc_tui.domain.views import Standing
from mexc_tui.kernel.effects import SendCancel, SendOrder
from mexc_tui.kernel.history import Fold
from tests.unit.kernel_orders.conftest import health

LIMITS = Limits(orders_per_second=100, max_in_flight=100, duplicate_max=100)


@pytest.fixture
def holder(make):
    """A desk that holds bitcoin and has a working bid."""
    bench = make(limits=LIMITS)
    bench.market([("59990.00", "9")], [("60000.00", "9")])
    bench.account(btc="0.1")
    bench.tick()
    bench.place(qty="0.01", price="59000")
    bench.report(bench.order, OrderState.WORKING)
    return bench


def pass_by(bench, seconds):
    for number in range(seconds // 5 + 1):
        bench.tick(5)
        bench.level([("59990.00", str(10 + number))], [])


def failing(bench):
    bench.do(health(requests=4, failures=0))
    bench.tick()
    bench.do(health(requests=10, failures=5))


CASES = {
    "PRIVATE_STREAM_FRESH": (lambda bench: pass_by(bench, 180), lambda bench: bench.account(btc="0.1")),
    "CLOCK_SKEW": (lambda b: b.do(health(clock_offset_ms=-60_001.0)), lambda b: b.do(health(clock_offset_ms=60_000.0))),
    "CHECK_UNAVAILABLE": (lambda bench: bench.do(health(clock_offset_ms=None)), lambda bench: bench.do(health())),
    "VENUE_HEALTH": (lambda bench: bench.do(health(held="maintenance")), lambda bench: bench.do(health())),
    "VENUE_HEALTH of failures": (
        failing,
        lambda bench: (pass_by(bench, 30), bench.do(health(requests=12, failures=5))),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_holds_new_exposure_back_and_nothing_else_until_it_is_over(holder, case):
    code, (begin, end) = case.split(" ")[0], CASES[case]
    bid = holder.order
    begin(holder)
    holder.level([("59990.00", "8")], [])
    holder.place(qty="0.02", price="59000")
    (denial,) = [fact for fact in holder.facts if fact.kind == "denied"]
    assert [one.code for one in denial.violations] == [code]
    holder.wait(3)
    (told,) = [fact.message for fact in holder.facts if fact.level is Level.BAD]
    assert code in ("VENUE_HEALTH", "CHECK_UNAVAILABLE") or "no new exposure" in told
    assert "cancel" in told
    holder.level([("59990.00", "7")], [])
    assert any(isinstance(e, SendOrder) for e in holder.place(Side.SELL, qty="0.01", price="60010"))
    holder.report(holder.order, OrderState.WORKING, order_id="X2")
    cancel = CancelOrder(client_order_id=bid.client_order_id, command_id="x")
    assert any(isinstance(effect, SendCancel) for effect in holder.do(cancel))
    end(holder)
    holder.level([("59990.00", "6")], [])
    holder.tick()
    (over,) = [fact for fact in holder.facts if fact.level is Level.GOOD and fact.kind in ("cleared", "link")]
    assert "order" in over.message
    holder.place(qty="0.03", price="59000")
    assert holder.order.state is OrderState.PENDING


def test_a_result_that_is_not_known_for_long_holds_new_exposure_back_where_losses_are_limited():
    unvalued = Standing(
        compared_age_ms=0,
        clock_offset_ms=0,
        held="",
        requests=0,
        failed=0,
        unvalued_ms=MOST_UNVALUED_MS + 1,
        day_exposure=Decimal(0),
        losses=0,
        cooling_ms=0,
    )
    assert loss_limit_day(unvalued, Limits()) is not None
    assert loss_limit_day(unvalued, Limits(max_day_loss=ZERO, max_drawdown=ZERO)) is None
    assert loss_limit_day(msgspec.structs.replace(unvalued, unvalued_ms=MOST_UNVALUED_MS), Limits()) is None
    assert Violation(code="LOSS_LIMIT_DAY", message="").answer is Answer.BLOCK


def lose(bench, number, price="59000"):
    """Buy at 60,000 and sell at another price, in two executions."""
    for side, at, parts in ((Side.BUY, "60000", ("0.01",)), (Side.SELL, price, ("0.004", "0.006"))):
        name = f"{side.value}{number}"
        order = msgspec.structs.replace(bench.order, client_order_id="", symbol="BTCUSDT", side=side)
        for part, qty in enumerate(parts):
            bench.fill(order, qty, at, trade_id=f"{name}.{part}", order_id=name)
    bench.later(1)


def cooling(bench):
    standing = bench.view("gate:BTCUSDT").standing
    return standing.losses, standing.cooling_ms


def test_losing_sales_in_a_row_pause_new_exposure_longer_each_time_also_after_a_restart(make):
    limits = msgspec.structs.replace(LIMITS, cooldown_losses=3, cooldown_ms=60_000)
    bench = make(limits=limits)
    bench.market([("59990.00", "9")], [("60000.00", "9")])
    bench.account(btc="0.1")
    bench.place(qty="0.01", price="59000")
    lose(bench, 1)
    lose(bench, 2, "61000")
    lose(bench, 3)
    lose(bench, 4)
    assert cooling(bench) == (2, 0)
    lose(bench, 5)
    assert cooling(bench) == (3, 59_000)
    lose(bench, 6)
    assert cooling(bench) == (4, 119_000)
    bench.level([("59990.00", "8")], [])
    bench.place(qty="0.02", price="59000")
    assert "The last 4 sales in a row lost money; no new exposure for another 119 s" in bench.order.reason
    assert any(isinstance(e, SendOrder) for e in bench.place(Side.SELL, qty="0.01", price="60010"))
    after = make(limits=limits, resumed=bench.records)
    after.later(60)
    left = 119_000 - (after.wall_ms - bench.wall_ms)
    assert cooling(after) == (4, left)
    off = make(limits=msgspec.structs.replace(limits, cooldown_losses=0), resumed=bench.records)
    assert cooling(off) == (4, 0)
    after.market([("59990.00", "9")], [("60000.00", "9")])
    after.account(btc="0.1")
    lose(after, 7, "60010")
    assert cooling(after) == (0, 0)


@pytest.mark.parametrize(
    ("qty", "price", "fee", "asset", "wrong"),
    [
        ("0.01", "60000", "0.30", "USDT", ""),
        ("0.01", "60000", "0.67", "USDT", "its fee is 0.112 % of its value, where the pair lists 0.05 %"),
        ("0.01", "60000", "0.00002", "BTC", "its fee is 0.2 % of its value"),
        ("0.01", "60000", "1", "MX", ""),
        ("0.01", "60000.01", "0", "USDT", "its price 60,000.01 is above the order's limit 60,000"),
        ("0.0101", "60000", "0", "USDT", "0.0101 have filled in all of an order for 0.01"),
    ],
)
def test_an_execution_that_its_order_cannot_have_had_is_told(bench, qty, price, fee, asset, wrong):
    bench.place(qty="0.01", price="60000")
    bench.report(bench.order, OrderState.WORKING)
    bench.fill(bench.order, qty, price, fee=fee, fee_asset=asset)
    told = [fact.message for fact in bench.facts if fact.level is Level.BAD]
    assert len(told) == bool(wrong)
    assert wrong in "".join(told)


def test_the_budget_of_a_day_counts_what_was_sent_until_the_day_ends_also_after_a_restart(make):
    limits = msgspec.structs.replace(LIMITS, max_day_exposure=Decimal(1_000))
    bench = make(limits=limits)
    bench.market([("59990.00", "9")], [("60000.00", "9")])
    bench.account(btc="0.1")
    bench.place(qty="0.01", price="59000")
    bench.report(bench.order, OrderState.CANCELLED)
    bench.place(Side.SELL, qty="0.05", price="60010")
    bench.place(qty="0.007", price="59000")
    assert "orders worth 1,003.00 USDT would have been sent today; your limit is 1,000.00 USDT" in bench.order.reason
    assert bench.order.state is OrderState.DENIED
    fold = Fold("USDT")
    fold.add(bench.records)
    for after in (make(limits=limits, resumed=bench.records), make(limits=limits, snapshot=fold.snapshot())):
        assert after.view("gate:BTCUSDT").standing.day_exposure == 590
        after.wall_ms += 86_400_000
        assert after.view("gate:BTCUSDT").standing.day_exposure == 0
    bench.place(qty="0.006", price="59000")
    assert bench.order.state is OrderState.PENDING
