"""What is known about a traded pair."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.numbers import ZERO, step_of

OF_RANGE = Decimal("0.75")
"""Share of the exchange's price range that a cap uses: the market moves while the order is on its way."""


class TradeSides(StrEnum):
    """Which sides MEXC lets an API user trade (exchangeInfo ``tradeSideType``)."""

    BOTH = "both"
    BUY_ONLY = "buy only"
    SELL_ONLY = "sell only"
    CLOSED = "closed"


class InstrumentStatus(StrEnum):
    """Exchange status of a pair (exchangeInfo ``status`` 1, 2, 3; anything else is unknown)."""

    ONLINE = "online"
    PAUSED = "paused"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One pair with MEXC's precision semantics.

    ``price_decimals`` comes from ``quotePrecision`` and ``qty_decimals`` from ``baseAssetPrecision``;
    ``min_qty`` is ``baseSizePrecision`` and ``min_notional`` is ``quoteAmountPrecision``, which are minimums
    and not precisions in spite of their names (exchangeInfo; zero means none).
    """

    symbol: str
    base: str
    quote: str
    price_decimals: int
    qty_decimals: int
    status: InstrumentStatus = InstrumentStatus.ONLINE
    api_trading: bool = True
    sides: TradeSides = TradeSides.BOTH
    order_types: tuple[str, ...] = ("LIMIT", "MARKET", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL")
    min_qty: Decimal = ZERO
    min_notional: Decimal = ZERO
    min_notional_market: Decimal = ZERO
    max_notional: Decimal | None = None
    max_notional_market: Decimal | None = None
    maker_fee: Decimal = ZERO
    """Fraction of the traded amount, not percent."""
    taker_fee: Decimal = ZERO
    market_reserve: Decimal = Decimal("0.05")
    """How far beyond the touch a market order may fill, as a fraction; a buy by quantity needs so much more free."""
    bid_multiplier_up: Decimal | None = None
    """A buy may be priced at most at last x (1 + this); None where the exchange gives no such filter."""
    ask_multiplier_down: Decimal | None = None
    full_name: str = ""
    risk_flag: bool = False
    """Special treatment flag ``st``."""
    first_open_ms: int | None = None

    @property
    def tick(self) -> Decimal:
        """Smallest price step, in quote per base."""
        return step_of(self.price_decimals)

    @property
    def step(self) -> Decimal:
        """Smallest quantity step, in base."""
        return step_of(self.qty_decimals)

    @property
    def tradable(self) -> bool:
        """Whether API users may trade the pair at all, on at least one side."""
        return self.status is InstrumentStatus.ONLINE and self.api_trading and self.sides is not TradeSides.CLOSED
