"""What the desk writes down to survive its end, and what all of it adds up to.

These are values in memory; how they look in a file is the store's business.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.orders import Fill, Order
from mexc_tui.domain.positions import CostBasis


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order is about to be sent. Durable before its bytes leave."""

    order: Order
    command_id: str
    wall_ms: int


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order changed."""

    order: Order
    wall_ms: int


class DenialRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The gate refused an order: the inputs, the limits and the version of the book it was judged by."""

    order: Order
    codes: tuple[str, ...]
    messages: tuple[str, ...]
    book_version: int
    wall_ms: int


class FillRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution, with the assets of its pair: a restart must not need the exchange to know what was bought."""

    fill: Fill
    base: str
    quote: str
    """Both empty where the pair was not listed when the fill came."""
    fee_quote: Decimal | None
    """The fee in quote at the time of the fill; None where it could not be valued."""
    wall_ms: int


class StateRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value that a restart takes up: trading state, start of the day, time of the last comparison."""

    name: str
    value: str
    wall_ms: int


class HoldingRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Total of an asset after a reconciliation, to notice what left the account some other way."""

    asset: str
    total: Decimal
    wall_ms: int


Record = IntentRecord | OrderRecord | DenialRecord | FillRecord | StateRecord | HoldingRecord


class TrackedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order with what its executions add up to."""

    order: Order
    booked_qty: Decimal
    booked_quote: Decimal
    booked_ms: int
    moved_ms: int
    reported: bool


class BookedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Trade ids of one exchange order that have been booked, and the exchange time of the newest."""

    order_id: str
    newest_ms: int
    trade_ids: tuple[str, ...]


class DayStart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Equity at the start of a UTC day, in ``currency``."""

    day: int
    start: Decimal
    currency: str
    counted: tuple[str, ...]
    missing: tuple[str, ...]


class DeskSnapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the records up to some point add up to: resuming from it and the records after it is resuming from all."""

    currency: str
    last_ms: int
    compared_ms: int
    """Up to when orders and fills have been compared with the exchange; zero where no record says so."""
    orders: tuple[TrackedOrder, ...]
    """In the order in which they became known."""
    live: tuple[str, ...]
    unsettled: tuple[str, ...]
    ended: tuple[str, ...]
    unmatched: tuple[tuple[str, Decimal, Decimal], ...]
    """Exchange order id, quantity and quote of executions whose order is not known."""
    commands: tuple[str, ...]
    intents: tuple[IntentRecord, ...]
    fills: tuple[Fill, ...]
    """The latest, newest first."""
    booked: tuple[BookedOrder, ...]
    booked_floor_ms: int
    """Executions of unknown orders before this exchange time are not new."""
    costs: tuple[CostBasis, ...]
    pairs: tuple[tuple[str, str, str], ...]
    """Symbol, base and quote of everything that was traded."""
    third_assets: tuple[str, ...]
    holdings: tuple[tuple[str, Decimal], ...]
    day: DayStart | None
    state: str
    reason: str


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal holds: a snapshot, if there is one, and every record after it."""

    snapshot: DeskSnapshot | None = None
    records: tuple[Record, ...] = ()
