"""What the desk writes down to survive its end, and what all of it adds up to.

These are values in memory; how they look in a file is the store's business.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.limits import Violation
from mexc_tui.domain.orders import Fill, Order
from mexc_tui.domain.positions import CostBasis


class Way(StrEnum):
    """How the desk came to know what a record says."""

    HERE = ""
    """By itself: it was asked to, concluded it, or nothing was heard."""
    ANSWER = "answer"
    """The exchange's answer to the request that sent or cancelled the order."""
    PUSH = "push"
    """A message of the account stream."""
    LOOK_UP = "look-up"
    """The answer to a question about this order."""
    RECONCILE = "reconcile"
    """The answer to a question about the account: open orders, or executions since a time."""
    FILL = "fill"
    """An execution, recorded by itself just before."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What the exchange said: how it was heard, when the exchange dates it (zero where it does not), and its words."""

    way: Way = Way.HERE
    time_ms: int = 0
    said: str = ""


NOTHING_HEARD = Heard()


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a client asked for, before anything was done about it. Nothing is resumed from it."""

    command_id: str
    name: str
    details: str
    """The command's fields as JSON."""
    client: str
    role: str
    wall_ms: int


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order is about to be sent. Durable before its bytes leave."""

    order: Order
    command_id: str
    wall_ms: int
    """When the gate decided."""
    book_version: int = 0
    """Version of the book it was judged by; zero for one that no book was needed for."""
    notes: tuple[Violation, ...] = ()
    """What the gate warned of, and what a person confirmed."""


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order changed."""

    order: Order
    wall_ms: int
    """When this was known here."""
    heard: Heard = NOTHING_HEARD
    """By what; records of earlier versions say nothing of it."""


class DenialRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The gate refused an order, or the amendment of one that works: the version of the book it was judged by, and why.

    ``order`` is the refused one, or the one that works on.
    """

    order: Order
    codes: tuple[str, ...]
    messages: tuple[str, ...]
    book_version: int
    wall_ms: int
    violations: tuple[Violation, ...] = ()
    """Why, each with its limit and what the order came to; records of earlier versions have none."""
    command_id: str = ""
    """The command that asked for it; records of earlier versions do not say."""


class FillRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution, with the assets of its pair: a restart must not need the exchange to know what was bought."""

    fill: Fill
    base: str
    quote: str
    """Both empty where the pair was not listed when the fill came."""
    fee_quote: Decimal | None
    """The fee in quote at the time of the fill; None where it could not be valued."""
    wall_ms: int
    way: Way = Way.HERE
    """``PUSH`` or ``RECONCILE``; records of earlier versions do not say."""
    currency: str = ""
    """The account's currency then; records of earlier versions do not say."""
    quote_price: Decimal | None = None
    """What one unit of quote was worth in it then; None where that was not known, or quote is that currency."""


class StateRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value that a restart takes up: trading state, start of the day, time of the last comparison."""

    name: str
    value: str
    wall_ms: int


class HoldingRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Total of an asset by a comparison, to notice what left the account some other way.

    Executions between the two times, by the exchange's clock, may or may not be part of it.
    """

    asset: str
    total: Decimal
    wall_ms: int
    since_ms: int = 0
    time_ms: int = 0
    """Zero where the record says only that it came after all records before it."""


class TradeRange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which of the account's own trades in one pair something was worked out from; times by the exchange's clock."""

    symbol: str
    count: int
    first_id: str
    first_ms: int
    last_id: str
    last_ms: int


class CostRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a holding cost of which the booked executions say nothing: somebody says so, or the exchange's trades."""

    symbol: str
    base: str
    quote: str
    qty: Decimal
    """Base that is meant."""
    cost: Decimal
    """What it cost, in quote."""
    whole: bool
    """Whether it replaces what was known of the asset's cost, or is added to it."""
    time_ms: int
    """When it was said, or the last trade was made, by the exchange's clock."""
    wall_ms: int
    trades: tuple[TradeRange, ...] = ()
    """The trades that prove it; empty for what somebody says."""
    unknown_fees: tuple[str, ...] = ()
    """Assets in which fees were paid that are not in the cost: their value at the time is not known."""


Record = (
    CommandRecord | IntentRecord | OrderRecord | DenialRecord | FillRecord | StateRecord | HoldingRecord | CostRecord
)


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
    """Up to when orders and fills have been compared, by the exchange's clock; zero where no record says so."""
    orders: tuple[TrackedOrder, ...]
    """In the order in which they became known."""
    live: tuple[str, ...]
    unsettled: tuple[str, ...]
    ended: tuple[str, ...]
    unmatched: tuple[tuple[str, Decimal, Decimal], ...]
    """Exchange order id, quantity and quote of executions whose order is not known."""
    commands: tuple[str, ...]
    intents: tuple[IntentRecord, ...]
    fills: tuple[FillRecord, ...]
    """The latest, in the order in which they happened."""
    capped: tuple[HoldingRecord, ...]
    """Holdings recorded between them."""
    said: tuple[CostRecord, ...]
    """Costs that were said between them."""
    booked: tuple[BookedOrder, ...]
    booked_floor_ms: int
    """Executions of unknown orders before this exchange time are not new."""
    costs: tuple[CostBasis, ...]
    """Before the first of ``fills``, ``capped`` and ``said``."""
    pairs: tuple[tuple[str, str, str], ...]
    """Symbol, base and quote of everything that was traded."""
    third_assets: tuple[str, ...]
    holdings: tuple[tuple[str, Decimal | None], ...]
    expected: tuple[tuple[str, Decimal], ...]
    """What should be held of every asset by the last comparison and the executions after it."""
    complete: bool
    """Whether what is not named there should not be held."""
    first_compared: tuple[tuple[str, int], ...] = ()
    """From when on executions count in it, of each asset, by the exchange's clock."""
    complete_ms: int = 0
    """The same of what is not named."""
    day: DayStart | None
    state: str
    reason: str
    limits: tuple[tuple[str, str], ...] = ()
    """What is recorded of limits that were changed: the record's name and value."""
    alerts: tuple[tuple[str, str], ...] = ()
    """What is recorded of alerts: the record's name and value."""
    cost_asked: tuple[str, ...] = ()
    """Assets whose unknown cost somebody has been asked about."""
    day_exposures: tuple[tuple[str, str], ...] = ()
    """Value of the orders of a day that did not reduce, as it is recorded: of all (no name) and by owner."""
    owned: tuple[tuple[str, str, Decimal], ...] = ()
    """Owner, asset and quantity of what owners have bought and not sold."""
    halts: tuple[tuple[str, str], ...] = ()
    """What is recorded of automation that is halted: the record's name and value."""


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal holds: a snapshot, if there is one, and every record after it."""

    snapshot: DeskSnapshot | None = None
    records: tuple[Record, ...] = ()
    latch: str = ""
    """The trading state as it is kept beside the journal; empty where nothing is."""
    lost: str = ""
    """A sentence if records that had been written are missing at the end."""
