"""The risk pane: may I trade, how much room is left under each limit, how the day goes."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.limits import Headroom, TradingState
from mexc_tui.domain.views import RiskView
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import bar, clean, compact, fit, money, number, signed, wrap

_STATES = {TradingState.ACTIVE: "good", TradingState.HALTED: "halted"}


def risk_rows(view: RiskView | None, width: int, height: int, *, ascii_only: bool = False) -> list[Row]:
    """Return the rows of the risk pane, most important first."""
    if view is None:
        return [((" waiting for the engine", "dim"),)]
    armed = ("ARMED", "armed") if view.armed else ("LOCKED", "locked")
    rows: list[Row] = [((f" {view.state.value.upper()} ", _STATES[view.state]), (" ", ""), armed)]
    if not view.ready:
        rows += [((f" {line}", "warn"),) for line in wrap(clean(view.ready_reason), width - 1)[:2]]
    if view.state is not TradingState.ACTIVE and view.reason:
        rows += [((f" {line}", "warn"),) for line in wrap(clean(view.reason), width - 1)[:2]]
    rows.append(_pair(f"equity {clean(view.currency)}".rstrip(), money(view.equity), "", width))
    day = signed(view.day_pnl)
    rows.append(_pair("day", day, "up" if day.startswith("+") else "down" if day.startswith("-") else "", width))
    rows.append(_pair("exposure", money(view.exposure), "", width))
    if view.in_flight:
        rows.append(_pair("unanswered", str(view.in_flight), "own", width))
    if view.unknown:
        rows.append(_pair("outcome unknown", str(view.unknown), "unknown", width))
    for item in view.headroom[: max(0, height - len(rows))]:
        rows.append(_headroom(item, width, ascii_only))
    return rows[:height]


def _pair(label: str, value: str, style: str, width: int) -> Row:
    room = max(8, width - 1 - 16)
    return ((fit(f" {label}", 17), "dim"), (number(value, min(room, 14)), style))


def _headroom(item: Headroom, width: int, ascii_only: bool) -> Row:
    share = float(item.used / item.limit) if item.limit > 0 else 1.0
    style = "gauge" if share < 0.6 else "gauge_warn" if share < 0.9 else "gauge_bad"
    figures = f"{_amount(item.used)}/{_amount(item.limit)}"
    label = max(8, min(18, width - 22))
    room = max(4, width - label - len(figures) - 3)
    return (
        (fit(f" {clean(item.label)}", label), "dim"),
        (" ", ""),
        (bar(share, room, ascii_only=ascii_only), style),
        (f" {figures}", "dim"),
    )


def _amount(value: Decimal) -> str:
    return compact(value)
