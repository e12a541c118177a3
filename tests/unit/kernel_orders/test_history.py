"""What a desk remembers over restarts and over time: costs, executions, and that somebody is there."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.commands import Arm, CancelAll
from mexc_tui.domain.inputs import FillReported, InstrumentsLoaded, LinkChanged, LinkState, PlaceAccepted, Reconciled
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Balance, Fill, Side
from mexc_tui.domain.views import TOPIC_POSITIONS, TOPIC_RISK, Position
from mexc_tui.kernel.effects import FetchAccount, Journal
from mexc_tui.kernel.records import FillRecord
from tests.unit.kernel_orders.conftest import health

D = Decimal


def test_the_ticket_locks_when_no_command_has_come_for_long(make):
    bench = make(limits=Limits(idle_lock_minutes=2))
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    bench.account()
    bench.tick(119)
    bench.do(CancelAll(command_id="busy"))
    bench.tick(119)
    assert bench.view(TOPIC_RISK).armed
    bench.tick(1)
    assert not bench.view(TOPIC_RISK).armed
    (fact,) = [fact for fact in bench.facts if fact.kind == "locked"]
    assert "no command came for 2 minutes" in fact.message
    bench.do(Arm(command_id="again", armed=True))
    bench.tick(1)
    assert bench.view(TOPIC_RISK).armed


def test_zero_minutes_never_lock(make):
    bench = make(limits=Limits(idle_lock_minutes=0))
    bench.tick(10**6)
    assert bench.view(TOPIC_RISK).armed


@pytest.mark.parametrize(("symbol", "quote"), [("BTCUSDE", "USDE"), ("BTCBRL", "BRL"), ("BTCMX", "MX")])
def test_a_restart_changes_nothing_about_the_cost_of_a_pair_with_another_quote(make, pair, symbol: str, quote: str):
    pair = msgspec.structs.replace(pair, symbol=symbol, quote=quote)
    bench = make(pair=pair)
    fill = Fill(
        trade_id="T1",
        order_id="E1",
        client_order_id="",
        symbol=symbol,
        side=Side.BUY,
        price=D(100),
        qty=D(2),
        quote_qty=D(200),
        fee=D(3),
        fee_asset=quote,
        is_maker=False,
        time_ms=bench.wall_ms,
    )
    held = (Balance(asset="BTC", free=D(2), locked=D(0)),)

    def position(one) -> Position:
        one.do(Reconciled((), held, (), one.mono_ns, frozenset({symbol}), frozenset({symbol})))
        (found,) = [row for row in one.view(TOPIC_POSITIONS).positions if row.symbol == symbol]
        return found

    bench.do(FillReported(fill))
    before = position(bench)
    assert (before.average, before.fees, before.unknown_fees) == (D("101.5"), D(3), ())
    assert position(make(resumed=bench.records, run="r2", pair=pair)) == before


def test_fills_that_come_before_the_list_of_pairs_wait_for_it(make, pair):
    bench = make(listed=False)
    fill = fill_of(bench, "T1")
    assert not [e for e in bench.do(FillReported(fill)) if isinstance(e, Journal)]
    bench.do(FillReported(fill))
    effects = bench.do(InstrumentsLoaded((pair,)))
    (record,) = [r for e in effects if isinstance(e, Journal) for r in e.records if isinstance(r, FillRecord)]
    assert (record.base, record.quote) == ("BTC", "USDT")


def test_an_old_fill_of_a_forgotten_order_is_not_booked_again(make, monkeypatch):
    monkeypatch.setattr("mexc_tui.kernel.booked.SWEEP_FROM", 1)
    bench = make()
    bench.account()
    fill = fill_of(bench, "T0")
    bench.do(FillReported(fill))
    for number in range(1, 1_100):
        bench.do(FillReported(msgspec.structs.replace(fill_of(bench, f"T{number}"), order_id=f"E{number}")))
    bench.later(2 * 3_600)
    bench.account()
    bench.do(FillReported(msgspec.structs.replace(fill_of(bench, "T9999"), order_id="E9999")))
    count = len([record for record in bench.records if isinstance(record, FillRecord)])
    bench.account(fills=(fill,))
    assert len([record for record in bench.records if isinstance(record, FillRecord)]) == count == 1_101


def test_executions_before_the_name_of_their_order_are_part_of_it_after_a_restart(make):
    bench = make()
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    bench.account()
    bench.place(qty="0.01")
    (order,) = bench.orders
    fill = bench.execution(order, "0.004", trade_id="T1")
    bench.do(FillReported(msgspec.structs.replace(fill, client_order_id="")))
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    assert [one.filled_qty for one in bench.orders] == [D("0.004")]
    again = make(resumed=bench.records, run="r2")
    second = bench.execution(order, "0.005", trade_id="T2")
    for one in (bench, again):
        one.do(FillReported(msgspec.structs.replace(second, client_order_id="")))
    assert again.orders == bench.orders
    assert [one.filled_qty for one in again.orders] == [D("0.009")]


YEARS_S = 10 * 365 * 86_400


def since(effects) -> int:
    return max(effect.since_ms for effect in effects if isinstance(effect, FetchAccount))


def test_a_clock_that_was_years_ahead_hides_no_execution(make):
    bench = make()
    bench.account()
    bench.do(FillReported(fill_of(bench, "T1")))
    bench.wall_ms += YEARS_S * 1_000
    bench.later(60)
    bench.account()
    bench.tick()
    bench.wall_ms -= YEARS_S * 1_000
    bench.later(3_600)
    again = make(resumed=bench.records, run="r2")
    again.wall_ms = bench.wall_ms
    assert since(again.begin()) <= bench.wall_ms - 3_600_000
    for one in (bench, again):
        one.account(fills=(msgspec.structs.replace(fill_of(bench, "T2"), order_id="E2"),))
        assert [record.fill.trade_id for record in one.records if isinstance(record, FillRecord)][-1] == "T2"


@pytest.mark.parametrize("fast_s", [360, -360, 86_400])
def test_a_wrong_clock_hides_no_execution_of_a_gap(make, fast_s: int):
    """What is asked since some time is asked by the exchange's clock, also by the next run."""
    bench = make()
    offset = health(clock_offset_ms=-fast_s * 1_000.0)

    def exchange_ms() -> int:
        return bench.wall_ms - fast_s * 1_000

    bench.do(offset)
    bench.account()
    bench.tick()
    bench.do(LinkChanged(True, LinkState.CONNECTED))
    bench.account()
    bench.do(LinkChanged(True, LinkState.RECONNECTING))
    filled_ms = exchange_ms()
    bench.later(2)
    made = bench.do(LinkChanged(True, LinkState.CONNECTED))
    assert filled_ms - 400_000 < since(made) <= filled_ms
    bench.place()
    assert bench.order.created_ms == exchange_ms()
    again = make(resumed=bench.records, run="r2")
    again.wall_ms = bench.wall_ms
    assert since(again.begin()) <= filled_ms


def test_a_clock_that_was_put_right_is_followed_back(make):
    bench = make()
    bench.begin()
    bench.wall_ms += YEARS_S * 1_000
    bench.account()
    bench.tick()
    bench.wall_ms -= YEARS_S * 1_000
    bench.account()
    bench.tick()
    assert since(bench.wait(70)) < bench.wall_ms
    again = make(resumed=bench.records, run="r2")
    again.wall_ms = bench.wall_ms
    assert since(again.begin()) <= bench.wall_ms - 300_000


def fill_of(bench, trade_id: str) -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id="E0",
        client_order_id="",
        symbol="BTCUSDT",
        side=Side.BUY,
        price=D(100),
        qty=D(1),
        quote_qty=D(100),
        fee=D(0),
        fee_asset="USDT",
        is_maker=False,
        time_ms=bench.wall_ms,
    )
