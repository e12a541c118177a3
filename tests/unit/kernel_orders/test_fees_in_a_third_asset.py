"""Fees paid in MX: what they cost, what they do to the MX that is held, and what is not known of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.inputs import Reconciled, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import exact
from mexc_tui.domain.orders import Balance, Fill, OrderState, Side
from mexc_tui.kernel.effects import Journal
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.records import FillRecord, HoldingRecord
from mexc_tui.kernel.valuation import DayResult, Prices
from mexc_tui.ui.panes.blotter.presenter import fill_record, position_records
from tests.unit.kernel_orders.conftest import PAIRS

D = Decimal
QUOTES = ("USDT", "USDC")
UNITS = st.integers(1, 10**6)


class Market:
    """Prices by asset in USDT; a pair is known by its name."""

    def __init__(self, **prices: str) -> None:
        self.prices = {asset: D(text) for asset, text in prices.items()}

    def instrument(self, symbol: str) -> Instrument | None:
        for quote in QUOTES:
            base = symbol.removesuffix(quote)
            if base and base != symbol:
                return Instrument(symbol=symbol, base=base, quote=quote, price_decimals=2, qty_decimals=6)
        return None

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        return self.prices.get(symbol.removesuffix("USDT"))

    def price_in(self, asset: str, quote: str, side: Side) -> Decimal | None:
        return self.prices.get(asset) if quote == "USDT" else None

    def symbol_of(self, base: str, quote: str) -> str:
        return f"{base}{quote}"

    def markets_of(self, asset: str) -> tuple[str, ...]:
        return ()


class Book:
    def __init__(self, **prices: str) -> None:
        self.market = Market(**prices)
        self.ledger = Ledger(OrderStore("r1", FactLog()), "USDT")
        self.portfolio = Portfolio(Prices(self.market, "USDT"), self.ledger, DayResult("USDT"))
        self._count = 0

    def fill(
        self, side: Side, symbol: str, qty: str, price: str, fee: str = "0", asset: str = "USDT"
    ) -> Decimal | None:
        self._count += 1
        done = Fill(
            trade_id=str(self._count),
            order_id="1",
            client_order_id="",
            symbol=symbol,
            side=side,
            price=D(price),
            qty=D(qty),
            quote_qty=D(qty) * D(price),
            fee=D(fee),
            fee_asset=asset,
            is_maker=False,
            time_ms=self._count,
        )
        return self.portfolio.fill(done, self.market.instrument(symbol), Timestamp(self._count, 0)).fee_quote

    def hold(self, **held: str) -> None:
        balances = tuple(Balance(asset=asset, free=D(text), locked=D(0)) for asset, text in held.items())
        self.portfolio.reconciled(Reconciled((), balances, (), 1, frozenset(), frozenset()), ())

    def position(self, symbol: str):
        (found,) = [row for row in self.portfolio.positions_view().positions if row.symbol == symbol]
        return found


def test_the_fee_costs_its_value_and_the_mx_counts_as_sold_for_it():
    book = Book(MX="3", BTC="60000")
    book.fill(Side.BUY, "MXUSDT", "10", "2")
    assert book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "4", "MX") == D(12)
    book.hold(BTC="0.1", MX="6")
    btc, mx = book.position("BTCUSDT"), book.position("MXUSDT")
    assert (btc.average, btc.fees, btc.unknown_fees) == (D(60120), D(12), ())
    assert (mx.known_qty, mx.average, mx.realised, mx.fees) == (D(6), D(2), D(4), D(0))
    # Bought for 20, 8 of which are gone for fees.
    assert btc.unrealised + mx.unrealised + mx.realised == 6 * 3 - 20


def test_a_fee_of_unknown_value_is_unknown_and_takes_the_cost_along():
    book = Book(BTC="60000")
    book.fill(Side.BUY, "MXUSDT", "10", "2")
    assert book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "4", "MX") is None
    book.hold(BTC="0.1", MX="6")
    btc, mx = book.position("BTCUSDT"), book.position("MXUSDT")
    assert btc.unknown_fees == ("MX",)
    assert (mx.known_qty, mx.realised, mx.unknown_sold) == (D(6), D(0), D(4))


def test_mx_of_unknown_cost_stays_so():
    book = Book(MX="3", BTC="60000")
    assert book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "4", "MX") == D(12)
    book.hold(BTC="0.1", MX="6")
    mx = book.position("MXUSDT")
    assert (mx.known_qty, mx.average, mx.unrealised) == (D(0), None, None)


def test_a_balance_of_mx_is_not_held_against_the_fills_while_an_order_may_still_pay_with_it(bench):
    def account(usdt: str, **held: str) -> list[str]:
        told = {"USDT": usdt, **held}
        balances = tuple(Balance(asset=asset, free=D(text), locked=D(0)) for asset, text in told.items())
        made = bench.do(Reconciled((), balances, (), bench.mono_ns, PAIRS, PAIRS))
        records = [record for effect in made if isinstance(effect, Journal) for record in effect.records]
        return [record.asset for record in records if isinstance(record, HoldingRecord)]

    bench.place()
    bench.report(bench.order, OrderState.PARTIAL, "0.005")
    bench.fill(bench.order, "0.005", fee="0.1", fee_asset="MX")
    assert "MX" not in account("99700", BTC="0.005", MX="9")
    bench.report(bench.order, OrderState.FILLED, "0.01")
    bench.fill(bench.order, "0.005", trade_id="T2", fee="0.1", fee_asset="MX")
    bench.later(60)
    assert "MX" in account("99400", BTC="0.01", MX="8.9")


@pytest.mark.parametrize(("prices", "value"), [({"MX": "3", "USDC": "1.5"}, D(8)), ({"MX": "3"}, None)])
def test_another_quote_is_valued_over_usdt_where_it_can_be(prices, value):
    assert Book(**prices).fill(Side.BUY, "BTCUSDC", "0.1", "60000", "4", "MX") == value


def test_a_restart_from_the_journal_ends_at_the_same():
    book, again = Book(MX="3"), Book()
    book.fill(Side.BUY, "MXUSDT", "10", "2")
    book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "4", "MX")
    for record in reversed(book.ledger.fills().fills):
        fee = D(12) if record.fee_asset == "MX" else D(0)
        base = record.symbol.removesuffix("USDT")
        again.ledger.book(FillRecord(fill=record, base=base, quote="USDT", fee_quote=fee, wall_ms=1))
    for one in (book, again):
        one.market.prices = {"MX": D(3), "BTC": D(60000)}
        one.hold(BTC="0.1", MX="6")
    assert again.portfolio.positions_view() == book.portfolio.positions_view()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["MX", "BTC", "BTC"]),
            st.sampled_from([Side.BUY, Side.BUY, Side.SELL]),
            UNITS,
            UNITS,
            st.integers(0, 10**5),
            st.integers(1, 10**5),
        ),
        min_size=5,
        max_size=25,
    ),
    UNITS,
    UNITS,
)
def test_nothing_is_lost_between_the_two_positions(rows, btc_mark, mx_mark):
    """Both results together are the cash that moved and what is held at the marks."""
    book = Book()
    flow, held = D(0), {"BTC": D(0), "MX": D(0)}
    with exact():
        for asset, side, qty_units, price_units, fee_units, mx_price in rows:
            qty, price = D(qty_units).scaleb(-3), D(price_units).scaleb(-2)
            if side is Side.SELL:
                qty = min(qty, held[asset])
            if not qty:
                continue
            sign = 1 if side is Side.BUY else -1
            fee = D(0) if asset == "MX" else min(held["MX"], D(fee_units).scaleb(-4))
            book.market.prices["MX"] = D(mx_price).scaleb(-2)
            paid_in = "USDT" if asset == "MX" else "MX"
            book.fill(side, f"{asset}USDT", format(qty, "f"), str(price), format(fee, "f"), paid_in)
            flow -= sign * qty * price
            held[asset] += sign * qty
            held["MX"] -= fee
        book.market.prices = {"BTC": D(btc_mark), "MX": D(mx_mark)}
        book.hold(**{asset: format(amount, "f") for asset, amount in held.items() if amount})
        result = D(0)
        for position in book.portfolio.positions_view().positions:
            assert position.unknown_sold == 0
            assert position.known_qty == position.qty
            result += position.realised + (position.unrealised or D(0))
        assert abs(result - (flow + held["BTC"] * btc_mark + held["MX"] * mx_mark)) <= D(10) ** -12


def test_the_screen_shows_no_zero_for_a_fee_that_is_not_known():
    book = Book(BTC="60000")
    book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "4", "MX")
    book.hold(BTC="0.2", MX="6")
    (shown,) = [row for row in position_records(book.portfolio.positions_view(), {}) if row.key == "BTCUSDT"]
    assert shown.cells[7][0] == "—"
    assert shown.cells[8][0] == "cost known for 0.1; without fees in MX"
    book.fill(Side.BUY, "BTCUSDT", "0.1", "60000", "3", "USDT")
    (shown,) = [row for row in position_records(book.portfolio.positions_view(), {}) if row.key == "BTCUSDT"]
    assert shown.cells[7][0] == "3.00+—"
    assert fill_record(book.ledger.fills().fills[1], {}).cells[6][0] == "4 MX"
