"""Controls that ask a person first, and those that only warn; an order that reduces meets none that asks."""

from __future__ import annotations

from mexc_tui.domain.controls.case import Case, MissingInputError, Size, fault, grouped, money, percent
from mexc_tui.domain.controls.size import slippage_of
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.numbers import divide, round_to


def confirm_order_value(case: Case, size: Size) -> Violation | None:
    value, soft, currency = case.value(size), case.limits.confirm_order_value, case.inputs.currency
    if value <= soft:
        return None
    return fault(
        "CONFIRM_ORDER_VALUE",
        f"The order is worth {money(value, up=True)} {currency}; you want to be asked from {money(soft)}.",
        soft,
        value,
    )


def confirm_slippage(case: Case, size: Size) -> Violation | None:
    slip, soft = slippage_of(case, size), case.limits.confirm_slippage
    if slip is None or slip <= soft:
        return None
    return fault(
        "CONFIRM_SLIPPAGE",
        f"The order would slip {percent(slip)} from the best price; you want to be asked from {percent(soft)}.",
        soft,
        slip,
    )


def size_vs_usual(case: Case, size: Size) -> Violation | None:
    """Ask about an order far larger than the usual one; too few orders yet make nothing usual."""
    usual, times = case.inputs.usual_value, case.limits.confirm_usual_times
    if usual is None or case.value(size) <= usual * times:
        return None
    value = case.value(size)
    return fault(
        "SIZE_VS_USUAL",
        f"The order is worth {money(value, up=True)} {case.inputs.currency}, your usual one {money(usual)};"
        f" you want to be asked from {times} times that.",
        usual * times,
        value,
    )


def concentration(case: Case, size: Size) -> Violation | None:
    """Ask where one asset would become too large a part of all that is held."""
    equity, soft = case.inputs.equity, case.limits.confirm_share
    if case.brings in case.cash or soft >= 1:
        return None
    if equity is None:
        raise MissingInputError("what everything you hold is worth")
    after = case.exposure() + case.value(size)
    if after <= equity * soft:
        return None
    share = divide(after, equity, 4) if equity > 0 else None
    part = "all" if share is None else percent(share)
    return fault(
        "CONCENTRATION",
        f"With all working orders filled {case.brings} would be {part} of what you hold;"
        f" you want to be asked from {percent(soft)}.",
        soft,
        "" if share is None else share,
    )


def partial_fill(case: Case, size: Size) -> Violation | None:
    """Warn where a capped market order finds less than it wants within its cap."""
    if case.asked is case.draft or size.taken.complete:
        return None
    there = grouped(round_to(size.taken.qty, 12))
    return fault(
        "PARTIAL_FILL",
        f"Up to the cap the book holds {there} {case.base}; the rest would be cancelled.",
        size.taken.qty,
        size.qty,
    )
