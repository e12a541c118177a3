"""The risk pane: may I trade, how much room is left under each limit, how the day goes."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.controls.table import CONTROLS, Control
from mexc_tui.domain.limit_changes import OWNER, own_names, value_of
from mexc_tui.domain.limits import Headroom, Limits, Refusal, TradingState, WaitingLimit
from mexc_tui.domain.numbers import ZERO, plain
from mexc_tui.domain.views import OwnerHalt, RiskView
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import age, bar, clean, clock, compact, fit, money, number, signed, wrap

_STATES = {TradingState.ACTIVE: "good", TradingState.REDUCING: "warn", TradingState.HALTED: "halted"}


OLD_COMPARISON_MS = 30_000
"""A comparison of the account is due every 15 s."""


def risk_rows(
    view: RiskView | None, width: int, height: int, *, compared_ms: int | None = None, ascii_only: bool = False
) -> list[Row]:
    """Return the rows of the risk pane, most important first; ``compared_ms`` is the age of the last comparison."""
    if view is None:
        return [((" waiting for the engine", "dim"),)]
    armed = ("ARMED", "armed") if view.armed else ("LOCKED", "locked")
    rows: list[Row] = [((f" {view.state.value.upper()} ", _STATES[view.state]), (" ", ""), armed)]
    if not view.ready:
        rows += [((f" {line}", "warn"),) for line in wrap(clean(view.ready_reason), width - 1)[:2]]
    if view.state is not TradingState.ACTIVE and view.reason:
        rows += [((f" {line}", "warn"),) for line in wrap(clean(view.reason), width - 1)[:2]]
    rows += [row for halt in view.halts for row in _halted(halt, width)]
    sweep = view.sweep
    if sweep is not None and not (sweep.verified and view.state is TradingState.ACTIVE):
        text = f" cancelled {sweep.confirmed} · sent {sweep.sent} · left {sweep.left}"
        rows.append(((fit(text, width), "good" if sweep.verified else "warn"),))
    rows.append(_pair(f"equity {clean(view.currency)}".rstrip(), money(view.equity), "", width))
    day = signed(view.day_pnl)
    rows.append(_pair("day", day, "up" if day.startswith("+") else "down" if day.startswith("-") else "", width))
    rows.append(_pair("exposure", money(view.exposure), "", width))
    old = compared_ms is None or compared_ms > OLD_COMPARISON_MS
    shown = "never" if compared_ms is None else f"{age(compared_ms)} ago"
    rows.append(_pair("compared", shown, "warn" if old else "", width))
    if view.in_flight:
        rows.append(_pair("unanswered", str(view.in_flight), "own", width))
    if view.unknown:
        rows.append(_pair("outcome unknown", str(view.unknown), "unknown", width))
    rows += [row for change in view.waiting for row in _waiting(change, width)]
    # What is nearest to its limit comes first, where there is not room for all.
    items = sorted(view.headroom, key=lambda item: not item.near)
    rows += [_headroom(item, width, ascii_only) for item in items[: max(0, height - len(rows))]]
    return rows[:height]


def control_rows(view: RiskView | None, width: int) -> list[Row]:
    """Return every control: what it checks, by which settings, what is used of them, what it refused last."""
    if view is None:
        return []
    near = {item.code for item in view.headroom if item.near}
    refusals = {one.code: one for one in view.refusals}
    named = {code for control in CONTROLS for code in control.codes}
    others = tuple(Control((code,), "") for code in refusals if code not in named)
    head = "what each control checks; ! 80 % or more is used; ‡ one order may override it"
    rows: list[Row] = [(("", ""),), *(((f" {line}", "dim"),) for line in wrap(head, width - 1))]
    for control in (*CONTROLS, *others):
        mark = "!" if near.intersection(control.codes) else " "
        settings = " · ".join(text for name in control.settings if (text := _setting(view.limits, name)))
        style = "warn" if mark == "!" else "title"
        codes = ", ".join(control.codes) + (" ‡" if control.overridable else "")
        rows += [((f"{mark}{line}", style),) for line in wrap(codes, width - 1)]
        text = f"{control.says} · {settings}" if settings else control.says
        rows += [((f"   {line}", ""),) for line in wrap(text, width - 4)]
        for item in view.headroom:
            if item.code in control.codes:
                share = f" {item.label}: {_amount(item.used)} of {_amount(item.limit)} {item.unit}"
                rows.append(((fit(f"  {clean(share)}", width), "warn" if item.near else "dim"),))
        rows += [row for code in control.codes if (one := refusals.get(code)) for row in _refusal(one, width)]
    return rows


def _halted(halt: OwnerHalt, width: int) -> list[Row]:
    text = f"{halt.reason}. Only reduces: “release {halt.name}” lifts it"
    return [((f" {line}", "bad"),) for line in wrap(clean(text), width - 1)[:3]]


def _refusal(one: Refusal, width: int) -> list[Row]:
    times = "once" if one.count == 1 else f"{one.count} times"
    text = f"refused {times}, last at {clock(one.wall_ms)} {one.symbol}: {one.message}"
    return [((f"   {line}", "warn"),) for line in wrap(clean(text), width - 4)]


def _waiting(change: WaitingLimit, width: int) -> list[Row]:
    text = f"{change.name} goes to {plain(change.value)} at {clock(change.due_ms)}: {change.reason}"
    return [((f" {line}", "warn"),) for line in wrap(clean(text), width - 1)]


def _setting(limits: Limits, name: str) -> str:
    """Return a setting with its value; empty for a list or table without entries."""
    if name == OWNER:
        return " · ".join(f"{own} {plain(value_of(limits, own) or ZERO)}" for own in own_names(limits))
    value = getattr(limits, name)
    if isinstance(value, dict):
        value = ", ".join(f"{clean(key)} {plain(most)}" for key, most in value.items())
    elif isinstance(value, tuple):
        value = ", ".join(map(clean, value))
    elif isinstance(value, Decimal):
        value = plain(value)
    return "" if value == "" else f"{name} {value}"


def _pair(label: str, value: str, style: str, width: int) -> Row:
    room = max(8, width - 1 - 16)
    return ((fit(f" {label}", 17), "dim"), (number(value, min(room, 14)), style))


def _headroom(item: Headroom, width: int, ascii_only: bool) -> Row:
    share = float(item.used / item.limit) if item.limit > 0 else 1.0
    style = "gauge" if share < 0.6 else "gauge_warn" if not item.near else "gauge_bad"
    figures = f"{_amount(item.used)}/{_amount(item.limit)}"
    label = max(8, min(18, width - 22))
    room = max(4, width - label - len(figures) - 3)
    return (
        (fit(f"{'!' if item.near else ' '}{clean(item.label)}", label), "dim"),
        (" ", ""),
        (bar(share, room, ascii_only=ascii_only), style),
        (f" {figures}", "dim"),
    )


def _amount(value: Decimal) -> str:
    return compact(value)
