from __future__ import annotations

from decimal import Decimal
from typing import Any

from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.positions import CostBasis, fee_in_quote, trimmed, unrealised, with_fill

D = Decimal


def fill(side: Side, qty: str, price: str, fee: str = "0", asset: str = "USDT", **more: Any) -> Fill:
    return Fill(
        trade_id="1",
        order_id="1",
        client_order_id="",
        symbol="BTCUSDT",
        side=side,
        price=D(price),
        qty=D(qty),
        quote_qty=D(qty) * D(price),
        fee=D(fee),
        fee_asset=asset,
        is_maker=True,
        time_ms=0,
    )


def book(*fills: Fill, mx: str | None = None) -> CostBasis:
    basis = CostBasis(symbol="BTCUSDT")
    for one in fills:
        fee = fee_in_quote(one, "BTC", "USDT", None if mx is None else D(mx))
        basis = with_fill(basis, one, "BTC", "USDT", fee)
    return basis


def test_average_cost_holds_the_fee_paid_in_quote():
    basis = book(fill(Side.BUY, "1", "100", "1"), fill(Side.BUY, "1", "200", "1"))
    assert basis.average == D(151)
    assert basis.fees == D(2)


def test_a_fee_in_base_makes_less_arrive_for_the_same_money():
    basis = book(fill(Side.BUY, "1", "100", "0.2", "BTC"))
    assert basis.qty == D("0.8")
    assert basis.average == D(125)
    assert basis.fees == D(20)


def test_a_fee_in_a_third_asset_is_valued_or_named():
    known = book(fill(Side.BUY, "1", "100", "2", "MX"), mx="3")
    assert (known.average, known.fees, known.unknown_fees) == (D(106), D(6), ())
    unknown = book(fill(Side.BUY, "1", "100", "2", "MX"))
    assert (unknown.average, unknown.fees, unknown.unknown_fees) == (D(100), D(0), ("MX",))


def test_selling_realises_against_the_average_with_both_fees():
    basis = book(fill(Side.BUY, "2", "100", "2"), fill(Side.SELL, "1", "150", "1"))
    assert basis.realised == D(150) - 1 - 101
    assert basis.average == D(101)


def test_selling_what_has_no_known_cost_realises_nothing_and_is_counted():
    basis = book(fill(Side.SELL, "1", "150"))
    assert (basis.realised, basis.unknown_sold, basis.average) == (D(0), D(1), None)


def test_the_known_part_is_sold_first():
    basis = book(fill(Side.BUY, "1", "100"), fill(Side.SELL, "3", "150", "3"))
    assert basis.realised == D(49)
    assert (basis.qty, basis.unknown_sold) == (D(0), D(2))


def test_what_left_the_account_takes_its_cost_along():
    basis = trimmed(book(fill(Side.BUY, "2", "100")), D("0.5"))
    assert (basis.qty, basis.cost, basis.realised) == (D("0.5"), D(50), D(0))


def test_unrealised_is_unknown_without_a_mark_or_a_cost():
    basis = book(fill(Side.BUY, "1", "100"))
    assert unrealised(basis, None) is None
    assert unrealised(CostBasis(symbol="BTCUSDT"), D(5)) is None
    assert unrealised(basis, D(90)) == D(-10)
