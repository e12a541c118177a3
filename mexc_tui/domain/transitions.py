"""The life of an order: every event is applied to a value and gives a new one, in whatever order events come.

What the exchange says is cumulative, so a repeated, late or reordered report changes nothing that a newer one
has already told. A report proves that the order reached the exchange and therefore outweighs a refusal.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import FORGOTTEN, NEVER_ARRIVED, Order, OrderReport, OrderState, OrderType, Origin

_NEVER_LIVE = frozenset({OrderState.DENIED, OrderState.REJECTED})
_UNANSWERED = frozenset({OrderState.PENDING, OrderState.UNKNOWN})


def accepted(order: Order, order_id: str, at_ms: int) -> Order:
    """Take in that the exchange took the order; nothing is said of fills."""
    known = order.order_id or order_id
    if _over(order):
        return _changed(order, order_id=known)
    state = _live_state(order.filled_qty, order.cancel_requested)
    return _changed(order, order_id=known, state=state, reason="", at_ms=at_ms)


def rejected(order: Order, reason: str, at_ms: int) -> Order:
    """Take in a refusal by the exchange; ignored where it has already shown the order to exist."""
    if order.state not in _UNANSWERED or order.order_id:
        return order
    return _changed(order, state=OrderState.REJECTED, reason=reason, at_ms=at_ms)


def not_sent(order: Order, reason: str, at_ms: int) -> Order:
    """Take in that nothing left the process, so the order does not exist."""
    if order.state not in _UNANSWERED or order.order_id:
        return order
    return _changed(order, state=OrderState.DENIED, reason=reason, at_ms=at_ms)


def outcome_unknown(order: Order, reason: str, at_ms: int) -> Order:
    """Take in that the answer was lost: the order may be live. Ignored once anything is known."""
    if order.state is not OrderState.PENDING:
        return order
    return _changed(order, state=OrderState.UNKNOWN, reason=reason, at_ms=at_ms)


def never_arrived(order: Order, at_ms: int) -> Order:
    """Settle an order of which the exchange says, positively and for long enough, that there is none.

    One that was never acknowledged did not arrive; one that was is over, with the fills that are known. Either is
    presumed only, and a report that the order works revives it.
    """
    if order.state.final:
        return order
    if order.state in _UNANSWERED and not order.order_id:
        return _changed(order, state=OrderState.REJECTED, reason=NEVER_ARRIVED, at_ms=at_ms)
    return _changed(order, state=_ended(order.qty, order.filled_qty), reason=FORGOTTEN, at_ms=at_ms)


def cancelled(order: Order, at_ms: int) -> Order:
    """Settle an order whose cancel the exchange has confirmed and which it does not list any more."""
    if order.state.final:
        return order
    return _changed(order, state=_ended(order.qty, order.filled_qty), reason="", at_ms=at_ms)


def reported(order: Order, report: OrderReport) -> Order:
    """Merge what the exchange says of the order: fills never go back, an end is never undone."""
    filled = max(order.filled_qty, report.filled_qty)
    quote = max(order.filled_quote, report.filled_quote)
    if report.state.final or (_over(order) and not order.presumed):
        done = OrderState.FILLED in (order.state, report.state)
        state = OrderState.FILLED if done else _ended(order.qty, filled)
    else:
        state = _moving(order, filled)
    return _changed(
        order,
        order_id=order.order_id or report.order_id,
        state=state,
        filled_qty=filled,
        filled_quote=quote,
        reason=""
        if order.presumed or order.state in _NEVER_LIVE or order.state is OrderState.UNKNOWN
        else order.reason,
        at_ms=report.updated_ms,
    )


def executed(order: Order, total_qty: Decimal, total_quote: Decimal, order_id: str, at_ms: int) -> Order:
    """Take in the sum of the order's known executions; they may run ahead of the order's own report."""
    filled = max(order.filled_qty, total_qty)
    if _over(order):
        state = OrderState.FILLED if order.state is OrderState.FILLED else _ended(order.qty, filled)
    else:
        state = _moving(order, filled)
    return _changed(
        order,
        order_id=order.order_id or order_id,
        state=state,
        filled_qty=filled,
        filled_quote=max(order.filled_quote, total_quote),
        reason="" if order.state in _NEVER_LIVE or order.state is OrderState.UNKNOWN else order.reason,
        at_ms=at_ms,
    )


def cancel_requested(order: Order, at_ms: int) -> Order:
    """Remember that the order shall go; one whose outcome is open, or that is only presumed over, keeps its state."""
    if order.cancel_requested or (order.state.final and not order.presumed):
        return order
    state = order.state if order.state in _UNANSWERED or order.presumed else OrderState.CANCELLING
    return _changed(order, state=state, cancel_requested=True, at_ms=at_ms)


def cancel_failed(order: Order, at_ms: int) -> Order:
    """Take in that the exchange refused to cancel: the order works on."""
    if order.state.final or not order.cancel_requested:
        return order
    state = order.state if order.state in _UNANSWERED else _live_state(order.filled_qty, False)
    return _changed(order, state=state, cancel_requested=False, at_ms=at_ms)


def found(report: OrderReport, key: str) -> Order:
    """Make an order of a report about one that this desk does not know."""
    order = Order(
        client_order_id=key,
        symbol=report.symbol,
        side=report.side,
        type=report.type or OrderType.LIMIT,
        state=OrderState.WORKING,
        created_ms=report.created_ms,
        updated_ms=report.updated_ms,
        order_id=report.order_id,
        price=None if report.type is OrderType.MARKET else report.price,
        qty=report.qty,
        quote_qty=report.quote_qty if report.qty is None else None,
        reason="" if report.type is not None else "a kind of order that this program cannot place",
        origin=Origin.ELSEWHERE,
    )
    return reported(order, report)


def _over(order: Order) -> bool:
    return order.state.final and order.state not in _NEVER_LIVE


def _moving(order: Order, filled: Decimal) -> OrderState:
    if order.qty is not None and ZERO < order.qty <= filled:
        return OrderState.FILLED
    return _live_state(filled, order.cancel_requested)


def _live_state(filled: Decimal, cancelling: bool) -> OrderState:
    if cancelling:
        return OrderState.CANCELLING
    return OrderState.PARTIAL if filled > 0 else OrderState.WORKING


def _ended(qty: Decimal | None, filled: Decimal) -> OrderState:
    if qty is not None and ZERO < qty <= filled:
        return OrderState.FILLED
    return OrderState.PARTIALLY_CANCELLED if filled > 0 else OrderState.CANCELLED


def _changed(order: Order, *, at_ms: int | None = None, **fields: object) -> Order:
    """Return the order with new fields, or the very same object where nothing is new."""
    if all(getattr(order, name) == value for name, value in fields.items()):
        return order
    updated = order.updated_ms if at_ms is None else max(order.updated_ms, at_ms)
    return msgspec.structs.replace(order, updated_ms=updated, **fields)
