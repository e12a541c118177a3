"""What programs give for quantities, prices and sides, read exactly or refused."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.numbers import floor_to, parse_decimal, plain
from mexc_tui.domain.orders import Side
from mexc_tui.library.types import Amount
from mexc_tui.venues.mexc.rest.outgoing import refused


def side_of(side: Side | str) -> Side:
    """Return the side that is meant; VenueError for none."""
    try:
        return Side(side.upper())
    except ValueError:
        raise refused("the side is neither BUY nor SELL") from None


def exact_amount(value: Amount, name: str) -> Decimal:
    """Return the exact number; floats raise TypeError since they seldom are what was written."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"the {name} must be a Decimal, a text or a whole number, not {type(value).__name__}")
    try:
        return value if isinstance(value, Decimal) else parse_decimal(str(value))
    except ValueError:
        raise refused(f"the {name} is not a number") from None


def must_fit(value: Decimal, decimals: int, name: str, unit: str) -> None:
    """Refuse a number that is not on the pair's grid."""
    if value.is_finite() and value != floor_to(value, decimals):
        nearest = plain(floor_to(value, decimals))
        raise refused(f"the {name} {plain(value)} is not on the pair's {unit}; the next one below is {nearest}")
