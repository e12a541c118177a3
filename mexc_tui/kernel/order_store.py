"""The orders the desk knows: kept, indexed, and recorded and reported when they change."""

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
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.records import NOTHING_HEARD, DeskSnapshot, Heard, OrderRecord, TrackedOrder, Way

RECENT = 200
ENDED_KEPT = 20_000
UNMATCHED_KEPT = 1_000
PRESUMED_MS = 300_000
"""How long an order that is only presumed over still counts as one that may stand on the exchange."""

UNANSWERED = frozenset({OrderState.PENDING, OrderState.UNKNOWN})
NEVER_LIVE = frozenset({OrderState.DENIED, OrderState.REJECTED})
_MS = 1_000_000


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
    swept: bool = False
    """Whether a sweep cancels it with its pair and finds out what became of it."""
    reported: bool = False
    """Whether a fact has said that the exchange has it."""
    valued: tuple[Order, Decimal, Decimal | None] | None = None
    """What ``open_value`` was last asked for, and its answer."""


def open_value(order: Order, track: Track) -> Decimal | None:
    """Return what an order may still spend: quote of a buy, base of a sell; None where that is not known."""
    kept = track.valued
    if kept is None or kept[0] is not order or kept[1] is not track.lock:
        kept = track.valued = (order, track.lock, _open_value(order, track))
    return kept[2]


def _open_value(order: Order, track: Track) -> Decimal | None:
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
        self._prefix = client_order_id(run, 0)[:-1]
        self._facts = facts
        self._sequence = 0
        self._orders: dict[str, Order] = {}
        self._tracks: dict[str, Track] = {}
        self._by_exchange_id: dict[str, str] = {}
        self._recent: deque[str] = deque()
        self._live: dict[str, None] = {}
        self._unsettled: dict[str, None] = {}
        """Orders whose money may not be in the balances yet: all that live, and finished ones until settled."""
        self._presumed: dict[str, int] = {}
        """Orders presumed over, and until when they count."""
        self._ended: dict[str, None] = {}
        self._unmatched: dict[str, tuple[Decimal, Decimal]] = {}
        self._view: OrdersView | None = None

    # --- reading

    def get(self, key: str) -> Order | None:
        """Return an order by client order id."""
        return self._orders.get(key)

    def order(self, key: str) -> Order:
        """Return an order that is known."""
        return self._orders[key]

    def ended(self, order_id: str) -> bool:
        """Whether an exchange order has ended and been forgotten."""
        return order_id in self._ended

    def track(self, key: str) -> Track:
        """Return what is kept beside an order."""
        return self._tracks[key]

    def live(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that may stand on the exchange, oldest first."""
        orders = self._orders
        found = [orders[key] for key in self._live]
        return found if symbol is None else [order for order in found if order.symbol == symbol]

    def possible(self, symbol: str | None = None) -> list[Order]:
        """Return the live orders and those that are presumed over but may turn up: the worst case."""
        presumed = (self._orders[key] for key in self._presumed)
        return self.live(symbol) + [order for order in presumed if symbol in (None, order.symbol)]

    def counts(self, order: Order) -> bool:
        """Whether an order is live, or presumed over and may turn up."""
        return order.client_order_id in self._live or order.client_order_id in self._presumed

    def unsettled(self) -> list[tuple[Order, Track]]:
        """Return the orders whose money may not be in the balances yet, with their tracks."""
        return [(self._orders[key], self._tracks[key]) for key in self._unsettled]

    def mark_reflected(self, key: str) -> None:
        """Note that the balances show everything a finished order did."""
        if self._orders[key].state.final and key not in self._presumed:
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
        after = self._with_fill(fill, at)
        return [] if after is None else self.become(after, at, Heard(Way.FILL, fill.time_ms))

    def _with_fill(self, fill: Fill, at: Timestamp) -> Order | None:
        """Return an execution's order with it; None where the order is not known."""
        order = self.find(fill)
        if order is None:
            with exact():
                qty, quote = self._unmatched.get(fill.order_id, (ZERO, ZERO))
                self._unmatched[fill.order_id] = (qty + fill.qty, quote + fill.quote_qty)
            while len(self._unmatched) > UNMATCHED_KEPT:
                del self._unmatched[next(iter(self._unmatched))]
            return None
        track = self._tracks[order.client_order_id]
        with exact():
            track.booked_qty += fill.qty
            track.booked_quote += fill.quote_qty
        track.booked_ms = max(track.booked_ms, fill.time_ms)
        track.known_ns = track.known_ns or at.mono_ns
        if track.booked_qty >= order.filled_qty:
            # Every part is known by its own time, which the balance push of the same trade carries too.
            track.moved_ms, track.moved_ns = track.booked_ms, at.mono_ns
        return transitions.executed(order, track.booked_qty, track.booked_quote, fill.order_id, fill.time_ms)

    def find(self, fill: Fill) -> Order | None:
        """Return the order of an execution."""
        return self._orders.get(fill.client_order_id) or self._orders.get(self._by_exchange_id.get(fill.order_id, ""))

    def lacks(self, fill: Fill) -> bool:
        """Whether an execution's order is known and may have executions that have not come yet."""
        order = self.find(fill)
        if order is None:
            return False
        return order.state.may_be_live or self._tracks[order.client_order_id].booked_qty < order.filled_qty

    def concerns(self, order_id: str) -> bool:
        """Whether an exchange order is kept, or executions of it wait for it."""
        return order_id in self._by_exchange_id or order_id in self._unmatched

    # --- the journal

    def replay(self, order: Order) -> None:
        """Take up an order from the journal; the newest record wins."""
        key = order.client_order_id
        track = self._tracks.get(key) or Track(sent_ns=0, reported=bool(order.order_id))
        known = self._orders.get(key)
        if known is None or order.state is not OrderState.PENDING:
            if known is not None and known.command_id:
                order = msgspec.structs.replace(order, command_id=known.command_id)
            if order.order_id:
                order = self.with_unmatched(order, track, Timestamp(order.updated_ms, 0))
            self.keep(order, track)
        self._continue_after(key)

    def replay_fill(self, fill: Fill) -> None:
        """Take up an execution from the journal."""
        at = Timestamp(fill.time_ms, 0)
        after = self._with_fill(fill, at)
        if after is not None:
            self._put(self._orders[after.client_order_id], after, at)
            self._tracks[after.client_order_id].reported = True

    def _continue_after(self, key: str) -> None:
        if key.startswith(self._prefix) and is_ours(key):
            self._sequence = max(self._sequence, int(key.removeprefix(self._prefix), 36))

    def tracked(self) -> tuple[TrackedOrder, ...]:
        """Return every kept order with what its executions add up to, in the order in which they became known."""
        found = []
        for key, order in self._orders.items():
            track = self._tracks[key]
            found.append(
                TrackedOrder(
                    order=order,
                    booked_qty=track.booked_qty,
                    booked_quote=track.booked_quote,
                    booked_ms=track.booked_ms,
                    moved_ms=track.moved_ms,
                    reported=track.reported,
                )
            )
        return tuple(found)

    def keys(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the keys of live and of unsettled orders, and the exchange's ids of forgotten ones."""
        return tuple(self._live), tuple(self._unsettled), tuple(self._ended)

    def unmatched(self) -> tuple[tuple[str, Decimal, Decimal], ...]:
        """Return exchange order id, quantity and quote of executions whose order is not known."""
        return tuple((order_id, qty, quote) for order_id, (qty, quote) in self._unmatched.items())

    def restore(self, saved: DeskSnapshot) -> None:
        """Take up what a snapshot holds."""
        for one in saved.orders:
            key = one.order.client_order_id
            self._orders[key] = one.order
            self._tracks[key] = Track(
                sent_ns=0,
                booked_qty=one.booked_qty,
                booked_quote=one.booked_quote,
                booked_ms=one.booked_ms,
                moved_ms=one.moved_ms,
                reported=one.reported,
            )
            self._recent.appendleft(key)
            if one.order.order_id:
                self._by_exchange_id[one.order.order_id] = key
            self._continue_after(key)
        self._live, self._unsettled = dict.fromkeys(saved.live), dict.fromkeys(saved.unsettled)
        self._ended = dict.fromkeys(saved.ended)
        self._unmatched = {order_id: (qty, quote) for order_id, qty, quote in saved.unmatched}

    # --- changing

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
        if order.presumed or order.state not in (OrderState.DENIED, OrderState.REJECTED):
            self._unsettled[key] = None
        else:
            self._unsettled.pop(key, None)
        if not order.presumed:
            self._presumed.pop(key, None)
        if order.order_id:
            self._by_exchange_id[order.order_id] = key
        self._view = None
        if len(self._recent) > RECENT * 2:
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest finished orders; their ids are remembered, so that late reports do not revive them."""
        old = [key for key in list(self._recent)[RECENT:] if self._orders[key].state.final]
        old = [key for key in old if key not in self._presumed]
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

    def become(self, after: Order, at: Timestamp, heard: Heard = NOTHING_HEARD) -> list[Effect]:
        """Put an order's new state in place; return its record and the facts of what it means."""
        before, track = self._orders[after.client_order_id], self._tracks[after.client_order_id]
        after = self._put(before, after, at)
        if after is before:
            return []
        if after.state.final:
            track.next_ns = 0
        if after.presumed and not before.presumed:
            self.presume(after, PRESUMED_MS, at)
        effects: list[Effect] = [Journal((OrderRecord(order=after, wall_ms=at.wall_ms, heard=heard),))]
        return effects + self._report(before, after, track, at)

    def presume(self, order: Order, left_ms: int, at: Timestamp) -> None:
        """Count an order that is presumed over for so long as one that may turn up."""
        self._presumed[order.client_order_id] = at.mono_ns + left_ms * _MS

    def expire(self, at: Timestamp) -> None:
        """Let go of presumed orders that have not turned up in time."""
        for key in [key for key, until_ns in self._presumed.items() if until_ns <= at.mono_ns]:
            del self._presumed[key]
            if self._orders[key].state is OrderState.REJECTED:
                self._unsettled.pop(key, None)

    def _put(self, before: Order, after: Order, at: Timestamp) -> Order:
        track = self._tracks[after.client_order_id]
        if after.order_id and not before.order_id:
            after = self.with_unmatched(after, track, at)
        if after is not before:
            self.keep(after, track)
        return after

    def with_unmatched(self, order: Order, track: Track, at: Timestamp) -> Order:
        """Add executions that came before the exchange's id of their order was known."""
        qty, quote = self._unmatched.pop(order.order_id, (ZERO, ZERO))
        if qty == 0:
            return order
        with exact():
            track.booked_qty, track.booked_quote = track.booked_qty + qty, track.booked_quote + quote
        return transitions.executed(order, track.booked_qty, track.booked_quote, order.order_id, at.wall_ms)

    def _report(self, before: Order, after: Order, track: Track, at: Timestamp) -> list[Effect]:
        found: list[tuple[str, Level, str]] = []
        if after.state is before.state:
            return []
        if before.state.final and (after.state.may_be_live or before.state in NEVER_LIVE):
            found.append(("revived", Level.BAD, messages.revived(after)))
        if before.state in UNANSWERED and after.order_id and not track.reported:
            track.reported = True
            found.append(("accepted", Level.INFO, messages.accepted(after)))
        if after.presumed:
            kind = "rejected" if after.state is OrderState.REJECTED else "cancelled"
            found.append((kind, Level.WARN, messages.presumed(after)))
        elif after.state is OrderState.REJECTED:
            found.append(("rejected", Level.BAD, messages.rejected(after)))
        elif after.state is OrderState.DENIED:
            found.append(("denied", Level.WARN, messages.not_sent(after)))
        elif after.state is OrderState.UNKNOWN:
            found.append(("unknown", Level.BAD, messages.unknown(after)))
        elif after.state in (OrderState.CANCELLED, OrderState.PARTIALLY_CANCELLED):
            missed = not before.cancel_requested and after.filled_qty == 0
            text = messages.cancelled(after, before.cancel_requested)
            found.append(("cancelled", Level.WARN if missed else Level.INFO, text))
        return [
            self._facts.emit(at, kind, level, text, symbol=after.symbol, order=after, command_id=after.command_id)
            for kind, level, text in found
        ]
