"""The order manager: sends and cancels orders, and finds out what became of them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mexc_tui.domain import transitions
from mexc_tui.domain.commands import Draft
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    CancelAnswered,
    LookupAnswered,
    LookupFailed,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
    Timestamp,
)
from mexc_tui.domain.limits import Refusal, Violation
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Fill, Order, OrderReport, OrderRequest, OrderState, OrderType
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, Journal, SendCancel, SendOrder
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.inquiries import NO_REPORT_NS, Inquiries
from mexc_tui.kernel.order_store import PRESUMED_MS, UNANSWERED, OrderStore, Track, open_value
from mexc_tui.kernel.records import (
    NOTHING_HEARD,
    DenialRecord,
    Heard,
    IntentRecord,
    OrderRecord,
    StateRecord,
    Way,
)

_MS = 1_000_000
UNANSWERED_NS = 30_000 * _MS
"""After this long without any outcome of a send it is treated as unknown."""
CANCEL_CHECK_NS = 3_000 * _MS
CANCEL_DONE_CHECK_NS = 1_000 * _MS
LOOKUP_LOST_NS = 60_000 * _MS
GRACE_NS = 5_000 * _MS
"""An order can appear late: "no such order" is believed only this long after it was sent."""
ABSENT_NS = 10_000 * _MS
"""The same for one that the exchange had acknowledged."""
BELIEVED_AFTER = 2
_ANSWERED, _LISTED = Heard(Way.ANSWER), Heard(Way.RECONCILE)
MOST_CANCELS = 5
"""A cancel that is refused this often is given up, and the user informed."""


class OrderManager:
    """Turns commands, outcomes and reports into states, records, questions and facts. Each order is sent once."""

    def __init__(self, store: OrderStore, facts: FactLog, clock: ExchangeClock) -> None:
        self._store = store
        self._facts = facts
        self._clock = clock
        self._inquiries = Inquiries(store)
        self._refusals: dict[str, Refusal] = {}

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The last refusal of each control, since the desk began."""
        return tuple(self._refusals.values())

    # --- sending and denying

    def send(
        self,
        draft: Draft,
        command_id: str,
        at: Timestamp,
        track: Track,
        *,
        reduce_only: bool,
        owner: str,
        capped: bool = False,
        durable: bool = True,
        book_version: int = 0,
        notes: tuple[Violation, ...] = (),
        beside: tuple[StateRecord, ...] = (),
    ) -> tuple[Order, list[Effect]]:
        """Record the intent, then send, once; without ``durable`` the order goes even if it cannot be recorded.

        ``beside`` is recorded with the intent.
        """
        order = self._drafted(draft, OrderState.PENDING, at, owner, reduce_only=reduce_only)
        order = msgspec.structs.replace(order, capped=capped, command_id=command_id)
        self._store.keep(order, track)
        request = OrderRequest(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            qty=order.qty,
            quote_qty=order.quote_qty,
            price=order.price,
        )
        record = IntentRecord(
            order=order, command_id=command_id, wall_ms=at.wall_ms, book_version=book_version, notes=notes
        )
        journal, send = Journal((record, *beside), durable=durable), SendOrder(request)
        return order, [journal, send] if durable else [send, journal]

    def deny(
        self,
        draft: Draft,
        violations: tuple[Violation, ...],
        book_version: int,
        at: Timestamp,
        command_id: str,
        *,
        owner: str,
    ) -> list[Effect]:
        """Keep a refused draft where the user can see it; nothing leaves."""
        reasons = tuple(violation.message for violation in violations)
        for one in violations:
            before = self._refusals.get(one.code)
            self._refusals[one.code] = Refusal(
                code=one.code,
                message=one.message,
                symbol=draft.symbol,
                wall_ms=at.wall_ms,
                count=1 if before is None else before.count + 1,
            )
        order = self._drafted(draft, OrderState.DENIED, at, owner, reason=" ".join(reasons))
        self._store.keep(order, Track(sent_ns=at.mono_ns))
        record = DenialRecord(
            order=order,
            codes=tuple(violation.code for violation in violations),
            messages=reasons,
            violations=violations,
            book_version=book_version,
            wall_ms=at.wall_ms,
            command_id=command_id,
        )
        fact = self._facts.emit(
            at,
            "denied",
            Level.WARN,
            messages.denied(order),
            symbol=order.symbol,
            order=order,
            violations=violations,
            command_id=command_id,
        )
        return [Journal((record,)), fact]

    def _drafted(
        self, draft: Draft, state: OrderState, at: Timestamp, owner: str, *, reason: str = "", reduce_only: bool = False
    ) -> Order:
        now_ms = self._clock.ms(at)
        return Order(
            client_order_id=self._store.next_id(),
            symbol=draft.symbol,
            side=draft.side,
            type=draft.type,
            state=state,
            created_ms=now_ms,
            updated_ms=now_ms,
            price=None if draft.type is OrderType.MARKET else draft.price,
            qty=draft.qty,
            quote_qty=draft.quote_qty,
            reason=reason,
            reduce_only=reduce_only,
            owner=owner,
        )

    # --- outcomes

    def accepted(self, item: PlaceAccepted, at: Timestamp) -> list[Effect]:
        """Take in the exchange's name of the order; a cancel that waits is sent again, now by that name."""
        order = self._store.get(item.client_order_id)
        if order is None:
            return []
        track = self._store.track(order.client_order_id)
        track.known_ns = track.known_ns or at.mono_ns
        effects = self._store.become(transitions.accepted(order, item.order_id, at.wall_ms), at, _ANSWERED)
        after = self._store.order(order.client_order_id)
        if after.state.may_be_live and not track.made_ms:
            self._inquiries.later(after, at, NO_REPORT_NS)
        if after.state.may_be_live and after.cancel_requested:
            effects += self._send_cancel(after, at)
        return effects

    def rejected(self, item: PlaceRejected, at: Timestamp) -> list[Effect]:
        """Take in that the exchange refused, positively."""
        return self._apply(
            item.client_order_id, at, lambda o: transitions.rejected(o, item.reason, at.wall_ms), _ANSWERED
        )

    def not_sent(self, item: PlaceNotSent, at: Timestamp) -> list[Effect]:
        """Take in that nothing left the program."""
        return self._apply(item.client_order_id, at, lambda o: transitions.not_sent(o, item.reason, at.wall_ms))

    def outcome_unknown(self, item: PlaceUnknown, at: Timestamp) -> list[Effect]:
        """Take in that the outcome is open: ask for it, never send again."""
        effects = self._apply(
            item.client_order_id, at, lambda o: transitions.outcome_unknown(o, item.reason, at.wall_ms)
        )
        order = self._store.get(item.client_order_id)
        if order is not None and order.state is OrderState.UNKNOWN:
            effects += self._inquiries.ask(order, at)
        return effects

    def reported(self, report: OrderReport, at: Timestamp, way: Way) -> list[Effect]:
        """Merge a report; an order that nobody here placed is kept as one placed elsewhere."""
        key = self._store.key_of(report)
        if key is None:
            return self._found(report, at, way)
        before, track = self._store.order(key), self._store.track(key)
        track.known_ns = track.known_ns or at.mono_ns
        track.made_ms = track.made_ms or report.created_ms
        track.absences = 0
        after = transitions.reported(before, report)
        if after.filled_qty > before.filled_qty:
            track.moved_ms, track.moved_ns = max(track.moved_ms, report.updated_ms), at.mono_ns
        if not after.cancel_requested:
            track.next_ns = 0
        return self._turned_up(before, self._store.become(after, at, Heard(way, report.updated_ms)), at)

    def executed(self, fill: Fill, at: Timestamp) -> list[Effect]:
        """Add one new execution to its order; it proves that the order exists."""
        before = self._store.find(fill)
        effects = self._store.executed(fill, at)
        return effects if before is None else self._turned_up(before, effects, at)

    def _turned_up(self, before: Order, effects: list[Effect], at: Timestamp) -> list[Effect]:
        """Cancel an order that has turned up if it was to be; ask again about one that was taken for over."""
        after = self._store.order(before.client_order_id)
        if not after.state.may_be_live or not (before.state in UNANSWERED or before.state.final):
            return effects
        if before.state.final:
            self._inquiries.later(after, at, NO_REPORT_NS)
        return effects + (self._send_cancel(after, at) if after.cancel_requested else [])

    def _found(self, report: OrderReport, at: Timestamp, way: Way) -> list[Effect]:
        if self._store.ended(report.order_id):
            return []
        order = transitions.found(report, report.client_order_id or report.order_id)
        track = Track(sent_ns=at.mono_ns, known_ns=at.mono_ns, made_ms=report.created_ms, reported=True)
        track.lock = open_value(order, track) or ZERO
        track.moved_ms, track.moved_ns = report.updated_ms, at.mono_ns
        order = self._store.with_unmatched(order, track, at)
        self._store.keep(order, track)
        heard = Heard(way, report.updated_ms)
        return [Journal((OrderRecord(order=order, wall_ms=at.wall_ms, heard=heard),))]

    # --- cancelling

    def cancel(self, key: str, at: Timestamp) -> list[Effect]:
        """Ask for an order to be cancelled; idempotent."""
        order = self._store.get(key)
        if order is None or (order.state.final and not order.presumed):
            return []
        effects = self._store.become(transitions.cancel_requested(order, at.wall_ms), at)
        self._store.track(key).cancels = 0
        return self._send_cancel(self._store.order(key), at) + effects

    def cancel_some(self, wanted: Callable[[Order], bool], at: Timestamp) -> list[Effect]:
        """Cancel the live orders that ``wanted`` picks, one by one."""
        effects: list[Effect] = []
        for order in self._store.possible():
            if wanted(order):
                effects += self.cancel(order.client_order_id, at)
        return effects

    def condemn(self, key: str, at: Timestamp) -> list[Effect]:
        """Note that an order is to go with its pair: the sweep cancels it and finds out what became of it."""
        track = self._store.track(key)
        track.cancels, track.next_ns, track.swept = 0, 0, True
        return self._store.become(transitions.cancel_requested(self._store.order(key), at.wall_ms), at)

    def vanished(self, order: Order, at: Timestamp, *, cancelled: bool) -> list[Effect]:
        """Settle an order that the exchange does not list any more; without a confirmed cancel it is presumed over."""
        settle = transitions.cancelled if cancelled else transitions.never_arrived
        return self._store.become(settle(order, at.wall_ms), at, _ANSWERED if cancelled else _LISTED)

    def cancel_answered(self, item: CancelAnswered, at: Timestamp) -> list[Effect]:
        """Take in the outcome of one cancel; only a report or a look-up ends the order."""
        order = self._store.get(item.client_order_id)
        if order is None or order.state.final:
            return []
        track = self._store.track(order.client_order_id)
        if item.outcome == "ok":
            self._inquiries.later(order, at, CANCEL_DONE_CHECK_NS)
        elif item.outcome == "failed" and order.state not in UNANSWERED:
            if track.cancels >= MOST_CANCELS:
                text = messages.cancel_refused(order, item.reason)
                heard = Heard(Way.ANSWER, said=item.reason)
                effects = self._store.become(transitions.cancel_failed(order, at.wall_ms), at, heard)
                return [*effects, self._facts.emit(at, "problem", Level.BAD, text, symbol=order.symbol, order=order)]
            self._inquiries.again(order, at)
        elif order.state is not OrderState.PENDING:
            return self._inquiries.ask(order, at)
        return []

    def _send_cancel(self, order: Order, at: Timestamp) -> list[Effect]:
        track = self._store.track(order.client_order_id)
        track.cancels += 1
        self._inquiries.later(order, at, CANCEL_CHECK_NS * min(track.cancels, 10))
        return [SendCancel(order.symbol, order.client_order_id, order.order_id)]

    # --- asking

    def looked_up(self, item: LookupAnswered, at: Timestamp) -> list[Effect]:
        """Take in what the exchange says of one order."""
        order = self._store.get(item.client_order_id)
        if order is None:
            return []
        self._store.track(order.client_order_id).asked_ns = 0
        if item.report is None or not item.found:
            return self._absent(order, at)
        report = msgspec.structs.replace(item.report, client_order_id=order.client_order_id)
        effects = self.reported(report, at, Way.LOOK_UP)
        after = self._store.order(order.client_order_id)
        if after.state.may_be_live and after.cancel_requested and not any(isinstance(e, SendCancel) for e in effects):
            effects += self._send_cancel(after, at)
        return effects

    def _absent(self, order: Order, at: Timestamp) -> list[Effect]:
        if order.state.final:
            return []
        track = self._store.track(order.client_order_id)
        track.absences += 1
        acknowledged = bool(order.order_id)
        grace = ABSENT_NS if acknowledged else GRACE_NS
        if track.absences < BELIEVED_AFTER or at.mono_ns - track.sent_ns < grace:
            self._inquiries.again(order, at)
            return []
        return self._store.become(transitions.never_arrived(order, at.wall_ms), at, Heard(Way.LOOK_UP))

    def look_up_failed(self, item: LookupFailed, at: Timestamp) -> list[Effect]:
        """Ask again, later and later."""
        order = self._store.get(item.client_order_id)
        if order is not None and order.state.may_be_live:
            self._store.track(order.client_order_id).asked_ns = 0
            self._inquiries.again(order, at)
        return []

    def tick(self, at: Timestamp) -> list[Effect]:
        """Ask about every order whose time has come."""
        effects: list[Effect] = []
        self._store.expire(at)
        for order in self._store.live():
            track = self._store.track(order.client_order_id)
            if order.state is OrderState.PENDING and at.mono_ns - track.sent_ns >= UNANSWERED_NS:
                effects += self.outcome_unknown(PlaceUnknown(order.client_order_id, "no answer came"), at)
            elif track.swept and order.order_id:
                continue
            elif track.asked_ns:
                if at.mono_ns - track.asked_ns >= LOOKUP_LOST_NS:
                    track.asked_ns = 0
                    effects += self._inquiries.ask(order, at)
            elif track.next_ns and at.mono_ns >= track.next_ns:
                effects += self._inquiries.ask(order, at)
        return effects

    # --- reconciliation and recovery

    def reconciled(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        """Merge the exchange's open orders; ours that it leaves out are looked up one by one."""
        effects: list[Effect] = []
        listed = set()
        for report in item.open_orders:
            effects += self.reported(report, at, Way.RECONCILE)
            listed.add(self._store.key_of(report))
        for order in self._store.live():
            track = self._store.track(order.client_order_id)
            known = track.known_ns and track.known_ns <= item.asked_ns
            if order.symbol in item.symbols and order.client_order_id not in listed and known and not track.swept:
                effects += self._inquiries.ask(order, at)
        return effects

    def missing_fills(self, at: Timestamp) -> dict[str, int]:
        """Return symbols with filled orders whose executions have not come, and since when to ask for them."""
        return self._inquiries.missing_fills(at)

    def resume(self, at: Timestamp) -> list[Effect]:
        """After a restart: whatever was under way has an unknown outcome and is looked up, never sent again."""
        effects: list[Effect] = []
        for order, track in self._store.unsettled():
            # What an earlier run did is in any balance that is asked for from now on.
            track.sent_ns, track.moved_ns = at.mono_ns, at.mono_ns - 1
            if order.order_id:
                track.known_ns = at.mono_ns - 1
            if order.state.final and not order.presumed:
                continue
            track.lock = open_value(order, track) or ZERO
            if order.presumed:
                self._store.presume(order, min(PRESUMED_MS, PRESUMED_MS - at.wall_ms + order.updated_ms), at)
                continue
            if order.state is OrderState.PENDING:
                reason = "the program ended before the answer came"
                effects += self.outcome_unknown(PlaceUnknown(order.client_order_id, reason), at)
            elif order.state is OrderState.UNKNOWN or order.cancel_requested:
                effects += self._inquiries.ask(order, at)
        return effects

    def _apply(
        self, key: str, at: Timestamp, change: Callable[[Order], Order], heard: Heard = NOTHING_HEARD
    ) -> list[Effect]:
        order = self._store.get(key)
        return [] if order is None else self._store.become(change(order), at, heard)
