"""Orders, fills and the states an order can be in."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.numbers import ZERO


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """The five types MEXC spot takes; time in force is part of the type (docs/mexc.md, Orders)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    POST_ONLY = "LIMIT_MAKER"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"

    @property
    def word(self) -> str:
        """As traders call it: ``post-only``, ``IOC``."""
        return _TYPE_WORDS[self]


_TYPE_WORDS = {
    OrderType.LIMIT: "limit",
    OrderType.MARKET: "market",
    OrderType.POST_ONLY: "post-only",
    OrderType.IOC: "IOC",
    OrderType.FOK: "FOK",
}


class OrderState(StrEnum):
    """Where an order stands. DENIED is our own refusal, REJECTED is MEXC's, UNKNOWN is an outcome not yet known."""

    DENIED = "denied"
    PENDING = "pending"
    """Journalled and sent, no answer yet."""
    WORKING = "working"
    PARTIAL = "partially filled"
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    """Sent, and the answer was lost or unreadable; it may be live. Never sent again, only looked up."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    PARTIALLY_CANCELLED = "partially cancelled"
    REJECTED = "rejected"

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self in _FINAL

    @property
    def may_be_live(self) -> bool:
        """Whether the order may stand on the exchange and so counts against limits."""
        return self not in _FINAL


_FINAL = frozenset(
    {
        OrderState.DENIED,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.PARTIALLY_CANCELLED,
        OrderState.REJECTED,
    }
)


NEVER_ARRIVED = "it never arrived"
FORGOTTEN = "the exchange does not know the order any more"
_PRESUMED = frozenset({NEVER_ARRIVED, FORGOTTEN})


class Origin(StrEnum):
    """Where an order was placed, and what was said about it since."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    """On MEXC's pages, by a bot, on another machine; nobody has been asked about it yet."""
    ASKED = "asked"
    """Placed elsewhere, and told with the question whether to adopt it."""
    LEFT = "left"
    """Placed elsewhere, and left as it is on purpose."""
    ADOPTED = "adopted"
    """Placed elsewhere, and managed as one of this desk's since."""


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as it goes to the exchange; prices in quote per base, quantities in base."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    qty: Decimal | None = None
    quote_qty: Decimal | None = None
    """Quote to spend; only for MARKET BUY."""
    price: Decimal | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as the desk knows it; replaced, never changed."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    state: OrderState
    created_ms: int
    updated_ms: int
    order_id: str = ""
    """The exchange's id; empty until it is known."""
    price: Decimal | None = None
    """Limit price; None for a market order, whatever protective price the exchange reports."""
    qty: Decimal | None = None
    quote_qty: Decimal | None = None
    filled_qty: Decimal = ZERO
    filled_quote: Decimal = ZERO
    reason: str = ""
    """Plain words: why it was denied, rejected or is unknown."""
    origin: Origin = Origin.HERE
    reduce_only: bool = False
    """Provably reduces exposure: a sell covered by holdings."""
    cancel_requested: bool = False
    amending: bool = False
    """Whether it is being cancelled so that it can be placed with another size or price."""
    capped: bool = False
    """A market order that went out as an immediate order with ``price`` as its cap."""
    command_id: str = ""
    """The command that placed it; what becomes of the order is reported with it. Empty where none is known."""

    owner: str = ""
    """Whose it is (``domain.owners``); empty where that is not known: placed elsewhere, or by an earlier version."""

    @property
    def exchange_name(self) -> str:
        """What MEXC's pages call it: the exchange's id, or the client's while that is not known."""
        return self.order_id or self.client_order_id

    @property
    def elsewhere(self) -> bool:
        """Whether it was placed elsewhere, adopted or not."""
        return self.origin is not Origin.HERE

    @property
    def managed(self) -> bool:
        """Whether this desk may do more with it than cancel it: placed here, or adopted."""
        return self.origin in (Origin.HERE, Origin.ADOPTED)

    @property
    def word(self) -> str:
        """What kind of order it is, as traders call it."""
        return "capped market" if self.capped else self.type.word

    @property
    def remaining_qty(self) -> Decimal | None:
        """Base still to fill; None for a market order sized in quote."""
        return None if self.qty is None else max(ZERO, self.qty - self.filled_qty)

    @property
    def presumed(self) -> bool:
        """Whether it counts as over only because the exchange shows nothing of it: it may turn up after all."""
        return self.reason in _PRESUMED and self.state.final and self.state is not OrderState.FILLED


_PROOFS = {"C": "certain", "A": "assumed"}


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution of one of our orders. ``trade_id`` and ``is_maker`` make it unique: a self-trade has one each."""

    trade_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ms: int

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the fill across push, query and journal."""
        return (self.trade_id, self.order_id)

    @property
    def proof(self) -> str:
        """``certain`` or ``assumed`` for a fill of paper trading on a mirrored market, empty for every other.

        The paper exchange ends the trade id in C where the mirrored data prove the fill and in A where they do not;
        MEXC's own ids end in a digit.
        """
        return _PROOFS.get(self.trade_id[-1:], "")


class OrderReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the exchange says of an order, by push or by query. Cumulative, so repeats and reorderings are harmless."""

    symbol: str
    order_id: str
    client_order_id: str
    side: Side
    type: OrderType | None
    """None for a type we cannot place (a stop made in MEXC's own app)."""
    state: OrderState
    price: Decimal
    qty: Decimal | None
    quote_qty: Decimal | None
    filled_qty: Decimal
    filled_quote: Decimal
    created_ms: int
    updated_ms: int


class Balance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One asset of the account; ``total = free + locked``."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Everything held, whether locked in orders or not."""
        return self.free + self.locked
