"""Exact money arithmetic, whatever the thread's decimal context is."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal, Inexact

_EXACT = Context(prec=120, traps=[Inexact])
_CUT = Context(prec=120, rounding=ROUND_DOWN)

add = _EXACT.add
subtract = _EXACT.subtract
multiply = _EXACT.multiply


def to_units(value: Decimal, decimals: int) -> int:
    """Return how many ``10^-decimals`` fit into ``value``, cut towards zero."""
    return int(value.scaleb(decimals, _CUT))


def from_units(units: int, decimals: int) -> Decimal:
    """Return the value of ``units`` counted in ``10^-decimals``."""
    return Decimal(units).scaleb(-decimals, _EXACT)


def fits(value: Decimal, decimals: int) -> bool:
    """Whether ``value`` needs no more than ``decimals`` decimals."""
    shifted = value.scaleb(decimals, _EXACT)
    return shifted == shifted.to_integral_value(context=_CUT)
