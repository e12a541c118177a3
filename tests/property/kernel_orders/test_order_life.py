from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain import transitions
from mexc_tui.domain.orders import Order, OrderReport, OrderState, OrderType, Side

D = Decimal
QTY = D(10)
START = Order(
    client_order_id="mtui-r-1",
    symbol="BTCUSDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    state=OrderState.PENDING,
    created_ms=1,
    updated_ms=1,
    price=D(5),
    qty=QTY,
)


def report(state: OrderState, filled: int, at: int) -> OrderReport:
    return OrderReport(
        symbol="BTCUSDT",
        order_id="X",
        client_order_id=START.client_order_id,
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=state,
        price=D(5),
        qty=QTY,
        quote_qty=None,
        filled_qty=D(filled),
        filled_quote=D(filled) * 5,
        created_ms=1,
        updated_ms=at,
    )


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[OrderReport], list[int]]:
    """What the exchange really did: cumulative fills, then an end or none."""
    steps = draw(st.lists(st.integers(1, 4), max_size=4))
    filled, reports, at = 0, [report(OrderState.WORKING, 0, 2)], 2
    totals = []
    for step in steps:
        if filled + step >= QTY:
            break
        filled, at = filled + step, at + 1
        totals.append(filled)
        reports.append(report(OrderState.PARTIAL, filled, at))
    end = draw(st.sampled_from(["none", "filled", "cancelled"]))
    if end == "filled":
        totals.append(int(QTY))
        reports.append(report(OrderState.FILLED, int(QTY), at + 1))
    elif end == "cancelled":
        state = OrderState.PARTIALLY_CANCELLED if filled else OrderState.CANCELLED
        reports.append(report(state, filled, at + 1))
    return reports, totals


@given(lives(), st.data())
def test_events_in_any_order_and_any_number_end_the_same(life, data):
    reports, totals = life
    events = [("report", r) for r in reports] + [("fills", t) for t in totals]
    events += [("accepted", None), ("unknown", None)]
    events += data.draw(st.lists(st.sampled_from(events), max_size=6))
    order = START
    seen_final = False
    for kind, value in data.draw(st.permutations(events)):
        before = order
        if kind == "report":
            order = transitions.reported(order, value)
        elif kind == "fills":
            order = transitions.executed(order, D(value), D(value) * 5, "X", 1)
        elif kind == "accepted":
            order = transitions.accepted(order, "X", 1)
        else:
            order = transitions.outcome_unknown(order, "lost", 1)
        assert order.filled_qty >= before.filled_qty
        assert order.updated_ms >= before.updated_ms
        assert not (seen_final and not order.state.final)
        seen_final = seen_final or order.state.final
    last = reports[-1]
    assert order.state is last.state
    assert order.filled_qty == last.filled_qty
    assert order.filled_quote == last.filled_quote
    assert order.order_id == "X"


@given(lives(), st.permutations(range(3)))
def test_an_order_that_exists_is_never_called_refused(life, order_of_events):
    reports, _ = life
    steps = [
        lambda o: transitions.rejected(o, "no", 1),
        lambda o: transitions.reported(o, reports[-1]),
        lambda o: transitions.not_sent(o, "no", 1),
    ]
    order = START
    for index in order_of_events:
        order = steps[index](order)
    assert order.state is reports[-1].state


def test_a_cancel_waits_for_an_order_that_is_not_known_yet():
    order = transitions.cancel_requested(START, 5)
    assert order.state is OrderState.PENDING
    order = transitions.accepted(order, "X", 6)
    assert order.state is OrderState.CANCELLING
    assert transitions.cancel_failed(order, 7).state is OrderState.WORKING


def test_absence_settles_an_unknown_order_as_never_arrived_and_a_later_report_revives_it():
    unknown = transitions.outcome_unknown(START, "lost", 2)
    gone = transitions.never_arrived(unknown, 9)
    assert gone.state is OrderState.REJECTED
    assert transitions.reported(gone, report(OrderState.PARTIAL, 3, 10)).state is OrderState.PARTIAL


def test_a_repeated_event_gives_the_same_object():
    order = transitions.reported(START, report(OrderState.PARTIAL, 3, 10))
    assert transitions.reported(order, report(OrderState.PARTIAL, 3, 10)) is order
    assert msgspec.structs.asdict(order)["filled_qty"] == D(3)
