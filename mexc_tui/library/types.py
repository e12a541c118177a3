"""What the library takes and gives: every public type in one place."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    ChannelRefused,
    LinkChanged,
    LinkState,
    TickersSeen,
    TopLevels,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits, TradingState, Violation
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Fill, Order, OrderReport, OrderState, OrderType, Side
from mexc_tui.domain.views import BookState, Position, RiskView, Sweep
from mexc_tui.venues.mexc.rest.models import RestMetrics
from mexc_tui.venues.mexc.settings import MexcSettings

__all__ = [
    "Amount",
    "Balance",
    "Book",
    "BookDelta",
    "BookLevel",
    "BookState",
    "Candle",
    "CandleSeen",
    "ChannelRefused",
    "ErrorKind",
    "Fact",
    "Fill",
    "Instrument",
    "Interval",
    "Limits",
    "LinkChanged",
    "LinkState",
    "MexcSettings",
    "Order",
    "OrderReport",
    "OrderState",
    "OrderType",
    "Placed",
    "Position",
    "RestMetrics",
    "RiskView",
    "SessionMetrics",
    "Side",
    "Sweep",
    "Ticker",
    "TickersSeen",
    "TopLevels",
    "TopOfBook",
    "Trade",
    "TradesSeen",
    "TradingState",
    "VenueError",
    "Violation",
]

Amount = Decimal | int | str
"""A quantity or price. Floats are refused: they are not exact."""


class Placed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order that the exchange took. Nothing is said of fills."""

    order_id: str
    client_order_id: str


class SessionMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a session."""

    rest: RestMetrics
    frames: int
    unknown_frames: int
    stream_ms: float | None
    """Median from sending to receipt, corrected by the clock offset."""
    market_link: str
    account_link: str
    books: dict[str, str]
    """State of each book."""
    unknown_orders: int


class BookLevel(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One price and the quantity that stands there."""

    price: Decimal
    qty: Decimal


class Book(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A picture of a book, best levels first; exact at ``version`` if ``live``."""

    symbol: str
    state: BookState
    version: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    reason: str
    """Why it is not live, in plain words."""

    @property
    def live(self) -> bool:
        """Whether every level shown is exact at that version."""
        return self.state is BookState.LIVE
