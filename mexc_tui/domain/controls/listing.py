"""Controls of a newly listed pair, of which there is no history to judge an order by.

The age is the exchange's own (``firstOpenTime``); of a pair that it says nothing about, nothing is asked.
"""

from __future__ import annotations

from mexc_tui.domain.controls.case import Case, Size, counted, fault, money
from mexc_tui.domain.limits import Violation

_HOUR_MS = 3_600_000


def _new(case: Case) -> str:
    """Return what is new about the pair that is bought; empty where nothing is."""
    age, hours = case.inputs.listed_ms, case.limits.listing_hours
    if age is None or not case.buying or case.base in case.cash or age >= hours * _HOUR_MS:
        return ""
    if age < 0:
        return f"{case.draft.symbol} has not opened yet"
    return f"{case.draft.symbol} was listed {counted(age // _HOUR_MS, 'hour')} ago"


def listing_guard(case: Case, size: Size) -> Violation | None:
    """Refuse to hold much of what is new."""
    new, most, currency = _new(case), case.limits.listing_max_value, case.inputs.currency
    if not new:
        return None
    after = case.exposure() + case.value(size)
    if after <= most:
        return None
    return fault(
        "LISTING_GUARD",
        f"{new}; with all working orders filled you would hold {case.base} worth {money(after, up=True)} {currency}."
        f" Your limit for what is new is {money(most)} {currency}.",
        most,
        after,
    )


def confirm_listing(case: Case, size: Size) -> Violation | None:
    """Ask before anything new is bought."""
    new = _new(case)
    if not new:
        return None
    hours = case.limits.listing_hours
    return fault("CONFIRM_LISTING", f"{new}; you want to be asked for {counted(hours, 'hour')}.", hours)
