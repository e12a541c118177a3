from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.kernel.records import IntentRecord


@pytest.fixture
def intent() -> Callable[[int], IntentRecord]:
    def make(number: int) -> IntentRecord:
        order = Order(
            client_order_id=f"mtui-run-{number}",
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            state=OrderState.PENDING,
            created_ms=number,
            updated_ms=number,
            price=Decimal("0.000000012"),
            qty=Decimal("123456789012345678"),
        )
        return IntentRecord(order=order, command_id=f"c{number}", wall_ms=number)

    return make
