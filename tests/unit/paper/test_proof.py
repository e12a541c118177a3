"""How a fill's proof reaches the screen."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.orders import Fill, Side
from mexc_tui.kernel.messages import filled
from mexc_tui.ui.panes.blotter.presenter import FILL_COLUMNS, fill_record


def fill(trade_id: str) -> Fill:
    return Fill(
        trade_id=trade_id,
        order_id="C02__1",
        client_order_id="c1",
        symbol="ABCUSDT",
        side=Side.BUY,
        price=Decimal(99),
        qty=Decimal(2),
        quote_qty=Decimal(198),
        fee=Decimal(0),
        fee_asset="ABC",
        is_maker=True,
        time_ms=0,
    )


@pytest.mark.parametrize(
    ("trade_id", "proof"), [("505979017439002624X1C", "certain"), ("505979017439002624X1A", "assumed"), ("5059X1", "")]
)
def test_table_and_event_tell_the_proof(trade_id, proof):
    made = fill(trade_id)
    assert made.proof == proof
    cells = [text for text, _ in fill_record(made, {}).cells]
    assert len(cells) == len(FILL_COLUMNS)
    assert (proof in cells) if proof else {"certain", "assumed"}.isdisjoint(cells)
    assert (f"maker, {proof})" if proof else "maker)") in filled(made, None)


def test_the_proof_survives_the_journal():
    made = fill("1X1A")
    assert msgspec.json.decode(msgspec.json.encode(made), type=Fill).proof == "assumed"
