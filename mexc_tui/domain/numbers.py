"""Exact decimal numbers: parsing, scaling and printing without a float in between."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Context, Decimal, localcontext

ZERO = Decimal(0)
ONE = Decimal(1)

MAX_DIGITS = 60
"""Longest text of one number that is accepted, integer and fraction together."""
_MAX_SIDE = 40
"""Most digits on either side of the point."""

_NUMBER = re.compile(rf"[+-]?(\d{{1,{_MAX_SIDE}}})(\.\d{{0,{_MAX_SIDE}}})?|[+-]?\.\d{{1,{_MAX_SIDE}}}", re.ASCII)
EXACT = Context(prec=200)
"""Wide enough that no sum or product of money loses a digit."""
_EXACT = EXACT


def exact() -> AbstractContextManager[Context]:
    """Return a context in which sums and products of money keep every digit (the default keeps 28)."""
    return localcontext(_EXACT)


class BadNumberError(ValueError):
    """A text that should be a decimal number is not one."""


def parse_decimal(text: str) -> Decimal:
    """Return the exact value of a plain decimal text such as ``"0.00000012"``.

    Exponents, NaN, infinities, blanks and over-long texts are refused.

    Raises:
        BadNumberError: the text is not a plain decimal number.
    """
    if not isinstance(text, str) or len(text) > MAX_DIGITS or _NUMBER.fullmatch(text) is None:
        raise BadNumberError(f"not a decimal number: {str(text)[:40]!r}")
    return Decimal(text)


def is_plain(value: Decimal) -> bool:
    """Whether a number is of a size that can be an amount of money: ``parse_decimal`` reads what it prints."""
    if not value.is_finite() or value.adjusted() >= _MAX_SIDE or decimals_of(value) > _MAX_SIDE:
        return False
    return len(plain(value)) <= MAX_DIGITS


def scaled(text: str, decimals: int) -> int:
    """Return ``text × 10^decimals`` as an integer.

    Raises:
        BadNumberError: not a number, or it has more than ``decimals`` significant decimals.
    """
    return units_of(parse_decimal(text), decimals)


def units_of(value: Decimal, decimals: int) -> int:
    """Return ``value × 10^decimals`` as an integer, however long: sums are longer than what comes in.

    Raises:
        BadNumberError: it has more than ``decimals`` significant decimals.
    """
    shifted = value.scaleb(decimals, _EXACT)
    if shifted != shifted.to_integral_value(context=_EXACT):
        raise BadNumberError(f"{value} has more than {decimals} decimals")
    return int(shifted)


def unscaled(value: int, decimals: int) -> Decimal:
    """Return the decimal that ``value`` stands for when it counts units of ``10^-decimals``."""
    return Decimal(value).scaleb(-decimals, _EXACT)


def decimals_of(value: Decimal) -> int:
    """Return how many decimals ``value`` needs, trailing zeros ignored."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def step_of(decimals: int) -> Decimal:
    """Return ``10^-decimals``."""
    return ONE.scaleb(-decimals, _EXACT)


def floor_to(value: Decimal, decimals: int) -> Decimal:
    """Return ``value`` cut towards zero to ``decimals`` decimals."""
    return _quantize(value, decimals, ROUND_DOWN)


def ceil_to(value: Decimal, decimals: int) -> Decimal:
    """Return ``value`` raised away from zero to ``decimals`` decimals."""
    return _quantize(value, decimals, ROUND_UP)


def round_to(value: Decimal, decimals: int) -> Decimal:
    """Return ``value`` rounded half-even to ``decimals`` decimals; for display and estimates."""
    return _quantize(value, decimals, ROUND_HALF_EVEN)


def divide(numerator: Decimal, denominator: Decimal, decimals: int = 24) -> Decimal:
    """Return the quotient cut to ``decimals`` decimals; a zero denominator raises ZeroDivisionError."""
    return _divide(numerator, denominator, decimals, ROUND_DOWN)


def divide_up(numerator: Decimal, denominator: Decimal, decimals: int = 24) -> Decimal:
    """Return the quotient raised to ``decimals`` decimals, away from zero; raises ZeroDivisionError like divide."""
    return _divide(numerator, denominator, decimals, ROUND_UP)


def _divide(numerator: Decimal, denominator: Decimal, decimals: int, rounding: str) -> Decimal:
    if denominator == 0:
        raise ZeroDivisionError("division of money by zero")
    with localcontext(_EXACT):
        return (numerator / denominator).quantize(ONE.scaleb(-decimals), rounding=rounding)


def amount(value: Decimal, decimals: int = 2) -> str:
    """Return an amount of money to be read: rounded, thousands separated; a small one keeps two significant digits."""
    if value != 0 and abs(value) < ONE.scaleb(-decimals):
        decimals = min(18, 1 - value.adjusted())
    return f"{value:,.{decimals}f}"


def plain(value: Decimal) -> str:
    """Return ``value`` in fixed notation without trailing zeros, as the wire wants it."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0", "-") else text


def _quantize(value: Decimal, decimals: int, rounding: str) -> Decimal:
    with localcontext(_EXACT):
        return value.quantize(ONE.scaleb(-decimals), rounding=rounding)
