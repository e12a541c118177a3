"""What the screen sees: one immutable picture per topic, the latest wins."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.alerts import Alert
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Headroom, Limits, Refusal, TradingState, WaitingLimit
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Balance, Fill, Order
from mexc_tui.domain.owners import PERSON


class BookState(StrEnum):
    """LIVE is a promise: every level within the known depth is exact at that version."""

    EMPTY = "empty"
    SYNCING = "syncing"
    LIVE = "live"
    STALE = "stale"


class BookView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A book, best levels first. Prices count units of 10^-price_decimals, quantities of 10^-qty_decimals."""

    symbol: str
    state: BookState
    version: int
    price_decimals: int
    qty_decimals: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    known_low: int | None = None
    """Lowest price down to which bids are complete; None if all of them are known."""
    known_high: int | None = None
    as_of_ns: int = 0
    """Monotonic time of the last applied update."""
    sent_ms: int = 0
    reason: str = ""
    """Why it is not live, in plain words."""


class TapeView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Newest trades of a symbol, oldest first, and how many there have been in all."""

    symbol: str
    trades: tuple[Trade, ...]
    count: int
    as_of_ns: int = 0


class CandlesView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    symbol: str
    interval: Interval
    candles: tuple[Candle, ...]
    """Contiguous, oldest first; the last one is open."""
    loading: bool = False
    as_of_ns: int = 0


class WatchRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    symbol: str
    last: Decimal | None = None
    change: Decimal | None = None
    """24 h change as a fraction."""
    bid: Decimal | None = None
    ask: Decimal | None = None
    quote_volume: Decimal | None = None
    spark: tuple[Decimal, ...] = ()
    tradable: bool = True
    price_decimals: int = 2
    as_of_ns: int = 0


class WatchlistView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    rows: tuple[WatchRow, ...]


class OrdersView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Orders that may be live, oldest first, and the latest finished ones, newest first."""

    open: tuple[Order, ...]
    recent: tuple[Order, ...]


class Position(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A spot holding seen as a position. None means not known, never zero."""

    symbol: str
    asset: str
    qty: Decimal
    """Everything held, free and locked."""
    known_qty: Decimal
    """The part whose cost is known from fills."""
    average: Decimal | None
    """Average entry of the known part in quote, fees included."""
    mark: Decimal | None
    """Price at which the holding could be sold now."""
    value: Decimal | None
    unrealised: Decimal | None
    """Of the known part, marked at ``mark``, before the fee of selling."""
    realised: Decimal
    """Since the journal began, fees deducted."""
    fees: Decimal
    unknown_fees: tuple[str, ...] = ()
    """Assets in which fees were paid that could not be valued."""
    unknown_sold: Decimal = ZERO
    """Base sold whose cost was not known; its result is not part of ``realised``."""


class PositionsView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    positions: tuple[Position, ...]


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    balance: Balance
    value: Decimal | None
    """In the account's currency; None where there is no price."""


class BalancesView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    rows: tuple[BalanceRow, ...]
    reconciled_ns: int = 0
    currency: str = ""
    """What values are in."""


class FillsView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Newest first."""

    fills: tuple[Fill, ...]


class EquityView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Equity in ``currency`` over time, one point a second at most, oldest first."""

    points: tuple[tuple[int, Decimal], ...]
    unpriced: tuple[str, ...] = ()
    """Assets left out because they have no price."""
    currency: str = ""


class Sweep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far cancelling everything has come, in orders."""

    confirmed: int
    """Over, as the exchange has told or shown."""
    sent: int
    """Whose cancel has left."""
    left: int
    """That may still be open, as far as is known."""
    verified: bool
    """Whether the exchange itself lists nothing of it any more."""
    problem: str
    """What last went wrong, in plain words; empty once verified."""


class OwnerHalt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A script or algorithm that may only reduce, or a pair in which all of them may."""

    name: str
    """The owner's, or the pair's symbol."""
    reason: str


class RiskView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    state: TradingState
    reason: str
    armed: bool
    ready: bool
    """False while recovery or reconciliation has not finished: the ticket is locked."""
    ready_reason: str
    limits: Limits
    headroom: tuple[Headroom, ...]
    equity: Decimal | None
    day_pnl: Decimal | None
    """Equity now less equity at the start of the UTC day (or of the session)."""
    exposure: Decimal | None
    """Value of all holdings other than the quote asset."""
    in_flight: int
    unknown: int
    currency: str = ""
    """What equity, result and exposure are in."""
    sweep: Sweep | None = None
    """The latest cancelling of everything; None where there was none."""
    arm_name: str = ""
    """What must be typed to unlock the ticket; empty where nothing must."""
    waiting: tuple[WaitingLimit, ...] = ()
    """Limits that are to be loosened."""
    compared_ns: int = 0
    """When orders and balances were last compared with the exchange (monotonic); zero before the first time."""
    refusals: tuple[Refusal, ...] = ()
    """The last one of each control, since the desk began."""
    halts: tuple[OwnerHalt, ...] = ()
    """Automation that is halted until a person releases it."""


class AlertsView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Alerts that stand, by number."""

    alerts: tuple[Alert, ...]


class VenueKind(StrEnum):
    DEMO = "demo"
    REPLAY = "replay"
    LOCAL = "local"
    """An exchange on the loopback that this program did not start."""
    PAPER = "paper"
    LIVE = "live"
    """MEXC itself."""


class LinkView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Venue, mode and the health of the link, for the status bar."""

    venue: str
    kind: VenueKind
    state: LinkState
    reason: str
    can_trade: bool
    rest_ms: float | None = None
    stream_ms: float | None = None
    clock_offset_ms: float | None = None
    frames: int = 0
    frames_per_s: float = 0.0
    unknown_frames: int = 0
    weight_used: int = 0
    weight_limit: int = 0
    order_tokens: float = 0.0
    order_limit: int = 0
    private_state: LinkState = LinkState.CONNECTING
    as_of_ns: int = 0
    breaker: str = "closed"
    held: str = ""
    """Why requests do not go out at the moment; empty while they do."""
    held_s: float = 0.0
    """Seconds until they do, or until one tries, as of ``as_of_ns``."""
    drift: str = ""
    """What the exchange sends that this version does not know; empty while it knows everything."""


class InstrumentsView(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    by_symbol: dict[str, Instrument]


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of account and exchange that new exposure hangs on in every pair. None means not known."""

    compared_age_ms: int | None
    """Age of the latest comparison with the exchange; None before the first, when the desk is not ready anyway."""
    clock_offset_ms: int | None
    """The exchange's clock less ours."""
    held: str | None
    """Why requests do not go out; empty while they do."""
    requests: int
    """Sent within the last half minute."""
    failed: int
    """Those of them that the exchange left unanswered, or answered with an error of its own."""
    unvalued_ms: int
    """For how long the result of the day has not been known."""
    day_exposure: Decimal
    """Value of all orders of the UTC day that did not reduce when they were sent, in the account's currency."""
    losses: int
    """Latest losing sales in a row, within an hour."""
    cooling_ms: int
    """How long they hold new exposure back yet."""


class Owned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one owner has used of its own limits, and what holds it back. Counted only where something depends on it."""

    owner: str = PERSON
    halted: str = ""
    """Why it may only reduce; empty where it may more."""
    pair_halted: str = ""
    """Why every script and algorithm may only reduce in the symbol."""
    moved: Decimal | None = None
    """How far apart the symbol's prices were within the window of VOLATILITY_BREAKER, as a fraction of the lowest."""
    sends: int = 0
    """Its orders within the last second."""
    open_orders: int = 0
    """Its orders that may be live."""
    day_exposure: Decimal = ZERO
    """Value of its orders of the UTC day that did not reduce, in the account's currency."""
    added: Decimal | None = None
    """Value of what it has bought and not sold, and of what its buys may still bring; None where that has no price."""
    entries: int = 0
    """Its orders that did not reduce within the window of REPEATED_EXECUTION, in all pairs."""
    filled: tuple[int, int] = (0, 0)
    """Those of them in the symbol that filled: buys and sells."""


class GateInputs(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Everything the gate looks at for one symbol, so that the ticket's preview and the gate see the same.

    Any part that is None was not available; the controls that need it then refuse.
    """

    symbol: str
    instrument: Instrument | None
    book: BookView | None
    book_age_ms: int | None
    """Milliseconds since the book was last known to be current."""
    last: Decimal | None
    limits: Limits
    state: TradingState
    armed: bool
    ready: bool
    ready_reason: str
    can_trade: bool
    """False on a venue where orders are refused altogether (MEXC itself, until live trading is unlocked)."""
    journal_ok: bool
    base_free: Decimal | None
    base_total: Decimal | None
    quote_free: Decimal | None
    currency: str
    """The account's currency: every limit on money is in it."""
    quote_price: Decimal | None
    """What one unit of the quote asset costs in the account's currency."""
    price_age_ms: int | None
    """Age of the oldest price that ``quote_price`` was worked out from; zero for the currency itself."""
    base_price: Decimal | None
    """What one unit of the base asset costs in the account's currency."""
    base_exposure: Decimal | None
    """Value of the base asset if every order that may be live fills, in whatever pair."""
    quote_exposure: Decimal | None
    """The same of the quote asset."""
    gross_exposure: Decimal | None
    """Value of everything held that is not cash if every order that may be live fills."""
    equity: Decimal | None
    """Value of everything held in the account's currency; None while it is not known."""
    usual_value: Decimal | None
    """Median value of the latest orders in the account's currency; None while there are too few."""
    own_bid: tuple[str, Decimal] | None
    """Client order id and price of the highest buy of ours that may rest in the symbol; None without one."""
    own_ask: tuple[str, Decimal] | None
    """The same of the lowest sell."""
    open_orders: int
    in_flight: int
    unknown: int
    """Orders of the symbol whose outcome is unknown."""
    standing: Standing
    recent_sends: tuple[tuple[int, str], ...]
    """(age in ms, fingerprint) of orders sent within the longest window of the limits, all symbols."""
    listed_ms: int | None = None
    """How long ago the exchange first opened the symbol, negative before; None where it does not say."""
    owned: Owned = Owned()
    """Of whoever gives the order; a view of this topic is as for a person."""
    flattening: bool = False


TOPIC_ORDERS = "orders"
TOPIC_POSITIONS = "positions"
TOPIC_BALANCES = "balances"
TOPIC_FILLS = "fills"
TOPIC_EQUITY = "equity"
TOPIC_RISK = "risk"
TOPIC_LINK = "link"
TOPIC_ALERTS = "alerts"
TOPIC_INSTRUMENTS = "instruments"
GATE_PREFIX = "gate:"


def watchlist_topic(symbols: Sequence[str]) -> str:
    """Topic of the WatchlistView of these symbols, in this order."""
    return f"watchlist:{','.join(symbols)}"


def book_topic(symbol: str) -> str:
    """Topic of a symbol's BookView."""
    return f"book:{symbol}"


def tape_topic(symbol: str) -> str:
    """Topic of a symbol's TapeView."""
    return f"tape:{symbol}"


def candles_topic(symbol: str, interval: Interval) -> str:
    """Topic of a symbol's CandlesView."""
    return f"candles:{symbol}:{interval.value}"


def gate_topic(symbol: str) -> str:
    """Topic of a symbol's GateInputs."""
    return f"{GATE_PREFIX}{symbol}"


View = (
    BookView
    | TapeView
    | CandlesView
    | WatchlistView
    | OrdersView
    | PositionsView
    | BalancesView
    | FillsView
    | EquityView
    | RiskView
    | LinkView
    | AlertsView
    | InstrumentsView
    | GateInputs
)
