"""What the kernel and the engine need from outside: a venue that offers a market and takes orders, and a journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from mexc_tui.domain.inputs import BookSnapshot, Input
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.records import Record, Resumed, StateRecord

Sink = Callable[[Input], None]
"""Takes what a venue pushes; called on the engine's loop, must not block."""


class VenueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue is. ``can_trade`` False refuses every order before it is built."""

    name: str
    kind: VenueKind
    can_trade: bool
    why_not: str = ""


class Venue(Protocol):
    """A market and an account, behind the same calls whatever it is.

    Every call may raise ``VenueError``.

    Cancels and urgent open orders are never held for the length of a pause (a block, a ban, an outage): they are tried
    one by one, as fast as answers come, and after a refusal a second later, growing to five. So they can be called at
    any time and as often as wanted, and each ends within ten seconds or so: with an answer, refused (``sent``, the
    kind says why), or held back because others were ahead of it (not ``sent``, RATE_LIMIT, ``retry_after_s``), which
    says nothing of the order and is to be tried again. The fewer calls, the sooner the last one passes: a cancel-all
    of a symbol is one call however many orders it ends.

    Pushes reach the sink given to ``open`` as BookDelta, TradesSeen,
    CandleSeen, TopOfBook, TickersSeen, OrderReported, FillReported, BalanceReported, LinkChanged,
    ChannelRefused and VenueHealth.
    """

    @property
    def info(self) -> VenueInfo:
        """What this venue is."""

    async def account_id(self) -> str:
        """Return what the venue calls the account, the same for every key of it; may be asked before ``open``."""

    async def open(self, sink: Sink) -> None:
        """Check that the venue answers and start its streams; with keys, account streams are up on return."""

    async def close(self) -> None:
        """Stop everything; idempotent, also after ``open`` failed."""

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return every pair the venue lists."""

    async def api_symbols(self) -> frozenset[str] | None:
        """Return the pairs any key may trade; None where the venue does not say."""

    async def set_interest(self, symbols: Sequence[str], candles: Sequence[tuple[str, Interval]]) -> None:
        """Subscribe to exactly these (books, trades and best prices of ``symbols``), dropping the rest."""

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        """Return the book, best levels first."""

    async def recent_trades(self, symbol: str, limit: int) -> tuple[Trade, ...]:
        """Return the latest public trades, oldest first."""

    async def candles(
        self, symbol: str, interval: Interval, limit: int, end_ms: int | None = None
    ) -> tuple[Candle, ...]:
        """Return the latest candles before ``end_ms``, oldest first."""

    async def tickers(self) -> tuple[Ticker, ...]:
        """Return the 24-hour figures of every pair."""

    async def place(self, request: OrderRequest) -> str:
        """Place an order once, never repeating it, and return the exchange's order id.

        Raises:
            VenueError: with ``definite`` it was refused; otherwise with ``sent`` the outcome is unknown.
        """

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel an order; ErrorKind.ORDER_NOT_FOUND when it is not open (any more)."""

    async def cancel_all(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Cancel every open order of up to five symbols and return the ids of those the venue names as cancelled."""

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        """Return an order, or None on a positive answer that there is no such order."""

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        """Return the open orders of the symbols, and of all symbols where the sequence is empty or that is cheaper.

        ``urgent`` asks with the rights of a cancel, for a halt that must know what is left.
        """

    async def fills(self, symbol: str, since_ms: int) -> tuple[Fill, ...]:
        """Return own fills of a symbol since a time, oldest first, paging as needed."""

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset that is held."""


class JournalPort(Protocol):
    """Append-only, crash-safe storage of what happened to orders."""

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        """Append; with ``durable`` return only when the records would survive a power cut.

        Raises:
            OSError: the journal cannot be written.
        """

    async def latch(self, record: StateRecord) -> None:
        """Keep the trading state in two places; an active one in the journal first.

        Raises:
            OSError: at least one of them does not have it; what they have is on the safe side.
        """

    async def resume(self) -> Resumed:
        """Return the latest snapshot and every record after it, in the order written; a torn last write is dropped.

        Raises:
            OSError: the journal is damaged.
        """

    async def close(self) -> None:
        """Flush and release the file."""
