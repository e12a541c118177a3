from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.commands import Resume
from mexc_tui.domain.inputs import LatchAnswered
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import OrderState, Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.effects import SaveLatch, SendCancel
from mexc_tui.kernel.history import Latch
from mexc_tui.kernel.records import StateRecord

D = Decimal
LIMITS = Limits(max_day_loss=D(1_000), max_drawdown=D(1_500), duplicate_max=100, max_position_value=D(10**6))


@pytest.fixture
def holder(make):
    """A desk that holds one bitcoin, measured at 59,990."""
    bench = make(limits=LIMITS)
    bench.market([("59990.00", "5")], [("60000.00", "5")])
    bench.account(btc="1")
    bench.tick()
    return bench


def bid(bench, price: str) -> None:
    """Let the market stand at a price."""
    book = bench.view("book:BTCUSDT")
    gone = [(f"{level[0] / 100:.2f}", "0") for level in book.bids]
    off = [(f"{level[0] / 100:.2f}", "0") for level in book.asks]
    bench.level([*gone, (price, "5")], [*off, (str(D(price) + 10), "5")])
    bench.tick()
    bench.tick()


def risk(bench):
    return bench.view(TOPIC_RISK)


def resume(bench) -> None:
    effects = bench.do(Resume(command_id=""))
    (save,) = [effect for effect in effects if isinstance(effect, SaveLatch)]
    bench.do(LatchAnswered(save.attempt, ""))


def test_a_loss_of_the_day_takes_only_what_reduces_until_a_person_resumes(holder, make):
    bid(holder, "58991.00")
    assert risk(holder).state is TradingState.ACTIVE
    bid(holder, "58990.00")
    assert risk(holder).state is TradingState.REDUCING
    assert "1,000.00 USDT lost today, your limit is 1,000.00" in risk(holder).reason
    holder.place(qty="0.01", price="58000")
    assert "only sales of what you hold into cash" in holder.order.reason
    holder.place(Side.SELL, qty="0.01", price="59000")
    assert holder.order.state is OrderState.PENDING
    saves = [effect.record for effect in holder.effects if isinstance(effect, SaveLatch)]
    after = make(resumed=(StateRecord(name=saves[-1].name, value=saves[-1].value, wall_ms=holder.wall_ms),))
    assert risk(after).state is TradingState.REDUCING


def test_resuming_allows_as_much_again_and_no_more(holder):
    bid(holder, "58990.00")
    resume(holder)
    holder.tick()
    assert risk(holder).state is TradingState.ACTIVE
    bid(holder, "57991.00")
    assert risk(holder).state is TradingState.ACTIVE
    bid(holder, "57990.00")
    assert risk(holder).state is TradingState.REDUCING


def test_a_fall_from_the_best_result_counts_though_the_day_is_won(holder):
    bid(holder, "63000.00")
    bid(holder, "61500.00")
    assert risk(holder).state is TradingState.REDUCING
    assert "below the highest result" in risk(holder).reason


@pytest.mark.parametrize("cancels", [False, True])
def test_reaching_a_limit_cancels_entries_where_that_is_asked_for(make, cancels):
    bench = make(limits=msgspec.structs.replace(LIMITS, max_gross_exposure=D(10**6), reducing_cancels=cancels))
    bench.market([("59990.00", "5")], [("60000.00", "5")])
    bench.account(btc="1")
    bench.tick()
    bench.place(qty="0.01", price="50000")
    entry = bench.order
    bench.place(Side.SELL, qty="0.01", price="70000")
    bid(bench, "58990.00")
    cancelled = [effect.client_order_id for effect in bench.effects if isinstance(effect, SendCancel)]
    assert cancelled == [entry.client_order_id] * cancels


@pytest.mark.parametrize(
    ("journal", "file", "holds"),
    [
        ("active", "reducing: a", "reducing"),
        ("reducing: a", "active", "reducing"),
        ("reducing: a", "halted: b", "halted"),
        ("halted: b", "reducing: a", "halted"),
        ("active", "", "active"),
        ("active", "garbled", "halted"),
    ],
)
def test_of_two_recorded_states_the_safer_holds(journal, file, holds):
    latch = Latch()
    latch.replay(journal)
    latch.second(file)
    assert latch.state.value == holds
