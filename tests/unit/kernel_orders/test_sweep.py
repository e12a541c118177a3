"""Cancelling everything: what it takes, what it spares, when it is done, and what it says meanwhile."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mexc_tui.domain.commands import CancelAll, Flatten, Halt
from mexc_tui.domain.inputs import CancelledAll, OpenOrdersListed, PlaceAccepted
from mexc_tui.domain.orders import OrderReport, OrderState, OrderType, Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.effects import ListOpenOrders, SendCancel, SendCancelAll

D = Decimal
SYMBOL = "BTCUSDT"


def only(effects, kind):
    return [effect for effect in effects if isinstance(effect, kind)]


def elsewhere(bench, number=1, symbol=SYMBOL, made_ms=None):
    """An open order of another program, as the exchange lists it."""
    made_ms = bench.wall_ms if made_ms is None else made_ms
    return OrderReport(
        symbol=symbol, order_id=f"S{number}", client_order_id="", side=Side.BUY, type=OrderType.LIMIT,
        state=OrderState.WORKING, price=D(50_000), qty=D("0.01"), quote_qty=None, filled_qty=D(0), filled_quote=D(0),
        created_ms=made_ms, updated_ms=made_ms,
    )  # fmt: skip


def work(bench, order_id="X1", **more):
    bench.place(**{"qty": "0.01", "price": "59000", **more})
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, order_id))
    bench.report(order, OrderState.WORKING, order_id=order_id)
    bench.later(2)
    return replace(elsewhere(bench, made_ms=order.created_ms), client_order_id=order.client_order_id, order_id=order_id)


def answer(bench, effects, open_reports=(), *, cancels=True, why=""):
    """Answer every request among these effects; what is cancelled is named."""
    made = []
    for effect in effects:
        if isinstance(effect, SendCancelAll):
            gone = [r.order_id for r in open_reports if r.symbol in effect.symbols] if cancels and not why else ()
            made += bench.do(CancelledAll(effect.turn, effect.symbols, tuple(gone), problem=why))
        elif isinstance(effect, ListOpenOrders):
            made += bench.do(OpenOrdersListed(effect.turn, tuple(open_reports), bench.mono_ns, problem=why))
    return made


def serve(bench, effects, open_reports=(), **how):
    """Answer requests until the open orders have been told once."""
    while not only(effects, ListOpenOrders):
        assert effects, "nothing is asked"
        effects = answer(bench, effects, open_reports, **how)
    return answer(bench, effects, open_reports, **how)


def sweep(bench):
    return bench.view(TOPIC_RISK).sweep


def test_it_cancels_and_looks_at_once_and_is_done_when_a_look_after_that_shows_nothing(bench):
    report = work(bench)
    first = bench.do(Halt(command_id="h"))
    assert [e.symbols for e in only(first, SendCancelAll)] == [(SYMBOL,)]
    assert len(only(first, ListOpenOrders)) == 1
    assert (sweep(bench).sent, sweep(bench).confirmed, sweep(bench).left) == (1, 0, 1)
    second = serve(bench, first, (report,))
    assert not sweep(bench).verified, "the list may be older than the cancel"
    assert len(only(second, ListOpenOrders)) == 1
    assert not only(second, SendCancelAll)
    serve(bench, second)
    assert (sweep(bench).confirmed, sweep(bench).left, sweep(bench).verified) == (1, 0, True)
    assert bench.order.state is OrderState.CANCELLED
    assert not bench.order.presumed, "its cancel was confirmed"
    assert "The exchange lists no open order any more; 1 order ended." in [fact.message for fact in bench.facts]


def test_what_is_listed_again_is_cancelled_again_later_and_later_and_named(bench):
    report = work(bench)
    effects, turns = bench.do(Halt(command_id="h")), []
    for _ in range(200):
        answered = answer(bench, effects, (report,), cancels=False)
        turns += [bench.mono_ns for _ in only(effects, SendCancelAll)]
        effects = answered + bench.tick()
    gaps = [b - a for a, b in itertools.pairwise(turns)]
    assert max(gaps) <= 4_500_000_000
    assert 12 <= len(turns) <= 30
    problems = [fact.message for fact in bench.facts if fact.kind == "problem"]
    assert 2 <= len(problems) <= 5
    assert problems[0].startswith(f"Not everything is cancelled yet: 1 order may be open ({SYMBOL} 1).")


def test_what_the_exchange_lists_is_not_over_whatever_is_known_here(bench):
    report = work(bench)
    effects = bench.do(Halt(command_id="h"))
    bench.report(bench.order, OrderState.CANCELLED)
    effects = serve(bench, serve(bench, effects, (report,)), (report,))
    assert not sweep(bench).verified
    assert sweep(bench).left == 1
    effects += bench.wait(1)
    assert [e.symbols for e in only(effects, SendCancelAll)] == [(SYMBOL,)]
    serve(bench, effects)
    assert (sweep(bench).left, sweep(bench).verified) == (0, True)


def test_a_failing_line_is_tried_on_with_cancels_and_looks(bench):
    work(bench)
    effects = serve(bench, bench.do(Halt(command_id="h")), why="HTTP 503")
    assert not only(effects, SendCancelAll)
    again = bench.wait(0.5)
    assert only(again, SendCancelAll)
    assert only(again, ListOpenOrders)
    assert sweep(bench).problem == "HTTP 503"


def test_an_order_that_the_exchange_lists_no_more_is_presumed_over_where_no_cancel_was_confirmed(bench):
    work(bench)
    effects = serve(bench, bench.do(CancelAll(command_id="c")), cancels=False)
    serve(bench, effects)
    assert bench.order.presumed
    assert sweep(bench).verified


def test_orders_made_elsewhere_count_by_the_exchanges_time_and_not_by_this_clock(bench):
    ahead = bench.wall_ms + 31_000
    old, late, new = (elsewhere(bench, n, made_ms=ahead + ms) for n, ms in ((1, 0), (2, -5), (3, 5)))
    effects = bench.do(CancelAll(command_id="c"))
    effects = serve(bench, effects, (old,), cancels=False)
    made = serve(bench, effects, (old, late, new), cancels=False)
    made += bench.wait(3)
    assert {e.order_id for e in only(made, SendCancel)} == {"S1", "S2"}, (
        "the pair holds one that was made after the press"
    )


def test_an_order_placed_after_cancel_all_is_spared(bench):
    first = work(bench)
    effects = bench.do(CancelAll(command_id="c"))
    effects = serve(bench, effects, (first,), cancels=False)
    bench.later(0.1)
    second = work(bench, "X2", price="58000")
    made = serve(bench, effects, (first, second), cancels=False)
    made += bench.wait(1)
    assert not only(made, SendCancelAll)
    assert {e.order_id for e in only(made, SendCancel)} == {"X1"}


def test_while_halted_what_turns_up_is_cancelled_but_a_sale_of_the_desks_own_is_not(bench):
    bench.account(btc="0.5")
    serve(bench, serve(bench, bench.do(Halt(command_id="h"))))
    bench.do(Flatten(command_id="f", symbol=SYMBOL))
    sale = bench.sent()[-1].request.client_order_id
    mine = replace(elsewhere(bench), order_id="X9", client_order_id=sale, side=Side.SELL)
    effects = bench.wait(15)
    assert len(only(effects, ListOpenOrders)) == 1
    made = answer(bench, only(effects, ListOpenOrders), (mine, elsewhere(bench, 2)), cancels=False)
    assert not only(made, SendCancelAll), "that would take the sale along"
    assert {e.order_id for e in only([*made, *bench.wait(1)], SendCancel)} == {"S2"}


def test_a_halt_goes_on_after_a_restart_and_takes_sells_too(bench, make):
    bench.account(btc="0.5")
    report = work(bench, side=Side.SELL, price="61000")
    again = make(resumed=bench.records, latch="halted: by hand")
    assert SYMBOL in only(again.effects, SendCancelAll)[0].symbols
    serve(again, again.effects, (report,), cancels=False)
    assert not sweep(again).verified


def test_a_key_that_is_held_down_does_not_use_up_the_requests(bench):
    work(bench)
    made = []
    for _ in range(100):
        made += bench.do(CancelAll(command_id=""))
        made += bench.tick(0.03)
    assert len(only(made, SendCancelAll)) <= 7
    assert len(only(made, ListOpenOrders)) <= 7


@pytest.mark.parametrize("symbol", [SYMBOL, "ETHUSDT"])
def test_one_pair_is_swept_without_touching_another(bench, symbol):
    report = work(bench)
    effects = bench.do(CancelAll(command_id="c", symbol=symbol))
    assert [e.symbols for e in only(effects, SendCancelAll)] == [(symbol,)]
    other = elsewhere(bench, 2, "SOLUSDT")
    serve(bench, serve(bench, effects, (report, other)), (other,) if symbol == SYMBOL else (report, other))
    assert sweep(bench).verified
    assert sweep(bench).confirmed == (symbol == SYMBOL)


def test_pairs_that_are_refused_together_are_cancelled_one_by_one(bench):
    reports = [elsewhere(bench, n, f"P{n}USDT") for n in range(7)]
    bench.account(orders=tuple(reports))
    effects = bench.do(Halt(command_id="h"))
    assert sorted(len(e.symbols) for e in only(effects, SendCancelAll)) == [3, 5]
    for effect in only(effects, SendCancelAll):
        bench.do(CancelledAll(effect.turn, effect.symbols, problem="bad symbol", refused=True))
    (look,) = only(effects, ListOpenOrders)
    bench.do(OpenOrdersListed(look.turn, tuple(reports), bench.mono_ns))
    assert {len(e.symbols) for e in only(bench.wait(1), SendCancelAll)} == {1}
