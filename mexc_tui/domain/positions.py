"""Spot positions from fills: average cost with fees, what has been realised, and what is not known.

MEXC tells no entry price of a spot holding. The cost of what our own fills bought is known; of anything else
(deposits, orders before the journal began) it is not, and is never taken as zero.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import ZERO, divide, exact
from mexc_tui.domain.orders import Fill, Side

_COST_DECIMALS = 24


class CostBasis(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the fills of one symbol add up to. ``qty`` in base, money in quote."""

    symbol: str
    qty: Decimal = ZERO
    """Base held whose cost is known."""
    cost: Decimal = ZERO
    """What ``qty`` cost, fees included."""
    realised: Decimal = ZERO
    """From selling what had a known cost, fees deducted."""
    fees: Decimal = ZERO
    """Fees that could be valued."""
    unknown_fees: tuple[str, ...] = ()
    """Assets in which fees were paid that could not be valued."""
    unknown_sold: Decimal = ZERO
    """Base sold whose cost was not known; its result is not in ``realised``."""
    traded: bool = False

    @property
    def average(self) -> Decimal | None:
        """Average cost of one base in quote; None while nothing of known cost is held."""
        return divide(self.cost, self.qty, _COST_DECIMALS) if self.qty > 0 else None


def fee_in_quote(fill: Fill, base: str, quote: str, price_of_fee: Decimal | None) -> Decimal | None:
    """Return the fee of a fill in quote: exact in quote, at the fill's price in base, at ``price_of_fee`` else."""
    if fill.fee == 0:
        return ZERO
    with exact():
        if fill.fee_asset == quote:
            return fill.fee
        if fill.fee_asset == base:
            return fill.fee * fill.price
        return None if price_of_fee is None else fill.fee * price_of_fee


def with_fill(basis: CostBasis, fill: Fill, base: str, quote: str, fee_quote: Decimal | None) -> CostBasis:
    """Return the basis after one more fill. ``fee_quote`` None means the fee could not be valued.

    The caller sees to it that a fill comes once (``Fill.key``).
    """
    with exact():
        in_base = fill.fee if fill.fee_asset == base else ZERO
        outlay = ZERO if fill.fee_asset == base else (fee_quote or ZERO)
        if fill.side is Side.BUY:
            after = _bought(basis, fill.qty - in_base, fill.quote_qty + outlay)
        else:
            after = _sold(basis, fill.qty + in_base, fill.quote_qty - outlay)
        unknown = basis.unknown_fees
        if fee_quote is None and fill.fee_asset not in unknown:
            unknown = (*unknown, fill.fee_asset)
        return msgspec.structs.replace(after, fees=after.fees + (fee_quote or ZERO), unknown_fees=unknown, traded=True)


def with_spent(basis: CostBasis, qty: Decimal, value: Decimal | None) -> CostBasis:
    """Return the basis after ``qty`` of the holding paid fees of other pairs: sold for the ``value`` of those fees.

    That value is a cost of the other pair, so both results together lose what the holding had cost. ``value`` None
    means it is not known: then neither is the result, and the cost is only taken away.
    """
    with exact():
        if value is not None:
            return _sold(basis, qty, value)
        left = trimmed(basis, basis.qty - qty)
        return msgspec.structs.replace(left, unknown_sold=left.unknown_sold + qty)


def _bought(basis: CostBasis, qty: Decimal, cost: Decimal) -> CostBasis:
    if qty <= 0:
        return msgspec.structs.replace(basis, realised=basis.realised - cost)
    return msgspec.structs.replace(basis, qty=basis.qty + qty, cost=basis.cost + cost)


def _sold(basis: CostBasis, qty: Decimal, proceeds: Decimal) -> CostBasis:
    """Take the known part first; the result of the rest is not known."""
    known = min(qty, basis.qty)
    if known <= 0:
        return msgspec.structs.replace(basis, unknown_sold=basis.unknown_sold + qty)
    earned = proceeds if known == qty else divide(proceeds * known, qty, _COST_DECIMALS)
    kept = _cost_of(basis, basis.qty - known)
    return msgspec.structs.replace(
        basis,
        qty=basis.qty - known,
        cost=kept,
        realised=basis.realised + earned - (basis.cost - kept),
        unknown_sold=basis.unknown_sold + (qty - known),
    )


def trimmed(basis: CostBasis, held: Decimal) -> CostBasis:
    """Return the basis with at most ``held`` of known cost: the rest has left the account some other way."""
    if basis.qty <= held:
        return basis
    left = max(ZERO, held)
    with exact():
        return msgspec.structs.replace(basis, qty=left, cost=_cost_of(basis, left))


def unrealised(basis: CostBasis, mark: Decimal | None) -> Decimal | None:
    """Return what selling the known part at ``mark`` would earn before fees; None if it cannot be known."""
    if mark is None or basis.qty <= 0:
        return None
    with exact():
        return basis.qty * mark - basis.cost


def _cost_of(basis: CostBasis, qty: Decimal) -> Decimal:
    """Return the share of the cost that belongs to ``qty`` of the holding."""
    if qty == basis.qty:
        return basis.cost
    return ZERO if qty <= 0 else divide(basis.cost * qty, basis.qty, _COST_DECIMALS)
