"""Everything that can reach the kernel from outside, besides commands."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Fill, OrderReport


class Timestamp(msgspec.Struct, frozen=True, gc=False):
    """A point in time, given by whoever calls the kernel: it has no clock of its own."""

    wall_ms: int
    """Milliseconds since 1970, UTC."""
    mono_ns: int
    """Nanoseconds of a clock that never jumps; for ages and time-outs."""


class BookDelta(msgspec.Struct, frozen=True, gc=False):
    """One increment of a book: absolute quantities, ``"0"`` deletes; covers versions first..last inclusive."""

    symbol: str
    first: int
    last: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    sent_ms: int
    recv_ns: int


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A whole book, best levels first, up to some depth; ``version`` is inclusive."""

    symbol: str
    version: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    recv_ns: int
    limit: int = 0
    """Levels a side that were asked for; zero where unknown. A side with fewer is complete."""


class TopLevels(msgspec.Struct, frozen=True, gc=False):
    """The best levels of a book as one push tells them, whole: (price, quantity), best first.

    Nothing is kept in step with it: it is a picture of version ``version``, and the next push replaces it.
    """

    symbol: str
    version: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    recv_ns: int
    depth: int = 0
    """Levels a side that were subscribed; zero where unknown. A side with fewer is complete."""


class SnapshotFailed(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    reason: str


class TradesSeen(msgspec.Struct, frozen=True, gc=False):
    """Public trades, oldest first. ``history`` marks a REST answer that precedes the stream."""

    symbol: str
    trades: tuple[Trade, ...]
    recv_ns: int
    history: bool = False


class CandleSeen(msgspec.Struct, frozen=True, gc=False):
    """The stream's view of the candle that is being built; final when the next window appears."""

    symbol: str
    interval: Interval
    candle: Candle
    recv_ns: int


class CandleHistory(msgspec.Struct, frozen=True, gc=False):
    """Candles from REST, oldest first; the last one may still be open."""

    symbol: str
    interval: Interval
    candles: tuple[Candle, ...]


class CandlesFailed(msgspec.Struct, frozen=True, gc=False):
    """Candles could not be read by REST."""

    symbol: str
    interval: Interval
    error: VenueError


class TopOfBook(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    recv_ns: int


class TickersSeen(msgspec.Struct, frozen=True, gc=False):
    tickers: tuple[Ticker, ...]
    recv_ns: int


class InstrumentsLoaded(msgspec.Struct, frozen=True, gc=False):
    """The full list of pairs; replaces the earlier one. ``api_symbols`` None means the list could not be read."""

    instruments: tuple[Instrument, ...]
    api_symbols: frozenset[str] | None = None


class OrderReported(msgspec.Struct, frozen=True, gc=False):
    report: OrderReport


class FillReported(msgspec.Struct, frozen=True, gc=False):
    fill: Fill


class BalanceReported(msgspec.Struct, frozen=True, gc=False):
    """One asset changed, by push."""

    balance: Balance
    change: str
    time_ms: int


class PlaceAccepted(msgspec.Struct, frozen=True, gc=False):
    """The exchange took the order and named it. Nothing is said of fills."""

    client_order_id: str
    order_id: str


class PlaceRejected(msgspec.Struct, frozen=True, gc=False):
    """The exchange refused the order, positively: it is not live."""

    client_order_id: str
    code: int
    reason: str
    unread: bool = False
    """Whether requests were refused at that moment, whatever is in them: a rate limit, the firewall."""


class PlaceUnknown(msgspec.Struct, frozen=True, gc=False):
    """The bytes left, the outcome did not come back. The order may be live."""

    client_order_id: str
    reason: str


class PlaceNotSent(msgspec.Struct, frozen=True, gc=False):
    """Nothing left the process: journal failure, no connection made, refused address."""

    client_order_id: str
    reason: str


class CancelAnswered(msgspec.Struct, frozen=True, gc=False):
    """Outcome of one cancel: ``ok`` (done), ``gone`` (was not open any more), ``failed`` or ``unknown``."""

    client_order_id: str
    outcome: str
    reason: str = ""


class CancelledAll(msgspec.Struct, frozen=True, gc=False):
    """Outcome of cancelling all orders of some symbols; with a ``problem`` none or not all of it was done."""

    turn: int
    symbols: tuple[str, ...]
    order_ids: tuple[str, ...] = ()
    """The orders that the exchange names as cancelled."""
    problem: str = ""
    sent: bool = True
    """Whether the request may have reached the exchange."""
    refused: bool = False
    """Whether the exchange took exception to the request as such."""


class OpenOrdersListed(msgspec.Struct, frozen=True, gc=False):
    """All open orders, asked for at ``asked_ns``; with a ``problem`` they could not be read."""

    turn: int
    reports: tuple[OrderReport, ...]
    asked_ns: int
    symbols: frozenset[str] = frozenset()
    """The only symbols that are covered, where the exchange does not tell the open orders of all."""
    problem: str = ""

    def covers(self, symbol: str) -> bool:
        """Return whether an open order of a symbol would be among them."""
        return not self.symbols or symbol in self.symbols


class LookupAnswered(msgspec.Struct, frozen=True, gc=False):
    """Answer to looking an order up. ``report`` None with ``found`` False is a positive "no such order"."""

    client_order_id: str
    found: bool
    report: OrderReport | None
    reason: str = ""


class LookupFailed(msgspec.Struct, frozen=True, gc=False):
    client_order_id: str
    reason: str


class Reconciled(msgspec.Struct, frozen=True, gc=False):
    """A picture of the account, asked for at ``asked_ns``: open orders, all balances, fills since a time."""

    open_orders: tuple[OrderReport, ...]
    balances: tuple[Balance, ...]
    fills: tuple[Fill, ...]
    asked_ns: int
    symbols: frozenset[str]
    """Symbols whose open orders are covered."""
    fills_of: frozenset[str]
    """Symbols whose fills are covered."""


class OwnTradesRead(msgspec.Struct, frozen=True, gc=False):
    """The account's own trades in one pair, as far back as was asked for and the exchange tells them."""

    symbol: str
    fills: tuple[Fill, ...]
    turn: int


class OwnTradesFailed(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    reason: str
    turn: int


class ReconcileFailed(msgspec.Struct, frozen=True, gc=False):
    reason: str


class LinkState(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


class LinkChanged(msgspec.Struct, frozen=True, gc=False):
    """A stream connection changed. ``private`` tells account streams from market streams."""

    private: bool
    state: LinkState
    reason: str = ""
    symbols: frozenset[str] = frozenset()
    """Market streams: the symbols that lost continuity."""


class ChannelRefused(msgspec.Struct, frozen=True, gc=False):
    channel: str
    symbol: str
    reason: str
    interval: Interval | None = None
    """The length of the candles that it would have brought, if it would have brought candles."""


class VenueHealth(msgspec.Struct, frozen=True, gc=False):
    """Figures of the link, about once a second."""

    rest_ms: float | None
    """Median of recent REST round trips."""
    stream_ms: float | None
    """Send time on the frame to receipt, corrected by the clock offset; a drawing figure."""
    clock_offset_ms: float | None
    frames: int
    """Frames received so far."""
    unknown_frames: int
    weight_used: int
    weight_limit: int
    order_tokens: float
    order_limit: int
    requests: int = 0
    """Sent so far."""
    failures: int = 0
    """Those of them that the exchange left unanswered, or answered with an error of its own."""
    alive_ns: int = 0
    """Monotonic time at which the quietest market connection last showed life; zero where a venue cannot tell."""
    breaker: str = "closed"
    """``open``: requests are refused here, the exchange failed too often; ``half open``: the next one tries it."""
    held: str = ""
    """Why requests do not go out at the moment, in plain words; empty while they do. Cancels try all the same."""
    held_s: float = 0.0
    """Seconds until they do, or until one tries."""
    drift: str = ""
    """What the exchange sends that is not known here, in a few words; empty while everything is."""


class JournalProblem(msgspec.Struct, frozen=True, gc=False):
    """The journal cannot be written: no new exposure until it can."""

    reason: str


class LatchAnswered(msgspec.Struct, frozen=True, gc=False):
    """The trading state is recorded in both places; with a ``problem`` it is not, or in one of them only."""

    attempt: int
    problem: str = ""


class InterestChanged(msgspec.Struct, frozen=True, gc=False):
    """What all clients together look at, replacing what they looked at before."""

    interest: Interest


class VenueNotice(msgspec.Struct, frozen=True, gc=False):
    """Something the venue says to the user: a whole sentence."""

    message: str


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Time passed; sent a few times a second by the engine."""


Input = (
    BookDelta
    | BookSnapshot
    | TopLevels
    | SnapshotFailed
    | TradesSeen
    | CandleSeen
    | CandleHistory
    | CandlesFailed
    | TopOfBook
    | TickersSeen
    | InstrumentsLoaded
    | OrderReported
    | FillReported
    | BalanceReported
    | PlaceAccepted
    | PlaceRejected
    | PlaceUnknown
    | PlaceNotSent
    | CancelAnswered
    | CancelledAll
    | OpenOrdersListed
    | LookupAnswered
    | LookupFailed
    | Reconciled
    | OwnTradesRead
    | OwnTradesFailed
    | ReconcileFailed
    | LinkChanged
    | ChannelRefused
    | VenueHealth
    | JournalProblem
    | LatchAnswered
    | InterestChanged
    | VenueNotice
    | Tick
)

PUSHES = (BookDelta, TradesSeen, CandleSeen, TickersSeen, TopOfBook)
"""What only a stream of market data brings."""
