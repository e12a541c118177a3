"""What is asked of the account, and when: a stream that breaks must not use up the requests that others need."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from mexc_tui.domain.commands import Halt
from mexc_tui.domain.inputs import (
    InstrumentsLoaded,
    InterestChanged,
    LinkChanged,
    LinkState,
    Reconciled,
    ReconcileFailed,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.orders import Balance, OrderState
from mexc_tui.domain.views import TOPIC_RISK, gate_topic
from mexc_tui.kernel.effects import Effect, FetchAccount
from mexc_tui.kernel.records import FillRecord
from tests.unit.kernel_orders.conftest import PAIRS, SYMBOL

D = Decimal
OTHER = "ETHUSDT"


def asked(effects: list[Effect]) -> list[FetchAccount]:
    return [effect for effect in effects if isinstance(effect, FetchAccount)]


def compared(bench: Any, question: FetchAccount, *, btc: str = "0", fills: tuple[Any, ...] = ()) -> list[Effect]:
    """Answer a question, no more and no less."""
    balances = tuple(
        Balance(asset=asset, free=D(held), locked=D(0)) for asset, held in (("USDT", "100000"), ("BTC", btc))
    )
    answered: list[Effect] = bench.do(
        Reconciled((), balances, fills, bench.mono_ns, frozenset(question.symbols), frozenset(question.fills_of))
    )
    return answered


def break_stream(bench: Any) -> list[Effect]:
    bench.do(LinkChanged(True, LinkState.RECONNECTING, "a frame could not be read"))
    made: list[Effect] = bench.do(LinkChanged(True, LinkState.CONNECTED))
    return made


@pytest.fixture
def settled(bench: Any) -> Any:
    """A desk whose account was compared in every respect, some seconds ago."""
    bench.do(LinkChanged(True, LinkState.CONNECTED))
    bench.account()
    bench.wait(3)
    bench.account()
    bench.wait(3)
    return bench


def ready(bench: Any) -> bool:
    return bool(bench.view(TOPIC_RISK).ready)


def test_a_gap_in_which_nothing_happened_costs_one_question_without_fills(settled: Any) -> None:
    (question,) = asked(break_stream(settled))
    assert (set(question.symbols), question.fills_of) == (PAIRS, ())
    assert not ready(settled)
    assert asked(compared(settled, question)) == []
    assert ready(settled)
    assert asked(settled.wait(14)) == []
    assert [question.fills_of for question in asked(settled.wait(2))] == [()], "then it is old"


def test_a_stream_that_breaks_all_the_time_is_not_asked_after_each_time(settled: Any) -> None:
    questions = []
    for _ in range(200):
        for question in asked([*break_stream(settled), *settled.tick(0.1)]):
            questions.append(question)
            compared(settled, question)
    assert 8 <= len(questions) <= 11, "in 20 s"
    assert not any(question.fills_of for question in questions)


def test_only_one_question_is_out_at_a_time_and_another_follows(settled: Any) -> None:
    (question,) = asked(break_stream(settled))
    assert asked([effect for _ in range(30) for effect in (*break_stream(settled), *settled.tick(0.2))]) == []
    settled.do(Reconciled((), (), (), 0, frozenset(question.symbols), frozenset()))
    assert not ready(settled), "that answer is older than the last break"
    (again,) = asked(settled.wait(3))
    compared(settled, again)
    assert ready(settled)


def test_fills_are_read_where_a_balance_is_not_what_it_was(settled: Any) -> None:
    (question,) = asked(break_stream(settled))
    (fills,) = asked(compared(settled, question, btc="0.5"))
    assert set(fills.fills_of) == PAIRS
    assert not ready(settled)
    settled.place(price="59000")
    elsewhere = replace(settled.execution(settled.order, "0.5", "60000", "T1"), client_order_id="", order_id="S1")
    compared(settled, fills, btc="0.5", fills=(elsewhere,))
    assert ready(settled)
    (position,) = settled.view("positions").positions
    assert (position.qty, position.known_qty) == (D("0.5"), D("0.5"))


def test_fills_are_read_where_an_order_lacks_its_executions_and_nowhere_else(settled: Any) -> None:
    first = settled.view("instruments").by_symbol[SYMBOL]
    settled.do(InstrumentsLoaded((first, replace(first, symbol=OTHER, base="ETH"))))
    (question,) = asked(
        settled.do(InterestChanged(Interest(topics=frozenset({gate_topic(SYMBOL), gate_topic(OTHER)}))))
    )
    assert question.fills_of == (OTHER,), "the other one was read before"
    compared(settled, question)
    settled.place(price="59000")
    settled.report(settled.order, OrderState.FILLED, "0.01")
    (question,) = asked(settled.wait(4))
    assert question.fills_of == (SYMBOL,)


def test_a_question_that_failed_is_asked_again_as_it_was(settled: Any) -> None:
    (question,) = asked(break_stream(settled))
    (fills,) = asked(compared(settled, question, btc="0.5"))
    (again,) = asked(settled.do(ReconcileFailed("no answer")))
    assert (again.symbols, again.fills_of) == (fills.symbols, fills.fills_of)
    assert again.delay_ms > 0


@pytest.mark.parametrize("between", ["a failure", "a halt", "silence"])
def test_what_was_never_read_is_asked_for_from_as_early_as_at_first(make: Any, pair: Any, between: str) -> None:
    bench = make()
    (first,) = asked(bench.effects)
    bench.do(InstrumentsLoaded((pair, replace(pair, symbol=OTHER, base="ETH"))))
    bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(OTHER)}))))
    bench.do(LinkChanged(True, LinkState.CONNECTED))
    bench.later(600)
    (question,) = asked(compared(bench, first) + bench.wait(3))
    assert OTHER in question.fills_of
    if between == "a halt":
        bench.do(Halt(command_id="h"))
    made = bench.wait(60) if between == "silence" else bench.do(ReconcileFailed("no answer"))
    again = asked(made)[0]
    assert OTHER in again.fills_of
    assert again.since_ms == question.since_ms <= first.since_ms


def test_a_restart_reads_what_its_predecessor_never_read_from_as_early(make: Any, pair: Any) -> None:
    bench = make()
    (first,) = asked(bench.effects)
    bench.do(InstrumentsLoaded((pair, replace(pair, symbol=OTHER, base="ETH"))))
    bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(OTHER)}))))
    bench.do(LinkChanged(True, LinkState.CONNECTED))
    bench.later(1)
    compared(bench, first)
    bench.tick()
    again = make(resumed=bench.records, run="r2", listed=False)
    assert asked(again.effects)[0].since_ms <= first.since_ms


def test_every_symbol_is_read_once_a_minute_and_orders_more_often_without_a_stream(settled: Any) -> None:
    settled.do(LinkChanged(True, LinkState.RECONNECTING, "cut"))
    questions = []
    for _ in range(480):
        for question in asked(settled.tick()):
            questions.append(question)
            compared(settled, question)
    assert len([question for question in questions if question.fills_of]) == 2
    assert len(questions) == pytest.approx(24, abs=2), "every five seconds for two minutes"


def test_a_restart_asks_for_the_fills_of_an_order_whose_end_is_recorded_and_its_fills_are_not(bench, make):
    bench.place()
    order = bench.order
    bench.report(order, OrderState.FILLED, filled="0.01")
    records = tuple(record for record in bench.records if not isinstance(record, FillRecord))
    again = make(resumed=records, run="r2", listed=False)
    asked = [effect for effect in again.effects if isinstance(effect, FetchAccount)]
    assert any(SYMBOL in effect.fills_of for effect in asked)
