"""Market data values: trades, candles, tickers."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.orders import Side


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One public trade; ``taker`` is the side that crossed the spread."""

    trade_id: str
    """Empty where the exchange gives none (REST answers always)."""
    price: Decimal
    qty: Decimal
    taker: Side
    time_ms: int


class Interval(StrEnum):
    """Candle lengths by their REST names; REST has no ``8h`` (docs/mexc.md, Market data)."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "60m"
    H4 = "4h"
    H8 = "8h"
    D1 = "1d"
    W1 = "1W"
    MO1 = "1M"


class Candle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One candle; ``open_ms`` is the start of its window. A gap candle has zero volume and four equal prices."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    """Base."""
    quote_volume: Decimal
    closed: bool = True


class Ticker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """24-hour figures of a pair; None where the exchange left a figure out."""

    symbol: str
    last: Decimal | None = None
    change: Decimal | None = None
    """Fraction, not percent: -0.0055 is -0.55 %."""
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    quote_volume: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    open: Decimal | None = None
    """Price at the start of the 24 hours."""
