"""A market order goes out as an immediate order with a price cap: it fills within the collar now, or not at all."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.instrument import OF_RANGE
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import ONE, ceil_to, divide, exact, floor_to, unscaled
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.overrides import effective
from mexc_tui.domain.views import GateInputs


def capped(draft: Draft, inputs: GateInputs) -> Draft:
    """Return what a draft goes out as; a market order without a price to cap it by, or uncapped, stays as it is.

    An amount to spend becomes the quantity that it buys at the cap, so that no more than it is spent.
    """
    if draft.type is not OrderType.MARKET or draft.uncapped:
        return draft
    price = _cap(draft.side, inputs, effective(inputs.limits, draft))
    if price is None or inputs.instrument is None:
        return draft
    qty, amount = draft.qty, draft.quote_qty
    if amount is not None and qty is None and draft.side is Side.BUY and amount.is_finite() and amount > 0:
        decimals = inputs.instrument.qty_decimals
        qty, amount = floor_to(divide(amount, price, decimals + 2), decimals), None
    return msgspec.structs.replace(draft, type=OrderType.IOC, price=price, qty=qty, quote_qty=amount)


def _cap(side: Side, inputs: GateInputs, limits: Limits) -> Decimal | None:
    """Return the worst price a market order may fill at: as far from the touch as collar and slippage allow."""
    book, pair = inputs.book, inputs.instrument
    levels = () if book is None else book.asks if side is Side.BUY else book.bids
    if book is None or pair is None or not levels:
        return None
    touch = unscaled(levels[0][0], book.price_decimals)
    exits = side is Side.SELL and pair.quote in (inputs.currency, *limits.cash)
    away = limits.collar_far if exits else min(limits.collar_far, limits.max_slippage)
    with exact():
        if side is Side.BUY:
            bound = touch * (ONE + away)
            if pair.bid_multiplier_up is not None and inputs.last is not None:
                bound = max(touch, min(bound, inputs.last * (ONE + pair.bid_multiplier_up * OF_RANGE)))
            return floor_to(bound, pair.price_decimals)
        bound = touch * (ONE - away)
        if pair.ask_multiplier_down is not None and inputs.last is not None:
            bound = min(touch, max(bound, inputs.last * (ONE - pair.ask_multiplier_down * OF_RANGE)))
        return ceil_to(bound, pair.price_decimals)
