"""Controls of rate, repetition and the state of the market and of this program."""

from __future__ import annotations

from mexc_tui.domain.controls.case import Case, MissingInputError, counted, fault, grouped, percent
from mexc_tui.domain.limits import TradingState, Violation
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import OrderType
from mexc_tui.domain.views import BookState, GateInputs

SECOND_MS = 1_000


def in_flight_limit(case: Case) -> Violation | None:
    used, limit = case.inputs.in_flight, case.limits.max_in_flight
    if used < limit:
        return None
    return fault("IN_FLIGHT_LIMIT", f"{used} orders are sent and not yet answered; your limit is {limit}.", limit, used)


def unknown_outcome_lock(case: Case) -> Violation | None:
    if case.inputs.unknown == 0:
        return None
    return fault(
        "UNKNOWN_OUTCOME_LOCK",
        f"The outcome of {counted(case.inputs.unknown, 'earlier order')} in {case.draft.symbol} is not known yet;"
        " no new exposure until it is.",
        0,
        case.inputs.unknown,
    )


def order_rate(case: Case) -> Violation | None:
    if case.inputs.flattening:
        return None
    used, limit = rate_used(case.inputs), case.limits.orders_per_second
    if used < limit:
        return None
    return fault("ORDER_RATE", f"{used} orders were sent within one second; your limit is {limit}.", limit, used)


def rate_used(inputs: GateInputs) -> int:
    """Return how many orders were sent within the last second."""
    return sum(1 for age, _ in inputs.recent_sends if age < SECOND_MS)


def max_open_orders(case: Case) -> Violation | None:
    used, limit = case.inputs.open_orders, case.limits.max_open_orders
    if used < limit:
        return None
    return fault("MAX_OPEN_ORDERS", f"{used} orders are open; your limit is {limit}.", limit, used)


def book_fresh(case: Case) -> Violation | None:
    if case.inputs.flattening:
        return None
    age, limit = case.inputs.book_age_ms, case.limits.max_book_age_ms
    if age is None:
        raise MissingInputError("the age of the order book")
    if age <= limit:
        return None
    return fault("BOOK_FRESH", f"The order book is {age:,} ms old; your limit is {limit:,} ms.", limit, age)


def price_path(case: Case) -> Violation | None:
    """Refuse where the quote asset has no price in the account's currency, or only an old one."""
    quote, currency = case.instrument.quote, case.inputs.currency
    if case.inputs.quote_price is None:
        return fault(
            "PRICE_PATH",
            f"{quote} has no price in {currency} now, so no limit in {currency} can be kept; no new exposure.",
        )
    age, limit = case.inputs.price_age_ms, case.limits.max_price_age_ms
    if age is None:
        raise MissingInputError(f"the age of the price of {quote} in {currency}")
    if age <= limit:
        return None
    return fault(
        "PRICE_PATH", f"The price of {quote} in {currency} is {age:,} ms old; your limit is {limit:,} ms.", limit, age
    )


def self_cross(case: Case) -> Violation | None:
    """Refuse an order that would trade with one of our own; one without a price limit has to meet none at all."""
    own = case.inputs.own_ask if case.buying else case.inputs.own_bid
    if own is None or case.inputs.flattening:
        return None
    name, at = own
    if case.price is not None and (case.price < at if case.buying else case.price > at):
        return None
    side = "sell" if case.buying else "buy"
    return fault(
        "SELF_CROSS",
        f"It would trade with your own {side} order {name} at {grouped(at)}."
        f" Cancel that one first, or stay {'below' if case.buying else 'above'} its price.",
        at,
        case.price if case.price is not None else "market",
    )


def book_valid(case: Case) -> Violation | None:
    if case.inputs.flattening:
        return None
    book = case.inputs.book
    if book is None:
        raise MissingInputError("the order book")
    if book.state is not BookState.LIVE:
        why = f" ({book.reason})" if book.reason else ""
        return fault("BOOK_VALID", f"The order book is {book.state.value}, not live{why}.", "live", book.state.value)
    if case.bid is not None and case.ask is not None and case.bid >= case.ask:
        return fault("BOOK_VALID", f"The order book is crossed: bid {grouped(case.bid)}, ask {grouped(case.ask)}.")
    return None


def market_data_reasonability(case: Case) -> Violation | None:
    """Refuse where best bid and ask are so far apart that the book says little of what things are worth."""
    bid, ask, most = case.bid, case.ask, case.limits.max_spread
    if bid is None or ask is None or ask <= 0:
        return None
    spread = divide(ask - bid, ask, 8)
    if spread <= most:
        return None
    return fault(
        "MARKET_DATA_REASONABILITY",
        f"Best bid {grouped(bid)} and ask {grouped(ask)} are {percent(spread)} apart; your limit is {percent(most)}.",
        most,
        spread,
    )


def intent_still_valid(case: Case) -> Violation | None:
    """Refuse where the market is no longer what the trader saw; a limit order without a screen states its price."""
    seen, limits = case.seen, case.limits
    if seen is None or case.inputs.flattening:
        return None
    if seen.version == 0 and seen.bid is None and seen.ask is None:
        if case.asked.type is OrderType.MARKET:
            raise MissingInputError("the book you were looking at")
        return None
    if seen.age_ms > limits.max_seen_age_ms:
        return fault(
            "INTENT_STILL_VALID",
            f"The book on the screen was {seen.age_ms:,} ms old; your limit is {limits.max_seen_age_ms:,} ms.",
            limits.max_seen_age_ms,
            seen.age_ms,
        )
    before, now, side = (seen.ask, case.ask, "ask") if case.buying else (seen.bid, case.bid, "bid")
    if before == now:
        return None
    if before is None or now is None or before <= 0:
        was = "none" if before is None else grouped(before)
        return fault(
            "INTENT_STILL_VALID",
            f"The best {side} was {was} on the screen and is {'none' if now is None else grouped(now)} now.",
        )
    moved = divide(abs(now - before), before, 8)
    if moved <= limits.seen_tolerance:
        return None
    return fault(
        "INTENT_STILL_VALID",
        f"The best {side} moved from {grouped(before)} on the screen to {grouped(now)}, {percent(moved)};"
        f" your tolerance is {percent(limits.seen_tolerance)}.",
        limits.seen_tolerance,
        moved,
    )


def stream_reconciling(case: Case) -> Violation | None:
    if case.inputs.ready:
        return None
    why = case.inputs.ready_reason or "orders and balances are being compared with the exchange"
    return fault("STREAM_RECONCILING", f"No new exposure yet: {why}.")


def trading_state(case: Case) -> Violation | None:
    if case.inputs.flattening or case.inputs.state is not TradingState.HALTED:
        return None
    return fault("TRADING_STATE", "Trading is halted; cancel and flatten work, and resume lifts it.")


def reducing(case: Case) -> Violation | None:
    if case.inputs.state is not TradingState.REDUCING:
        return None
    text = (
        "Trading is reducing: only sales of what you hold into cash are taken. The risk pane says why; resume ends it."
    )
    return fault("REDUCING", text)


def armed(case: Case) -> Violation | None:
    if case.inputs.armed or case.inputs.flattening:
        return None
    return fault("ARMED", "The ticket is locked; arm it to send orders.")


def paper_live_match(case: Case) -> Violation | None:
    if case.inputs.can_trade:
        return None
    return fault("PAPER_LIVE_MATCH", "This venue takes no orders from this program.")


def audit_writable(case: Case) -> Violation | None:
    if case.inputs.journal_ok:
        return None
    return fault("AUDIT_WRITABLE", "The journal cannot be written; no new exposure until it can.")
