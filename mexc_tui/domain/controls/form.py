"""Controls of identity and form: whether this is an order that the exchange takes at all."""

from __future__ import annotations

from mexc_tui.domain.controls.case import Case, fault, grouped
from mexc_tui.domain.instrument import InstrumentStatus, TradeSides
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.numbers import ZERO, ceil_to, decimals_of, floor_to
from mexc_tui.domain.orders import OrderType


def instrument_known(case: Case) -> Violation | None:
    if case.inputs.instrument is not None and case.inputs.instrument.symbol == case.draft.symbol:
        return None
    return fault("INSTRUMENT_KNOWN", f"{case.draft.symbol} is not in the exchange's list of pairs.")


def instrument_tradable(case: Case) -> Violation | None:
    pair = case.instrument
    if pair.status is not InstrumentStatus.ONLINE:
        return fault("INSTRUMENT_TRADABLE", f"Trading in {pair.symbol} is {pair.status.value} at the exchange.")
    if not pair.api_trading:
        return fault("INSTRUMENT_TRADABLE", f"The exchange does not open {pair.symbol} to API trading: view only.")
    refused = TradeSides.SELL_ONLY if case.buying else TradeSides.BUY_ONLY
    if pair.sides in (refused, TradeSides.CLOSED):
        return fault("INSTRUMENT_TRADABLE", f"{pair.symbol} is {pair.sides.value} at the exchange now.")
    return None


def restricted_symbol(case: Case) -> Violation | None:
    limits, symbol = case.limits, case.draft.symbol
    if not case.buying:
        return None
    if symbol in limits.denied_symbols:
        return fault("RESTRICTED_SYMBOL", f"{symbol} is on your list of denied symbols.")
    if limits.allowed_symbols and symbol not in limits.allowed_symbols:
        return fault("RESTRICTED_SYMBOL", f"{symbol} is not on your list of allowed symbols.")
    if limits.deny_flagged and case.instrument.risk_flag:
        return fault("RESTRICTED_SYMBOL", f"{symbol} carries the exchange's risk flag; your limits refuse to buy it.")
    return None


def order_type_supported(case: Case) -> Violation | None:
    offered, wanted = case.instrument.order_types, case.draft.type
    # IOC and FOK are taken wherever LIMIT is, although MEXC's exchangeInfo does not list them.
    name = "LIMIT" if wanted in (OrderType.IOC, OrderType.FOK) else wanted.value
    if name not in offered and wanted.value not in offered:
        return fault("ORDER_TYPE_SUPPORTED", f"The exchange takes no {wanted.value} orders in {case.draft.symbol}.")
    if case.draft.quote_qty is not None and not (case.is_market and case.buying):
        return fault(
            "ORDER_TYPE_SUPPORTED", f"Only a market buy is sized in {case.quote}; give the quantity in {case.base}."
        )
    if case.draft.quote_qty is not None and case.draft.qty is not None:
        return fault("ORDER_TYPE_SUPPORTED", "The order has a quantity and an amount; it takes one of them.")
    return None


def price_positive(case: Case) -> Violation | None:
    if case.is_market or (case.price is not None and case.price.is_finite() and case.price > 0):
        return None
    given = "no price" if case.price is None else f"the price {case.price}"
    return fault("PRICE_POSITIVE", f"The order has {given}; it needs one above zero.")


def price_precision(case: Case) -> Violation | None:
    decimals = case.instrument.price_decimals
    if case.price is None or case.price <= 0 or decimals_of(case.price) <= decimals:
        return None
    near = floor_to(case.price, decimals) if case.buying else ceil_to(case.price, decimals)
    offer = f" {grouped(near)} would pass." if near > 0 else ""
    return fault(
        "PRICE_PRECISION",
        f"The price {grouped(case.price)} has {decimals_of(case.price)} decimals;"
        f" {case.draft.symbol} takes {decimals}.{offer}",
        decimals,
        decimals_of(case.price),
    )


def tif_valid(case: Case) -> Violation | None:
    if case.draft.type is not OrderType.POST_ONLY or not case.crosses or case.far_touch is None:
        return None
    side = "ask" if case.buying else "bid"
    return fault(
        "TIF_VALID",
        f"A post-only order at {grouped(case.price or ZERO)} would take at once:"
        f" the best {side} is {grouped(case.far_touch)}.",
        case.far_touch,
        case.price or "",
    )
