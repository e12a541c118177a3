"""Controls of the price: fat fingers, the market, and the exchange's own range."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.controls.case import Case, MissingInputError, fault, grouped, percent, through_touch
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.numbers import ONE, divide, round_to


def collar_far(case: Case) -> Violation | None:
    """Refuse a limit price far through the touch it would meet; where there is none, through the reference."""
    if case.is_market:
        return None
    if case.price is None:
        raise MissingInputError("a price")
    touch = case.far_touch if case.far_touch is not None else case.reference
    if touch is None:
        raise MissingInputError("a price to compare with")
    name = f"best {'ask' if case.buying else 'bid'}" if case.far_touch is not None else "reference price"
    return through_touch("PRICE_COLLAR_FAR", case, case.price, touch, name)


def market_cap(case: Case) -> Violation | None:
    """Refuse a market order that nothing is there to cap the price of, unless it was asked for without a cap."""
    if not case.is_market or case.draft.uncapped:
        return None
    side = "offers" if case.buying else "bids"
    return fault("MARKET_CAP", f"There are no {side} in the book to cap the price of a market order by.")


def collar_near(case: Case) -> Violation | None:
    """Refuse a resting price absurdly far from its own side's touch."""
    touch = case.near_touch
    if case.price is None or case.crosses or touch is None or case.inputs.flattening:
        return None
    fraction = case.limits.collar_near
    bound = touch * (ONE - fraction) if case.buying else touch * (ONE + fraction)
    if (case.price >= bound) if case.buying else (case.price <= bound):
        return None
    side = "bid" if case.buying else "ask"
    away = divide(abs(case.price - touch), touch, 8)
    return fault(
        "PRICE_COLLAR_NEAR",
        f"The price {grouped(case.price)} is {percent(away)} away from the best {side} {grouped(touch)};"
        f" at most {percent(fraction)} is allowed.",
        bound,
        case.price,
    )


def collar_reference(case: Case) -> Violation | None:
    """Refuse a price far from the mid or last price, and any price where there is neither."""
    if case.reference is None and case.inputs.flattening and case.far_touch is not None:
        return None
    if case.reference is None:
        return fault(
            "PRICE_COLLAR_REFERENCE",
            f"There is neither a two-sided book nor a last price of {case.draft.symbol} to judge the order by.",
        )
    if case.price is None:
        return None
    fraction = case.limits.collar_reference
    away = divide(abs(case.price - case.reference), case.reference, 8) if case.reference > 0 else ONE
    if away > fraction and not case.inputs.flattening:
        return fault(
            "PRICE_COLLAR_REFERENCE",
            f"The price {grouped(case.price)} differs by {percent(away)} from the market's"
            f" {grouped(round_to(case.reference, 12))}; at most {percent(fraction)} is allowed.",
            fraction,
            away,
        )
    return _venue_range(case, case.price)


def _venue_range(case: Case, price: Decimal) -> Violation | None:
    """MEXC's own filter: a buy at most last x (1 + up), a sell at least last x (1 - down)."""
    pair = case.instrument
    fraction = pair.bid_multiplier_up if case.buying else pair.ask_multiplier_down
    if fraction is None:
        return None
    if case.inputs.last is None and case.inputs.flattening:
        return None
    if case.inputs.last is None:
        raise MissingInputError("the last price")
    bound = case.inputs.last * (ONE + fraction if case.buying else ONE - fraction)
    if (price <= bound) if case.buying else (price >= bound):
        return None
    side, word = ("buys", "up to") if case.buying else ("sells", "down to")
    return fault(
        "PRICE_COLLAR_REFERENCE",
        f"The exchange takes {side} of {pair.symbol} only {word} {grouped(round_to(bound, 12))}"
        f" ({percent(fraction)} from the last price); the order says {grouped(price)}.",
        bound,
        price,
    )
