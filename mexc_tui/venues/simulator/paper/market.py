"""Another exchange's market, mirrored from its public data, with own orders standing in its queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mexc_tui.domain.market import Candle, Ticker, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookBroken, CandleMoved, SimEvent, SimOrder
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.core.execution import unfilled
from mexc_tui.venues.simulator.core.market_data import Offer
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.paper.queue_position import QueuePosition

GRACE_MS = 500
"""How long a quote that crosses an own order waits for the trades that prove it before a fill is assumed."""
RETURN_MS = 30_000
"""What an own order took stays missing from the book for so long, since it still stands in the mirrored one."""
JUMP = 1_000
"""A lost book goes on with a version that leaves a gap, so that whoever follows it notices."""
CANDLES_KEPT = 5_000
TOP_MS = 5_000
"""How long best prices count that nothing keeps up to date."""

Change = tuple[Side, int, int]
"""Side, price in ticks, quantity in steps; zero deletes."""


class MirroredPair:
    """One pair: the book as it stands elsewhere, and own orders in it.

    ``levels`` is the mirrored book. What is shown differs from it where own orders have taken something, and where a
    quote crosses an own order: it is held back until trades prove a fill or the grace is over.
    """

    def __init__(
        self, pair: Pair, emit: Callable[[SimEvent], None], clock: Callable[[], int], upstream_ms: Callable[[], int]
    ) -> None:
        """``upstream_ms`` is the time by the mirrored exchange's clock."""
        self.pair = pair
        self.live = False
        self.reason = "its book has not been read yet"
        self.levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self.positions: dict[str, QueuePosition] = {}
        self._emit = emit
        self._clock = clock
        self._upstream_ms = upstream_ms
        self._taken: dict[tuple[Side, int], tuple[int, int]] = {}
        self._held: dict[tuple[Side, int], int] = {}
        self._own_best: dict[Side, int | None] = {Side.BUY: None, Side.SELL: None}
        self._newest_ms = 0
        self._grace_ends_ms: int | None = None
        self._unplaced: list[SimOrder] = []
        pair.mirror = self

    @property
    def next_ms(self) -> int | None:
        """When something is due without news from outside."""
        ends = [until for _, until in self._taken.values()]
        if self._grace_ends_ms is not None:
            ends.append(self._grace_ends_ms)
        return min(ends, default=None) if self.live else None

    def show_book(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], time_ms: int) -> None:
        """Take the whole book; own orders that stood through a time without data move no further forward."""
        before, was_live = self.levels, self.live
        self.levels = {Side.BUY: dict(bids), Side.SELL: dict(asks)}
        self._newest_ms = max(self._newest_ms, time_ms)
        self.live, self.reason = True, ""
        for position in self.positions.values():
            stands = self.levels[position.order.side].get(position.price, 0)
            if was_live:
                position.level_is(stands, time_ms)
            else:
                position.resume(stands, time_ms)
        waiting, self._unplaced = self._unplaced, []
        for order in waiting:
            self.placed(order)
        for side in (Side.BUY, Side.SELL):
            gone = [price for price in before[side] if price not in self.levels[side]]
            for price in (*gone, *self.levels[side]):
                self._show(side, price)
        self._rearm()

    def change_levels(self, changes: Iterable[Change], time_ms: int) -> None:
        """Take absolute quantities of some levels."""
        self._newest_ms = max(self._newest_ms, time_ms)
        ordered = sorted(changes, key=_by_emptiness)
        for side, price, qty in ordered:
            if qty:
                self.levels[side][price] = qty
            else:
                self.levels[side].pop(price, None)
        if self.positions:
            stands = {(side, price): qty for side, price, qty in ordered}
            for position in self.positions.values():
                now = stands.get((position.order.side, position.price))
                if now is not None:
                    position.level_is(now, time_ms)
        for side, price, _ in ordered:
            self._show(side, price)
        self._rearm()

    def trade(self, taker: Side, price: int, qty: int, time_ms: int) -> None:
        """Take a trade: own orders at better prices come first, then those that it reached at its own."""
        self._newest_ms = max(self._newest_ms, time_ms)
        if self.live and self.positions:
            self._fill_by(taker, price, qty, time_ms)
        self.pair.announce_trade(taker, price, qty, time_ms)

    def placed(self, order: SimOrder) -> None:
        """Note that an own order has come to rest; it queues behind everything that stands at its price."""
        if not self.live:
            self._unplaced.append(order)
            return
        price = to_units(order.price, self.pair.price_decimals)
        ahead = self.levels[order.side].get(price, 0)
        self.positions[order.order_id] = QueuePosition(order, price, ahead, self._newest_ms, self._upstream_ms())
        self._find_own_best()

    def took(self, side: Side, price: int, qty: int) -> None:
        """Note what an own order took out of a mirrored level."""
        have = self._taken.get((side, price), (0, 0))[0]
        self._taken[side, price] = (have + qty, self._clock() + RETURN_MS)

    def forget_finished(self) -> None:
        """Forget orders that do not stand any more and show what they held back."""
        gone = [key for key, position in self.positions.items() if not position.order.open]
        self._unplaced = [order for order in self._unplaced if order.open]
        if gone:
            for key in gone:
                del self.positions[key]
            self._find_own_best()
            self._rearm()

    def lose(self, reason: str) -> None:
        """Stop matching; whoever follows the book sees a gap in its versions and must read it again."""
        if not self.live:
            self.reason = reason
            return
        self.live, self.reason = False, reason
        self._grace_ends_ms = None
        self._emit(BookBroken(self.pair.symbol, self._clock()))
        self.pair.version += JUMP
        best = self.pair.book.bids.best
        self.pair.announce_level(Side.BUY, 1 if best is None else best)

    def advance(self, now_ms: int) -> None:
        """Do what is due: assume fills by quotes that crossed for long enough, return what was taken."""
        if not self.live:
            return
        if self._grace_ends_ms is not None and now_ms >= self._grace_ends_ms:
            self._fill_crossed()
        for key in [key for key, (_, until) in self._taken.items() if until <= now_ms]:
            del self._taken[key]
            self._show(*key)
        self._rearm()

    # Fills of resting orders.

    def _fill_by(self, taker: Side, price: int, qty: int, time_ms: int) -> None:
        sign = 1 if taker is Side.SELL else -1
        mine = [position for position in self.positions.values() if position.order.side is taker.opposite]
        left = qty
        for better in sorted({p.price for p in mine if (p.price - price) * sign > 0}, key=lambda p: -p * sign):
            passed = [position for position in mine if position.price == better and position.counts(time_ms)]
            left -= self._fill(taker, passed, left)
            for position in passed:
                position.swept()
        given = 0
        reached = [position for position in mine if position.price == price]
        for position in reached:
            given += min(self._left(position), position.traded(left - given, time_ms))
        self._fill(taker, reached, given)
        self.forget_finished()

    def _fill(self, taker: Side, positions: list[QueuePosition], most: int, *, assumed: bool = False) -> int:
        """Fill orders of one price, in their order, up to ``most`` together; return how much that was."""
        size = min(most, sum(self._left(position) for position in positions))
        if size > 0:
            self.pair.fill_own(taker, positions[0].price, size, assumed=assumed)
        return max(0, size)

    def _left(self, position: QueuePosition) -> int:
        """Return what is still to fill of an order, in steps."""
        return unfilled(self.pair, position.order) if position.order.open else 0

    def _fill_crossed(self) -> None:
        for side in (Side.BUY, Side.SELL):
            sign = 1 if side is Side.BUY else -1
            mine = [position for position in self.positions.values() if position.order.side is side]
            for price in sorted({position.price for position in mine}, key=lambda p: -p * sign):
                here = [position for position in mine if position.price == price]
                for (held_side, held), free in sorted(self._held.items(), key=lambda row: row[0][1] * sign):
                    if held_side is side or (price - held) * sign < 0:
                        continue
                    filled = self._fill(side.opposite, here, free, assumed=True)
                    if filled:
                        self.took(held_side, held, filled)
                        self._held[held_side, held] = free - filled
        self._grace_ends_ms = None
        self.forget_finished()

    # What is shown.

    def _show(self, side: Side, price: int) -> None:
        qty = self.levels[side].get(price, 0)
        key = (side, price)
        if key in self._taken:
            taken, until = self._taken[key]
            if qty < taken:
                self._taken[key] = (qty, until)
                if not qty:
                    del self._taken[key]
            qty = max(0, qty - taken)
        self._held.pop(key, None)
        own = self._own_best[side.opposite]
        if qty and own is not None and (price <= own if side is Side.SELL else price >= own):
            self._held[key] = qty
            qty = 0
        self.pair.set_foreign(side, price, qty)

    def _rearm(self) -> None:
        if not self._held:
            self._grace_ends_ms = None
        elif self._grace_ends_ms is None:
            self._grace_ends_ms = self._clock() + GRACE_MS

    def _find_own_best(self) -> None:
        for side in (Side.BUY, Side.SELL):
            prices = [position.price for position in self.positions.values() if position.order.side is side]
            self._own_best[side] = (max if side is Side.BUY else min)(prices) if prices else None
        for key in list(self._held):
            self._show(*key)


class MirrorMarket:
    """All mirrored pairs; feeds come from whoever reads the other exchange. A ``Source`` for what is due."""

    def __init__(self, emit: Callable[[SimEvent], None], clock: Callable[[], int]) -> None:
        self._emit = emit
        self._clock = clock
        self.upstream_ms = clock
        """The time by the mirrored exchange's clock; its own trades carry that."""
        self.pairs: dict[str, MirroredPair] = {}
        self.tickers: dict[str, Ticker] = {}
        self.tickers_live = False
        """Whether the 24-hour figures are kept current; if not, none are shown."""
        self._tops: dict[str, tuple[int, Offer | None, Offer | None]] = {}
        self._live: dict[str, MirroredPair] = {}
        self._candles: dict[tuple[str, str], dict[int, Candle]] = {}
        self._trades: dict[str, tuple[Trade, ...]] = {}

    def add(self, pair: Pair) -> None:
        """Mirror a pair."""
        self.pairs[pair.symbol] = MirroredPair(pair, self._emit, self._clock, lambda: self.upstream_ms())

    def feed_book(
        self, symbol: str, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], time_ms: int
    ) -> None:
        """Take a pair's whole book, in ticks and steps; it is live from here on."""
        mirrored = self._live[symbol] = self.pairs[symbol]
        mirrored.show_book(bids, asks, time_ms)

    def stale(self, symbol: str, reason: str) -> None:
        """Stop a pair: its data is not current any more."""
        self._live.pop(symbol, None)
        self.pairs[symbol].lose(reason)

    def live(self, symbol: str) -> bool:
        """Whether the pair's book is exact and current."""
        return symbol in self._live

    def reason(self, symbol: str) -> str:
        """Return why a pair is not live."""
        mirrored = self.pairs.get(symbol)
        return "it is not mirrored" if mirrored is None else mirrored.reason

    def feed_ticker(self, ticker: Ticker) -> None:
        """Take 24-hour figures; figures that a stream leaves out stay as they were."""
        old = self.tickers.get(ticker.symbol)
        if old is not None:
            names = Ticker.__struct_fields__
            merged = {n: getattr(ticker, n) if getattr(ticker, n) is not None else getattr(old, n) for n in names}
            ticker = Ticker(**merged)
        self.tickers[ticker.symbol] = ticker
        mirrored = self.pairs.get(ticker.symbol)
        if mirrored is not None and mirrored.pair.last is None and ticker.last is not None:
            mirrored.pair.last = to_units(ticker.last, mirrored.pair.price_decimals)

    def feed_candles(self, symbol: str, interval: str, candles: Iterable[Candle]) -> None:
        """Take candles, new or renewed."""
        known = self._candles.setdefault((symbol, interval), {})
        for candle in candles:
            known[candle.open_ms] = candle
        if len(known) > CANDLES_KEPT:
            for open_ms in sorted(known)[: len(known) - CANDLES_KEPT]:
                del known[open_ms]
        self._emit(CandleMoved(symbol, self._clock()))

    def feed_recent(self, symbol: str, trades: Iterable[Trade]) -> None:
        """Take the latest trades as the mirrored exchange gives them, oldest first; nothing is filled by them."""
        self._trades[symbol] = tuple(trades)

    def feed_top(self, symbol: str, bid: Offer | None, ask: Offer | None) -> None:
        """Take the best prices of a pair as the mirrored exchange gives them now; they count for a short time."""
        self._tops[symbol] = self._clock(), bid, ask

    def top(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best prices that were fed a short time ago; None where there are none."""
        at, bid, ask = self._tops.get(symbol, (-TOP_MS, None, None))
        return (bid, ask) if self._clock() - at < TOP_MS else None

    def forget_candles(self, symbol: str, interval: str) -> None:
        """Forget candles that are not kept up to date any more: the latest of them would never be finished."""
        self._candles.pop((symbol, interval), None)

    def candles(self, symbol: str, interval: str, limit: int, start_ms: int | None, end_ms: int | None) -> list[Candle]:
        """Return known candles that open in [start, end), oldest first."""
        known = self._candles.get((symbol, interval), {})
        found = [
            known[open_ms]
            for open_ms in sorted(known)
            if (start_ms is None or open_ms >= start_ms) and (end_ms is None or open_ms < end_ms)
        ]
        if start_ms is not None and end_ms is None:
            return found[:limit]
        return found[-limit:] if limit > 0 else []

    def recent(self, symbol: str, limit: int) -> list[Trade] | None:
        """Return the latest trades as they were fed, newest first; None where nobody has asked for them."""
        known = self._trades.get(symbol)
        return None if known is None else list(reversed(known))[: max(0, limit)]

    # As a source of the timeline.

    def prepare(self, now_ms: int) -> None:
        """Nothing bounds the work of a mirror: it does only what is due."""

    def next_ms(self) -> int | None:
        """Return when something is due without news from outside."""
        times = [at for pair in self._live.values() if (at := pair.next_ms) is not None]
        return min(times, default=None)

    def advance(self, now_ms: int) -> None:
        """Do what is due."""
        for pair in self._live.values():
            at = pair.next_ms
            if at is not None and at <= now_ms:
                pair.advance(now_ms)


def _by_emptiness(change: Change) -> bool:
    return change[2] > 0
