"""Each record of an order says how the exchange told it, and when by its own clock; a refused amendment is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mexc_tui.domain.commands import AmendOrder, CancelOrder
from mexc_tui.domain.inputs import CancelAnswered, LookupAnswered, PlaceAccepted, PlaceRejected, PlaceUnknown
from mexc_tui.domain.orders import OrderReport, OrderState, OrderType, Side
from mexc_tui.kernel.orders import MOST_CANCELS
from mexc_tui.kernel.records import DenialRecord, FillRecord, Heard, OrderRecord, Way
from mexc_tui.store import schema
from tests.unit.kernel_orders.conftest import Bench, build

D = Decimal


def ready() -> Bench:
    bench = build()
    bench.market([("59990.00", "1"), ("59980.00", "5")], [("60000.00", "1"), ("60010.00", "5")])
    bench.account()
    return bench


def placed(bench: Bench) -> Any:
    bench.place(Side.BUY, "0.01", "59000", OrderType.LIMIT)
    return bench.order


def report(order: Any, state: OrderState, updated_ms: int) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        order_id="X1",
        client_order_id=order.client_order_id,
        side=order.side,
        type=order.type,
        state=state,
        price=order.price,
        qty=order.qty,
        quote_qty=None,
        filled_qty=D(0),
        filled_quote=D(0),
        created_ms=1,
        updated_ms=updated_ms,
    )


def heard(bench: Bench) -> list[tuple[OrderState, Heard]]:
    """What is recorded of orders, as it is read back."""
    records = [schema.decode(schema.encode(record)[1]) for record in bench.records]
    return [(record.order.state, record.heard) for record in records if isinstance(record, OrderRecord)]


def test_answer_push_and_execution_are_told_apart() -> None:
    bench = ready()
    order = placed(bench)
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.fill(bench.order, "0.004", "59000")
    assert heard(bench)[0] == (OrderState.WORKING, Heard(Way.ANSWER))
    fills = [record for record in bench.records if isinstance(record, FillRecord)]
    assert [(one.way, one.currency, one.quote_price) for one in fills] == [(Way.PUSH, "USDT", None)]
    assert heard(bench)[-1] == (OrderState.PARTIAL, Heard(Way.FILL, fills[0].fill.time_ms))
    bench.report(bench.order, OrderState.CANCELLED, "0.004")
    state, last = heard(bench)[-1]
    assert (state, last.way) == (OrderState.PARTIALLY_CANCELLED, Way.PUSH)
    assert last.time_ms > 0


def test_what_nobody_told_has_no_way_and_a_look_up_has_the_exchanges_time() -> None:
    bench = ready()
    order = placed(bench)
    bench.do(PlaceUnknown(order.client_order_id, "the answer was lost"))
    bench.do(LookupAnswered(order.client_order_id, True, report(order, OrderState.WORKING, 4_711)))
    assert heard(bench) == [(OrderState.UNKNOWN, Heard()), (OrderState.WORKING, Heard(Way.LOOK_UP, 4_711))]


def test_a_refusal_and_why_a_cancel_was_given_up_are_the_exchanges_words() -> None:
    bench = ready()
    order = placed(bench)
    bench.do(PlaceRejected(order.client_order_id, 30_005, "MEXC refused it (code 30005: Oversold).", False))
    assert heard(bench)[-1] == (OrderState.REJECTED, Heard(Way.ANSWER))
    bench.later(2)
    order = placed(bench)
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.do(CancelOrder(command_id="c", client_order_id=order.client_order_id))
    for _ in range(MOST_CANCELS):
        bench.do(CancelAnswered(order.client_order_id, "failed", "code 700: not now"))
        bench.wait(11)
        bench.do(LookupAnswered(order.client_order_id, True, report(order, OrderState.WORKING, 4_711)))
    assert heard(bench)[-1] == (OrderState.WORKING, Heard(Way.ANSWER, said="code 700: not now"))


def test_an_amendment_that_the_gate_refuses_is_recorded_with_its_findings() -> None:
    bench = ready()
    order = placed(bench)
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    bench.do(AmendOrder(command_id="a", client_order_id=order.client_order_id, qty=D(100)))
    denial = [record for record in bench.records if isinstance(record, DenialRecord)][-1]
    assert (denial.command_id, denial.order.state) == ("a", OrderState.WORKING)
    assert "MAX_ORDER_VALUE" in denial.codes
    read = schema.decode(schema.encode(denial)[1])
    assert isinstance(read, DenialRecord)
    assert (read.codes, read.violations, read.command_id) == (denial.codes, denial.violations, "a")
