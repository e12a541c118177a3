"""Controls of the size: each judges one size, so that the largest that passes can be searched."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.controls.case import (
    Case,
    MissingInputError,
    Size,
    counted,
    fault,
    grouped,
    mark_of,
    money,
    percent,
    through_touch,
)
from mexc_tui.domain.limits import Violation, asset_limit, order_limit
from mexc_tui.domain.numbers import decimals_of, divide, floor_to, round_to


def qty_precision(case: Case, size: Size) -> Violation | None:
    qty = case.draft.qty if case.draft.quote_qty is None else None
    decimals = case.instrument.qty_decimals
    if qty is None or decimals_of(qty) <= decimals:
        return None
    near = floor_to(qty, decimals)
    offer = f" {grouped(near)} would pass." if near > 0 else ""
    return fault(
        "QTY_PRECISION",
        f"The quantity {grouped(qty)} has {decimals_of(qty)} decimals; {case.draft.symbol} takes {decimals}.{offer}",
        decimals,
        decimals_of(qty),
    )


def quote_precision(case: Case, size: Size) -> Violation | None:
    amount, decimals = case.draft.quote_qty, case.instrument.price_decimals
    if amount is None or decimals_of(amount) <= decimals:
        return None
    return fault(
        "QUOTE_PRECISION",
        f"The amount {grouped(amount)} has {decimals_of(amount)} decimals; {case.draft.symbol} takes {decimals}."
        f" {grouped(floor_to(amount, decimals))} would pass.",
        decimals,
        decimals_of(amount),
    )


def qty_min(case: Case, size: Size) -> Violation | None:
    least = case.instrument.min_qty
    if size.qty >= least:
        return None
    return fault(
        "QTY_MIN",
        f"The quantity {grouped(round_to(size.qty, 12))} {case.base} is below the exchange's minimum {grouped(least)}.",
        least,
        size.qty,
    )


def notional_min(case: Case, size: Size) -> Violation | None:
    pair = case.instrument
    least = pair.min_notional_market if case.is_market else pair.min_notional
    if size.notional >= least:
        return None
    return fault(
        "NOTIONAL_MIN",
        f"The order is worth {money(size.notional)} {case.quote}; the exchange takes {money(least)} at least.",
        least,
        size.notional,
    )


def notional_max(case: Case, size: Size) -> Violation | None:
    pair = case.instrument
    most = pair.max_notional_market if case.is_market else pair.max_notional
    if most is None or size.notional <= most:
        return None
    return fault(
        "NOTIONAL_MAX",
        f"The order is worth {money(size.notional, up=True)} {case.quote}; the exchange takes {money(most)} at most.",
        most,
        size.notional,
    )


def max_order_qty(case: Case, size: Size) -> Violation | None:
    most = case.limits.max_order_qty.get(case.draft.symbol)
    if most is None or size.qty <= most:
        return None
    return fault(
        "MAX_ORDER_QTY",
        f"The quantity is {grouped(round_to(size.qty, 12))} {case.base}; your limit for one order is {grouped(most)}.",
        most,
        size.qty,
    )


def max_order_value(case: Case, size: Size) -> Violation | None:
    value, most, currency = case.value(size), order_limit(case.limits, case.draft.symbol), case.inputs.currency
    if value <= most:
        return None
    same = case.quote == currency
    detail = "" if same else f" ({money(size.notional, up=True)} {case.quote})"
    return fault(
        "MAX_ORDER_VALUE",
        f"The order is worth {money(value, up=True)} {currency}{detail};"
        f" your limit for one order is {money(most)} {currency}.",
        most,
        value,
    )


def slippage_estimate(case: Case, size: Size) -> Violation | None:
    if case.is_market and not size.taken.complete:
        return fault(
            "SLIPPAGE_ESTIMATE",
            f"The visible book holds only {grouped(size.taken.qty)} {case.base}; what lies beyond is not known.",
            size.taken.qty,
            size.qty,
        )
    slip = slippage_of(case, size)
    if slip is None or slip <= case.limits.max_slippage:
        return None
    return fault(
        "SLIPPAGE_ESTIMATE",
        f"The order would slip {percent(slip)} from the best price; your limit is {percent(case.limits.max_slippage)}.",
        case.limits.max_slippage,
        slip,
    )


def slippage_of(case: Case, size: Size) -> Decimal | None:
    """Return how far the average of the taking part is from the touch, as a fraction."""
    average, touch = size.taken.average, case.far_touch
    if average is None or touch is None or touch <= 0:
        return None
    return divide(abs(average - touch), touch, 8)


def market_collar(case: Case, size: Size) -> Violation | None:
    """Judge the worst price of a market order as if it were its limit."""
    if not case.is_market:
        return None
    touch = case.far_touch
    if touch is None:
        side = "offers" if case.buying else "bids"
        return fault("PRICE_COLLAR_FAR", f"There are no {side} in the book: a market order has no price.")
    if not size.taken.complete or size.taken.worst is None:
        return fault("PRICE_COLLAR_FAR", "The visible book is too thin to say at what price a market order would end.")
    side = "ask" if case.buying else "bid"
    return through_touch("PRICE_COLLAR_FAR", case, size.taken.worst, touch, f"best {side}")


def side_sanity(case: Case, size: Size) -> Violation | None:
    if case.buying:
        return None
    held = case.inputs.base_total
    if held is None:
        raise MissingInputError("your holdings")
    if size.qty <= held:
        return None
    return fault(
        "SIDE_SANITY",
        f"The order sells {grouped(size.qty)} {case.base}; you hold {grouped(held)}.",
        held,
        size.qty,
    )


def free_balance(case: Case, size: Size) -> Violation | None:
    if not case.buying:
        free = case.inputs.base_free
        if free is None:
            raise MissingInputError(f"your free {case.base}")
        if size.qty <= free:
            return None
        return fault(
            "FREE_BALANCE",
            f"The order sells {grouped(size.qty)} {case.base}; {grouped(free)} is free.",
            free,
            size.qty,
        )
    free = case.inputs.quote_free
    if free is None:
        raise MissingInputError(f"your free {case.quote or 'quote balance'}")
    needed = size.notional + case.fee(size)
    if needed <= free:
        return None
    return fault(
        "FREE_BALANCE",
        f"The order needs {money(needed, up=True)} {case.quote} with fees; {money(free)} is free.",
        free,
        needed,
    )


def max_position(case: Case, size: Size) -> Violation | None:
    if case.brings in case.cash:
        return None
    most, currency = asset_limit(case.limits, case.brings), case.inputs.currency
    after = case.exposure() + case.value(size)
    if after <= most:
        return None
    return fault(
        "MAX_POSITION",
        f"With all working orders filled you would hold {case.brings} worth {money(after, up=True)} {currency};"
        f" your limit for it is {money(most)} {currency}.",
        most,
        after,
    )


def max_gross_exposure(case: Case, size: Size) -> Violation | None:
    """Refuse what turns too much cash into assets; exchanging one asset for another leaves their sum as it is."""
    if not case.buying or case.quote not in case.cash or case.base in case.cash:
        return None
    gross, most, currency = case.inputs.gross_exposure, case.limits.max_gross_exposure, case.inputs.currency
    if gross is None:
        raise MissingInputError("what everything you hold and all working orders are worth")
    after = gross + case.value(size)
    if after <= most:
        return None
    return fault(
        "MAX_GROSS_EXPOSURE",
        f"With all working orders filled you would hold assets worth {money(after, up=True)} {currency} in all;"
        f" your limit is {money(most)} {currency}.",
        most,
        after,
    )


def session_budget(case: Case, size: Size) -> Violation | None:
    most, currency = case.limits.max_day_exposure, case.inputs.currency
    if not most:
        return None
    after = case.inputs.standing.day_exposure + case.value(size)
    if after <= most:
        return None
    text = f"With it, orders worth {money(after, up=True)} {currency} would have been sent today;"
    return fault("SESSION_BUDGET", f"{text} your limit is {money(most)} {currency}.", most, after)


def duplicate_order(case: Case, size: Size) -> Violation | None:
    if case.inputs.flattening:
        return None
    asked, limits = case.asked, case.limits
    mark = mark_of(asked if asked.quote_qty is not None else msgspec.structs.replace(asked, qty=size.qty))
    window = limits.duplicate_window_ms
    sent = sum(1 for age, other in case.inputs.recent_sends if age < window and other == mark)
    if sent < limits.duplicate_max:
        return None
    return fault(
        "DUPLICATE_ORDER",
        f"The same order was sent {counted(sent, 'time')} within {window:,} ms; your limit is {limits.duplicate_max}.",
        limits.duplicate_max,
        sent,
    )
