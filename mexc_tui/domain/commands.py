"""What a user (or a script) can ask of the desk. Each carries an id that makes it idempotent."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.orders import OrderType, Side


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order on the ticket, before any check. Exactly one of ``qty`` and ``quote_qty`` is set when it is complete."""

    symbol: str
    side: Side
    type: OrderType = OrderType.LIMIT
    qty: Decimal | None = None
    quote_qty: Decimal | None = None
    price: Decimal | None = None


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Send a draft through the gate. ``seen_*`` describe the book that was shown when the key was pressed."""

    command_id: str
    draft: Draft
    seen_version: int = 0
    seen_age_ms: int = 0
    seen_bid: Decimal | None = None
    seen_ask: Decimal | None = None


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    command_id: str
    client_order_id: str


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Cancel every open order, or those of one symbol, one side, one price."""

    command_id: str
    symbol: str | None = None
    side: Side | None = None
    price: Decimal | None = None


class Flatten(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Cancel the working orders of a symbol (None: all) and sell what is held, as capped immediate orders."""

    command_id: str
    symbol: str | None = None


class Halt(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Cancel everything and refuse new exposure until Resume; latched, survives a restart."""

    command_id: str
    reason: str = "halted by hand"


class Resume(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    command_id: str


class Arm(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Unlock (or lock) sending of orders in this session."""

    command_id: str
    armed: bool


class Reconcile(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Ask the exchange for the whole account now."""

    command_id: str


Command = PlaceOrder | CancelOrder | CancelAll | Flatten | Halt | Resume | Arm | Reconcile
