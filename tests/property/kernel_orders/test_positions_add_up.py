from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.numbers import exact
from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.positions import CostBasis, fee_in_quote, unrealised, with_fill

D = Decimal

_FILLS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 10**18),
        st.integers(1, 10**9),
        st.integers(0, 10**6),
        st.sampled_from(["USDT", "BTC"]),
    ),
    max_size=30,
)


@given(_FILLS, st.integers(1, 10**9))
def test_money_in_and_out_is_all_accounted_for(rows, mark):
    """Result = what came out, less what went in, plus what is held at the mark: while every cost is known."""
    basis = CostBasis(symbol="BTCUSDT")
    flow, held = D(0), D(0)
    with exact():
        for index, (side, qty_units, price_units, fee_units, asset) in enumerate(rows):
            qty, price = D(qty_units).scaleb(-9), D(price_units).scaleb(-6)
            if side is Side.SELL:
                qty = min(qty, held)
                asset = "USDT"
            fee = D(fee_units).scaleb(-9) if asset == "USDT" else min(qty, D(fee_units).scaleb(-12))
            if qty == 0:
                continue
            fill = Fill(
                trade_id=str(index),
                order_id="1",
                client_order_id="",
                symbol="BTCUSDT",
                side=side,
                price=price,
                qty=qty,
                quote_qty=qty * price,
                fee=fee,
                fee_asset=asset,
                is_maker=False,
                time_ms=index,
            )
            basis = with_fill(basis, fill, "BTC", "USDT", fee_in_quote(fill, "BTC", "USDT", None))
            flow += fill.quote_qty if side is Side.SELL else -fill.quote_qty
            flow -= fee if asset == "USDT" else D(0)
            held += qty if side is Side.BUY else -qty
            held -= fee if asset == "BTC" else D(0)
        assert basis.qty == held
        assert basis.unknown_sold == 0
        open_result = unrealised(basis, D(mark)) or D(0)
        # Dividing the average cuts the 25th decimal; nothing else may be lost.
        assert abs(basis.realised + open_result - (flow + held * mark)) <= D(10) ** -20
