"""Risk limits, trading states and verdicts."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec


class TradingState(StrEnum):
    """ACTIVE takes everything the limits allow, HALTED nothing but cancels and flattening."""

    ACTIVE = "active"
    HALTED = "halted"


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The limits of the gate. Money in quote, fractions as decimals, times in milliseconds."""

    max_order_value: Decimal = Decimal(2_500)
    """Largest notional of one order."""
    max_order_qty: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Largest quantity of one order in base, by symbol; a symbol not named has only the value limit."""
    max_position_value: Decimal = Decimal(10_000)
    """Largest holding of one symbol, counted as if every working buy had filled."""
    max_open_orders: int = 50
    collar_far: Decimal = Decimal("0.01")
    """A price may go through the far touch by at most this fraction."""
    collar_near: Decimal = Decimal("0.5")
    """A price may stand away from the near touch by at most this fraction."""
    collar_reference: Decimal = Decimal("0.6")
    """A price may differ from the reference (mid, else last) by at most this fraction."""
    flatten_collar: Decimal = Decimal("0.05")
    """How far through the touch a flattening order may go."""
    max_slippage: Decimal = Decimal("0.005")
    """Largest estimated distance of the average price from the touch for the part that takes."""
    duplicate_window_ms: int = 1_000
    duplicate_max: int = 1
    """How many orders of the same symbol, side, price and quantity may be sent in the window."""
    orders_per_second: int = 5
    max_in_flight: int = 5
    """Sent and not yet acknowledged."""
    max_book_age_ms: int = 5_000
    """Age of the last proof that the book is current: a depth push or an answer of the link."""
    max_seen_age_ms: int = 5_000
    """Age of the book on the screen when the order was sent."""
    seen_tolerance: Decimal = Decimal("0.003")
    """How far the touch may have moved since the frame the trader saw."""
    denied_symbols: tuple[str, ...] = ()
    allowed_symbols: tuple[str, ...] = ()
    """Empty allows every symbol that is not denied."""
    deny_flagged: bool = True
    """Refuse to buy pairs with MEXC's special-treatment flag."""
    idle_lock_minutes: int = 60
    """Lock the ticket after this long without a command; zero never does."""


class Violation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One failed control: a stable code, a sentence with numbers, and what would pass."""

    code: str
    message: str
    limit: str = ""
    actual: str = ""


class Headroom(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of one limit is used: ``used / limit``, both in ``unit``."""

    code: str
    label: str
    used: Decimal
    limit: Decimal
    unit: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the gate says of a draft, and what the order would do. None means it cannot be known."""

    violations: tuple[Violation, ...] = ()
    reduces: bool = False
    max_qty: Decimal | None = None
    """Largest quantity in base that would pass with everything else unchanged; zero if none would."""
    binding: str = ""
    """Code of the limit that binds ``max_qty``."""
    qty: Decimal | None = None
    """Quantity in base that the order stands for (estimated for a market buy sized in quote)."""
    notional: Decimal | None = None
    average_price: Decimal | None = None
    """Expected average of the part that takes, from walking the book."""
    worst_price: Decimal | None = None
    slippage: Decimal | None = None
    """Distance of the average from the touch, as a fraction."""
    fee: Decimal | None = None
    """In quote, at the taker rate for what takes and the maker rate for what rests."""
    exposure_after: Decimal | None = None
    """Value of the symbol's holding if this and all working buys fill."""
    headroom: tuple[Headroom, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the gate would let the order out."""
        return not self.violations
