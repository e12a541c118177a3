"""Whether an execution is one that its order can have had: looked at after the trade, for the exchange may err too."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.controls.case import grouped, percent
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import divide, exact
from mexc_tui.domain.orders import Fill, Order, Side

_FEE_TIMES = 2
_FEE_SLACK = Decimal("0.0001")
_FEE_ROUNDED = Decimal("0.000001")
"""A fee no larger than this, in its own asset, may be large only because the exchange rounds it up."""


def odd(
    fill: Fill, order: Order, filled: tuple[Decimal, Decimal], pair: Instrument | None, fee_quote: Decimal | None
) -> list[str]:
    """Return what is wrong with an execution, as parts of a sentence.

    ``filled`` are quantity and quote of all executions of the order so far; ``fee_quote`` None where the fee has no
    price, ``pair`` None where it is not listed: then the fee is not judged.
    """
    found = []
    buying = order.side is Side.BUY
    if order.price is not None and (fill.price > order.price if buying else fill.price < order.price):
        beyond = "above" if buying else "below"
        found.append(f"its price {grouped(fill.price)} is {beyond} the order's limit {grouped(order.price)}")
    for asked, got in ((order.qty, filled[0]), (None if order.qty else order.quote_qty, filled[1])):
        if asked is not None and got > asked:
            found.append(f"{grouped(got)} have filled in all of an order for {grouped(asked)}")
    if pair is None or fee_quote is None or fill.fee <= _FEE_ROUNDED or fill.quote_qty <= 0:
        return found
    usual = max(pair.maker_fee, pair.taker_fee)
    with exact():
        too_much = fee_quote > fill.quote_qty * (usual * _FEE_TIMES + _FEE_SLACK)
    if too_much:
        rate = divide(fee_quote, fill.quote_qty, 8)
        found.append(f"its fee is {percent(rate)} of its value, where the pair lists {percent(usual)}")
    return found
