"""Turning what a user typed for a size into an exact quantity on the instrument's grid, never rounding up."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.numbers import BadNumberError, divide, floor_to, parse_decimal, plain
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import GateInputs


class SizeUnit(StrEnum):
    BASE = "base"
    QUOTE = "quote"
    PERCENT = "percent"
    """Of the free quote for a buy, of the free base for a sell."""


class Size(msgspec.Struct, frozen=True, gc=False):
    """An amount and what it counts."""

    amount: Decimal
    unit: SizeUnit

    def __str__(self) -> str:
        text = plain(self.amount)
        return {SizeUnit.BASE: text, SizeUnit.QUOTE: f"${text}", SizeUnit.PERCENT: f"{text}%"}[self.unit]


class SizeError(ValueError):
    """The size cannot be used; the message says why and what to type instead."""


def parse_size(text: str) -> Size:
    """Return the size that ``0.5`` (base), ``$100`` (quote) or ``25%`` (of what is free) stands for.

    Raises:
        SizeError: the text is none of these, is not positive, or asks for more than 100 %.
    """
    text = text.strip()
    unit, number = SizeUnit.BASE, text
    if text.startswith("$") or text.endswith("$"):
        unit, number = SizeUnit.QUOTE, text.strip("$")
    elif text.endswith("%"):
        unit, number = SizeUnit.PERCENT, text[:-1]
    try:
        amount = parse_decimal(number)
    except BadNumberError:
        raise SizeError(
            f"“{text[:30]}” is not a size: type 0.5 (base), $100 (quote) or 25% (of what is free)"
        ) from None
    if amount <= 0:
        raise SizeError(f"a size must be above zero, not {text[:30]}")
    if unit is SizeUnit.PERCENT and amount > 100:
        raise SizeError(f"{text[:30]} is more than everything: a percentage goes up to 100%")
    return Size(amount, unit)


def draft_for(
    size: Size,
    *,
    side: Side,
    order_type: OrderType,
    price: Decimal | None,
    inputs: GateInputs,
) -> Draft:
    """Return the draft that a size means now. A market buy in quote stays in quote; all else becomes base.

    Raises:
        SizeError: what the conversion needs (instrument, balance, price) is not known, or nothing is left.
    """
    instrument = inputs.instrument
    if instrument is None:
        raise SizeError(f"{inputs.symbol} is not in the exchange's list of pairs")
    quote: Decimal | None = None
    base: Decimal | None = None
    if size.unit is SizeUnit.BASE:
        base = size.amount
    elif size.unit is SizeUnit.QUOTE:
        quote = size.amount
    elif side is Side.SELL:
        if inputs.base_free is None:
            raise SizeError(f"the {instrument.base} balance is not known yet")
        base = floor_to(inputs.base_free * size.amount / 100, instrument.qty_decimals)
    else:
        if inputs.quote_free is None:
            raise SizeError(f"the {instrument.quote} balance is not known yet")
        quote = inputs.quote_free * size.amount / 100
    if quote is not None:
        if order_type is OrderType.MARKET and side is Side.BUY:
            return Draft(
                symbol=inputs.symbol,
                side=side,
                type=order_type,
                quote_qty=floor_to(quote, instrument.price_decimals),
            )
        base = _base_for(quote, side, price, inputs)
    if base is None or base <= 0:
        step = plain(instrument.step)
        raise SizeError(f"{size} comes to less than the smallest step of {step} {instrument.base}")
    return Draft(
        symbol=inputs.symbol,
        side=side,
        type=order_type,
        qty=base,
        price=None if order_type is OrderType.MARKET else price,
    )


def _base_for(quote: Decimal, side: Side, price: Decimal | None, inputs: GateInputs) -> Decimal:
    reference = price if price is not None else _touch(side, inputs)
    if reference is None or reference <= 0:
        raise SizeError("there is no price to turn the amount into a quantity")
    assert inputs.instrument is not None
    decimals = inputs.instrument.qty_decimals
    return floor_to(divide(quote, reference, decimals + 2), decimals)


def _touch(side: Side, inputs: GateInputs) -> Decimal | None:
    book = inputs.book
    levels = None if book is None else (book.asks if side is Side.BUY else book.bids)
    if book is None or not levels:
        return None
    return Decimal(levels[0][0]).scaleb(-book.price_decimals)
