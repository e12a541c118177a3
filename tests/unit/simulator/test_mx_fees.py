"""Fees paid in MX: how much, when not, and that no money is made or lost by it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BalanceChanged
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.state import ExchangeState

D = Decimal
S = "ABCUSDT"


def pair(base: str, quote: str, taker_fee: str = "0") -> Instrument:
    return Instrument(
        symbol=base + quote, base=base, quote=quote, price_decimals=4, qty_decimals=4, taker_fee=D(taker_fee)
    )


@pytest.fixture
def trade(exchange):
    """Let bob sell and cid buy at a price, so that a pair has a last price."""

    def print_price(symbol: str, price: str) -> None:
        base, quote = exchange.symbols.instrument(symbol).base, exchange.symbols.instrument(symbol).quote
        exchange.accounts.deposit("cid", {quote: D(1_000_000)})
        exchange.accounts.deposit("dan", {base: D(1)})
        for account, side in (("dan", Side.SELL), ("cid", Side.BUY)):
            exchange.orders.place(account, symbol=symbol, side=side, type="LIMIT", price=D(price), qty=D(1))

    return print_price


@pytest.fixture
def priced(exchange, trade):
    """The exchange with MX at 2.5 USDT, and ann with 1 MX who pays with it."""
    exchange.symbols.list_symbol(pair("MX", "USDT"))
    trade("MXUSDT", "2.5")
    exchange.accounts.deposit("ann", {"MX": D(1)})
    exchange.fees.pay_in_mx("ann", True)
    return exchange


def test_a_taker_pays_the_discounted_value_in_mx(priced, limit, money, events):
    limit("bob", Side.SELL, "100", "10")
    limit("ann", Side.BUY, "100", "10")
    (fill,) = priced.orders.own_trades("ann", S)
    # 1,000 USDT x 0.0005 x 80 % / 2.5
    assert (fill.fee, fill.fee_asset) == (D("0.16"), "MX")
    assert money("ann", "MX") == (D("0.84"), D(0))
    assert money("ann", "ABC") == (D(110), D(0)), "what was bought comes whole"
    charged = [e for e in events if isinstance(e, BalanceChanged) and e.kind == "TRADE_FEE"]
    assert [(e.account_id, e.asset, e.free, e.free_change) for e in charged] == [("ann", "MX", D("0.84"), D("-0.16"))]
    assert priced.accounts.fees["MX"] == D("0.16")
    assert priced.accounts.unaccounted() == {}


def test_a_sale_pays_in_mx_too(priced, limit, money):
    limit("bob", Side.BUY, "100", "10")
    limit("ann", Side.SELL, "100", "10")
    assert priced.orders.own_trades("ann", S)[0].fee_asset == "MX"
    assert money("ann", "USDT") == (D(11_000), D(0))


def test_too_little_mx_pays_the_whole_fee_as_usual(priced, limit, money):
    limit("bob", Side.SELL, "100", "80")
    limit("ann", Side.BUY, "100", "60")
    assert priced.orders.own_trades("ann", S)[0].fee_asset == "MX", "0.96 MX are there"
    limit("ann", Side.BUY, "100", "10")
    fill = priced.orders.own_trades("ann", S)[0]
    assert (fill.fee, fill.fee_asset) == (D("0.005"), "ABC"), "no discount and nothing in parts"
    assert money("ann", "MX") == (D("0.04"), D(0))


def test_locked_mx_does_not_pay(priced, limit):
    priced.orders.place("ann", symbol="MXUSDT", side=Side.SELL, type="LIMIT", price=D(9), qty=D(1))
    limit("bob", Side.SELL, "100", "1")
    limit("ann", Side.BUY, "100", "1")
    assert priced.orders.own_trades("ann", S)[0].fee_asset == "ABC"


def test_mx_just_bought_pays_for_itself(priced):
    priced.accounts.deposit("eve", {"USDT": D(100)})
    priced.fees.pay_in_mx("eve", True)
    priced.symbols.change("MXUSDT", pair("MX", "USDT", taker_fee="0.001"))
    priced.accounts.deposit("bob", {"MX": D(100)})
    priced.orders.place("bob", symbol="MXUSDT", side=Side.SELL, type="LIMIT", price=D("2.5"), qty=D(10))
    priced.orders.place("eve", symbol="MXUSDT", side=Side.BUY, type="LIMIT", price=D("2.5"), qty=D(10))
    fill = priced.orders.own_trades("eve", "MXUSDT")[0]
    assert (fill.fee, fill.fee_asset) == (D("0.008"), "MX")


def test_switched_off_or_free_of_charge_nothing_changes(priced, limit):
    limit("ann", Side.SELL, "100", "1")
    limit("bob", Side.BUY, "100", "1")
    assert (priced.orders.own_trades("ann", S)[0].fee, priced.orders.own_trades("ann", S)[0].fee_asset) == (
        D(0),
        "USDT",
    )
    priced.fees.pay_in_mx("ann", False)
    limit("bob", Side.SELL, "100", "1")
    limit("ann", Side.BUY, "100", "1")
    assert priced.orders.own_trades("ann", S)[0].fee_asset == "ABC"


@pytest.mark.parametrize("why", ["no pair", "no trade", "paused"])
def test_without_a_price_of_mx_the_usual_asset_pays(exchange, limit, trade, why):
    exchange.accounts.deposit("ann", {"MX": D(100)})
    exchange.fees.pay_in_mx("ann", True)
    if why != "no pair":
        exchange.symbols.list_symbol(pair("MX", "USDT"))
    if why == "paused":
        trade("MXUSDT", "2.5")
        exchange.symbols.set_paused("MXUSDT", True)
    limit("bob", Side.SELL, "100", "1")
    limit("ann", Side.BUY, "100", "1")
    assert exchange.orders.own_trades("ann", S)[0].fee_asset == "ABC"


def test_other_quotes_go_by_their_own_pair_or_over_usdt(priced, trade):
    desk = priced.fees
    assert desk.value_in_mx(D(1), "MX") == D("0.8")
    assert desk.value_in_mx(D(1), "EUR") is None
    priced.symbols.list_symbol(pair("EUR", "USDT"))
    assert desk.value_in_mx(D(1), "EUR") is None
    trade("EURUSDT", "1.2")
    assert desk.value_in_mx(D(1), "EUR") == D("0.384")
    priced.symbols.list_symbol(pair("MX", "EUR"))
    trade("MXEUR", "2")
    assert desk.value_in_mx(D(1), "EUR") == D("0.4")


def test_a_fee_in_mx_is_raised_to_eight_decimals(priced, trade):
    trade("MXUSDT", "3")
    assert priced.fees.value_in_mx(D("0.1"), "USDT") == D("0.02666667")
    assert priced.fees.value_in_mx(D("0.000000000001"), "USDT") == D("0.00000001")


def test_a_restart_keeps_the_choice(priced):
    again = Exchange(start_ms=priced.now_ms)
    ExchangeState(again).restore(json.loads(json.dumps(ExchangeState(priced).dump())))
    assert again.fees.pays_in_mx("ann")
    assert not again.fees.pays_in_mx("bob")
