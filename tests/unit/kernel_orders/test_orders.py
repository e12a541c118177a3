from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from mexc_tui.domain.commands import CancelAll, CancelOrder, Flatten, Halt, Resume
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    BalanceReported,
    CancelAnswered,
    FillReported,
    JournalProblem,
    LatchAnswered,
    LinkChanged,
    LinkState,
    LookupAnswered,
    LookupFailed,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Timestamp,
)
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import Balance, OrderReport, OrderState, OrderType, Side
from mexc_tui.domain.views import TOPIC_BALANCES, TOPIC_ORDERS, TOPIC_RISK, gate_topic
from mexc_tui.kernel.effects import FetchAccount, Journal, LookUp, SaveLatch, SendCancel, SendCancelAll, SendOrder
from mexc_tui.kernel.records import DenialRecord, IntentRecord, StateRecord
from mexc_tui.kernel.valuation import DayResult

D = Decimal
SYMBOL = "BTCUSDT"


def only(effects, kind):
    return [effect for effect in effects if isinstance(effect, kind)]


def working(bench, **more):
    bench.place(**{"qty": "0.01", "price": "59000", **more})
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.report(order, OrderState.WORKING)
    return bench.order


def lost(bench):
    bench.place(qty="0.01", price="59000")
    order = bench.order
    return order, bench.do(PlaceUnknown(order.client_order_id, "the connection broke"))


def found(order, state=OrderState.WORKING, filled="0"):
    report = OrderReport(
        symbol=order.symbol,
        order_id="X1",
        client_order_id=order.client_order_id,
        side=order.side,
        type=order.type,
        state=state,
        price=order.price,
        qty=order.qty,
        quote_qty=None,
        filled_qty=D(filled),
        filled_quote=D(filled) * order.price,
        created_ms=order.created_ms,
        updated_ms=order.created_ms,
    )
    return LookupAnswered(order.client_order_id, True, report)


def test_the_same_command_sends_once(bench):
    assert len(bench.sent(bench.place(command_id="same"))) == 1
    assert bench.place(command_id="same") == []


def test_a_refusal_is_kept_recorded_and_nothing_leaves(bench):
    effects = bench.place(qty="1")
    assert only(effects, SendOrder) == []
    (journal,) = only(effects, Journal)
    assert isinstance(journal.records[0], DenialRecord)
    assert "MAX_ORDER_VALUE" in journal.records[0].codes
    assert bench.order.state is OrderState.DENIED
    fact = bench.facts[-1]
    assert (fact.kind, fact.violations[0].code) == ("denied", "MAX_ORDER_VALUE")
    assert fact.message.endswith("Nothing was sent.")


def test_the_ticket_is_locked_until_armed_and_until_the_account_is_known(make):
    bench = make(armed=False)
    bench.market([("59990", "1")], [("60000", "1")])
    bench.place()
    assert {"ARMED", "STREAM_RECONCILING", "CHECK_UNAVAILABLE"} <= {v.code for v in bench.facts[-1].violations}


def test_an_order_counts_from_the_moment_it_is_sent(make):
    bench = make(limits=Limits(orders_per_second=2, duplicate_max=9, max_in_flight=9))
    bench.market([("59990", "1")], [("60000", "1")])
    bench.account()
    for _ in range(3):
        bench.place(price="59000")
    assert len(bench.sent()) == 2
    assert {v.code for v in bench.facts[-1].violations} == {"ORDER_RATE"}


def test_the_free_balance_is_reserved_until_the_exchange_shows_it(bench):
    bench.account(usdt="1000")
    bench.place(qty="0.01", price="59000")
    gate = bench.view(gate_topic(SYMBOL))
    assert gate.quote_free == 1000 - D("590")
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.report(order, OrderState.WORKING)
    assert bench.view(gate_topic(SYMBOL)).quote_free == 410
    bench.balance("USDT", "410", "590")
    assert bench.view(gate_topic(SYMBOL)).quote_free == 410
    bench.report(order, OrderState.CANCELLED)
    bench.balance("USDT", "1000")
    assert bench.view(gate_topic(SYMBOL)).quote_free == 1000


def test_what_was_bought_counts_before_the_balance_shows_it(bench):
    order = working(bench)
    bench.later(0.1)
    bench.fill(order, "0.01", price="59000")
    gate = bench.view(gate_topic(SYMBOL))
    assert (gate.base_total, gate.base_free, gate.base_exposure) == (D("0.01"), D(0), D(600))
    bench.balance("BTC", "0.01")
    gate = bench.view(gate_topic(SYMBOL))
    assert (gate.base_total, gate.base_free) == (D("0.01"), D("0.01"))


def test_a_rejection_frees_the_money_and_says_why(bench):
    bench.account(usdt="1000")
    bench.place(qty="0.01", price="59000")
    bench.do(PlaceRejected(bench.order.client_order_id, 30005, "oversold"))
    assert bench.order.state is OrderState.REJECTED
    assert bench.view(gate_topic(SYMBOL)).quote_free == 1000
    assert "oversold" in bench.facts[-1].message.lower()
    assert "No money moved" in bench.facts[-1].message


def test_what_was_not_sent_is_not_called_rejected(bench):
    bench.place()
    bench.do(PlaceNotSent(bench.order.client_order_id, "no connection"))
    assert bench.order.state is OrderState.DENIED
    assert "was not sent" in bench.facts[-1].message


def test_that_nothing_was_sent_is_said_once(bench):
    bench.place()
    why = "Not sent: MEXC asks for a pause, 3 s to go. The order was not sent. Try again in 3 s."
    bench.do(PlaceNotSent(bench.order.client_order_id, why))
    said = bench.facts[-1].message
    assert said.lower().count("not sent") == 1
    assert said.endswith("was not sent. MEXC asks for a pause, 3 s to go. Try again in 3 s. No money moved.")


def test_an_unknown_outcome_is_looked_up_locks_the_symbol_and_is_never_sent_again(bench):
    order, effects = lost(bench)
    assert [e.client_order_id for e in only(effects, LookUp)] == [order.client_order_id]
    assert bench.order.state is OrderState.UNKNOWN
    bench.place(price="58000")
    assert {v.code for v in bench.facts[-1].violations} == {"UNKNOWN_OUTCOME_LOCK"}
    for _ in range(5):
        bench.do(LookupFailed(order.client_order_id, "still no connection"))
        bench.wait(31)
    assert len(bench.sent()) == 1
    assert len([e for e in bench.effects if isinstance(e, LookUp)]) >= 5


def test_an_unknown_order_that_is_found_works_on(bench):
    order, _ = lost(bench)
    bench.do(found(order))
    assert bench.orders[0].state is OrderState.WORKING
    assert bench.facts[-1].kind == "accepted"


def test_no_such_order_is_believed_only_after_a_while(bench):
    order, _ = lost(bench)
    bench.do(LookupAnswered(order.client_order_id, False, None))
    assert bench.order.state is OrderState.UNKNOWN
    bench.wait(1)
    bench.do(LookupAnswered(order.client_order_id, False, None))
    assert bench.order.state is OrderState.UNKNOWN
    bench.wait(6)
    bench.do(LookupAnswered(order.client_order_id, False, None))
    assert bench.order.state is OrderState.REJECTED
    assert "never reached the exchange" in bench.facts[-1].message


def vanished(bench, meanwhile):
    """An order whose acknowledgement was lost and which the exchange does not know: believed never to have arrived."""
    order, _ = lost(bench)
    meanwhile()
    for _ in range(2):
        bench.wait(6)
        bench.do(LookupAnswered(order.client_order_id, False, None))
    assert bench.order.state is OrderState.REJECTED
    return order


def forgotten(bench, meanwhile):
    """An order that worked and which the exchange lists no more."""
    order = working(bench)
    meanwhile()
    bench.account()
    for _ in range(2):
        bench.wait(12)
        bench.do(LookupAnswered(order.client_order_id, False, None))
    assert bench.order.state is OrderState.CANCELLED
    return order


def by_push(bench, order):
    return bench.report(order, OrderState.WORKING)


def by_reconciliation(bench, order):
    return bench.account(orders=(found(order).report,))


def by_look_up(bench, order):
    return bench.do(found(order))


def by_fill(bench, order):
    return bench.fill(order, "0.004", "59000")


@pytest.mark.parametrize("press", [Halt, CancelAll, None])
@pytest.mark.parametrize(
    ("gone", "appears"),
    [
        *((vanished, how) for how in (by_push, by_reconciliation, by_look_up, by_fill)),
        *((forgotten, how) for how in (by_push, by_reconciliation, by_look_up)),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_an_order_taken_for_over_that_turns_up_is_announced_and_cancelled_if_it_was_to_be(
    bench, gone, appears, press, before
):
    def pressed(now):
        if press is not None and now:
            bench.do(press(command_id="p"))

    order = gone(bench, lambda: pressed(before))
    pressed(not before)
    bench.later(60)
    made = appears(bench, order)
    assert bench.orders[0].state.may_be_live
    assert [fact.kind for fact in bench.facts].count("revived") == 1
    cancelled = [e for e in made if isinstance(e, SendCancel | SendCancelAll)]
    assert bool(cancelled) == (press is not None)


def test_an_order_taken_for_over_counts_in_the_worst_case_for_minutes_even_after_a_restart(bench, make):
    vanished(bench, lambda: None)
    for desk in (bench, make(resumed=bench.records)):
        desk.wall_ms = bench.wall_ms
        desk.market([("59990", "1")], [("60000", "1")])
        desk.account()
        gate = desk.view(gate_topic(SYMBOL))
        assert (gate.base_exposure, gate.open_orders, gate.quote_free) == (590, 1, 99_410)
    bench.later(300)
    bench.tick()
    gate = bench.view(gate_topic(SYMBOL))
    assert (gate.base_exposure, gate.open_orders, gate.quote_free) == (0, 0, 100_000)


def test_a_sale_taken_for_over_does_not_keep_the_holding_from_being_sold(bench):
    bench.account(btc="1")
    bench.place(side=Side.SELL, qty="0.05", price="61000")
    order = bench.order
    bench.do(PlaceUnknown(order.client_order_id, "the connection broke"))
    for _ in range(2):
        bench.wait(6)
        bench.do(LookupAnswered(order.client_order_id, False, None))
    bench.market([("59990", "1")], [("60000", "1")])
    assert bench.view(gate_topic(SYMBOL)).base_free == D("0.95")
    bench.do(Flatten(command_id="f", symbol=SYMBOL))
    assert [e.request.qty for e in bench.sent()[1:]] == [1]


def test_no_answer_at_all_is_an_unknown_outcome_too(bench):
    bench.place(price="59000")
    bench.wait(31)
    assert bench.order.state is OrderState.UNKNOWN


def test_an_accepted_order_without_a_report_is_asked_about(bench):
    bench.place(price="59000")
    bench.do(PlaceAccepted(bench.order.client_order_id, "X1"))
    assert only(bench.wait(1), LookUp) == []
    assert only(bench.wait(2), LookUp) != []


def test_a_cancel_of_a_pending_order_goes_by_client_id_and_again_once_it_has_a_name(bench):
    bench.place(price="59000")
    order = bench.order
    first = only(bench.do(CancelOrder(command_id="x", client_order_id=order.client_order_id)), SendCancel)
    assert [e.order_id for e in first] == [""]
    bench.do(CancelAnswered(order.client_order_id, "gone", "unknown order"))
    second = only(bench.do(PlaceAccepted(order.client_order_id, "X1")), SendCancel)
    assert [e.order_id for e in second] == ["X1"]


def test_a_cancel_that_finds_nothing_asks_what_happened(bench):
    order = working(bench)
    bench.do(CancelOrder(command_id="x", client_order_id=order.client_order_id))
    assert bench.order.state is OrderState.CANCELLING
    assert only(bench.do(CancelAnswered(order.client_order_id, "gone")), LookUp) != []
    bench.do(found(order, OrderState.FILLED, "0.01"))
    assert bench.order.state is OrderState.FILLED


def test_a_cancel_is_repeated_while_the_order_still_stands(bench):
    order = working(bench)
    bench.do(CancelOrder(command_id="x", client_order_id=order.client_order_id))
    bench.do(CancelAnswered(order.client_order_id, "unknown", "time-out"))
    assert only(bench.do(found(order)), SendCancel) != []


def test_a_cancel_that_is_refused_again_and_again_is_given_up_loudly(bench):
    order = working(bench)
    bench.do(CancelOrder(command_id="x", client_order_id=order.client_order_id))
    for _ in range(6):
        bench.do(CancelAnswered(order.client_order_id, "failed", "not allowed"))
        bench.wait(10)
        bench.do(found(order))
    assert bench.order.state is OrderState.WORKING
    assert any("did not cancel" in fact.message for fact in bench.facts)


def test_cancels_work_when_halted_locked_and_before_ready(make):
    bench = make(armed=False)
    assert [e.symbols for e in only(bench.do(CancelAll(command_id="x")), SendCancelAll)] == [(SYMBOL,)]
    other = bench.do(CancelAll(command_id="y", symbol="ETHUSDT"))
    assert [e.symbols for e in only(other, SendCancelAll)] == [("ETHUSDT",)]


def test_cancel_by_side_and_price_takes_only_those(bench):
    low = working(bench, price="58000")
    bench.place(price="59000")
    effects = bench.do(CancelAll(command_id="x", symbol=SYMBOL, side=Side.BUY, price=D(58_000)))
    assert [e.client_order_id for e in only(effects, SendCancel)] == [low.client_order_id]


def test_halt_cancels_everything_latches_and_survives_a_restart(bench, make):
    working(bench)
    effects = bench.do(Halt(command_id="h"))
    assert only(effects, SendCancelAll)
    assert only(effects, SaveLatch)
    bench.place(price="58000")
    assert "TRADING_STATE" in {v.code for v in bench.facts[-1].violations}
    again = make(resumed=bench.records, run="r2")
    assert again.view(TOPIC_RISK).state is TradingState.HALTED
    again.do(Resume(command_id="r"))
    assert again.view(TOPIC_RISK).state is TradingState.ACTIVE


def test_a_second_halt_cancels_again_says_what_is_left_and_keeps_the_reason(bench):
    working(bench)
    bench.do(Halt(command_id="h", reason="too fast"))
    bench.wait(3)
    effects = bench.do(Halt(command_id="h2"))
    assert only(effects, SendCancelAll)
    assert only(effects, SaveLatch) == []
    assert bench.facts[-1].message.startswith("Trading is halted already: 1 order left")
    told = len(bench.facts)
    for number in range(9):
        bench.do(Halt(command_id=f"again{number}"))
    assert len(bench.facts) == told, "presses in a row are told once"
    risk = bench.view(TOPIC_RISK)
    assert (risk.state, risk.reason) == (TradingState.HALTED, "too fast")


def test_a_halt_outruns_a_resume_that_is_not_recorded_yet(bench):
    bench.do(Halt(command_id="h"))
    (resuming,) = only(bench.desk.handle(Resume(command_id="r"), bench.at()), SaveLatch)
    (saved,) = only(bench.do(Halt(command_id="h2")), SaveLatch)
    assert saved.record.value.startswith("halted: ")
    bench.do(LatchAnswered(resuming.attempt))
    assert bench.view(TOPIC_RISK).state is TradingState.HALTED


def test_a_halt_that_cannot_be_recorded_holds_and_is_recorded_as_soon_as_it_can_be(bench):
    bench.disk_problem = "No space left on device"
    bench.do(Halt(command_id="h"))
    assert bench.view(TOPIC_RISK).state is TradingState.HALTED
    assert "might forget it" in bench.facts[-1].message
    assert len(only(bench.wait(10), SaveLatch)) == 5
    bench.do(Resume(command_id="r"))
    assert bench.view(TOPIC_RISK).state is TradingState.HALTED
    assert bench.facts[-1].message.startswith("Trading stays halted")
    bench.disk_problem = ""
    (saved,) = only(bench.wait(2), SaveLatch)
    assert saved.record.value.startswith("halted: ")
    assert "recorded now" in bench.facts[-1].message
    assert only(bench.wait(60), SaveLatch) == []
    bench.do(Resume(command_id="r2"))
    assert bench.view(TOPIC_RISK).state is TradingState.ACTIVE


@pytest.mark.parametrize("latest", ["", "active"])
def test_halted_wins_whichever_of_the_two_places_says_so(make, latest):
    halted = StateRecord(name="trading_state", value="halted: the user asked", wall_ms=1)
    for resumed, latch in (((halted,), latest), ((), halted.value)):
        risk = make(resumed=resumed, latch=latch).view(TOPIC_RISK)
        assert (risk.state, risk.reason) == (TradingState.HALTED, "the user asked")


def test_fills_are_counted_once_whether_pushed_or_asked_for(bench):
    order = working(bench)
    bench.fill(order, "0.004", price="59000", trade_id="T1")
    pushed = bench.execution(order, "0.004", "59000", "T1")
    bench.account(btc="0.004", fills=(pushed,), orders=(found(order, OrderState.PARTIAL, "0.004").report,))
    assert bench.order.filled_qty == D("0.004")
    assert len([f for f in bench.facts if f.kind == "filled"]) == 1


def test_a_fill_that_comes_before_the_order_has_a_name_finds_it_later(bench):
    bench.place(price="59000")
    order = bench.order
    nameless = bench.execution(order, "0.004", "59000", "T1")
    bench.do(FillReported(replace(nameless, client_order_id="")))
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    assert bench.order.filled_qty == D("0.004")


def test_a_filled_order_whose_executions_stay_away_makes_the_desk_ask(bench):
    order = working(bench)
    bench.report(order, OrderState.FILLED, "0.01")
    assert only(bench.wait(4), FetchAccount) != []


def test_orders_placed_elsewhere_are_known_and_count(bench):
    bench.place(price="59000")
    order = bench.orders[0]
    stranger = replace(found(order).report, client_order_id="", order_id="S9")
    bench.account(orders=(stranger,))
    theirs = next(o for o in bench.orders if o.order_id == "S9")
    assert theirs.elsewhere
    assert not theirs.managed
    assert bench.view(gate_topic(SYMBOL)).open_orders == 2
    effects = bench.do(CancelOrder(command_id="x", client_order_id=theirs.client_order_id))
    assert [e.order_id for e in only(effects, SendCancel)] == ["S9"]


def test_an_id_that_stands_at_the_exchange_already_is_never_used_again(bench):
    first = working(bench)
    head, _, number = first.client_order_id.rpartition("-")
    taken = f"{head}-{int(number, 36) + 1}"
    bench.account(orders=(found(first).report, replace(found(first).report, client_order_id=taken, order_id="S8")))
    second = working(bench)
    assert second.client_order_id not in (first.client_order_id, taken)
    assert len(second.client_order_id) <= 32


def test_an_open_order_of_ours_that_the_exchange_does_not_list_is_looked_up(bench):
    order = working(bench)
    bench.later(1)
    effects = bench.account()
    assert [e.client_order_id for e in only(effects, LookUp)] == [order.client_order_id]


def test_a_gap_of_the_account_stream_blocks_new_exposure_until_compared(bench):
    bench.do(LinkChanged(True, LinkState.CONNECTED))
    bench.account()
    bench.do(LinkChanged(True, LinkState.RECONNECTING, "closed by the other side"))
    assert not bench.view(TOPIC_RISK).ready
    bench.later(2)
    assert only(bench.do(LinkChanged(True, LinkState.CONNECTED)), FetchAccount) != []
    bench.place(price="59000")
    assert {v.code for v in bench.facts[-1].violations} == {"STREAM_RECONCILING"}
    bench.account(asked_ns=bench.mono_ns - 500_000_000)
    assert not bench.view(TOPIC_RISK).ready
    bench.account()
    assert bench.view(TOPIC_RISK).ready


def test_a_broken_journal_blocks_new_exposure_and_is_tried_again(bench):
    bench.do(JournalProblem("disk full"))
    bench.place(price="59000")
    assert {v.code for v in bench.facts[-1].violations} == {"AUDIT_WRITABLE"}
    assert any(journal.durable for journal in only(bench.wait(6), Journal))
    bench.do(JournalProblem(""))
    bench.level([("58000", "1")], [])
    assert bench.sent(bench.place(price="59000"))


def test_unknown_cost_is_shown_as_unknown(bench):
    bench.account(btc="1")
    (position,) = bench.view("positions").positions
    assert (position.average, position.unrealised, position.known_qty) == (None, None, D(0))
    assert position.value == D(59_990)


def test_what_left_the_account_elsewhere_takes_its_cost_along(bench):
    order = working(bench)
    bench.fill(order, "0.01", price="59000")
    bench.balance("BTC", "0.01")
    bench.wait(11)
    bench.account(usdt="99410", btc="0.004")
    bench.account(usdt="99410", btc="0.02")
    (position,) = bench.view("positions").positions
    assert (position.qty, position.known_qty) == (D("0.02"), D("0.004"))


def test_equity_and_the_result_of_the_day(bench):
    for _ in range(2):
        bench.later(1)
        bench.account(usdt="1000", btc="1")
    bench.tick()
    assert bench.view(TOPIC_RISK).equity == D(60_990)
    assert bench.view(TOPIC_RISK).day_pnl == 0
    bench.level([("59990", "0"), ("59980", "0"), ("59000", "3")], [])
    bench.tick()
    assert bench.view(TOPIC_RISK).day_pnl == D(-990)
    assert bench.view(TOPIC_RISK).exposure == D(59_000)


def test_a_deposit_of_what_was_not_held_before_is_no_profit(bench):
    bench.account(usdt="1000", btc="0")
    bench.tick()
    bench.later(1)
    bench.do(BalanceReported(Balance(asset="BTC", free=D(1), locked=D(0)), "DEPOSIT", bench.wall_ms))
    bench.account(usdt="1000", btc="1")
    bench.tick()
    assert bench.view(TOPIC_RISK).equity == D(60_990)
    assert bench.view(TOPIC_RISK).day_pnl == 0
    bench.level([("59990", "0"), ("59980", "0"), ("59000", "3")], [])
    bench.tick()
    assert bench.view(TOPIC_RISK).day_pnl == D(-990)


def test_a_deposit_without_a_price_joins_the_start_of_the_day_when_it_has_one():
    day, at = DayResult("USDT"), Timestamp(1, 1_000)
    day.measured(at, D(1_000), {"USDT": D(1_000)}, (), unclear=False)
    day.transferred("NEW", D(5), None)
    day.measured(at, D(1_000), {"USDT": D(1_000)}, ("NEW",), unclear=False)
    assert day.pnl == 0
    day.measured(at, D(1_010), {"USDT": D(1_000), "NEW": D(10)}, (), unclear=False)
    assert day.pnl == 0
    day.measured(at, D(1_015), {"USDT": D(1_000), "NEW": D(15)}, (), unclear=False)
    assert day.pnl == 5


@pytest.mark.parametrize("topic", [TOPIC_ORDERS, TOPIC_RISK, TOPIC_BALANCES, "positions", "fills", "equity", "link"])
def test_an_unchanged_view_is_the_same_object(bench, topic):
    working(bench)
    bench.tick()
    assert bench.view(topic) is bench.view(topic)


def test_intents_are_durable_and_everything_else_is_not(bench):
    order = working(bench)
    bench.fill(order, "0.01", price="59000")
    for effect in bench.effects:
        if isinstance(effect, Journal):
            assert effect.durable == any(isinstance(record, IntentRecord) for record in effect.records)


def test_a_market_order_goes_out_capped_and_says_so(bench):
    bench.level([], [("60000.00", "0.01"), ("60010.00", "0"), ("63000", "5")])
    seen = {"seen_version": 7, "seen_bid": D(59_990), "seen_ask": D(60_000)}
    bench.place(qty="0.03", price=None, kind=OrderType.MARKET, **seen)
    (send,) = bench.sent()
    assert (send.request.type, send.request.price, send.request.qty) == (OrderType.IOC, D(60_300), D("0.03"))
    (intent,) = [record for record in bench.records if isinstance(record, IntentRecord)]
    assert [note.code for note in intent.notes] == ["PARTIAL_FILL"]
    assert intent.book_version == bench.version
    bench.report(bench.order, OrderState.WORKING)
    assert bench.facts[-1].message.startswith("The exchange took the capped market buy of 0.03 BTCUSDT")
    assert "60,300" in bench.facts[-1].message


def test_what_is_asked_first_is_sent_once_it_is_confirmed_and_both_are_recorded(bench):
    bench.place(qty="0.04")
    (denial,) = [record for record in bench.records if isinstance(record, DenialRecord)]
    assert [(v.code, v.limit, v.actual) for v in denial.violations] == [("CONFIRM_ORDER_VALUE", "2000", "2400")]
    assert not bench.sent()
    bench.place(qty="0.04", confirmed=("CONFIRM_ORDER_VALUE",))
    (intent,) = [record for record in bench.records if isinstance(record, IntentRecord)]
    assert [note.code for note in intent.notes] == ["CONFIRM_ORDER_VALUE"]
    assert len(bench.sent()) == 1


def test_an_order_far_above_the_usual_one_is_asked_about(bench):
    for number in range(10):
        bench.place(qty="0.001", price=f"{59_000 + number}")
    bench.tick(2)
    bench.place(qty="0.01", price="58000")
    assert bench.order.state is OrderState.PENDING
    bench.place(qty="0.02", price="58001")
    assert "your usual one 59.00" in bench.order.reason


@pytest.mark.parametrize(
    ("filled", "said"), [("0", "nothing to be had at 60,100"), ("0.004", "nothing more at 60,100")]
)
def test_an_immediate_order_that_finds_nothing_says_so_and_where(bench, filled, said):
    bench.place(qty="0.01", price="60100", kind=OrderType.IOC)
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.report(order, OrderState.PARTIALLY_CANCELLED if D(filled) else OrderState.CANCELLED, filled)
    told = [fact for fact in bench.facts if fact.kind == "cancelled"][-1]
    assert said in told.message
    assert "Nothing of it rests." in told.message
    assert (told.level is Level.WARN) is (filled == "0")


def test_an_order_that_rests_waits_until_an_immediate_one_against_it_is_answered(bench):
    bench.account(btc="0.1")
    bench.place(Side.SELL, "0.05", "59900", OrderType.IOC)
    sale = bench.order
    assert not bench.sent(bench.place(Side.BUY, "0.01", "59950"))
    assert "your own sell order" in bench.facts[-1].message
    bench.report(sale, OrderState.PARTIALLY_CANCELLED, "0.01")
    assert bench.sent(bench.place(Side.BUY, "0.01", "59950"))
