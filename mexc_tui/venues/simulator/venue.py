"""The embedded exchange as a venue in process, pumped by hand: what tests and embeddings use without a socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    CandleSeen,
    ChannelRefused,
    FillReported,
    Input,
    LinkChanged,
    LinkState,
    OrderReported,
    TickersSeen,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.ports import Sink, VenueInfo
from mexc_tui.venues.simulator.core.events import (
    BalanceChanged,
    BookLevel,
    OrderChanged,
    OwnTrade,
    PublicTrade,
    SimError,
    SimEvent,
    SimOrder,
)
from mexc_tui.venues.simulator.core.exchange import Exchange

T = TypeVar("T")

PUSH_MS = 100
"""Rhythm of the market streams, that of MEXC's 100 ms channels."""
SLOW_PUSH_MS = 1_000
"""Rhythm of candles and tickers."""
MOST_LEVELS = 2_000
"""MEXC gives no more levels a side, whatever is asked for."""

_STATES = {
    "NEW": OrderState.WORKING,
    "PARTIALLY_FILLED": OrderState.PARTIAL,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PARTIALLY_CANCELED": OrderState.PARTIALLY_CANCELLED,
}
_KINDS = {
    -2011: ErrorKind.ORDER_NOT_FOUND,
    -2013: ErrorKind.ORDER_NOT_FOUND,
    10001: ErrorKind.AUTHENTICATION,
    10007: ErrorKind.TRADING_DISABLED,
    10101: ErrorKind.INSUFFICIENT_BALANCE,
    30000: ErrorKind.TRADING_DISABLED,
    30001: ErrorKind.TRADING_DISABLED,
    30004: ErrorKind.INSUFFICIENT_BALANCE,
    30005: ErrorKind.INSUFFICIENT_BALANCE,
    30016: ErrorKind.TRADING_DISABLED,
    30018: ErrorKind.TRADING_DISABLED,
    30025: ErrorKind.OTHER,
    30029: ErrorKind.LIMIT,
}


class SimulatorVenue:
    """A venue over an ``Exchange``, for one account. Nothing happens between calls; ``advance`` moves time.

    Pushes wait for ``advance`` as they wait for the wire elsewhere: account pushes in their order, market pushes
    batched every 100 ms with contiguous versions, candles and tickers every second.
    """

    def __init__(self, exchange: Exchange, account_id: str) -> None:
        self.exchange = exchange
        self._account = account_id
        self._sink: Sink | None = None
        self._listening = False
        self._private: list[Input] = []
        self._books: dict[str, _Batch] = {}
        self._candles: set[tuple[str, Interval]] = set()
        self._traded: set[str] = set()
        self._frames = 0

    @property
    def info(self) -> VenueInfo:
        """What this venue is."""
        return VenueInfo(name="embedded exchange", kind=VenueKind.DEMO, can_trade=True)

    async def open(self, sink: Sink) -> None:
        """Start to push into ``sink``; VenueError for an account that does not exist."""
        self._answer(lambda: self.exchange.balances(self._account))
        self._sink = sink
        if not self._listening:
            self.exchange.listen(self._note)
            self._listening = True
        for private in (False, True):
            sink(LinkChanged(private, LinkState.CONNECTED))

    async def close(self) -> None:
        """Stop pushing; harmless when repeated."""
        sink, self._sink = self._sink, None
        self._private.clear()
        self._books.clear()
        self._candles.clear()
        if sink is not None:
            for private in (False, True):
                sink(LinkChanged(private, LinkState.CLOSED, "closed by this program"))

    def advance(self, ms: int) -> None:
        """Move time forward by ``ms`` and push what is due; zero only delivers account pushes."""
        end = self.exchange.now_ms + ms
        self._push_private()
        while self.exchange.now_ms < end:
            step = min(end, (self.exchange.now_ms // PUSH_MS + 1) * PUSH_MS)
            self.exchange.advance(step)
            self._push_private()
            if step % PUSH_MS == 0:
                self._push_markets()
            if step % SLOW_PUSH_MS == 0:
                self._push_slow()

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return every pair the exchange lists."""
        return tuple(self._answer(self.exchange.instruments))

    async def api_symbols(self) -> frozenset[str] | None:
        """Return the pairs open to API trading."""
        return frozenset(x.symbol for x in self._answer(self.exchange.instruments) if x.api_trading)

    async def set_interest(self, symbols: Sequence[str], candles: Sequence[tuple[str, Interval]]) -> None:
        """Push exactly these from now on; unknown symbols are refused channel by channel."""
        known = {instrument.symbol for instrument in self.exchange.instruments()}
        asked = dict.fromkeys([*symbols, *(symbol for symbol, _ in candles)])
        for symbol in asked:
            if symbol not in known:
                self._send(ChannelRefused("aggre.depth", symbol, "there is no such pair"))
        self._books = {s: self._books.get(s) or _Batch() for s in dict.fromkeys(symbols) if s in known}
        self._candles = {(symbol, interval) for symbol, interval in candles if symbol in known}

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        """Return the book, best levels first, padded to the pair's decimals as by REST."""
        pair = self._answer(lambda: self.exchange.instrument(symbol))
        version, bids, asks = self.exchange.depth(symbol, min(limit, MOST_LEVELS))
        price, qty = pair.price_decimals, pair.qty_decimals
        return BookSnapshot(
            symbol=symbol,
            version=version,
            bids=[(f"{p:.{price}f}", f"{q:.{qty}f}") for p, q in bids],
            asks=[(f"{p:.{price}f}", f"{q:.{qty}f}") for p, q in asks],
            recv_ns=self._now_ns(),
            limit=min(limit, MOST_LEVELS),
        )

    async def recent_trades(self, symbol: str, limit: int) -> tuple[Trade, ...]:
        """Return the latest public trades, oldest first; as on MEXC without ids."""
        trades = self._answer(lambda: self.exchange.recent_trades(symbol, limit))
        return tuple(replace(trade, trade_id="") for trade in reversed(trades))

    async def candles(
        self, symbol: str, interval: Interval, limit: int, end_ms: int | None = None
    ) -> tuple[Candle, ...]:
        """Return the latest candles before ``end_ms``, oldest first."""
        return tuple(self._answer(lambda: self.exchange.candles(symbol, interval, limit, None, end_ms)))

    async def tickers(self) -> tuple[Ticker, ...]:
        """Return the 24-hour figures of every pair."""
        return tuple(self._answer(lambda: [self.exchange.ticker(x.symbol) for x in self.exchange.instruments()]))

    async def place(self, request: OrderRequest) -> str:
        """Place an order and return the exchange's id; VenueError, definite, where it is refused."""
        order = self._answer(
            lambda: self.exchange.place(
                self._account,
                symbol=request.symbol,
                side=request.side,
                type=request.type.value,
                qty=request.qty,
                quote_qty=request.quote_qty,
                price=request.price,
                client_order_id=request.client_order_id,
            )
        )
        return order.order_id

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel an order; ErrorKind.ORDER_NOT_FOUND when it is not open."""
        self._answer(
            lambda: self.exchange.cancel(
                self._account, symbol, order_id=order_id or None, client_order_id=client_order_id or None
            )
        )

    async def cancel_all(self, symbol: str) -> None:
        """Cancel every open order of a symbol."""
        self._answer(lambda: self.exchange.cancel_all(self._account, symbol))

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        """Return an order, or None where the exchange says that there is none."""
        try:
            found = self._answer(
                lambda: self.exchange.find_order(
                    self._account, symbol, order_id=order_id or None, client_order_id=client_order_id or None
                )
            )
        except VenueError as error:
            if error.kind is ErrorKind.ORDER_NOT_FOUND:
                return None
            raise
        return report_of(found)

    async def open_orders(self, symbols: Sequence[str]) -> tuple[OrderReport, ...]:
        """Return the open orders of the symbols, of all where the sequence is empty."""
        found = self._answer(lambda: self.exchange.open_orders(self._account))
        return tuple(report_of(order) for order in found if not symbols or order.symbol in symbols)

    async def fills(self, symbol: str, since_ms: int) -> tuple[Fill, ...]:
        """Return own fills since a time, oldest first."""
        found = self._answer(
            lambda: self.exchange.own_trades(self._account, symbol, start_ms=since_ms, limit=1_000_000)
        )
        return tuple(fill_of(trade) for trade in reversed(found))

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset that is held."""
        return tuple(self._answer(lambda: self.exchange.balances(self._account)))

    def _answer(self, ask: Callable[[], T]) -> T:
        """Carry a call out as the wire would: refusals become VenueError."""
        if self.exchange.maintenance:
            raise VenueError(
                "The exchange is under maintenance.",
                kind=ErrorKind.MAINTENANCE,
                http_status=503,
                remedy="Wait and ask again.",
            )
        try:
            return ask()
        except SimError as error:
            raise VenueError(
                error.message,
                kind=_KINDS.get(error.code, ErrorKind.BAD_PARAMETER),
                code=error.code,
                http_status=error.http_status,
                definite=True,
            ) from error

    def _now_ns(self) -> int:
        return self.exchange.now_ms * 1_000_000

    def _send(self, message: Input) -> None:
        if self._sink is not None:
            self._frames += 1
            self._sink(message)

    def _note(self, event: SimEvent) -> None:
        if self._sink is None:
            return
        if isinstance(event, BookLevel):
            if event.symbol in self._books:
                self._books[event.symbol].note(event)
        elif isinstance(event, PublicTrade):
            self._traded.add(event.symbol)
            if event.symbol in self._books:
                self._books[event.symbol].trades.append(
                    Trade(
                        trade_id=event.trade_id,
                        price=event.price,
                        qty=event.qty,
                        taker=event.taker,
                        time_ms=event.time_ms,
                    )
                )
        elif isinstance(event, OrderChanged) and event.order.account_id == self._account:
            self._private.append(OrderReported(report_of(event.order)))
        elif isinstance(event, OwnTrade) and event.account_id == self._account:
            self._private.append(FillReported(fill_of(event)))
        elif isinstance(event, BalanceChanged) and event.account_id == self._account:
            balance = Balance(asset=event.asset, free=event.free, locked=event.locked)
            self._private.append(BalanceReported(balance, event.kind, event.time_ms))

    def _push_private(self) -> None:
        waiting, self._private = self._private, []
        for message in waiting:
            self._send(message)

    def _push_markets(self) -> None:
        for symbol, batch in self._books.items():
            delta = batch.take(symbol, self.exchange.now_ms)
            if delta is not None:
                self._send(delta)
                self._push_top(symbol, batch)
            if batch.trades:
                self._send(TradesSeen(symbol, tuple(batch.trades), self._now_ns()))
                batch.trades.clear()

    def _push_top(self, symbol: str, batch: _Batch) -> None:
        _, bids, asks = self.exchange.depth(symbol, 1)
        if bids and asks and (bids[0], asks[0]) != batch.top:
            batch.top = (bids[0], asks[0])
            self._send(TopOfBook(symbol, *bids[0], *asks[0], self._now_ns()))

    def _push_slow(self) -> None:
        for symbol, interval in sorted(self._candles):
            if symbol in self._traded:
                candle = self.exchange.candles(symbol, interval, 1)[-1]
                self._send(CandleSeen(symbol, interval, replace(candle, closed=False), self._now_ns()))
        self._traded.clear()
        tickers = tuple(self.exchange.ticker(x.symbol) for x in self.exchange.instruments())
        self._send(TickersSeen(tickers, self._now_ns()))
        self._send(
            VenueHealth(
                rest_ms=None,
                stream_ms=None,
                clock_offset_ms=None,
                frames=self._frames,
                unknown_frames=0,
                weight_used=0,
                weight_limit=0,
                order_tokens=0.0,
                order_limit=0,
            )
        )


class _Batch:
    """What changed at a book since the last push."""

    def __init__(self) -> None:
        self.first = 0
        self.last = 0
        self.levels: dict[tuple[Side, Decimal], Decimal] = {}
        self.trades: list[Trade] = []
        self.top: tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]] | None = None

    def note(self, event: BookLevel) -> None:
        """Add one change."""
        self.first = self.first or event.version
        self.last = event.version
        self.levels[event.side, event.price] = event.qty

    def take(self, symbol: str, now_ms: int) -> BookDelta | None:
        """Return the changes as one push and begin anew, None if there are none."""
        if not self.first:
            return None
        sides: dict[Side, list[tuple[str, str]]] = {Side.BUY: [], Side.SELL: []}
        for (side, price), qty in self.levels.items():
            sides[side].append((plain(price), plain(qty)))
        made = BookDelta(symbol, self.first, self.last, sides[Side.BUY], sides[Side.SELL], now_ms, now_ms * 1_000_000)
        self.first = 0
        self.levels = {}
        return made


def report_of(order: SimOrder) -> OrderReport:
    """Return an order as the desk reads it."""
    return OrderReport(
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id or "",
        side=order.side,
        type=OrderType(order.type),
        state=_STATES[order.status],
        price=order.price,
        qty=None if order.by_quote and order.open else order.qty,
        quote_qty=order.quote_qty if order.by_quote else None,
        filled_qty=order.filled_qty,
        filled_quote=order.filled_quote,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
    )


def fill_of(trade: OwnTrade) -> Fill:
    """Return a fill as the desk reads it."""
    return Fill(
        trade_id=trade.trade_id,
        order_id=trade.order_id,
        client_order_id=trade.client_order_id or "",
        symbol=trade.symbol,
        side=trade.side,
        price=trade.price,
        qty=trade.qty,
        quote_qty=trade.quote_qty,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        is_maker=trade.is_maker,
        time_ms=trade.time_ms,
    )
