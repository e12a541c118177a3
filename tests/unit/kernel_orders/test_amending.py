"""An order that gets another size or price is never at the exchange twice, and what filled meanwhile is taken off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.commands import AmendOrder, CancelAll, CancelOrder, Flatten, Halt
from mexc_tui.domain.inputs import CancelAnswered, FillReported, LookupAnswered, OrderReported, PlaceAccepted
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Order, OrderReport, OrderState, OrderType, Side
from mexc_tui.kernel.effects import LookUp, SendCancel
from tests.unit.kernel_orders.conftest import Bench, build

D = Decimal


def ready(**given_: Any) -> Bench:
    bench = build(**given_)
    bench.market([("59990.00", "1"), ("59980.00", "5")], [("60000.00", "1"), ("60010.00", "5")])
    bench.account()
    return bench


def working(bench: Bench, side: Side = Side.BUY, price: str = "59000", kind: OrderType = OrderType.LIMIT) -> Order:
    bench.place(side, "0.01", price, kind)
    order = bench.order
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.report(order, OrderState.WORKING)
    return bench.order


def amend(bench: Bench, order: Order, qty: str | None = "0.02", price: str | None = "58000", name: str = "a") -> None:
    size, limit = (None if text is None else D(text) for text in (qty, price))
    bench.do(AmendOrder(command_id=name, client_order_id=order.client_order_id, qty=size, price=limit))


def state_of(order: Order, state: OrderState, filled: str) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        order_id="X1",
        client_order_id=order.client_order_id,
        side=order.side,
        type=order.type,
        state=state,
        price=order.price or D(0),
        qty=order.qty,
        quote_qty=None,
        filled_qty=D(filled),
        filled_quote=D(filled) * (order.price or D(0)),
        created_ms=1,
        updated_ms=2,
    )


def said(bench: Bench, text: str) -> list[str]:
    return [fact.message for fact in bench.facts if text in fact.message]


_STEPS = ("fill", "partial", "end", "answer", "balance", "tick")


@given(
    st.permutations(_STEPS),
    st.sets(st.sampled_from(["fill", "partial", "end", "answer"])),
    st.sampled_from(["nothing", "nothing", "cancel", "cancel all", "flatten", "halt", "restart"]),
    st.integers(0, 6),
    st.sampled_from(["ok", "gone", "unknown"]),
    st.sampled_from(["0.004", "0.01"]),
)
def test_never_both_and_never_more_or_less_than_is_wanted(steps, lost, interrupted, after, outcome, filled):
    """The old order fills in part or whole before its cancel; every message may come at any time, or never."""
    bench = ready()
    old = working(bench)
    whole = filled == "0.01"
    end = state_of(old, OrderState.FILLED if whole else OrderState.PARTIALLY_CANCELLED, filled)
    fill = bench.execution(old, filled, "59000")
    amend(bench, old)
    assert [e.order_id for e in bench.effects if isinstance(e, SendCancel)] == ["X1"]
    told_end = False
    sent: list[Any] = []

    def check() -> None:
        """Look at what was sent since: only after the exchange has told the end of the old order, and once."""
        sent[:] = [e.request for e in bench.sent() if e.request.client_order_id != old.client_order_id]
        buys = [one for one in sent if one.side is Side.BUY]
        assert len(buys) <= (told_end and not whole)
        assert all((one.qty, one.price) == (D("0.016"), D(58_000)) for one in buys)

    for place, step in enumerate((*steps, "later")):
        if place == after:
            before = [one for one in sent if one.side is Side.BUY]
            if interrupted == "cancel":
                bench.do(CancelOrder(command_id="x", client_order_id=old.client_order_id))
            elif interrupted == "cancel all":
                bench.do(CancelAll(command_id="x"))
            elif interrupted == "flatten":
                bench.do(Flatten(command_id="x", symbol="BTCUSDT"))
            elif interrupted == "halt":
                bench.do(Halt(command_id="x"))
            elif interrupted == "restart":
                records = bench.records
                bench = ready(resumed=records, run="r2")
        if step == "later" or (step == "tick" and "end" in lost):
            for _ in range(2):
                bench.wait(4)
                for asked in [e for e in bench.effects if isinstance(e, LookUp)][-1:]:
                    told_end = True
                    bench.do(LookupAnswered(asked.client_order_id, True, end))
                bench.balance("USDT", "99000")
                bench.balance("BTC", filled)
        elif step not in lost:
            told_end = told_end or step == "end" or (whole and step in ("fill", "partial"))
            if step == "fill":
                bench.do(FillReported(fill))
            elif step == "partial":
                state = OrderState.FILLED if whole else OrderState.PARTIAL
                bench.do(OrderReported(state_of(old, state, filled)))
            elif step == "end":
                bench.do(OrderReported(end))
            elif step == "answer":
                bench.do(CancelAnswered(old.client_order_id, outcome))
            elif step == "balance":
                bench.balance("USDT", "99000")
            else:
                bench.tick()
        check()
    new = [one for one in sent if one.side is Side.BUY]
    if interrupted == "nothing":
        assert len(new) == (not whole)
        assert len(said(bench, "was amended to" if new else "was not amended: it had filled whole")) == 1
    elif interrupted == "restart":
        assert not new, "nothing is placed by itself after a restart"
    else:
        assert new == before, "what is cancelled, sold or halted is not placed anew"


def test_a_restart_says_that_an_order_was_being_amended_once():
    bench = ready()
    amend(bench, working(bench))
    again = ready(resumed=bench.records, run="r2")
    assert len(said(again, "was being amended")) == 1
    third = ready(resumed=(*bench.records, *again.records), run="r3")
    assert said(third, "was being amended") == []


@pytest.mark.parametrize(
    ("qty", "price", "why"),
    [
        ("0.01", "59000", "it has that size and price"),
        (None, None, "it has that size and price"),
        ("0.003", None, "has filled, no less than the new size"),
        ("0.0200000001", None, ""),
        ("5", None, ""),
    ],
)
def test_an_order_works_on_when_the_new_one_would_not_pass(qty, price, why):
    bench = ready()
    order = working(bench)
    bench.report(order, OrderState.PARTIAL, "0.004")
    amend(bench, order, qty, price)
    assert not [e for e in bench.effects if isinstance(e, SendCancel)]
    assert bench.order.state is OrderState.PARTIAL
    assert why in bench.facts[-1].message
    assert bench.facts[-1].command_id == "a"


def test_one_that_the_exchange_does_not_cancel_works_on_and_nothing_is_placed():
    bench = ready()
    order = working(bench)
    amend(bench, order)
    for _ in range(8):
        bench.do(CancelAnswered(order.client_order_id, "failed", "no"))
        bench.wait(16)
        bench.do(LookupAnswered(order.client_order_id, True, state_of(order, OrderState.WORKING, "0")))
    assert len(bench.sent()) == 1
    assert said(bench, "was not amended")


def test_a_second_amendment_waits_for_the_first_and_a_repeated_command_does_nothing():
    bench = ready()
    order = working(bench)
    amend(bench, order)
    amend(bench, order)
    amend(bench, order, "0.03", name="b")
    assert len([e for e in bench.effects if isinstance(e, SendCancel)]) == 1
    assert "being amended already" in bench.facts[-1].message


def test_money_of_the_old_order_is_waited_for():
    """A sale of everything is amended: its base is free only some moments after its end."""
    bench = ready()
    bench.account(btc="0.01")
    order = working(bench, Side.SELL, "61000", OrderType.POST_ONLY)
    bench.balance("BTC", "0", "0.01")
    amend(bench, order, None, "62000")
    bench.report(order, OrderState.CANCELLED)
    assert len(bench.sent()) == 1
    bench.later(1)
    bench.balance("BTC", "0.01")
    assert [(e.request.type, e.request.qty, e.request.price) for e in bench.sent()][1:] == [
        (OrderType.POST_ONLY, D("0.01"), D(62_000))
    ]


def test_what_the_gate_asks_first_is_asked_of_an_amendment_too():
    bench = ready(limits=Limits(confirm_order_value=D(1_000)))
    order = working(bench)
    amend(bench, order)
    assert said(bench, "Amend it again with “yes”")
    assert not [effect for effect in bench.effects if isinstance(effect, SendCancel)]
    command = AmendOrder(command_id="b", client_order_id=order.client_order_id, qty=D("0.02"), confirmed=True)
    bench.do(command)
    assert [effect for effect in bench.effects if isinstance(effect, SendCancel)]
