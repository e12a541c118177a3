"""One pair: its book, the matching by price and time, and what it announces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from typing import Protocol

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.market import Trade
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.book import Entry, Level, OrderBook
from mexc_tui.venues.simulator.core.candles import CandleStore
from mexc_tui.venues.simulator.core.events import BookLevel, PublicTrade, SimOrder
from mexc_tui.venues.simulator.core.exact import from_units, to_units
from mexc_tui.venues.simulator.core.timeline import Timeline

TRADES_KEPT = 1_000


class DealSettlement(Protocol):
    """Carries out between accounts what a pair matched."""

    def settle(
        self,
        pair: Pair,
        deal: Deal,
        taker: SimOrder | None,
        maker: SimOrder | None,
    ) -> None:
        """Move money for one execution; None stands for the rest of the market."""

    def same_owner(self, taker: SimOrder, maker: SimOrder) -> bool:
        """Whether two orders belong to one account, or to accounts of one group."""

    def finish(self, pair: Pair, order: SimOrder, reason: str = "", status: str = "") -> None:
        """Finish an order that has left the book already."""


class MirroredBook(Protocol):
    """The book of another exchange that a pair follows."""

    def took(self, side: Side, price: int, qty: int) -> None:
        """Take note that an order of an account took ``qty`` steps from a level."""


class Deal:
    """One execution, in ticks and steps and in money."""

    __slots__ = ("assumed", "number", "price", "price_ticks", "qty", "qty_steps", "taker_side")

    def __init__(
        self, pair: Pair, taker_side: Side, price_ticks: int, qty_steps: int, number: int, assumed: bool = False
    ) -> None:
        self.taker_side = taker_side
        self.price_ticks = price_ticks
        self.qty_steps = qty_steps
        self.price = from_units(price_ticks, pair.price_decimals)
        self.qty = from_units(qty_steps, pair.qty_decimals)
        self.number = number
        self.assumed = assumed


class Pair:
    """A traded pair. Prices count ticks, quantities count steps."""

    def __init__(
        self,
        instrument: Instrument,
        settlement: DealSettlement,
        timeline: Timeline,
        next_trade: Callable[[], int],
        version: int,
    ) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.price_decimals = instrument.price_decimals
        self.qty_decimals = instrument.qty_decimals
        self.book = OrderBook()
        self.version = version
        self.candles = CandleStore(instrument.price_decimals, instrument.qty_decimals)
        self.last: int | None = None
        """Price of the last trade in ticks."""
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.mirror: MirroredBook | None = None
        """Set where the public market is another exchange's: executions here are no public trades then."""
        self._settlement = settlement
        self._timeline = timeline
        self._next_trade = next_trade

    @property
    def last_price(self) -> Decimal | None:
        """Price of the last trade; None before the first one."""
        return None if self.last is None else from_units(self.last, self.price_decimals)

    @property
    def moving(self) -> bool:
        """Whether the pair is open at all; a paused market stands still."""
        return self.instrument.status is InstrumentStatus.ONLINE

    # The foreign side: what market sources call.

    def add(self, side: Side, price: int, qty: int) -> None:
        """Rest a foreign order. It must not cross the book."""
        self.book.side(side).level(price).append(Entry(qty))
        self.announce_level(side, price)

    def withdraw(self, side: Side, price: int, place: int) -> int:
        """Cancel the ``place``-th foreign order of a level; return its quantity, 0 where there is none."""
        book_side = self.book.side(side)
        level = book_side.levels.get(price)
        if level is None:
            return 0
        foreign = [entry for entry in level.entries if entry.order is None]
        if not foreign:
            return 0
        entry = foreign[place % len(foreign)]
        level.remove(entry)
        book_side.drop_empty(price)
        self.announce_level(side, price)
        return entry.qty

    def set_foreign(self, side: Side, price: int, qty: int) -> None:
        """Make the foreign part of a level exactly ``qty``: growth queues last, shrinkage leaves from the back."""
        book_side = self.book.side(side)
        level = book_side.levels.get(price)
        have = 0 if level is None else level.total - level.own
        if qty == have:
            return
        if level is None:
            level = book_side.level(price)
        if qty > have:
            level.append(Entry(qty - have))
        else:
            level.shrink_foreign(have - qty)
        book_side.drop_empty(price)
        self.announce_level(side, price)

    def foreign_take(self, side: Side, limit: int, qty: int) -> int:
        """Send a foreign order that takes up to ``limit`` and does not rest; return what it did not get."""
        return self.take(side, limit, qty, None)[0]

    def print_trade(self, taker: Side, price: int, qty: int, *, assumed: bool = False) -> None:
        """Announce a trade of a recorded or mirrored market and fill the own orders that it would have reached.

        Own orders at better prices come first; at the price itself own orders get what the foreign queue before
        them leaves. No more than ``qty`` is filled, and the rest is announced as the trade that it was.
        """
        book_side = self.book.side(taker.opposite)
        left = qty
        for better in [p for p in book_side.prices(len(book_side.keys)) if (p - price) * book_side.sign > 0]:
            left -= self.fill_own(taker, better, left, assumed=assumed)
        level = book_side.levels.get(price)
        foreign = 0
        touched = False
        while level is not None and level.own and left:
            reached = level.requeue_foreign(left)
            foreign += left - reached
            left = reached
            if left and level.entries and level.entries[0].order is not None:
                size = min(left, level.entries[0].qty)
                self._execute(taker, price, level, size, None, assumed)
                left -= size
                touched = True
        if touched:
            self._level_changed(taker.opposite, price)
        if left + foreign:
            self._print(Deal(self, taker, price, left + foreign, self._next_trade()), self._timeline.now_ms)

    def fill_own(self, taker: Side, price: int, qty: int, *, assumed: bool = False) -> int:
        """Fill own resting orders of a level, in their order and past foreign ones; return how much was filled."""
        level = self.book.side(taker.opposite).levels.get(price)
        if level is None or not level.own or qty <= 0:
            return 0
        left = qty
        for entry in [e for e in level.entries if e.order is not None]:
            size = min(left, entry.qty)
            if size:
                level.entries.remove(entry)
                level.entries.appendleft(entry)
                self._execute(taker, price, level, size, None, assumed)
                left -= size
        self._level_changed(taker.opposite, price)
        return qty - left

    def announce_trade(self, taker: Side, price: int, qty: int, time_ms: int) -> None:
        """Announce a trade of a mirrored market at the time it had there; own orders are not touched."""
        self._print(Deal(self, taker, price, qty, self._next_trade()), time_ms)

    def uncross(self, *, assumed: bool = False) -> None:
        """Fill own orders that the foreign book has come to cross, at their own price, against what crosses them."""
        for side in (Side.BUY, Side.SELL):
            book_side, other = self.book.side(side), self.book.side(side.opposite)
            owned = [price for price in book_side.prices(len(book_side.keys)) if book_side.levels[price].own]
            for price in owned:
                for against in other.prices(len(other.keys)):
                    if (price - against) * book_side.sign < 0 or price not in book_side.levels:
                        break
                    level = other.levels[against]
                    foreign = level.total - level.own
                    filled = self.fill_own(side.opposite, price, foreign, assumed=assumed)
                    self.set_foreign(side.opposite, against, foreign - filled)

    # Orders of accounts.

    def rest(self, order: SimOrder, qty: int) -> None:
        """Let what is left of an account's order stand in the book."""
        price = to_units(order.price, self.price_decimals)
        self.book.side(order.side).level(price).append(Entry(qty, order))
        self.announce_level(order.side, price)

    def remove(self, order: SimOrder) -> None:
        """Take an account's order out of the book."""
        price = to_units(order.price, self.price_decimals)
        book_side = self.book.side(order.side)
        level = book_side.levels.get(price)
        if level is None:
            return
        for entry in level.entries:
            if entry.order is order:
                level.remove(entry)
                self._level_changed(order.side, price)
                return

    def crosses(self, side: Side, limit: int) -> bool:
        """Whether an order of ``side`` at ``limit`` would trade at once."""
        best = self.book.side(side.opposite).best
        return best is not None and (best <= limit if side is Side.BUY else best >= limit)

    def fillable(self, order: SimOrder, limit: int, qty: int) -> bool:
        """Whether the book could fill ``qty`` at once without an order that self-trade prevention keeps from it."""
        book_side = self.book.side(order.side.opposite)
        for price in book_side.prices(len(book_side.keys)):
            if (price > limit) if order.side is Side.BUY else (price < limit):
                return False
            level = book_side.levels[price]
            if not (order.stp_mode and level.own):
                qty -= level.total
            else:
                for entry in level.entries:
                    if not self._prevented(order, entry.order):
                        qty -= entry.qty
                    elif qty > 0 and order.stp_mode != "cancel_maker":
                        return False
            if qty <= 0:
                return True
        return False

    def take(
        self, side: Side, limit: int, qty: int, taker: SimOrder | None, budget: int | None = None
    ) -> tuple[int, str]:
        """Match an incoming order against the other side, best price first.

        ``budget`` caps what is spent, in ticks times steps. Returns the unfilled quantity and why matching ended:
        ``""`` (book or quantity exhausted), ``"budget"`` or ``"stp_cancel"``.
        """
        book_side = self.book.side(side.opposite)
        why = ""
        while qty > 0 and not why and self.crosses(side, limit):
            price = book_side.nth(0)
            level = book_side.levels[price]
            while level.entries and qty > 0:
                maker = level.entries[0].order
                if taker is not None and maker is not None and self._prevented(taker, maker):
                    if taker.stp_mode != "cancel_taker":
                        level.remove(level.entries[0])
                        self._settlement.finish(self, maker, "stp_cancel")
                    if taker.stp_mode != "cancel_maker":
                        why = "stp_cancel"
                        break
                    continue
                size = min(qty, level.entries[0].qty)
                if budget is not None:
                    size = min(size, budget // price)
                    budget -= size * price
                if size == 0:
                    why = "budget"
                    break
                self._execute(side, price, level, size, taker)
                qty -= size
            self._level_changed(side.opposite, price)
        return qty, why

    # What everybody sees.

    def depth(self, side: Side, limit: int) -> list[tuple[Decimal, Decimal]]:
        """Return levels of a side, best first."""
        book_side = self.book.side(side)
        return [
            (from_units(price, self.price_decimals), from_units(book_side.levels[price].total, self.qty_decimals))
            for price in book_side.prices(limit)
        ]

    def recent_trades(self, limit: int) -> list[Trade]:
        """Return the latest trades, newest first."""
        return list(islice(reversed(self.trades), max(0, limit)))

    def announce_level(self, side: Side, price: int) -> None:
        """Announce what a level holds now, as the next version of the book."""
        self.version += 1
        if not self._timeline.heard:
            return
        level = self.book.side(side).levels.get(price)
        self._timeline.emit(
            BookLevel(
                self.symbol,
                self.version,
                side,
                from_units(price, self.price_decimals),
                from_units(level.total if level is not None else 0, self.qty_decimals),
                self._timeline.now_ms,
            )
        )

    def _prevented(self, taker: SimOrder, maker: SimOrder | None) -> bool:
        """Whether the taker's mode forbids this trade; the mode of an order that rests does not count."""
        return maker is not None and taker.stp_mode != "" and self._settlement.same_owner(taker, maker)

    def _level_changed(self, side: Side, price: int) -> None:
        self.book.side(side).drop_empty(price)
        self.announce_level(side, price)

    def _execute(
        self, side: Side, price: int, level: Level, size: int, taker: SimOrder | None, assumed: bool = False
    ) -> None:
        maker = level.entries[0].order
        level.take_front(size)
        deal = Deal(self, side, price, size, self._next_trade(), assumed)
        if maker is not None or taker is not None:
            self._settlement.settle(self, deal, taker, maker)
            if self.mirror is not None:
                if taker is not None and maker is None:
                    self.mirror.took(side.opposite, price, size)
                return
        self._print(deal, self._timeline.now_ms)

    def _print(self, deal: Deal, now: int) -> None:
        trade_id = f"{deal.number}X0"
        self.last = deal.price_ticks
        self.candles.fold(now, deal.price_ticks, deal.qty_steps)
        self.trades.append(Trade(trade_id=trade_id, price=deal.price, qty=deal.qty, taker=deal.taker_side, time_ms=now))
        self._timeline.emit(PublicTrade(self.symbol, trade_id, deal.price, deal.qty, deal.taker_side, now))
