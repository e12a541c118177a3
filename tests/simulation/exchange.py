"""The other side: a seeded exchange with four pairs that share assets, and one account of it in the client's words."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    FillReported,
    Input,
    OrderReported,
    TradesSeen,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Ticker, Trade
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
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
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.markets.model import MarketSpec, ModelMarket

D = Decimal
ZERO = D(0)
ME = "me"
START_MS = 1_790_000_000_000
FUNDS = {"USDT": D(9_000), "USDC": D(3_000), "BTC": D("0.03"), "ETH": D("0.5")}
_NOT_OPEN = -2011
_STATES = {
    "NEW": OrderState.WORKING,
    "PARTIALLY_FILLED": OrderState.PARTIAL,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PARTIALLY_CANCELED": OrderState.PARTIALLY_CANCELLED,
}


def _market(base: str, quote: str, price: str, decimals: tuple[int, int], size: float) -> MarketSpec:
    pair = Instrument(
        symbol=base + quote,
        base=base,
        quote=quote,
        price_decimals=decimals[0],
        qty_decimals=decimals[1],
        min_qty=D(1).scaleb(-decimals[1]),
        min_notional=D("0.00002") if quote == "BTC" else D(1),
        min_notional_market=D("0.00002") if quote == "BTC" else D(1),
        maker_fee=ZERO,
        taker_fee=D("0.0005"),
        bid_multiplier_up=D("0.1"),
        ask_multiplier_down=D("0.1"),
    )
    return MarketSpec(instrument=pair, price=D(price), rate=1.2, levels=14, gap=6.0, spread=4, sigma=3e-4, size=size)


MARKETS = (
    _market("BTC", "USDT", "50000.00", (2, 6), 6_000),
    _market("BTC", "USDC", "50010.00", (2, 6), 4_000),
    _market("ETH", "USDT", "2500.00", (2, 5), 12_000),
    _market("ETH", "BTC", "0.05000", (5, 4), 2_000),
)
PAIRS = {spec.instrument.symbol: spec.instrument for spec in MARKETS}


class Account:
    """Calls and pushes of one account, as the values that a venue hands over. Time is the exchange's."""

    def __init__(self, seed: int, say: Callable[[str, Input], None]) -> None:
        self._say = say
        self.core = Exchange(start_ms=START_MS, seed=seed)
        for spec in MARKETS:
            pair = self.core.symbols.add_pair(spec.instrument)
            market = ModelMarket(pair, spec, seed=seed, now_ms=START_MS, history=False)
            self.core.symbols.add_market(pair.symbol, market)
            pair.last = market.price
        self.core.accounts.deposit(ME, FUNDS)
        self._levels: dict[str, list[BookLevel]] = defaultdict(list)
        self._prints: dict[str, list[Trade]] = defaultdict(list)
        self.hidden_until: dict[str, int] = {}
        """Orders that look-ups do not show yet."""
        self.slow_to_show_ms: deque[int] = deque()
        """How long the next orders stay hidden."""
        self.trades: list[OwnTrade] = []
        self.mine: dict[str, SimOrder] = {}
        """Every order of the account as it last was, by exchange id."""
        self.core.listen(self._heard)

    def mid(self, symbol: str) -> Decimal | None:
        book = self.core.symbols.pairs[symbol].book
        if book.bids.best is None or book.asks.best is None:
            return None
        return D(book.bids.best + book.asks.best).scaleb(-PAIRS[symbol].price_decimals) / 2

    def touch(self, symbol: str, side: Side) -> Decimal | None:
        best = self.core.symbols.pairs[symbol].book.side(side).best
        return None if best is None else D(best).scaleb(-PAIRS[symbol].price_decimals)

    def totals(self) -> dict[str, Decimal]:
        return {balance.asset: balance.total for balance in self.balances()}

    # --- pushes

    def _heard(self, event: SimEvent) -> None:
        if isinstance(event, BookLevel):
            self._levels[event.symbol].append(event)
        elif isinstance(event, PublicTrade):
            trade = Trade(
                trade_id=event.trade_id, price=event.price, qty=event.qty, taker=event.taker, time_ms=event.time_ms
            )
            self._prints[event.symbol].append(trade)
        elif isinstance(event, OrderChanged):
            self.mine[event.order.order_id] = event.order
            self._say("orders", OrderReported(report_of(event.order)))
        elif isinstance(event, OwnTrade):
            self.trades.append(event)
            self._say("fills", FillReported(fill_of(event)))
        elif isinstance(event, BalanceChanged):
            balance = Balance(asset=event.asset, free=event.free, locked=event.locked)
            self._say("balances", BalanceReported(balance, event.kind, event.time_ms))

    def market_news(self, recv_ns: int) -> list[Input]:
        """Return what has happened to the books and in the tapes since the last call."""
        found: list[Input] = []
        levels, self._levels = self._levels, defaultdict(list)
        for symbol, events in levels.items():
            sides: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
            for event in events:
                sides[event.side][event.price] = event.qty
            bids, asks = ([(plain(p), plain(q)) for p, q in sides[side].items()] for side in (Side.BUY, Side.SELL))
            last = events[-1]
            found.append(BookDelta(symbol, events[0].version, last.version, bids, asks, last.time_ms, recv_ns))
        prints, self._prints = self._prints, defaultdict(list)
        found += [TradesSeen(symbol, tuple(trades), recv_ns) for symbol, trades in prints.items()]
        return found

    # --- calls; each raises VenueError as the client would

    def place(self, request: OrderRequest) -> str:
        try:
            order = self.core.orders.place(
                ME,
                symbol=request.symbol,
                side=request.side,
                type=request.type.value,
                qty=request.qty,
                quote_qty=request.quote_qty,
                price=request.price,
                client_order_id=request.client_order_id,
            )
        except SimError as error:
            raise refusal(error) from None
        if self.slow_to_show_ms:
            self.hidden_until[order.order_id] = self.core.now_ms + self.slow_to_show_ms.popleft()
        return order.order_id

    def cancel(self, symbol: str, order_id: str, client_order_id: str) -> None:
        try:
            self.core.orders.cancel(ME, symbol, order_id=order_id or None, client_order_id=client_order_id or None)
        except SimError as error:
            raise refusal(error) from None

    def cancel_all(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        done = [order for symbol in symbols for order in self.core.orders.cancel_all(ME, symbol)]
        return tuple(order.order_id for order in done)

    def order(self, symbol: str, order_id: str, client_order_id: str) -> OrderReport | None:
        try:
            found = self.core.orders.find_order(
                ME, symbol, order_id=order_id or None, client_order_id=client_order_id or None
            )
        except SimError:
            return None
        return None if self._hidden(found.order_id) else report_of(found)

    def open_orders(self, symbols: tuple[str, ...] = ()) -> tuple[OrderReport, ...]:
        found = self.core.orders.open_orders(ME)
        return tuple(
            report_of(one) for one in found if (not symbols or one.symbol in symbols) and not self._hidden(one.order_id)
        )

    def fills(self, symbol: str, since_ms: int) -> tuple[Fill, ...]:
        found = self.core.orders.own_trades(ME, symbol, start_ms=since_ms, limit=100_000)
        return tuple(fill_of(one) for one in reversed(found) if not self._hidden(one.order_id))

    def balances(self) -> tuple[Balance, ...]:
        return tuple(self.core.accounts.balances(ME))

    def snapshot(self, symbol: str, limit: int, recv_ns: int) -> BookSnapshot:
        pair = self.core.symbols.pairs[symbol]
        bids, asks = (
            [(plain(price), plain(qty)) for price, qty in pair.depth(side, limit)] for side in (Side.BUY, Side.SELL)
        )
        return BookSnapshot(symbol, pair.version, bids, asks, recv_ns, limit)

    def tickers(self) -> tuple[Ticker, ...]:
        return tuple(
            Ticker(
                symbol=symbol,
                last=self.core.symbols.pairs[symbol].last_price,
                bid=self.touch(symbol, Side.BUY),
                ask=self.touch(symbol, Side.SELL),
            )
            for symbol in PAIRS
        )

    def _hidden(self, order_id: str) -> bool:
        return self.core.now_ms < self.hidden_until.get(order_id, 0)


def refusal(error: SimError) -> VenueError:
    kind = ErrorKind.ORDER_NOT_FOUND if error.code == _NOT_OPEN else ErrorKind.OTHER
    return VenueError(error.message, kind=kind, code=error.code, definite=True)


def report_of(order: SimOrder) -> OrderReport:
    qty = order.qty or None
    return OrderReport(
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id or "",
        side=order.side,
        type=OrderType(order.type),
        state=_STATES[order.status],
        price=order.price,
        qty=qty,
        quote_qty=None if qty is not None else order.quote_qty,
        filled_qty=order.filled_qty,
        filled_quote=order.filled_quote,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
    )


def fill_of(trade: OwnTrade) -> Fill:
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
