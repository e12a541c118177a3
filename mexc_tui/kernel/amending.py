"""Amending: the exchange has no such call, so an order is cancelled, and only when that is certain the rest is placed.

The old order and the new one are never at the exchange together. What filled before the cancel arrived is taken off
the new one, exactly: nothing is placed before the exchange has reported the end of the old order.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import AmendOrder, Draft
from mexc_tui.domain.controls.case import grouped
from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import check
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import CONFIRMABLE, Verdict
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.views import GateInputs
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.records import DenialRecord
from mexc_tui.kernel.risk import Risk

_MS = 1_000_000
CANCEL_NS = 30_000 * _MS
"""A cancel that takes longer leaves nothing behind: nobody means the new order any more."""
MONEY_NS = 5_000 * _MS
"""How long the money of the old order may take to be free for the new one."""

Submit = Callable[[Draft, GateInputs, Verdict, str, Timestamp], list[Effect]]


class _Job(msgspec.Struct):
    """An order on its way to another size or price."""

    key: str
    command_id: str
    draft: Draft
    """The new order with the whole size, what has filled included."""
    since_ns: int
    owner: str
    """Who asked: the new order is that owner's."""
    ended_ns: int = 0
    """When the old order was first known to be over."""


class Amender:
    """One job an order; it ends with a fact, whether the order was amended or not."""

    def __init__(self, facts: FactLog, store: OrderStore, orders: OrderManager, risk: Risk, submit: Submit) -> None:
        self._facts = facts
        self._store = store
        self._orders = orders
        self._risk = risk
        self._submit = submit
        self._jobs: dict[str, _Job] = {}

    def start(self, command: AmendOrder, owner: str, at: Timestamp) -> list[Effect]:
        """Cancel the order, if the new one would pass the gate in its place."""
        order = self._store.get(command.client_order_id)
        draft = None if order is None else _draft(order, command)
        why = self._why_not(order, draft)
        if order is None or draft is None or why:
            text = f"Nothing was amended: {why}"
            return [self._facts.emit(at, "problem", Level.WARN, text, order=order, command_id=command.command_id)]
        rest = _rest(draft, order)
        inputs = self._risk.inputs(order.symbol, at, owner)
        verdict = check(rest, _without(order, inputs))
        if not verdict.passes:
            text = f"{messages.sentence('the ' + messages.describe(order) + ' was not amended and works on')} "
            text += " ".join(violation.message for violation in verdict.violations)
            if verdict.to_confirm:
                text += " Amend it again with “yes” at the end, or --yes, if it is meant."
            record = DenialRecord(
                order=order,
                codes=tuple(violation.code for violation in verdict.violations),
                messages=tuple(violation.message for violation in verdict.violations),
                violations=verdict.violations,
                book_version=0 if inputs.book is None else inputs.book.version,
                wall_ms=at.wall_ms,
                command_id=command.command_id,
            )
            fact = self._facts.emit(
                at,
                "denied",
                Level.WARN,
                text,
                symbol=order.symbol,
                order=order,
                violations=verdict.violations,
                command_id=command.command_id,
            )
            caught = self._risk.owners.caught(verdict.violations, owner, order.symbol, at)
            return [*caught, Journal((record,)), fact]
        key = order.client_order_id
        # Once the old order is gone nothing is asked any more: the new one is what was wanted.
        draft = msgspec.structs.replace(draft, confirmed=CONFIRMABLE)
        self._jobs[key] = _Job(key=key, command_id=command.command_id, draft=draft, since_ns=at.mono_ns, owner=owner)
        effects = self._store.become(msgspec.structs.replace(order, amending=True), at)
        return effects + self._orders.cancel(key, at)

    def _why_not(self, order: Order | None, draft: Draft | None) -> str:
        if order is None:
            return "there is no such order here."
        if not order.managed:
            return "the order was placed elsewhere; adopt it first (`:adopt`, or `mexc-tui adopt`)."
        if order.client_order_id in self._jobs:
            return "the order is being amended already."
        if order.state not in (OrderState.WORKING, OrderState.PARTIAL) or order.cancel_requested:
            return f"the order is {order.state.value}; only one that works can be amended."
        if draft is None or draft.qty is None or draft.price is None or (order.reason and order.elsewhere):
            return "only limit and post-only orders with a size in base can be amended."
        if not (draft.qty.is_finite() and draft.price.is_finite()):
            return "a size and a price are numbers."
        if (draft.qty, draft.price) == (order.qty, order.price):
            return "it has that size and price."
        if draft.qty <= order.filled_qty:
            return f"{grouped(order.filled_qty)} of it has filled, no less than the new size; cancel it instead."
        return ""

    def drop(self, wanted: Callable[[Order], bool], at: Timestamp) -> list[Effect]:
        """Place nothing anew of orders that are to be cancelled for good."""
        effects: list[Effect] = []
        for job in list(self._jobs.values()):
            order = self._store.get(job.key)
            if order is None or wanted(order):
                effects += self._end(job, Level.INFO, "it was to be cancelled meanwhile", at)
        return effects

    def resume(self, at: Timestamp) -> list[Effect]:
        """After a restart: nothing is placed anew of what was being amended; say so, once."""
        effects: list[Effect] = []
        for order, _ in self._store.unsettled():
            if order.amending and order.state is not OrderState.FILLED:
                after = msgspec.structs.replace(order, amending=False)
                effects += self._store.become(after, at)
                text = (
                    f"{messages.sentence('the ' + messages.describe(order) + ' was being amended')} The program ended "
                    "before it was certain that the new order had been sent. Look at your open orders; what is missing "
                    "is not placed by itself."
                )
                effects.append(self._facts.emit(at, "problem", Level.BAD, text, symbol=order.symbol, order=after))
        return effects

    def advance(self, at: Timestamp) -> list[Effect]:
        """Take every job as far as what is known allows."""
        effects: list[Effect] = []
        for job in list(self._jobs.values()):
            effects += self._advance(job, at)
        return effects

    def _advance(self, job: _Job, at: Timestamp) -> list[Effect]:
        order = self._store.get(job.key)
        if order is None:
            return self._end(job, Level.BAD, "it is not known any more", at)
        if order.state.may_be_live:
            if not order.cancel_requested:
                return self._end(job, Level.BAD, "the exchange did not cancel it, so it works on unchanged", at)
            if at.mono_ns - job.since_ns < CANCEL_NS:
                return []
            return self._end(job, Level.BAD, "its cancel is not confirmed yet; it goes on being cancelled", at)
        if order.presumed:
            return self._end(job, Level.BAD, "the exchange does not say what became of it", at)
        if order.state is OrderState.FILLED:
            return self._end(job, Level.INFO, "it had filled whole", at)
        rest = _rest(job.draft, order)
        if rest.qty is None or rest.qty <= 0:
            return self._end(job, Level.INFO, f"{grouped(order.filled_qty)} of it had filled, all that is wanted", at)
        inputs = self._risk.inputs(order.symbol, at, job.owner)
        verdict = check(rest, inputs)
        job.ended_ns = job.ended_ns or at.mono_ns
        if verdict.passes:
            return self._place(job, order, rest, inputs, verdict, at)
        if at.mono_ns - job.ended_ns < MONEY_NS:
            return []
        return self._end(job, Level.BAD, " ".join(violation.message for violation in verdict.violations), at)

    def _place(
        self, job: _Job, order: Order, rest: Draft, inputs: GateInputs, verdict: Verdict, at: Timestamp
    ) -> list[Effect]:
        del self._jobs[job.key]
        effects = self._submit(rest, inputs, verdict, job.command_id, at)
        # Cleared after the new order has been recorded: a restart in between tells that it is not certain.
        effects += self._store.become(msgspec.structs.replace(order, amending=False), at)
        filled = f" {grouped(order.filled_qty)} of it had filled." if order.filled_qty else ""
        new = f"{grouped(rest.qty or ZERO)} at {grouped(rest.price or ZERO)}"
        text = f"{messages.sentence('the ' + messages.describe(order) + ' was amended to ' + new)}{filled}"
        fact = self._facts.emit(
            at, "amended", Level.INFO, text, symbol=order.symbol, order=order, command_id=job.command_id
        )
        return [*effects, fact]

    def _end(self, job: _Job, level: Level, why: str, at: Timestamp) -> list[Effect]:
        del self._jobs[job.key]
        order, effects = self._store.get(job.key), list[Effect]()
        what = "the order"
        if order is not None:
            what = "the " + messages.describe(order)
            effects = self._store.become(msgspec.structs.replace(order, amending=False), at)
        text = f"{messages.sentence(what + ' was not amended: ' + why)} Nothing was placed in its stead."
        symbol = job.draft.symbol
        fact = self._facts.emit(at, "problem", level, text, symbol=symbol, order=order, command_id=job.command_id)
        return [*effects, fact]


def _draft(order: Order, command: AmendOrder) -> Draft | None:
    """Return the order as it shall be, whole; None for one that cannot be amended."""
    if order.type not in (OrderType.LIMIT, OrderType.POST_ONLY) or order.qty is None or order.price is None:
        return None
    qty = order.qty if command.qty is None else command.qty
    price = order.price if command.price is None else command.price
    with exact():
        known = qty.is_finite() and price.is_finite()
        grows = not known or qty * price > order.qty * order.price
    confirmed = CONFIRMABLE if command.confirmed or not grows else ()
    return Draft(symbol=order.symbol, side=order.side, type=order.type, qty=qty, price=price, confirmed=confirmed)


def _rest(draft: Draft, order: Order) -> Draft:
    """Return what is left to place."""
    with exact():
        return msgspec.structs.replace(draft, qty=(draft.qty or ZERO) - order.filled_qty)


def _without(order: Order, inputs: GateInputs) -> GateInputs:
    """Return the gate's inputs as they will be once an order is gone."""

    def plus(known: Decimal | None, by: Decimal) -> Decimal | None:
        return None if known is None else known + by

    owned = inputs.owned
    with exact():
        left = order.remaining_qty or ZERO
        if owned.owner == order.owner and owned.open_orders:
            owned = msgspec.structs.replace(owned, open_orders=owned.open_orders - 1)
        if order.side is Side.SELL:
            return msgspec.structs.replace(
                inputs, base_free=plus(inputs.base_free, left), open_orders=inputs.open_orders - 1, owned=owned
            )
        spent = left * (order.price or ZERO)
        value = spent * (inputs.quote_price or ZERO)
        return msgspec.structs.replace(
            inputs,
            quote_free=plus(inputs.quote_free, spent),
            base_exposure=plus(inputs.base_exposure, -value),
            gross_exposure=plus(inputs.gross_exposure, -value),
            open_orders=inputs.open_orders - 1,
            owned=msgspec.structs.replace(
                owned, added=plus(owned.added, -value) if owned.owner == order.owner else owned.added
            ),
        )
