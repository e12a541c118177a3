"""The order manager: every order the desk knows, what became of it, and what has to be asked about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from mexc_tui.domain import transitions
from mexc_tui.domain.commands import Draft
from mexc_tui.domain.facts import Level
from mexc_tui.domain.ids import client_order_id, is_ours
from mexc_tui.domain.inputs import (
    CancelAnswered,
    LookupAnswered,
    LookupFailed,
    Moment,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
)
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Fill, Order, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import OrdersView
from mexc_tui.kernel import words
from mexc_tui.kernel.effects import (
    DenialRecord,
    Effect,
    IntentRecord,
    Journal,
    LookUp,
    OrderRecord,
    SendCancel,
    SendCancelAll,
    SendOrder,
)
from mexc_tui.kernel.facts import FactLog

RECENT = 200
ENDED_KEPT = 20_000

_MS = 1_000_000
UNANSWERED_NS = 30_000 * _MS
"""After this long without any outcome of a send it is treated as unknown."""
NO_REPORT_NS = 2_000 * _MS
CANCEL_CHECK_NS = 3_000 * _MS
CANCEL_DONE_CHECK_NS = 1_000 * _MS
LOOKUP_LOST_NS = 60_000 * _MS
GRACE_NS = 5_000 * _MS
"""An order can appear late: "no such order" is believed only this long after it was sent."""
ABSENT_NS = 10_000 * _MS
"""The same for one that the exchange had acknowledged."""
BELIEVED_AFTER = 2
LOOKUP_MARGIN_MS = 60_000
_DELAYS_MS = (500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000)

_UNSETTLED = frozenset({OrderState.PENDING, OrderState.UNKNOWN})


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
    absences: int = 0
    """Consecutive answers that there is no such order."""
    told: bool = False
    """Whether the person was told that the exchange has it."""


class Orders:
    """Holds orders and turns what the exchange says of them into states, records, questions and facts."""

    def __init__(self, run: str, facts: FactLog) -> None:
        self._run = run
        self._facts = facts
        self._sequence = 0
        self._orders: dict[str, Order] = {}
        self._tracks: dict[str, Track] = {}
        self._by_exchange_id: dict[str, str] = {}
        self._recent: deque[str] = deque()
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
        return [o for o in self._orders.values() if o.state.may_be_live and symbol in (None, o.symbol)]

    def known(self) -> Iterator[tuple[Order, Track]]:
        """Yield every order that is kept, with its track."""
        for key, order in self._orders.items():
            yield order, self._tracks[key]

    def view(self) -> OrdersView:
        """Return open orders, oldest first, and finished ones, newest first; the same object until one changes."""
        if self._view is None:
            recent = [self._orders[key] for key in self._recent if self._orders[key].state.final]
            self._view = OrdersView(open=tuple(self.live()), recent=tuple(recent))
        return self._view

    # --- sending and denying

    def next_id(self) -> str:
        """Return a client order id that was never used."""
        self._sequence += 1
        return client_order_id(self._run, self._sequence)

    def send(
        self, draft: Draft, command_id: str, at: Moment, *, lock: Decimal, reduce_only: bool, durable: bool = True
    ) -> tuple[Order, list[Effect]]:
        """Record the intent, then send, once; without ``durable`` the order goes even if it cannot be recorded."""
        order = self._draft_order(draft, OrderState.PENDING, at, reduce_only=reduce_only)
        self._keep(order, Track(sent_ns=at.mono_ns, lock=lock))
        request = OrderRequest(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            qty=order.qty,
            quote_qty=order.quote_qty,
            price=order.price,
        )
        record = IntentRecord(order=order, command_id=command_id, wall_ms=at.wall_ms)
        journal, send = Journal((record,), durable=durable), SendOrder(request)
        return order, [journal, send] if durable else [send, journal]

    def deny(
        self, draft: Draft, violations: tuple[Violation, ...], book_version: int, at: Moment, command_id: str
    ) -> list[Effect]:
        """Keep a refused draft where the person can see it; nothing leaves."""
        messages = tuple(violation.message for violation in violations)
        order = self._draft_order(draft, OrderState.DENIED, at, reason=" ".join(messages))
        self._keep(order, Track(sent_ns=at.mono_ns))
        record = DenialRecord(
            order=order,
            codes=tuple(violation.code for violation in violations),
            messages=messages,
            book_version=book_version,
            wall_ms=at.wall_ms,
        )
        text = f"{words.sentence('the ' + words.describe(order) + ' was refused here')} {' '.join(messages)}"
        fact = self._facts.tell(
            at,
            "denied",
            Level.WARN,
            f"{text} Nothing was sent.",
            symbol=order.symbol,
            order=order,
            violations=violations,
            command_id=command_id,
        )
        return [Journal((record,)), fact]

    def _draft_order(
        self, draft: Draft, state: OrderState, at: Moment, *, reason: str = "", reduce_only: bool = False
    ) -> Order:
        return Order(
            client_order_id=self.next_id(),
            symbol=draft.symbol,
            side=draft.side,
            type=draft.type,
            state=state,
            created_ms=at.wall_ms,
            updated_ms=at.wall_ms,
            price=None if draft.type is OrderType.MARKET else draft.price,
            qty=draft.qty,
            quote_qty=draft.quote_qty,
            reason=reason,
            reduce_only=reduce_only,
        )

    # --- outcomes

    def accepted(self, item: PlaceAccepted, at: Moment) -> list[Effect]:
        """Take in the exchange's name of the order; a cancel that waits is sent again, now by that name."""
        order = self._orders.get(item.client_order_id)
        if order is None:
            return []
        track = self._tracks[order.client_order_id]
        track.known_ns = track.known_ns or at.mono_ns
        effects = self._become(transitions.accepted(order, item.order_id, at.wall_ms), at)
        after = self._orders[order.client_order_id]
        if after.state.may_be_live and not track.made_ms:
            self._ask_later(after, at, NO_REPORT_NS)
        if after.state.may_be_live and after.cancel_requested:
            effects += self._send_cancel(after, at)
        return effects

    def rejected(self, item: PlaceRejected, at: Moment) -> list[Effect]:
        """Take in that the exchange refused, positively."""
        return self._apply(item.client_order_id, at, lambda o: transitions.rejected(o, item.reason, at.wall_ms))

    def not_sent(self, item: PlaceNotSent, at: Moment) -> list[Effect]:
        """Take in that nothing left the program."""
        return self._apply(item.client_order_id, at, lambda o: transitions.not_sent(o, item.reason, at.wall_ms))

    def outcome_unknown(self, item: PlaceUnknown, at: Moment) -> list[Effect]:
        """Take in that the outcome is open: ask for it, never send again."""
        effects = self._apply(
            item.client_order_id, at, lambda o: transitions.outcome_unknown(o, item.reason, at.wall_ms)
        )
        order = self._orders.get(item.client_order_id)
        if order is not None and order.state is OrderState.UNKNOWN:
            effects += self._look_up(order, at)
        return effects

    def reported(self, report: OrderReport, at: Moment) -> list[Effect]:
        """Merge a report; an order that nobody here placed is adopted."""
        key = self._key_of(report)
        if key is None:
            return self._adopt(report, at)
        track = self._tracks[key]
        track.known_ns = track.known_ns or at.mono_ns
        track.made_ms = track.made_ms or report.created_ms
        track.absences = 0
        before = self._orders[key]
        after = transitions.reported(before, report)
        if after.filled_qty > before.filled_qty:
            track.moved_ms, track.moved_ns = max(track.moved_ms, report.updated_ms), at.mono_ns
        if not after.cancel_requested or after.state.final:
            track.next_ns = 0
        effects = self._become(after, at)
        if before.state in _UNSETTLED and after.cancel_requested and after.state.may_be_live:
            effects += self._send_cancel(after, at)
        return effects

    def _key_of(self, report: OrderReport) -> str | None:
        if report.client_order_id in self._orders:
            return report.client_order_id
        return self._by_exchange_id.get(report.order_id)

    def _adopt(self, report: OrderReport, at: Moment) -> list[Effect]:
        if report.order_id in self._ended:
            return []
        ours = is_ours(report.client_order_id)
        order = transitions.adopted(report, report.client_order_id or report.order_id, ours=ours)
        track = Track(sent_ns=at.mono_ns, known_ns=at.mono_ns, made_ms=report.created_ms, told=True)
        track.lock = open_value(order, track) or ZERO
        track.moved_ms, track.moved_ns = report.updated_ms, at.mono_ns
        self._keep(order, track)
        effects: list[Effect] = [Journal((OrderRecord(order=order, wall_ms=at.wall_ms),))]
        if order.state.may_be_live:
            fact = self._facts.tell(at, "adopted", Level.WARN, words.adopted(order), symbol=order.symbol, order=order)
            effects.append(fact)
        return effects

    def booked(self, fill: Fill, at: Moment) -> list[Effect]:
        """Add one new execution to its order."""
        key = fill.client_order_id if fill.client_order_id in self._orders else self._by_exchange_id.get(fill.order_id)
        if key is None:
            with exact():
                qty, quote = self._orphans.get(fill.order_id, (ZERO, ZERO))
                self._orphans[fill.order_id] = (qty + fill.qty, quote + fill.quote_qty)
            while len(self._orphans) > RECENT:
                del self._orphans[next(iter(self._orphans))]
            return []
        track = self._tracks[key]
        with exact():
            track.booked_qty += fill.qty
            track.booked_quote += fill.quote_qty
        track.booked_ms = max(track.booked_ms, fill.time_ms)
        track.known_ns = track.known_ns or at.mono_ns
        before = self._orders[key]
        if track.booked_qty >= before.filled_qty:
            # Every part is known by its own time, which the balance push of the same trade carries too.
            track.moved_ms, track.moved_ns = track.booked_ms, at.mono_ns
        after = transitions.executed(before, track.booked_qty, track.booked_quote, fill.order_id, fill.time_ms)
        return self._become(after, at)

    def find(self, fill: Fill) -> Order | None:
        """Return the order of an execution."""
        return self._orders.get(fill.client_order_id) or self._orders.get(self._by_exchange_id.get(fill.order_id, ""))

    # --- cancelling

    def cancel(self, key: str, at: Moment) -> list[Effect]:
        """Ask for an order to be cancelled; repeating it is harmless."""
        order = self._orders.get(key)
        if order is None or order.state.final:
            return []
        effects = self._become(transitions.cancel_requested(order, at.wall_ms), at)
        return self._send_cancel(self._orders[key], at) + effects

    def cancel_some(self, wanted: Callable[[Order], bool], at: Moment) -> list[Effect]:
        """Cancel the live orders that ``wanted`` picks, one by one."""
        effects: list[Effect] = []
        for order in self.live():
            if wanted(order):
                effects += self.cancel(order.client_order_id, at)
        return effects

    def cancel_symbols(self, symbols: set[str], at: Moment) -> list[Effect]:
        """Cancel everything in these symbols, also what the desk does not know of."""
        effects: list[Effect] = [SendCancelAll(tuple(sorted(symbols)))] if symbols else []
        for order in self.live():
            if order.symbol in symbols:
                effects += self._become(transitions.cancel_requested(order, at.wall_ms), at)
                after = self._orders[order.client_order_id]
                self._ask_later(after, at, CANCEL_CHECK_NS)
                if after.state in _UNSETTLED:
                    effects.append(SendCancel(after.symbol, after.client_order_id, after.order_id))
        return effects

    def cancel_answered(self, item: CancelAnswered, at: Moment) -> list[Effect]:
        """Take in the outcome of one cancel; only a report or a look-up ends the order."""
        order = self._orders.get(item.client_order_id)
        if order is None or order.state.final:
            return []
        if item.outcome == "ok":
            self._ask_later(order, at, CANCEL_DONE_CHECK_NS)
            return []
        if item.outcome == "failed":
            effects = self._become(transitions.cancel_failed(order, at.wall_ms), at)
            text = words.cancel_refused(order, item.reason)
            return [*effects, self._facts.tell(at, "problem", Level.BAD, text, symbol=order.symbol, order=order)]
        if order.state is OrderState.PENDING:
            return []
        return self._look_up(order, at)

    def _send_cancel(self, order: Order, at: Moment) -> list[Effect]:
        self._ask_later(order, at, CANCEL_CHECK_NS)
        return [SendCancel(order.symbol, order.client_order_id, order.order_id)]

    # --- asking

    def looked_up(self, item: LookupAnswered, at: Moment) -> list[Effect]:
        """Take in what the exchange says of one order."""
        order = self._orders.get(item.client_order_id)
        if order is None:
            return []
        track = self._tracks[order.client_order_id]
        track.asked_ns = 0
        if item.report is None or not item.found:
            return self._absent(order, track, at)
        report = msgspec.structs.replace(item.report, client_order_id=order.client_order_id)
        effects = self.reported(report, at)
        after = self._orders[order.client_order_id]
        if after.state.may_be_live and after.cancel_requested and not any(isinstance(e, SendCancel) for e in effects):
            effects += self._send_cancel(after, at)
        return effects

    def _absent(self, order: Order, track: Track, at: Moment) -> list[Effect]:
        if order.state.final:
            return []
        track.absences += 1
        acknowledged = bool(order.order_id)
        grace = ABSENT_NS if acknowledged else GRACE_NS
        if track.absences < BELIEVED_AFTER or at.mono_ns - track.sent_ns < grace:
            self._ask_again(order, at)
            return []
        reason = "the exchange does not know the order any more" if acknowledged else "it never arrived"
        return self._become(transitions.never_arrived(order, reason, at.wall_ms), at)

    def look_up_failed(self, item: LookupFailed, at: Moment) -> list[Effect]:
        """Ask again, later and later."""
        order = self._orders.get(item.client_order_id)
        if order is not None and order.state.may_be_live:
            self._tracks[order.client_order_id].asked_ns = 0
            self._ask_again(order, at)
        return []

    def tick(self, at: Moment) -> list[Effect]:
        """Ask about every order whose time has come."""
        effects: list[Effect] = []
        for order in self.live():
            track = self._tracks[order.client_order_id]
            if order.state is OrderState.PENDING and at.mono_ns - track.sent_ns >= UNANSWERED_NS:
                effects += self.outcome_unknown(PlaceUnknown(order.client_order_id, "no answer came"), at)
            elif track.asked_ns and at.mono_ns - track.asked_ns >= LOOKUP_LOST_NS:
                effects += self._look_up(order, at, again=True)
            elif track.next_ns and at.mono_ns >= track.next_ns:
                effects += self._look_up(order, at)
        return effects

    def _look_up(self, order: Order, at: Moment, *, again: bool = False) -> list[Effect]:
        track = self._tracks[order.client_order_id]
        if track.asked_ns and not again:
            return []
        track.asked_ns, track.next_ns = at.mono_ns, 0
        since = order.created_ms - LOOKUP_MARGIN_MS
        return [LookUp(order.symbol, order.client_order_id, order.order_id, since)]

    def _ask_later(self, order: Order, at: Moment, delay_ns: int) -> None:
        if order.state.may_be_live:
            self._tracks[order.client_order_id].next_ns = at.mono_ns + delay_ns

    def _ask_again(self, order: Order, at: Moment) -> None:
        track = self._tracks[order.client_order_id]
        delay = _DELAYS_MS[min(track.tries, len(_DELAYS_MS) - 1)]
        track.tries += 1
        track.next_ns = at.mono_ns + delay * _MS

    # --- reconciliation and recovery

    def reconciled(self, item: Reconciled, at: Moment) -> list[Effect]:
        """Merge the exchange's open orders; ours that it leaves out are looked up one by one."""
        effects: list[Effect] = []
        listed = set()
        for report in item.open_orders:
            effects += self.reported(report, at)
            listed.add(self._key_of(report))
        for order in self.live():
            track = self._tracks[order.client_order_id]
            known = track.known_ns and track.known_ns <= item.asked_ns
            if order.symbol in item.symbols and order.client_order_id not in listed and known:
                effects += self._look_up(order, at)
        return effects

    def lacking_fills(self, at: Moment) -> dict[str, int]:
        """Return symbols with filled orders whose executions have not come, and since when to ask for them."""
        late: dict[str, int] = {}
        for order, track in self.known():
            if order.filled_qty > track.booked_qty and at.mono_ns - track.moved_ns >= NO_REPORT_NS and order.ours:
                since = order.created_ms - LOOKUP_MARGIN_MS
                late[order.symbol] = min(since, late.get(order.symbol, since))
        return late

    def replay(self, order: Order) -> None:
        """Take up an order from the journal; the newest record wins."""
        key = order.client_order_id
        track = self._tracks.get(key) or Track(sent_ns=0, told=True)
        if key not in self._orders or order.state is not OrderState.PENDING:
            self._keep(order, track)
        prefix = client_order_id(self._run, 0)[:-1]
        if key.startswith(prefix) and is_ours(key):
            self._sequence = max(self._sequence, int(key.removeprefix(prefix), 36))

    def replay_fill(self, fill: Fill) -> None:
        """Take up an execution from the journal."""
        self.booked(fill, Moment(fill.time_ms, 0))

    def resume(self, at: Moment) -> list[Effect]:
        """After a restart: whatever was under way has an unknown outcome and is looked up, never sent again."""
        effects: list[Effect] = []
        for order in self.live():
            track = self._tracks[order.client_order_id]
            track.sent_ns = at.mono_ns
            track.lock = open_value(order, track) or ZERO
            if order.state is OrderState.PENDING:
                reason = "the program ended before the answer came"
                effects += self.outcome_unknown(PlaceUnknown(order.client_order_id, reason), at)
            elif order.state is OrderState.UNKNOWN or order.cancel_requested:
                effects += self._look_up(order, at)
        return effects

    # --- keeping

    def _keep(self, order: Order, track: Track) -> None:
        key = order.client_order_id
        if key not in self._orders:
            self._recent.appendleft(key)
        self._orders[key], self._tracks[key] = order, track
        if order.order_id:
            self._by_exchange_id[order.order_id] = key
        self._view = None
        self._forget()

    def _forget(self) -> None:
        """Drop the oldest finished orders; their ids are remembered, so that late reports do not revive them."""
        if len(self._recent) <= RECENT * 2:
            return
        for key in [k for k in list(self._recent)[RECENT:] if self._orders[k].state.final]:
            self._recent.remove(key)
            order = self._orders.pop(key)
            del self._tracks[key]
            self._by_exchange_id.pop(order.order_id, None)
            if order.order_id:
                self._ended[order.order_id] = None
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _apply(self, key: str, at: Moment, change: Callable[[Order], Order]) -> list[Effect]:
        order = self._orders.get(key)
        return [] if order is None else self._become(change(order), at)

    def _become(self, after: Order, at: Moment) -> list[Effect]:
        """Put an order's new state in place, record it and tell what it means."""
        key = after.client_order_id
        before, track = self._orders[key], self._tracks[key]
        if after.order_id and not before.order_id:
            after = self._with_orphans(after, track, at)
        if after is before:
            return []
        self._keep(after, track)
        if after.state.final:
            track.next_ns = 0
        effects: list[Effect] = [Journal((OrderRecord(order=after, wall_ms=at.wall_ms),))]
        return effects + self._tell(before, after, track, at)

    def _with_orphans(self, order: Order, track: Track, at: Moment) -> Order:
        """Add executions that came before the exchange's id of their order was known."""
        qty, quote = self._orphans.pop(order.order_id, (ZERO, ZERO))
        if qty == 0:
            return order
        with exact():
            track.booked_qty, track.booked_quote = track.booked_qty + qty, track.booked_quote + quote
        return transitions.executed(order, track.booked_qty, track.booked_quote, order.order_id, at.wall_ms)

    def _tell(self, before: Order, after: Order, track: Track, at: Moment) -> list[Effect]:
        told: list[tuple[str, Level, str]] = []
        if after.state is before.state:
            return []
        if before.state in _UNSETTLED and after.order_id and not track.told:
            track.told = True
            told.append(("accepted", Level.INFO, words.accepted(after)))
        if after.state is OrderState.REJECTED and before.state is OrderState.UNKNOWN:
            told.append(("rejected", Level.WARN, words.never_arrived(after)))
        elif after.state is OrderState.REJECTED:
            told.append(("rejected", Level.BAD, words.rejected(after)))
        elif after.state is OrderState.DENIED:
            told.append(("denied", Level.WARN, words.not_sent(after)))
        elif after.state is OrderState.UNKNOWN:
            told.append(("unknown", Level.BAD, words.unknown(after)))
        elif after.state in (OrderState.CANCELLED, OrderState.PARTIALLY_CANCELLED):
            told.append(("cancelled", Level.INFO, words.cancelled(after, before.cancel_requested)))
        return [self._facts.tell(at, kind, level, text, symbol=after.symbol, order=after) for kind, level, text in told]


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
