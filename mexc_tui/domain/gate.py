"""The gate: one pure function judges every order, for the ticket's preview and for the desk alike.

All controls are evaluated and all that is wrong comes back at once. A control that throws or lacks its input
refuses the order: the gate fails closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.controls import asking, form, listing, owner, price, size, standing, state
from mexc_tui.domain.controls.case import (
    Case,
    MissingInputError,
    Seen,
    Size,
    fault,
    fingerprint,
    grouped,
    mark_of,
    reference_price,
)
from mexc_tui.domain.limits import Answer, Headroom, Limits, Verdict, Violation, asset_limit, order_limit
from mexc_tui.domain.numbers import ONE, ZERO, divide, exact
from mexc_tui.domain.orders import OrderType
from mexc_tui.domain.overrides import OVERRIDABLE, misuse
from mexc_tui.domain.views import GateInputs, Standing

__all__ = [
    "Seen",
    "account_headroom",
    "check",
    "exposure_headroom",
    "fingerprint",
    "mark_of",
    "reference_price",
    "standing_headroom",
]

UNAVAILABLE = "CHECK_UNAVAILABLE"
MOST_DIGITS = 40
"""Numbers of an order stay within 10^-40 and 10^40; zero has its own control."""

_Control = Callable[[Case], Violation | None]
_SizedControl = Callable[[Case, Size], Violation | None]


def _standing(control: Callable[[Standing, Limits], Violation | None], case: Case) -> Violation | None:
    return control(case.inputs.standing, case.limits)


_ALWAYS: tuple[tuple[str, _Control], ...] = (
    ("INSTRUMENT_KNOWN", form.instrument_known),
    ("INSTRUMENT_TRADABLE", form.instrument_tradable),
    ("RESTRICTED_SYMBOL", form.restricted_symbol),
    ("ORDER_TYPE_SUPPORTED", form.order_type_supported),
    ("PRICE_POSITIVE", form.price_positive),
    ("PRICE_PRECISION", form.price_precision),
    ("TIF_VALID", form.tif_valid),
    ("MARKET_CAP", price.market_cap),
    ("PRICE_COLLAR_FAR", price.collar_far),
    ("PRICE_COLLAR_NEAR", price.collar_near),
    ("PRICE_COLLAR_REFERENCE", price.collar_reference),
    ("SELF_CROSS", state.self_cross),
    ("ORDER_RATE", state.order_rate),
    ("BOOK_FRESH", state.book_fresh),
    ("BOOK_VALID", state.book_valid),
    ("INTENT_STILL_VALID", state.intent_still_valid),
    ("TRADING_STATE", state.trading_state),
    ("ARMED", state.armed),
    ("PAPER_LIVE_MATCH", state.paper_live_match),
)
"""Apply to every order."""

_EXPOSING: tuple[tuple[str, _Control], ...] = (
    ("REDUCING", state.reducing),
    ("IN_FLIGHT_LIMIT", state.in_flight_limit),
    ("UNKNOWN_OUTCOME_LOCK", state.unknown_outcome_lock),
    ("MAX_OPEN_ORDERS", state.max_open_orders),
    ("PRICE_PATH", state.price_path),
    ("MARKET_DATA_REASONABILITY", state.market_data_reasonability),
    ("STREAM_RECONCILING", state.stream_reconciling),
    ("AUDIT_WRITABLE", state.audit_writable),
    *((code, partial(_standing, control)) for code, control in standing.CONTROLS),
)
"""Skipped by an order that provably reduces exposure."""

_OWNED: tuple[tuple[str, _Control], ...] = (
    ("REPEATED_EXECUTION", owner.repeated_execution),
    ("VOLATILITY_BREAKER", owner.volatility_breaker),
    ("AUTOMATION_AUTHORITY", owner.automation_authority),
)
"""The same, and only for scripts, algorithms, and owners with limits of their own."""

_CEILINGS: tuple[tuple[str, _SizedControl], ...] = (
    ("NOTIONAL_MAX", size.notional_max),
    ("SIDE_SANITY", size.side_sanity),
    ("FREE_BALANCE", size.free_balance),
    ("PRICE_COLLAR_FAR", size.market_collar),
)
"""Fail from some size upwards, on every order."""

_EXPOSING_CEILINGS: tuple[tuple[str, _SizedControl], ...] = (
    ("MAX_ORDER_QTY", size.max_order_qty),
    ("MAX_ORDER_VALUE", size.max_order_value),
    ("SLIPPAGE_ESTIMATE", size.slippage_estimate),
    ("MAX_POSITION", size.max_position),
    ("MAX_GROSS_EXPOSURE", size.max_gross_exposure),
    ("SESSION_BUDGET", size.session_budget),
    ("LISTING_GUARD", listing.listing_guard),
)
"""Fail from some size upwards; skipped by an order that provably reduces exposure."""

_OWNED_CEILINGS: tuple[tuple[str, _SizedControl], ...] = (("AUTOMATION_AUTHORITY", owner.authority_over_size),)
"""The same, and only for those that ``_OWNED`` is for."""

_ASKING: tuple[tuple[str, _SizedControl], ...] = (
    ("CONFIRM_ORDER_VALUE", asking.confirm_order_value),
    ("CONFIRM_SLIPPAGE", asking.confirm_slippage),
    ("SIZE_VS_USUAL", asking.size_vs_usual),
    ("CONCENTRATION", asking.concentration),
    ("CONFIRM_LISTING", listing.confirm_listing),
)
"""Ask first; skipped by an order that provably reduces exposure."""

_WARNING: tuple[tuple[str, _SizedControl], ...] = (("PARTIAL_FILL", asking.partial_fill),)

_FLOORS: tuple[tuple[str, _SizedControl], ...] = (
    ("QTY_MIN", size.qty_min),
    ("NOTIONAL_MIN", size.notional_min),
)
_GRID: tuple[tuple[str, _SizedControl], ...] = (
    ("QTY_PRECISION", size.qty_precision),
    ("QUOTE_PRECISION", size.quote_precision),
)
_REPEATS: tuple[tuple[str, _SizedControl], ...] = (("DUPLICATE_ORDER", size.duplicate_order),)


def check(draft: Draft, inputs: GateInputs, seen: Seen | None = None, *, largest: bool = True) -> Verdict:
    """Judge a draft. ``seen`` None (a preview) leaves out INTENT_STILL_VALID.

    The ``largest`` size takes a search; without it the headroom, which is there to be read as well, is left out too.
    """
    unusable = _unusable(draft)
    if unusable is not None:
        return Verdict(violations=(unusable,), max_qty=ZERO, binding=unusable.code)
    with exact():
        if draft.override:
            return _fail_closed(lambda: _overriding(draft, inputs, seen, search=largest))
        verdict = _fail_closed(lambda: _Judge(Case(draft, inputs, seen)).verdict(search=largest))
    if not OVERRIDABLE.isdisjoint(one.code for one in verdict.violations):
        return msgspec.structs.replace(verdict, violations=tuple(map(_offering, verdict.violations)))
    return verdict


def _offering(violation: Violation) -> Violation:
    """Return a refusal that says how a person may override it."""
    if violation.code not in OVERRIDABLE:
        return violation
    offer = f"{violation.message} Or: override {violation.code} because …"
    return msgspec.structs.replace(violation, message=offer)


def _overriding(draft: Draft, inputs: GateInputs, seen: Seen | None, *, search: bool) -> Verdict:
    """Judge a draft that names a control to be lifted: what else is wrong stays wrong."""
    plain = msgspec.structs.replace(draft, override="", because="")
    verdict, wrong = _Judge(Case(plain, inputs, seen)).verdict(search=search), misuse(draft)
    if wrong:
        return msgspec.structs.replace(verdict, violations=(*verdict.violations, fault("OVERRIDE", wrong)))
    lifted = next((one for one in verdict.violations if one.code == draft.override), None)
    if lifted is None:
        return verdict
    verdict = _Judge(Case(draft, inputs, seen)).verdict(search=search)
    if any(one.code == draft.override for one in verdict.violations):
        return verdict
    text = f"This order overrides {draft.override}, because {draft.because.strip()}. {lifted.message}"
    asked = fault("CONFIRM_OVERRIDE", text, lifted.limit, lifted.actual)
    if asked.code in draft.confirmed:
        return msgspec.structs.replace(verdict, notes=(*verdict.notes, asked))
    return msgspec.structs.replace(verdict, violations=(*verdict.violations, asked))


def _unusable(draft: Draft) -> Violation | None:
    """Refuse NaN, infinities and numbers beyond any market before anything is worked out with them."""
    for code, name, value in (
        ("PRICE_POSITIVE", "price", draft.price),
        ("QTY_MIN", "quantity", draft.qty),
        ("QTY_MIN", "amount", draft.quote_qty),
    ):
        if value is not None and not (value.is_finite() and -MOST_DIGITS < value.adjusted() < MOST_DIGITS):
            return fault(code, f"The {name} {value} is not a number that an order can have.")
    return None


def _fail_closed(judge: Callable[[], Verdict]) -> Verdict:
    """Refuse where even the working out of the verdict fails."""
    try:
        return judge()
    except Exception as problem:
        text = f"The order could not be judged ({type(problem).__name__}); nothing is sent."
        return Verdict(violations=(fault(UNAVAILABLE, text),), max_qty=ZERO, binding=UNAVAILABLE)


class _Judge:
    """Runs the controls over one case and keeps which could not run, by what they lacked."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._lacking: dict[str, list[str]] = {}
        self._general, self._ceilings = _ALWAYS, _CEILINGS
        if not case.reduces:
            self._general, self._ceilings = _ALWAYS + _EXPOSING, _CEILINGS + _EXPOSING_CEILINGS
            if owner.concerns(case):
                self._general += _OWNED
                self._ceilings += _OWNED_CEILINGS

    def verdict(self, *, search: bool) -> Verdict:
        """Evaluate everything, then add what the order would do."""
        case = self._case
        general = self._run(self._general, case)
        drafted, sized = self._sized()
        general += self._unavailable()
        largest, binding = self._largest(general) if search else (None, "")
        found = general + sized
        confirmed = self._case.asked.confirmed
        notes = [
            one
            for one in found
            if one.answer is Answer.WARN or (one.answer is Answer.CONFIRM and one.code in confirmed)
        ]
        violations = tuple(one for one in found if one not in notes)
        headroom = _headroom(case, drafted) if search else ()
        return self._with_effects(drafted, violations, tuple(notes), largest, binding, headroom)

    def _run(self, controls: Iterable[tuple[str, Callable[..., Violation | None]]], *given: object) -> list[Violation]:
        """Run controls; whatever one throws becomes a refusal that names it."""
        found = []
        for code, control in controls:
            try:
                violation = control(*given)
            except MissingInputError as missing:
                self._note(str(missing), code)
            except Exception as problem:
                self._note(f"a sound answer ({type(problem).__name__})", code)
            else:
                if violation is not None:
                    found.append(violation)
        return found

    def _sized(self) -> tuple[Size | None, list[Violation]]:
        """Judge the size on the ticket."""
        draft = self._case.draft
        given = draft.qty if draft.qty is not None else draft.quote_qty
        if given is None or not given.is_finite() or given <= 0:
            asked = self._case.asked.quote_qty
            less = "" if not asked else f" {grouped(asked)} {self._case.quote} buy less than the smallest step."
            return None, [fault("QTY_MIN", f"The order needs a quantity above zero.{less}")]
        asking = () if self._case.reduces else _ASKING
        controls = _GRID + _REPEATS + _FLOORS + self._ceilings + asking + _WARNING
        drafted = self._drafted([code for code, _ in controls])
        if drafted is None:
            return None, []
        return drafted, self._run(controls, self._case, drafted)

    def _drafted(self, codes: list[str]) -> Size | None:
        try:
            return self._case.drafted()
        except MissingInputError as missing:
            for code in codes:
                self._note(str(missing), code)
        return None

    def _note(self, what: str, code: str) -> None:
        codes = self._lacking.setdefault(what, [])
        if code not in codes:
            codes.append(code)

    def _unavailable(self) -> list[Violation]:
        return [
            fault(UNAVAILABLE, f"Not known: {what}. Without it these controls refuse: {', '.join(codes)}.", "", what)
            for what, codes in self._lacking.items()
        ]

    # The largest size that would pass: the ceilings hold up to some number of steps and fail above it, so the
    # boundary is found exactly by halving, started at a closed-form guess.

    def _largest(self, general: list[Violation]) -> tuple[Decimal, str]:
        if general:
            return ZERO, general[0].code
        step, guess = self._case.instrument.step, self._guess()
        low, high = 0, max(1, guess)
        while not self._ceiling(step * high):
            low, high = high, high + 1 if high == guess else high * 2
        while high - low > 1:
            middle = (low + high) // 2
            if self._ceiling(step * middle):
                high = middle
            else:
                low = middle
        binding = self._ceiling(step * high)
        while low > 0 and self._blocked(step * low, _REPEATS):
            low, binding = low - 1, "DUPLICATE_ORDER"
        if low == 0:
            return ZERO, binding
        return (ZERO, binding) if self._blocked(step * low, _FLOORS) else (step * low, binding)

    def _guess(self) -> int:
        """Return about how many steps would pass; a wrong guess costs time, never exactness."""
        case = self._case
        if not case.buying:
            room = case.inputs.base_free or ZERO
        else:
            at = case.price or case.far_touch or case.reference
            inputs, limits = case.inputs, case.limits
            room_left = asset_limit(limits, case.base) - (inputs.base_exposure or ZERO)
            value = min(
                order_limit(limits, case.draft.symbol),
                room_left,
                limits.max_gross_exposure - (inputs.gross_exposure or ZERO),
            )
            most = divide(max(ZERO, value), inputs.quote_price or ONE)
            budget = min(most, case.inputs.quote_free or ZERO)
            room = divide(budget, at * (ONE + case.instrument.taker_fee)) if at else ZERO
        return int(divide(max(ZERO, room), case.instrument.step, 0))

    def _ceiling(self, qty: Decimal) -> str:
        return self._blocked(qty, self._ceilings)

    def _blocked(self, qty: Decimal, controls: tuple[tuple[str, _SizedControl], ...]) -> str:
        """Return the code of the first of these controls that refuses ``qty``, or nothing."""
        try:
            at = self._case.size(qty)
        except MissingInputError:
            return UNAVAILABLE
        for named in controls:
            if self._run((named,), self._case, at):
                return named[0]
            if self._lacking:
                return UNAVAILABLE
        return ""

    def _with_effects(
        self,
        drafted: Size | None,
        violations: tuple[Violation, ...],
        notes: tuple[Violation, ...],
        largest: Decimal | None,
        binding: str,
        headroom: tuple[Headroom, ...],
    ) -> Verdict:
        case = self._case
        if drafted is None:
            return Verdict(violations=violations, notes=notes, max_qty=largest, binding=binding, headroom=headroom)
        free = case.inputs.base_free
        return Verdict(
            violations=violations,
            notes=notes,
            reduces=case.reduces and free is not None and drafted.qty <= free,
            max_qty=largest,
            binding=binding,
            qty=drafted.qty,
            notional=drafted.notional,
            value=_value(case, drafted),
            cap=case.price if case.asked.type is OrderType.MARKET else None,
            average_price=drafted.taken.average,
            worst_price=drafted.taken.worst,
            slippage=size.slippage_of(case, drafted),
            fee=None if case.inputs.instrument is None else case.fee(drafted),
            exposure_after=_exposure_after(case, drafted),
            headroom=headroom,
        )


def _value(case: Case, drafted: Size) -> Decimal | None:
    try:
        return case.value(drafted)
    except MissingInputError:
        return None


def _exposure_after(case: Case, drafted: Size) -> Decimal | None:
    """Return what the base asset is worth afterwards; None where it cannot be known."""
    before, price, value = case.inputs.base_exposure, case.inputs.base_price, _value(case, drafted)
    if case.buying:
        return None if before is None or value is None else before + value
    return None if before is None or price is None else max(ZERO, before - drafted.qty * price)


def _headroom(case: Case, drafted: Size | None) -> tuple[Headroom, ...]:
    """Return how much of each limit is used, first of those on one order by the draft."""
    standing = standing_headroom(case.inputs)
    return standing if drafted is None else (*_order_headroom(case, drafted), *standing)


def _order_headroom(case: Case, drafted: Size) -> tuple[Headroom, ...]:
    """How much of each limit on one order the draft would use."""
    limits, inputs, rows = case.limits, case.inputs, []
    value = _value(case, drafted)
    if value is not None:
        rows.append(
            _row("MAX_ORDER_VALUE", "order value", value, order_limit(limits, case.draft.symbol), inputs.currency)
        )
    most = limits.max_order_qty.get(case.draft.symbol)
    if most is not None:
        rows.append(_row("MAX_ORDER_QTY", "order size", drafted.qty, most, case.base))
    slip = size.slippage_of(case, drafted)
    if slip is not None:
        rows.append(_row("SLIPPAGE_ESTIMATE", "slippage", slip * 100, limits.max_slippage * 100, "%"))
    if case.buying and inputs.quote_free is not None and inputs.instrument is not None:
        needed = drafted.notional + case.fee(drafted)
        rows.append(_row("FREE_BALANCE", "free balance", needed, inputs.quote_free, case.quote))
    elif not case.buying and inputs.base_free is not None:
        rows.append(_row("FREE_BALANCE", "free balance", drafted.qty, inputs.base_free, case.base))
    return tuple(rows)


def standing_headroom(inputs: GateInputs) -> tuple[Headroom, ...]:
    """Return how much of the limits on the account and the asset is used already, with no order on the ticket."""
    base = "" if inputs.instrument is None else inputs.instrument.base
    exposures = () if inputs.base_exposure is None else ((base, inputs.base_exposure),)
    return (*exposure_headroom(inputs, exposures), *account_headroom(inputs))


def exposure_headroom(inputs: GateInputs, exposures: Iterable[tuple[str, Decimal]]) -> tuple[Headroom, ...]:
    """Return how much of the limits on single assets and on all together is used; what is not known is left out."""
    limits = inputs.limits
    rows = [
        _row("MAX_POSITION", f"position {asset}", value, asset_limit(limits, asset), inputs.currency)
        for asset, value in exposures
    ]
    if inputs.gross_exposure is not None:
        gross, most = inputs.gross_exposure, limits.max_gross_exposure
        rows.append(_row("MAX_GROSS_EXPOSURE", "gross exposure", gross, most, inputs.currency))
    return tuple(rows)


def account_headroom(inputs: GateInputs) -> tuple[Headroom, ...]:
    """Return how much of the limits that all symbols share is used, and the age of the symbol's book."""
    limits = inputs.limits
    rows = [
        _row(code, label, Decimal(used), Decimal(limit), "orders")
        for code, label, used, limit in (
            ("MAX_OPEN_ORDERS", "open orders", inputs.open_orders, limits.max_open_orders),
            ("IN_FLIGHT_LIMIT", "in flight", inputs.in_flight, limits.max_in_flight),
            ("ORDER_RATE", "orders a second", state.rate_used(inputs), limits.orders_per_second),
        )
    ]
    if inputs.book_age_ms is not None:
        age, most = Decimal(inputs.book_age_ms), Decimal(limits.max_book_age_ms)
        rows.append(_row("BOOK_FRESH", "book age", age, most, "ms"))
    return tuple(rows)


def _row(code: str, label: str, used: Decimal, limit: Decimal, unit: str) -> Headroom:
    return Headroom(code=code, label=label, used=used, limit=limit, unit=unit)
