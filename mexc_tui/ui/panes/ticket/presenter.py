"""The execution panel: the fields of the order, what it would do, and what the gate says of it."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.limits import TradingState, Verdict
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import GateInputs
from mexc_tui.ui.panes.ticket.form import TicketForm
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import UNKNOWN, clean, exact, fit, money, percent, price_in, width_of, wrap


class TicketInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the ticket draws."""

    form: TicketForm
    inputs: GateInputs | None
    draft: Draft | None
    verdict: Verdict | None
    missing: str = ""
    focused: bool = False
    ghost: bool = False
    """A draft is loaded: Enter sends it."""
    view_only: bool = False
    """The desk takes no command from this screen."""


def ticket_rows(data: TicketInput, width: int, height: int) -> list[Row]:
    """Return the rows of the ticket; what would stop the order comes before the figures."""
    inputs = data.inputs
    if inputs is None or inputs.instrument is None:
        return [((" waiting for the instrument", "dim"),)]
    base, quote = clean(inputs.instrument.base), clean(inputs.instrument.quote)
    rows = _fields(data, width, base, quote)
    rows += _status(data, width)
    verdict = data.verdict
    if verdict is None:
        if data.missing and (data.focused or data.ghost):
            rows += [((f" {line}", "dim"),) for line in wrap(clean(data.missing), width - 1)]
        else:
            rows += _hint(width)
        return rows[:height]
    figures = _figures(verdict, inputs, data.form.type, width)
    reasons = _reasons(verdict, width, base)
    room = height - len(rows)
    if verdict.passes:
        notes = [((f" {line}", "warn"),) for note in verdict.notes for line in wrap(clean(note.message), width - 1)]
        return (rows + notes + figures)[:height]
    if len(reasons) > room:
        more = ((fit(" … more: Enter lists all in the events", width), "warn"),)
        if verdict.max_qty is not None and _state(data)[1] == "bad":
            # The largest size takes the place of a heading, so that there is a reason to read, too.
            rows[-1] = ((fit(f" ✖ largest that passes: {_largest(verdict, base)}", width), "bad"),)
            reasons = _faults(verdict, width)
        reasons = [*reasons[: max(0, room - 1)], more]
    return (rows + reasons + figures)[:height]


def _fields(data: TicketInput, width: int, base: str, quote: str) -> list[Row]:
    form = data.form
    side: Span = (" BUY  ", "bid!") if form.side is Side.BUY else (" SELL ", "ask!")
    half = max(10, width // 2)
    unit = base
    if form.size.startswith("$") or form.size.endswith("$"):
        unit = quote
    elif form.size.endswith("%"):
        unit = f"of {quote if form.side is Side.BUY else base}"
    elif not form.size:
        unit = ""
    first = (
        *_field("side", side[0], side[1], data, 12),
        *_field("type", form.type.word, "strong", data, max(12, half - 12)),
    )
    size = _field("size", form.size or "·", "input", data, max(14, width - width_of(unit) - 2))
    rows: list[Row] = [first, (*size, (f" {unit}", "dim"))]
    if form.type is OrderType.MARKET:
        rows.append(((" price ", "dim"), _cap(data, width - 7)))
    else:
        price = _field("price", form.price or "·", "input", data, max(14, width - width_of(quote) - 2))
        rows.append((*price, (f" {quote}", "dim")))
    return rows


def _cap(data: TicketInput, width: int) -> Span:
    """Say how far a market order may go."""
    if data.form.uncapped:
        return fit("market, NO PRICE CAP", width), "warn"
    cap = None if data.verdict is None else data.verdict.cap
    text = "market, with a price cap" if cap is None else f"market, capped at {exact(cap)}"
    return fit(text, width), "dim"


def _field(name: str, text: str, style: str, data: TicketInput, width: int) -> tuple[Span, ...]:
    active = data.focused and data.form.field == name
    label = "" if name == "side" else f" {name} "
    shown = fit(f"{text}▏" if active and name in ("size", "price") else text, max(1, width - len(label)))
    return ((label, "accent" if active else "dim"), (shown, f"{style}@input" if active else style))


def _status(data: TicketInput, width: int) -> list[Row]:
    text, style = _state(data)
    return [((fit(f" {line}", width), style),) for line in wrap(text, width - 1)] or [((" ", ""),)]


def _state(data: TicketInput) -> Span:
    inputs, verdict = data.inputs, data.verdict
    assert inputs is not None
    if data.view_only:
        return "VIEW — this screen can only look", "locked"
    if inputs.state is TradingState.HALTED:
        return "HALTED — only :resume lifts it", "halted"
    if not inputs.ready:
        return f"locked: {clean(inputs.ready_reason)}", "warn"
    if not inputs.armed:
        return "LOCKED — a arms the ticket", "locked"
    if verdict is None:
        return "", ""
    if verdict.to_confirm:
        return "? asks first: Enter, then Enter again", "warn"
    if not verdict.passes:
        count = len(verdict.violations)
        return f"✖ the gate refuses: {count} reason{'s' if count > 1 else ''}", "bad"
    if data.ghost or data.focused:
        return "✔ passes — Enter sends, Esc drops", "good"
    return "✔ passes", "good"


def _reasons(verdict: Verdict, width: int, base: str) -> list[Row]:
    rows: list[Row] = []
    if verdict.max_qty is not None:
        binding = f" ({clean(verdict.binding)})" if verdict.binding else ""
        text = f"largest that passes: {_largest(verdict, base)}{binding}"
        rows += [((f" {line}", "warn"),) for line in wrap(text, width - 1)]
    return rows + _faults(verdict, width)


def _largest(verdict: Verdict, base: str) -> str:
    return f"{exact(verdict.max_qty)} {base}" if verdict.max_qty else "none"


def _faults(verdict: Verdict, width: int) -> list[Row]:
    rows: list[Row] = []
    for violation in verdict.violations:
        lines = wrap(clean(violation.message), width - 3)
        rows += [(((" • " if i == 0 else "   "), "bad"), (line, "text")) for i, line in enumerate(lines)]
    return rows


def _figures(verdict: Verdict, inputs: GateInputs, kind: OrderType, width: int) -> list[Row]:
    instrument = inputs.instrument
    assert instrument is not None
    average = verdict.average_price
    still = "rests" if kind in (OrderType.LIMIT, OrderType.POST_ONLY) else "no fill"
    room = (width - width // 2 if width >= 34 else width) - 10
    pairs = [
        ("value", money(verdict.notional), ""),
        ("avg", UNKNOWN if average is None else price_in(average, instrument.price_decimals, room), ""),
        ("slippage", still if average is None else percent(_positive(verdict.slippage), 3), ""),
        ("fee", money(verdict.fee, 4), ""),
        ("after", money(verdict.exposure_after), ""),
    ]
    rows: list[Row] = []
    if width >= 34:
        half = width // 2
        for left, right in zip(pairs[::2], [*pairs[1::2], ("", "", "")], strict=False):
            rows.append((*_pair(left, half), *_pair(right, width - half)))
    else:
        rows += [_pair(pair, width) for pair in pairs]
    return rows


def _pair(pair: tuple[str, str, str], width: int) -> Row:
    label, value, style = pair
    return ((f" {fit(label, 8)} " if label else "", "dim"), (fit(value, max(0, width - 10)), style))


def _positive(value: Decimal | None) -> Decimal | None:
    return None if value is None else max(Decimal(0), value)


def _hint(width: int) -> list[Row]:
    return [((fit(line, width), "dim"),) for line in (" b buy · s sell at the cursor", " t fills in the ticket")]
