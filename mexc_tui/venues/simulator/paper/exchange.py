"""An exchange for paper orders on a mirrored market: real accounts and rules, somebody else's book."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core import state
from mexc_tui.venues.simulator.core.api import Offer
from mexc_tui.venues.simulator.core.events import SimError, SimOrder
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.core.exchange import Exchange
from mexc_tui.venues.simulator.core.matching import Deal, Pair
from mexc_tui.venues.simulator.paper.market import MirroredPair, MirrorMarket

SUSPENDED = 30000
RESTING = ("LIMIT", "LIMIT_MAKER")
INTERVALS = frozenset({"1m", "5m", "15m", "30m", "60m", "4h", "8h", "1d", "1W", "1M"})


class Road:
    """The way to the exchange: what is sent arrives after a delay, and nothing overtakes."""

    def __init__(self, clock: Callable[[], int], delay_ms: Callable[[], int]) -> None:
        self._clock = clock
        self._delay_ms = delay_ms
        self._sent: deque[tuple[int, Callable[[], None]]] = deque()

    def send(self, arrive: Callable[[], None]) -> None:
        """Call ``arrive`` when the delay is over."""
        due = self._clock() + max(0, self._delay_ms())
        if self._sent:
            due = max(due, self._sent[-1][0])
        self._sent.append((due, arrive))

    def prepare(self, now_ms: int) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int | None:
        """Return when the next thing arrives."""
        return self._sent[0][0] if self._sent else None

    def advance(self, now_ms: int) -> None:
        """Let arrive what is due."""
        while self._sent and self._sent[0][0] <= now_ms:
            self._sent.popleft()[1]()


class PaperExchange(Exchange):
    """The embedded exchange over mirrored pairs.

    An order is checked and its money frozen at once; it meets the book ``delay_ms`` later. While a pair's data is
    not current nothing is matched there: new orders are refused, market orders on their way are cancelled, resting
    ones wait. The trade id of each fill ends in ``C`` where the mirrored data prove it and in ``A`` where it is
    assumed; MEXC's own end in a digit.
    """

    def __init__(
        self,
        *,
        start_ms: int,
        seed: int = 1,
        delay_ms: Callable[[], int] = lambda: 0,
        maker_fee: Decimal | None = None,
        taker_fee: Decimal | None = None,
    ) -> None:
        super().__init__(start_ms=start_ms, seed=seed)
        self.mirror = MirrorMarket(self.emit, self.clock)
        self.road = Road(self.clock, delay_ms)
        self.add_source(self.road)
        self.add_source(self.mirror)
        self._maker_fee = maker_fee
        self._taker_fee = taker_fee
        self._waiting: dict[str, list[SimOrder]] = {}
        """Limit orders that arrived while their pair's data was not current."""

    # The mirrored side.

    def mirror_pairs(self, instruments: Iterable[Instrument]) -> None:
        """List what the mirrored exchange lists; pairs that it lists no more go offline."""
        seen: set[str] = set()
        for instrument in instruments:
            instrument = self._with_own_fees(instrument)
            symbol = instrument.symbol
            seen.add(symbol)
            pair = self.pairs.get(symbol)
            if pair is None:
                self.mirror.add(self.add_pair(instrument))
                self.change(symbol, instrument)
            elif symbol not in self.mirror.pairs:
                self.mirror.add(pair)
                self.change(symbol, instrument)
            elif pair.instrument != instrument:
                self.change(symbol, instrument)
        for symbol in [name for name in self.pairs if name not in seen]:
            gone = self.pairs[symbol].instrument
            if gone.status is not InstrumentStatus.OFFLINE:
                self.change(symbol, replace(gone, status=InstrumentStatus.OFFLINE))

    def feed_book(
        self, symbol: str, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], time_ms: int
    ) -> None:
        """Take a pair's whole book, in ticks and steps; its matching goes on from there."""
        self.mirror.feed_book(symbol, bids, asks, time_ms)
        mirrored = self.mirror.pairs[symbol]
        self._fix(mirrored)
        for order in self._waiting.pop(symbol, []):
            self._arrive(mirrored.pair, order)

    def feed_levels(self, symbol: str, changes: Iterable[tuple[Side, int, int]], time_ms: int) -> None:
        """Take changed levels of a live pair."""
        mirrored = self.mirror.pairs[symbol]
        mirrored.change_levels(changes, time_ms)
        self._fix(mirrored)

    def feed_trade(self, symbol: str, taker: Side, price: int, qty: int, time_ms: int) -> None:
        """Take a public trade; it fills own orders that it reaches while the pair is live."""
        self.mirror.pairs[symbol].trade(taker, price, qty, time_ms)

    def stale(self, symbol: str, reason: str) -> None:
        """Stop matching a pair: its data is not current any more."""
        self.mirror.stale(symbol, reason)

    def open_symbols(self) -> frozenset[str]:
        """Return the pairs in which orders stand."""
        return self.ledger.open_symbols()

    # What differs from an exchange with a market of its own.

    def place(self, account_id: str, *, symbol: str, **rest: Any) -> SimOrder:
        """Accept an order as the exchange does, or refuse it; SimError(30000) while the pair's data is not current."""
        self.pair(symbol)
        self.check_live(symbol)
        return super().place(account_id, symbol=symbol, **rest)

    def check_live(self, symbol: str) -> None:
        """Raise SimError(30000) while the mirrored data of a pair is not current."""
        if not self.mirror.live(symbol):
            why = self.mirror.reason(symbol)
            raise SimError(SUSPENDED, f"Suspended transaction for the symbol: the mirrored market is down ({why})")

    def cancel(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Cancel an open order; SimError(-2011) if it is not open."""
        done = super().cancel(account_id, symbol, order_id=order_id, client_order_id=client_order_id)
        self.mirror.pairs[symbol].tidy()
        return done

    def settle(self, pair: Pair, deal: Deal, taker: SimOrder | None, maker: SimOrder | None) -> None:
        """Move money for one execution and remember what was taken from the mirrored book."""
        super().settle(pair, deal, taker, maker)
        if taker is not None and maker is None:
            self.mirror.pairs[pair.symbol].took(taker.side.opposite, deal.price_ticks, deal.qty_steps)

    def depth(
        self, symbol: str, limit: int
    ) -> tuple[int, list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Return version, bids and asks, best first; both sides empty while the data is not current."""
        pair = self.pair(symbol)
        return super().depth(symbol, limit) if self.mirror.live(symbol) else (pair.version, [], [])

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best bid and ask of a live pair, else what was just fed of them; None if that is nothing."""
        self.pair(symbol)
        return super().best(symbol) if self.mirror.live(symbol) else self.mirror.top(symbol)

    def ticker(self, symbol: str) -> Ticker:
        """Return the mirrored 24-hour figures; None in all of them while they are not current."""
        pair = self.pair(symbol)
        known = self.mirror.tickers.get(symbol) if self.mirror.tickers_live else None
        if known is None:
            return Ticker(symbol=symbol)
        if not self.mirror.live(symbol):
            return known
        bids, asks = pair.depth(Side.BUY, 1), pair.depth(Side.SELL, 1)
        return replace(known, bid=bids[0][0] if bids else None, ask=asks[0][0] if asks else None)

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the price of the last trade where it is current: as the mirrored figures tell it; None elsewhere."""
        if not self.mirror.tickers_live or symbol not in self.pairs or not self.pairs[symbol].moving:
            return None
        known = self.mirror.tickers.get(symbol)
        return None if known is None else known.last

    def candles(
        self, symbol: str, interval: Interval | str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Return the mirrored candles that are known, oldest first; SimError(-1120) for an unknown interval."""
        self.pair(symbol)
        name = interval.value if isinstance(interval, Interval) else interval
        if name not in INTERVALS:
            raise SimError(-1120, "Invalid interval.")
        return self.mirror.candles(symbol, name, limit, start_ms, end_ms)

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the latest mirrored trades, newest first."""
        pair = self.pair(symbol)
        known = self.mirror.recent(symbol, limit)
        return pair.recent_trades(limit) if known is None else known

    def dump(self) -> dict[str, Any]:
        """Return what must survive; of the pairs only those in which something was done."""
        used = {order.symbol for order in self.ledger.all_orders()}
        used.update(trade.symbol for trade in self.ledger.all_trades())
        return state.dump(self, [pair for name, pair in self.pairs.items() if name in used])

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what ``dump`` gave. Open orders stand again, behind all that stands at their price then.

        Orders that do not rest and were still on their way are cancelled; trades of the meantime fill nothing.
        """
        current = {symbol: pair.instrument for symbol, pair in self.pairs.items()}
        state.restore(self, saved)
        for symbol, instrument in current.items():
            self.pairs[symbol].instrument = instrument
        for symbol in [name for name in self.pairs if name not in current]:
            self.mirror.add(self.pairs[symbol])
            self.change(symbol, replace(self.pairs[symbol].instrument, status=InstrumentStatus.OFFLINE))
        for order in self.ledger.all_orders():
            if order.open:
                self.mirror.pairs[order.symbol].placed(order)

    def stand_again(self, pair: Pair, orders: list[SimOrder]) -> None:
        """Let restored orders rest; those that never met the book and would trade with the others are cancelled."""
        for order in sorted(orders, key=lambda order: order.order_id):
            limit = to_units(order.price, pair.price_decimals)
            if order.type in RESTING and not pair.crosses(order.side, limit):
                pair.rest(order, state.left_of(pair, order))
            else:
                self._end(pair, order)

    # On the way.

    def _match(self, pair: Pair, order: SimOrder) -> None:
        """Send an accepted order on its way to the book."""
        self.road.send(lambda: self._arrive(pair, order))

    def _arrive(self, pair: Pair, order: SimOrder) -> None:
        mirrored = self.mirror.pairs[pair.symbol]
        if not order.open:
            return
        if not mirrored.live:
            if order.type in RESTING:
                self._waiting.setdefault(pair.symbol, []).append(order)
            else:
                self._end(pair, order)
            return
        super()._match(pair, order)
        if order.open:
            mirrored.placed(order)
        self._fix(mirrored)

    def _fix(self, mirrored: MirroredPair) -> None:
        if mirrored.places:
            mirrored.tidy()

    def _trade_id(self, deal: Deal) -> str:
        return f"{deal.number}X1{'A' if deal.assumed else 'C'}"

    def _with_own_fees(self, instrument: Instrument) -> Instrument:
        if self._maker_fee is None and self._taker_fee is None:
            return instrument
        return replace(
            instrument,
            maker_fee=instrument.maker_fee if self._maker_fee is None else self._maker_fee,
            taker_fee=instrument.taker_fee if self._taker_fee is None else self._taker_fee,
        )
