"""What a user (or a script) can ask of the desk. Each carries an id that makes it idempotent."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.alerts import Alert
from mexc_tui.domain.orders import OrderType, Side


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order on the ticket, before any check. Exactly one of ``qty`` and ``quote_qty`` is set when it is complete."""

    symbol: str
    side: Side
    type: OrderType = OrderType.LIMIT
    qty: Decimal | None = None
    quote_qty: Decimal | None = None
    price: Decimal | None = None
    confirmed: tuple[str, ...] = ()
    """Codes of the controls whose question a person has answered with yes."""
    uncapped: bool = False
    """A market order without a price cap; any other market order goes out as a capped immediate order."""
    override: str = ""
    """Code of the one control that a person lifts for this order."""
    because: str = ""
    """Why; kept with the order."""


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


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Give a working order another size or price: it is cancelled, and what is left is placed once that is certain."""

    command_id: str
    client_order_id: str
    qty: Decimal | None = None
    """New size in base, what has filled included; None keeps it."""
    price: Decimal | None = None
    """New limit price; None keeps it."""
    confirmed: bool = False
    """Whether what the gate asks first is answered with yes."""


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


class AdoptOrders(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Manage orders that were placed elsewhere as if this desk had placed them; nothing is sent."""

    command_id: str
    client_order_ids: tuple[str, ...]
    leave: bool = False
    """Leave them as they are instead, and do not ask again."""


class SetCost(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Say what a holding cost, of which the desk cannot know: bought before its journal began, or deposited."""

    command_id: str
    asset: str
    price: Decimal
    """Cost of one unit in the account's currency, fees included."""
    whole: bool = False
    """For all of the asset that is held, replacing what is known; else for the part whose cost is not known."""


class ReadCost(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Work out what a holding cost from the account's own trades, as far back as the exchange tells them."""

    command_id: str
    asset: str
    cancel: bool = False
    """Stop that instead."""


class SetLimit(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Give a limit another value: a tighter one at once, a looser one after a delay and with a reason."""

    command_id: str
    name: str
    value: Decimal | None
    """None calls off a loosening that waits."""
    reason: str = ""


class SetAlert(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Tell of something when it happens; the desk gives the alert its number."""

    command_id: str
    alert: Alert


class RemoveAlert(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    command_id: str
    number: int | None
    """None removes every alert."""


class Halt(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Cancel everything and refuse new exposure until Resume; latched, survives a restart."""

    command_id: str
    reason: str = "halted by hand"


class Resume(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    command_id: str


class Release(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Let a script or algorithm act again that was halted, or all of them in a pair; only by a person at a screen."""

    command_id: str
    name: str
    """The owner's, or the pair's symbol."""


class Arm(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Unlock (or lock) sending of orders in this session."""

    command_id: str
    armed: bool
    name: str = ""
    """The account's, which must be typed to unlock where orders are real."""


class Reconcile(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Ask the exchange for the whole account now."""

    command_id: str


Command = (
    PlaceOrder
    | AmendOrder
    | CancelOrder
    | CancelAll
    | Flatten
    | AdoptOrders
    | SetCost
    | ReadCost
    | SetLimit
    | SetAlert
    | RemoveAlert
    | Halt
    | Resume
    | Release
    | Arm
    | Reconcile
)
