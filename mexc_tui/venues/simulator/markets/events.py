"""The events of a recorded market, and why one cannot be played."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mexc_tui.domain.numbers import BadNumberError, parse_decimal
from mexc_tui.domain.orders import Side


class TapeError(ValueError):
    """A tape cannot be played. The message names the file, and the line where there is one."""


class TapeLine(msgspec.Struct, frozen=True):
    """One event of a tape. Prices and quantities are still texts."""

    at_ms: int
    kind: str
    symbol: str
    update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    taker: Side | None = None
    trade_id: str = ""
    """The exchange's id of a trade; empty where the tape has none."""


def level_of(pair: Sequence[str]) -> tuple[str, str]:
    """Return price and quantity of a level; BadNumberError for what is none."""
    price, qty = pair
    if parse_decimal(price) <= 0 or parse_decimal(qty) < 0:
        raise BadNumberError(f"a price of {price} and a quantity of {qty}")
    return price, qty


def reason_of(error: Exception) -> str:
    """Return why a line cannot be used, for a reader."""
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) or type(error).__name__
