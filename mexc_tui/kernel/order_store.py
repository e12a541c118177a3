"""The orders the desk knows: kept, indexed, recorded and told of when they change."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from mexc_tui.domain import transitions
from mexc_tui.domain.facts import Level
from mexc_tui.domain.ids import client_order_id, is_ours
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Fill, Order, OrderReport, OrderState, Side
from mexc_tui.domain.views import OrdersView
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, Journal, OrderRecord
from mexc_tui.kernel.facts import FactLog

RECENT = 200
ENDED_KEPT = 20_000
ORPHANS_KEPT = 1_000

UNANSWERED = frozenset({OrderState.PENDING, OrderState.UNKNOWN})


class Track(msgspec.Struct):
    """What the desk keeps beside an order: times by the monotonic clock, and money not yet seen in the balances."""

    sent_ns: int
    lock: Decimal = ZERO
    """What sending it takes from the free balance: quote of a buy, base of a sell."""
    known_ns: int = 0
    """When the exchange was first known to have it; zero while it is not."""
    made_ms: int = 0
    """When it was made, by the exchange's clock; zero while that is not known."""
    moved_ms: int = 0
    """Exchange time of the newest fill."""
    moved_ns: int = 0
    """When that was learned."""
    booked_qty: Decimal = ZERO
    booked_quote: Decimal = ZERO
    """Sum of the executions that have arrived one by one."""
    booked_ms: int = 0
    """Exchange time of the newest of them."""
    settled_qty: Decimal = ZERO
    """How much of the filled quantity is part of the balance."""
    next_ns: int = 0
    """When to ask next; zero: no need."""
    asked_ns: int = 0
    """When the question that is out was asked; zero: none is."""
    tries: int = 0
    cancels: int = 0
    """Cancels sent for it."""
    fill_asks: int = 0
    """How often missing executions were asked for."""
    absences: int = 0
    """Consecutive answers that there is no such order."""
    told: bool = False
    """Whether the user was told that the exchange has it."""


def open_value(order: Order, track: Track) -> Decimal | None:
    """Return what an order may still spend: quote of a buy, base of a sell; None where that is not known."""
    with exact():
        if order.side is Side.SELL:
            return order.remaining_qty
        if order.quote_qty is not None:
            return max(ZERO, order.quote_qty - order.filled_quote)
        if order.price is not None and order.remaining_qty is not None:
            return order.price * order.remaining_qty
        return max(ZERO, track.lock - order.filled_quote)


class OrderStore:
    """Holds orders by client order id, and what is kept beside them."""

    def __init__(self, run: str, facts: FactLog) -> None:
        self._run = run
        self._facts = facts
        self._sequence = 0
        self._orders: dict[str, Order] = {}
        self._tracks: dict[str, Track] = {}
        self._by_exchange_id: dict[str, str] = {}
        self._recent: deque[str] = deque()
        self._live: dict[str, None] = {}
        self._unsettled: dict[str, None] = {}
        """Orders whose money may not be in the balances yet: all that live, and finished ones until settled."""
        self._ended: dict[str, None] = {}
        self._orphans: dict[str, tuple[Decimal, Decimal]] = {}
        self._view: OrdersView | None = None

    # --- reading

    def get(self, key: str) -> Order | None:
        """Return an order by client order id."""
        return self._orders.get(key)

    def track(self, key: str) -> Track:
        """Return what is kept beside an order."""
        return self._tracks[key]

    def live(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that may stand on the exchange, oldest first."""
        found = (self._orders[key] for key in self._live)
        return [order for order in found if symbol in (None, order.symbol)]

    def unsettled(self) -> list[tuple[Order, Track]]:
        """Return the orders whose money may not be in the balances yet, with their tracks."""
        return [(self._orders[key], self._tracks[key]) for key in self._unsettled]

    def settled(self, key: str) -> None:
        """Note that the balances show everything a finished order did."""
        if self._orders[key].state.final:
            self._unsettled.pop(key, None)

    def view(self) -> OrdersView:
        """Return open orders, oldest first, and finished ones, newest first; the same object until one changes."""
        if self._view is None:
            recent = [self._orders[key] for key in self._recent if self._orders[key].state.final]
            self._view = OrdersView(open=tuple(self.live()), recent=tuple(recent))
        return self._view

    def next_id(self) -> str:
        """Return a client order id that no order the desk knows of carries, here or at the exchange.

        Raises:
            ValueError: the run's name makes an id longer than MEXC is known to take.
        """
        while True:
            self._sequence += 1
            made = client_order_id(self._run, self._sequence)
            if made not in self._orders:
                return made

    def key_of(self, report: OrderReport) -> str | None:
        """Return the client order id of the order that a report is about; None for one that is not known."""
        if report.client_order_id in self._orders:
            return report.client_order_id
        return self._by_exchange_id.get(report.order_id)

    def executed(self, fill: Fill, at: Timestamp) -> list[Effect]:
        """Add one new execution to its order; one whose order is not known yet waits for it."""
        order = self.find(fill)
        if order is None:
            with exact():
                qty, quote = self._orphans.get(fill.order_id, (ZERO, ZERO))
                self._orphans[fill.order_id] = (qty + fill.qty, quote + fill.quote_qty)
            while len(self._orphans) > ORPHANS_KEPT:
                del self._orphans[next(iter(self._orphans))]
            return []
        track = self._tracks[order.client_order_id]
        with exact():
            track.booked_qty += fill.qty
            track.booked_quote += fill.quote_qty
        track.booked_ms = max(track.booked_ms, fill.time_ms)
        track.known_ns = track.known_ns or at.mono_ns
        if track.booked_qty >= order.filled_qty:
            # Every part is known by its own time, which the balance push of the same trade carries too.
            track.moved_ms, track.moved_ns = track.booked_ms, at.mono_ns
        after = transitions.executed(order, track.booked_qty, track.booked_quote, fill.order_id, fill.time_ms)
        return self.become(after, at)

    def find(self, fill: Fill) -> Order | None:
        """Return the order of an execution."""
        return self._orders.get(fill.client_order_id) or self._orders.get(self._by_exchange_id.get(fill.order_id, ""))

    # --- changing

    def replay(self, order: Order) -> None:
        """Take up an order from the journal; the newest record wins."""
        key = order.client_order_id
        track = self._tracks.get(key) or Track(sent_ns=0, told=bool(order.order_id))
        if key not in self._orders or order.state is not OrderState.PENDING:
            self.keep(order, track)
        prefix = client_order_id(self._run, 0)[:-1]
        if key.startswith(prefix) and is_ours(key):
            self._sequence = max(self._sequence, int(key.removeprefix(prefix), 36))

    def keep(self, order: Order, track: Track) -> None:
        """Put an order in its place."""
        key = order.client_order_id
        if key not in self._orders:
            self._recent.appendleft(key)
        self._orders[key], self._tracks[key] = order, track
        if order.state.may_be_live:
            self._live[key] = None
        else:
            self._live.pop(key, None)
        if order.state not in (OrderState.DENIED, OrderState.REJECTED):
            self._unsettled[key] = None
        else:
            self._unsettled.pop(key, None)
        if order.order_id:
            self._by_exchange_id[order.order_id] = key
        self._view = None
        self._forget()

    def _forget(self) -> None:
        """Drop the oldest finished orders; their ids are remembered, so that late reports do not revive them."""
        if len(self._recent) <= RECENT * 2:
            return
        old = [key for key in list(self._recent)[RECENT:] if self._orders[key].state.final]
        for key in old:
            self._recent.remove(key)
            self._unsettled.pop(key, None)
            order = self._orders.pop(key)
            del self._tracks[key]
            self._by_exchange_id.pop(order.order_id, None)
            if order.order_id:
                self._ended[order.order_id] = None
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def become(self, after: Order, at: Timestamp) -> list[Effect]:
        """Put an order's new state in place, record it and tell what it means."""
        key = after.client_order_id
        before, track = self._orders[key], self._tracks[key]
        if after.order_id and not before.order_id:
            after = self.with_orphans(after, track, at)
        if after is before:
            return []
        self.keep(after, track)
        if after.state.final:
            track.next_ns = 0
        effects: list[Effect] = [Journal((OrderRecord(order=after, wall_ms=at.wall_ms),))]
        return effects + self._tell(before, after, track, at)

    def with_orphans(self, order: Order, track: Track, at: Timestamp) -> Order:
        """Add executions that came before the exchange's id of their order was known."""
        qty, quote = self._orphans.pop(order.order_id, (ZERO, ZERO))
        if qty == 0:
            return order
        with exact():
            track.booked_qty, track.booked_quote = track.booked_qty + qty, track.booked_quote + quote
        return transitions.executed(order, track.booked_qty, track.booked_quote, order.order_id, at.wall_ms)

    def _tell(self, before: Order, after: Order, track: Track, at: Timestamp) -> list[Effect]:
        told: list[tuple[str, Level, str]] = []
        if after.state is before.state:
            return []
        if before.state in UNANSWERED and after.order_id and not track.told:
            track.told = True
            told.append(("accepted", Level.INFO, messages.accepted(after)))
        if after.state is OrderState.REJECTED and before.state is OrderState.UNKNOWN:
            told.append(("rejected", Level.WARN, messages.never_arrived(after)))
        elif after.state is OrderState.REJECTED:
            told.append(("rejected", Level.BAD, messages.rejected(after)))
        elif after.state is OrderState.DENIED:
            told.append(("denied", Level.WARN, messages.not_sent(after)))
        elif after.state is OrderState.UNKNOWN:
            told.append(("unknown", Level.BAD, messages.unknown(after)))
        elif after.state in (OrderState.CANCELLED, OrderState.PARTIALLY_CANCELLED):
            told.append(("cancelled", Level.INFO, messages.cancelled(after, before.cancel_requested)))
        return [self._facts.emit(at, kind, level, text, symbol=after.symbol, order=after) for kind, level, text in told]
