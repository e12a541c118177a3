"""What the kernel asks the world to do; the engine carries it out in order and feeds the outcomes back."""

from __future__ import annotations

import msgspec

from mexc_tui.domain.facts import Fact
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest
from mexc_tui.kernel.records import Record, StateRecord


class Journal(msgspec.Struct, frozen=True, gc=False):
    """Append records. With ``durable`` later effects of the same list wait until they are on disk."""

    records: tuple[Record, ...]
    durable: bool = False


class SaveLatch(msgspec.Struct, frozen=True, gc=False):
    """Record the trading state, durable and in two places. Outcome: LatchAnswered with the same number."""

    record: StateRecord
    attempt: int


class SendOrder(msgspec.Struct, frozen=True, gc=False):
    """Place the order, once. Outcome: PlaceAccepted, PlaceRejected, PlaceUnknown or PlaceNotSent."""

    request: OrderRequest


class SendCancel(msgspec.Struct, frozen=True, gc=False):
    """Cancel one order by exchange id, or by client id while that is empty. Outcome: CancelAnswered."""

    symbol: str
    client_order_id: str
    order_id: str


class SendCancelAll(msgspec.Struct, frozen=True, gc=False):
    """Cancel all open orders of up to five symbols with one call. Outcome: CancelledAll with the same turn."""

    symbols: tuple[str, ...]
    turn: int


class ListOpenOrders(msgspec.Struct, frozen=True, gc=False):
    """Read the open orders of the account, ahead of everything else. Outcome: OpenOrdersListed with the same turn.

    Where the exchange tells them only by symbol, those of ``symbols``.
    """

    turn: int
    symbols: tuple[str, ...]


class LookUp(msgspec.Struct, frozen=True, gc=False):
    """Ask what became of an order: by id, then open orders and trades. Outcome: LookupAnswered or LookupFailed."""

    symbol: str
    client_order_id: str
    order_id: str
    since_ms: int
    delay_ms: int = 0


class FetchSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Read a book by REST after ``delay_ms``. Outcome: BookSnapshot or SnapshotFailed."""

    symbol: str
    limit: int
    delay_ms: int = 0


class FetchCandles(msgspec.Struct, frozen=True, gc=False):
    """Read candles by REST. Outcome: CandleHistory or CandlesFailed."""

    symbol: str
    interval: Interval
    limit: int


class FetchTrades(msgspec.Struct, frozen=True, gc=False):
    """Recent public trades by REST. Outcome: TradesSeen with ``history``."""

    symbol: str
    limit: int


class FetchAccount(msgspec.Struct, frozen=True, gc=False):
    """Read open orders of ``symbols``, fills of ``fills_of`` since a time, and all balances.

    Without symbols the open orders of every symbol are read. Outcome: Reconciled or ReconcileFailed.
    """

    symbols: tuple[str, ...]
    fills_of: tuple[str, ...]
    since_ms: int
    delay_ms: int = 0


class FetchOwnTrades(msgspec.Struct, frozen=True, gc=False):
    """Read the account's own trades in one pair after ``delay_ms``. Outcome: OwnTradesRead or OwnTradesFailed."""

    symbol: str
    since_ms: int
    turn: int
    delay_ms: int = 0


class SetInterest(msgspec.Struct, frozen=True, gc=False):
    """The complete set of streams wanted: book and trades of ``symbols``, candles of ``candles``, all tickers."""

    symbols: tuple[str, ...]
    candles: tuple[tuple[str, Interval], ...]


class EmitFact(msgspec.Struct, frozen=True, gc=False):
    """Put a fact before the user."""

    fact: Fact


Effect = (
    Journal
    | SaveLatch
    | SendOrder
    | SendCancel
    | SendCancelAll
    | ListOpenOrders
    | LookUp
    | FetchSnapshot
    | FetchCandles
    | FetchTrades
    | FetchAccount
    | FetchOwnTrades
    | SetInterest
    | EmitFact
)
