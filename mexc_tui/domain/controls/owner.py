"""Controls of whose an order is: own limits of an owner, and what only concerns scripts and algorithms.

All of them let pass what reduces.
"""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.controls.case import Case, MissingInputError, Size, counted, fault, money, percent
from mexc_tui.domain.limits import OwnerLimits, Violation
from mexc_tui.domain.owners import automated, told

_NONE = OwnerLimits()


def concerns(case: Case) -> bool:
    """Return whether any of these controls can say something of the order."""
    owner = case.inputs.owned.owner
    return automated(owner) or owner in case.limits.owner


def automation_authority(case: Case) -> Violation | None:
    """Refuse what would pass the owner's own limits on orders, whatever their size."""
    owned, own = case.inputs.owned, case.limits.owner.get(case.inputs.owned.owner, _NONE)
    for used, limit, what in (
        (owned.sends, own.orders_per_second, "sent within one second"),
        (owned.open_orders, own.max_open_orders, "open"),
    ):
        if limit is not None and used >= limit:
            return _refused(case, f"has {counted(used, 'order')} {what}", f"{limit}", limit, used)
    return None


def authority_over_size(case: Case, size: Size) -> Violation | None:
    """Refuse what would pass the owner's own limits on money."""
    owned, own, currency = case.inputs.owned, case.limits.owner.get(case.inputs.owned.owner), case.inputs.currency
    if own is None:
        return None
    value = case.value(size)
    adds = case.buying and case.base not in case.cash
    if adds and own.max_added_value is not None and owned.added is None:
        raise MissingInputError(f"what {told(owned.owner)} has bought is worth")
    for after, limit, what in (
        (value, own.max_order_value, "would send an order worth"),
        (owned.day_exposure + value, own.max_day_exposure, "would have sent orders today worth"),
        ((owned.added or 0) + value, own.max_added_value if adds else None, "would have added assets worth"),
    ):
        if limit is not None and after > limit:
            what = f"{what} {money(Decimal(after), up=True)} {currency}"
            return _refused(case, what, f"{money(limit)} {currency}", limit, Decimal(after))
    return None


def _refused(case: Case, what: str, limit: str, most: Decimal | int, actual: Decimal | int) -> Violation:
    owner = _sentence(told(case.inputs.owned.owner))
    return fault("AUTOMATION_AUTHORITY", f"{owner} {what}; the limit of its own is {limit}.", most, actual)


def repeated_execution(case: Case) -> Violation | None:
    """Refuse a script or algorithm that fires too often, and one that has been halted for it."""
    owned, limits = case.inputs.owned, case.limits
    if not automated(owned.owner):
        return None
    same, seconds = owned.filled[0 if case.buying else 1], f"{limits.repeated_window_ms / 1_000:g} s"
    who, side = _sentence(told(owned.owner)), "buys" if case.buying else "sells"
    why, most, used = owned.halted, 0, 0
    if not why and limits.repeated_entries and owned.entries >= limits.repeated_entries:
        most, used = limits.repeated_entries, owned.entries
        why = f"{who} sent {counted(used, 'order')} that did not reduce within {seconds}"
    if not why and limits.repeated_fills and same >= limits.repeated_fills:
        most, used = limits.repeated_fills, same
        why = f"{used} {side} of {told(owned.owner)} in {case.draft.symbol} filled within {seconds}"
    return _halted("REPEATED_EXECUTION", why, "It", owned.owner, most, used) if why else None


def volatility_breaker(case: Case) -> Violation | None:
    """Refuse a script or algorithm in a pair whose price has moved far in a short time."""
    owned, limits, symbol = case.inputs.owned, case.limits, case.draft.symbol
    if not automated(owned.owner):
        return None
    why, most, moved = owned.pair_halted, limits.breaker_move, owned.moved
    if not why and most:
        if moved is None:
            raise MissingInputError(f"how far the price of {symbol} has moved lately")
        if moved >= most:
            why = f"{symbol} moved {percent(moved)} within {limits.breaker_window_ms / 1_000:g} s"
    who = "Scripts and algorithms"
    return _halted("VOLATILITY_BREAKER", why, who, symbol, most, "" if moved is None else moved) if why else None


def _halted(code: str, why: str, who: str, name: str, limit: Decimal | int, actual: Decimal | int | str) -> Violation:
    until = f"may only reduce until somebody types “release {name}” on a screen"
    return fault(code, f"{why}. {who} {until}.", limit, actual)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason_of(violation: Violation) -> str:
    """Return why an owner or a pair is halted, out of the refusal that says so."""
    return violation.message.partition(". ")[0]
