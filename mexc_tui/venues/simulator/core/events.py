"""What the exchange announces as it happens; the server turns these into MEXC's pushes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.orders import Side


class SimOrder(msgspec.Struct, kw_only=True):
    """One order inside the exchange. Enumerations are spelled as MEXC spells them."""

    order_id: str
    account_id: str
    symbol: str
    side: Side
    type: str
    """LIMIT, MARKET, LIMIT_MAKER, IMMEDIATE_OR_CANCEL or FILL_OR_KILL."""
    price: Decimal
    """Limit price; the protective price of a market order."""
    qty: Decimal
    """Base; zero for a market buy by quote amount until it is done."""
    quote_qty: Decimal
    """Quote asked for (market buy by amount), else price x quantity."""
    client_order_id: str | None
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    """NEW, PARTIALLY_FILLED, FILLED, CANCELED, PARTIALLY_CANCELED."""
    filled_qty: Decimal = Decimal(0)
    filled_quote: Decimal = Decimal(0)
    by_quote: bool = False
    stp_mode: str = ""
    cancel_reason: str = ""

    @property
    def open(self) -> bool:
        """Whether the order still stands in the book."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


class BookLevel(msgspec.Struct, frozen=True, gc=False):
    """A level now holds ``qty`` (zero: gone). ``version`` is the symbol's counter, one step an event."""

    symbol: str
    version: int
    side: Side
    price: Decimal
    qty: Decimal
    time_ms: int


class PublicTrade(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    trade_id: str
    price: Decimal
    qty: Decimal
    taker: Side
    time_ms: int


class OrderChanged(msgspec.Struct, frozen=True, gc=False):
    """``order`` is a copy as of this change; ``last_qty`` what the latest fill took."""

    order: SimOrder
    last_qty: Decimal
    is_maker: bool
    time_ms: int


class OwnTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    account_id: str
    symbol: str
    trade_id: str
    order_id: str
    client_order_id: str | None
    side: Side
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    is_self_trade: bool
    time_ms: int
    assumed: bool = False
    """True where a mirrored market could not prove the fill (paper trading on a public feed)."""


class BalanceChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    account_id: str
    asset: str
    free: Decimal
    locked: Decimal
    free_change: Decimal
    locked_change: Decimal
    kind: str
    """MEXC's change type: ENTRUST, ENTRUST_PLACE, ENTRUST_CANCEL, ENTRUST_UNFROZEN, TRADE_FEE, DEPOSIT, ..."""
    time_ms: int


class SymbolChanged(msgspec.Struct, frozen=True, gc=False):
    """A pair was listed, paused, reopened or removed."""

    symbol: str
    time_ms: int


class BookBroken(msgspec.Struct, frozen=True, gc=False):
    """Nothing connects a pair's book with what was announced of it before: its source was lost."""

    symbol: str
    time_ms: int


class CandleMoved(msgspec.Struct, frozen=True, gc=False):
    """A candle changed without a trade here: it comes from outside."""

    symbol: str
    time_ms: int


SimEvent = BookLevel | PublicTrade | OrderChanged | OwnTrade | BalanceChanged | SymbolChanged | BookBroken | CandleMoved
Listener = Callable[[SimEvent], None]


class SimError(Exception):
    """A refusal as MEXC phrases it: code, message and HTTP status."""

    def __init__(self, code: int, message: str, http_status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
