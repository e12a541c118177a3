from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.inputs import PlaceAccepted
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import TOPIC_POSITIONS
from mexc_tui.kernel.effects import Journal, SendOrder


def test_an_order_goes_through_the_gate_is_recorded_first_and_becomes_a_position(bench):
    effects = bench.place(qty="0.01", price="60000")
    assert [f.message for f in bench.facts if f.kind == "denied"] == []
    assert isinstance(effects[0], Journal)
    assert effects[0].durable
    assert isinstance(effects[1], SendOrder)
    order = bench.order
    assert order.state is OrderState.PENDING
    bench.do(PlaceAccepted(order.client_order_id, "X1"))
    assert bench.order.state is OrderState.WORKING
    bench.fill(order, "0.01", fee="0.3")
    assert bench.order.state is OrderState.FILLED
    bench.balance("BTC", "0.01")
    (position,) = bench.view(TOPIC_POSITIONS).positions
    assert position.average == Decimal("60030")
    assert position.mark == Decimal("59990")
    assert position.unrealised == Decimal("-0.4")
