from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from mexc_tui.domain.instrument import InstrumentStatus, TradeSides
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError

D = Decimal
GOOD = {"symbol": "ABCUSDT", "side": Side.BUY, "type": "LIMIT", "qty": D(1), "price": D(100)}


def refusal(exchange, **changes) -> SimError:
    with pytest.raises(SimError) as caught:
        exchange.orders.place("ann", **{**GOOD, **changes})
    return caught.value


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"type": "STOP"}, 33333),
        ({"price": None}, 44444),
        ({"qty": None}, 10095),
        ({"qty": D(0)}, 10102),
        ({"price": D(-1)}, 10102),
        ({"qty": D("NaN")}, 10097),
        ({"qty": D("1.0001")}, 10096),
        ({"price": D("100.001")}, 30010),
        ({"qty": D("0.009")}, 30002),
        ({"qty": D("0.01"), "price": D(99)}, 30002),
        ({"qty": D(1001)}, 30003),
        ({"qty": D(101)}, 10101),
        ({"side": Side.SELL, "qty": D(101)}, 30005),
        ({"stp_mode": "whatever"}, 33333),
        ({"type": "MARKET", "price": None}, 30025),
        ({"type": "MARKET", "quote_qty": D(5)}, -1128),
    ],
)
def test_code(exchange, money, changes, code):
    assert refusal(exchange, **changes).code == code
    assert money("ann", "USDT") == (D(10000), D(0))


def test_minimum_names_the_amount(exchange):
    told = refusal(exchange, qty=D("0.01"), price=D(50))
    assert told.message == "The minimum transaction volume cannot be less than:1USDT"
    assert told.http_status == 400


def test_market_minimum(exchange, limit):
    limit("bob", Side.SELL, "100", "1")
    assert refusal(exchange, type="MARKET", qty=None, price=None, quote_qty=D("0.99")).code == 30002


def test_selling_what_one_does_not_have(exchange):
    exchange.accounts.deposit("eve", {"USDT": D(10)})
    with pytest.raises(SimError) as caught:
        exchange.orders.place("eve", **{**GOOD, "side": Side.SELL})
    assert caught.value.code == 30004
    with pytest.raises(SimError) as caught:
        exchange.orders.place("nobody", **GOOD)
    assert caught.value.code == 10001


def test_price_band_follows_the_last_price(exchange, limit):
    limit("bob", Side.SELL, "100", "1")
    limit("ann", Side.BUY, "100", "1")
    assert refusal(exchange, price=D("120.01")).code == 30087
    assert refusal(exchange, side=Side.SELL, price=D("79.99")).code == 30087
    limit("ann", Side.BUY, "60", "1")


@pytest.mark.parametrize(
    ("change", "side", "code"),
    [
        ({"api_trading": False}, Side.BUY, 10007),
        ({"status": InstrumentStatus.PAUSED}, Side.BUY, 30000),
        ({"status": InstrumentStatus.OFFLINE}, Side.BUY, 30016),
        ({"sides": TradeSides.CLOSED}, Side.SELL, 30016),
        ({"sides": TradeSides.SELL_ONLY}, Side.BUY, 30001),
        ({"sides": TradeSides.BUY_ONLY}, Side.SELL, 30001),
    ],
)
def test_closed_markets(exchange, instrument, change, side, code):
    exchange.symbols.change("ABCUSDT", replace(instrument, **change))
    assert refusal(exchange, side=side).code == code


def test_pausing_leaves_orders_which_can_be_cancelled(exchange, limit):
    order = limit("ann", Side.BUY, "90", "1")
    exchange.symbols.set_paused("ABCUSDT", True)
    assert refusal(exchange).code == 30000
    assert exchange.orders.cancel("ann", "ABCUSDT", order_id=order.order_id).status == "CANCELED"
    exchange.symbols.set_paused("ABCUSDT", False)
    limit("ann", Side.BUY, "90", "1")


def test_five_hundred_open_orders(exchange, limit):
    for _ in range(500):
        limit("ann", Side.BUY, "1", "1")
    assert refusal(exchange, price=D(1)).code == 30029
    exchange.orders.cancel_all("ann", "ABCUSDT")
    limit("ann", Side.BUY, "1", "1")


def test_a_listing_opens_at_its_time(exchange, instrument):
    opens = exchange.now_ms + 60_000
    exchange.symbols.list_symbol(replace(instrument, symbol="NEWUSDT", base="NEW"), opens, D("5"))
    assert exchange.symbols.instrument("NEWUSDT").status is InstrumentStatus.PAUSED
    assert refusal(exchange, symbol="NEWUSDT", price=D(5)).code == 30000
    exchange.advance(opens - 1)
    assert exchange.market.recent_trades("NEWUSDT", 10) == []
    exchange.advance(opens)
    assert exchange.symbols.instrument("NEWUSDT").tradable
    exchange.orders.place("ann", **{**GOOD, "symbol": "NEWUSDT", "price": D("4.5")})
    exchange.advance(opens + 60_000)
    assert exchange.market.recent_trades("NEWUSDT", 10)
    with pytest.raises(ValueError, match="listed already"):
        exchange.symbols.list_symbol(instrument)
