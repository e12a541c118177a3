"""What MEXC refuses before an order reaches the book, with its codes and messages."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.instrument import Instrument, InstrumentStatus, TradeSides
from mexc_tui.domain.numbers import ONE, plain
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.core.exact import add, fits, multiply, subtract
from mexc_tui.wire.mexc.enums import ORDER_TYPE_NUMBERS

STP_MODES = frozenset({"", "cancel_taker", "cancel_maker", "cancel_both"})
MAX_OPEN_ORDERS = 500
"""MEXC's documented standing limit for an account."""


def check_open(instrument: Instrument, side: Side, kind: str) -> None:
    """Refuse pairs, sides and types that may not be traded now (10007, 30000, 30001, 30016, 30041)."""
    if not instrument.api_trading:
        raise SimError(10007, "bad symbol")
    if instrument.status is InstrumentStatus.PAUSED:
        raise SimError(30000, "Suspended transaction for the symbol")
    if instrument.status is not InstrumentStatus.ONLINE or instrument.sides is TradeSides.CLOSED:
        raise SimError(30016, "trading disabled")
    wrong = TradeSides.SELL_ONLY if side is Side.BUY else TradeSides.BUY_ONLY
    if instrument.sides is wrong:
        raise SimError(30001, "Current transaction direction is not allowed to place an order")
    if kind == "MARKET" and "MARKET" not in instrument.order_types:
        raise SimError(30018, "Market order is disabled")


def check_shape(kind: str, side: Side, qty: Decimal | None, quote_qty: Decimal | None, price: Decimal | None) -> None:
    """Refuse parameters that do not go together (33333, 44444, 10095, 10097, 10102)."""
    if kind not in ORDER_TYPE_NUMBERS:
        raise SimError(33333, "Param error: type")
    if kind != "MARKET" and price is None:
        raise SimError(44444, "price cannot be null")
    if qty is None and (kind != "MARKET" or quote_qty is None):
        raise SimError(10095, "amount cannot be null")
    if qty is not None and quote_qty is not None and kind == "MARKET":
        raise SimError(-1128, "Combination of optional parameters invalid.")
    for value in (qty, quote_qty if kind == "MARKET" else None, price if kind != "MARKET" else None):
        if value is None:
            continue
        if not value.is_finite() or value.adjusted() > 30:
            raise SimError(10097, "amount is error")
        if value <= 0:
            raise SimError(10102, "amount cannot be zero or negative")


def check_numbers(instrument: Instrument, qty: Decimal | None, price: Decimal | None) -> None:
    """Refuse more decimals than the pair has (10096 quantity, 30010 price)."""
    if qty is not None and not fits(qty, instrument.qty_decimals):
        raise SimError(10096, "amount decimal places is too long")
    if price is not None and not fits(price, instrument.price_decimals):
        raise SimError(30010, "No valid trade price")


def check_size(instrument: Instrument, kind: str, qty: Decimal | None, notional: Decimal) -> None:
    """Refuse orders below the minimum or above the maximum (30002, 30003)."""
    market = kind == "MARKET"
    least = instrument.min_notional_market if market else instrument.min_notional
    most = instrument.max_notional_market if market else instrument.max_notional
    if qty is not None and qty < instrument.min_qty:
        raise _too_small(f"{plain(instrument.min_qty)}{instrument.base}")
    if notional < least:
        raise _too_small(f"{plain(least)}{instrument.quote}")
    if most is not None and notional > most:
        raise SimError(30003, f"The maximum transaction volume cannot be greater than:{plain(most)}{instrument.quote}")


def check_band(instrument: Instrument, side: Side, price: Decimal, last: Decimal | None) -> None:
    """Refuse buys far above and sells far below the last price (30087; PERCENT_PRICE_BY_SIDE)."""
    if last is None:
        return
    up, down = instrument.bid_multiplier_up, instrument.ask_multiplier_down
    too_high = side is Side.BUY and up is not None and price > multiply(last, add(ONE, up))
    too_low = side is Side.SELL and down is not None and price < multiply(last, subtract(ONE, down))
    if too_high or too_low:
        raise SimError(30087, "Order price exceeds allowed range")


def check_stp(mode: str) -> str:
    """Return the self-trade prevention mode in lower case; refuse an unknown one."""
    lower = mode.lower()
    if lower not in STP_MODES:
        raise SimError(33333, "Param error: stpMode")
    return lower


def _too_small(least: str) -> SimError:
    return SimError(30002, f"The minimum transaction volume cannot be less than:{least}")
