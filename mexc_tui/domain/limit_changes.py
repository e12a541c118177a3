"""Which limits can be changed while a desk runs, which of two values is the tighter one, and which values are none."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from mexc_tui.domain.limits import Limits, OwnerLimits
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.owners import is_name

_FRACTIONS = (
    "collar_far",
    "collar_near",
    "collar_reference",
    "flatten_collar",
    "max_slippage",
    "confirm_slippage",
    "confirm_share",
    "max_spread",
    "seen_tolerance",
    "breaker_move",
)
_ABOVE_ZERO = ("max_order_value", "confirm_order_value", "max_position_value", "max_gross_exposure")
_DELAY = "loosening_delay_minutes"
_COUNTS = ("confirm_usual_times", "max_open_orders", "duplicate_max", "orders_per_second", "max_in_flight", _DELAY)
TABLES = ("max_order_qty", "max_pair_order_value", "max_asset_value")
"""Limits by symbol or asset; one of their entries is named ``max_asset_value.BTC``."""
OWNER = "owner"
"""Limits by owner; one of them is named ``owner.script.max_order_value``."""
OWN = OwnerLimits.__struct_fields__
_OWN_COUNTS = ("orders_per_second", "max_open_orders")
_MORE_IS_TIGHTER = ("duplicate_window_ms", "cooldown_ms", "repeated_window_ms", "breaker_window_ms", "listing_hours")
_ZERO_IS_NONE = (
    *("max_day_loss", "max_drawdown", "max_day_exposure", "cooldown_losses", "idle_lock_minutes"),
    *("repeated_entries", "repeated_fills", "breaker_move"),
)
_AT_MOST = {"repeated_entries": 1_000, "repeated_fills": 1_000, "repeated_window_ms": 3_600_000}
_AT_MOST |= {"breaker_window_ms": 600_000, "listing_hours": 24 * 365}
"""What is remembered to count by has an end."""
_NO_LIMIT = Decimal("Infinity")
_DEFAULTS = Limits()
NAMES = tuple(
    name for name in Limits.__struct_fields__ if type(getattr(_DEFAULTS, name)) in (int, Decimal) and name != _DELAY
)
"""Single numbers that can be changed while a desk runs."""
MOST_KEY = 20
"""Longest symbol or asset in a name."""


def known(name: str) -> bool:
    """Return whether a limit of this name can be changed while a desk runs."""
    table, _, key = name.partition(".")
    if table == OWNER:
        owner, _, own = key.partition(".")
        return is_name(owner) and own in OWN
    return name in NAMES or (table in TABLES and 0 < len(key) <= MOST_KEY and key.isalnum() and key == key.upper())


def own_names(limits: Limits) -> list[str]:
    """Return the names of all limits of owners that are set."""
    found = ((owner, own, getattr(one, own)) for owner, one in limits.owner.items() for own in OWN)
    return [f"{OWNER}.{owner}.{own}" for owner, own, value in found if value is not None]


def value_of(limits: Limits, name: str) -> Decimal | None:
    """Return the value of a known limit; None where a table has no such entry, so that it limits nothing."""
    table, _, key = name.partition(".")
    if table == OWNER:
        owner, _, own = key.partition(".")
        value = getattr(limits.owner.get(owner), own, None)
        return None if value is None else Decimal(value)
    found = getattr(limits, table)
    return found.get(key) if key else Decimal(found)


def changed(limits: Limits, name: str, value: Decimal) -> Limits:
    """Return the limits with another value of a known one."""
    table, _, key = name.partition(".")
    before = getattr(limits, table)
    if table == OWNER:
        owner, _, own = key.partition(".")
        now: Any = int(value) if own in _OWN_COUNTS else value
        after_own = msgspec.structs.replace(before.get(owner, OwnerLimits()), **{own: now})
        return msgspec.structs.replace(limits, owner={**before, owner: after_own})
    after: Any = {**before, key: value} if key else int(value) if isinstance(before, int) else value
    return msgspec.structs.replace(limits, **{table: after})


def looser(name: str, value: Decimal | None, than: Decimal | None) -> bool:
    """Return whether one value of a limit allows more than another; None is no limit."""
    return _room(name, value) > _room(name, than)


def ceiling(limits: Limits, name: str) -> Decimal | None:
    """Return the loosest value a limit may get while the desk runs, by the limits it began with; None: any."""
    return limits.ceilings.get(name, value_of(limits, name))


def _room(name: str, value: Decimal | None) -> Decimal:
    if value is None or (not value and name in _ZERO_IS_NONE):
        return _NO_LIMIT
    return -value if name in _MORE_IS_TIGHTER else value


def unfit(name: str, value: Decimal) -> str:
    """Return why a known limit cannot have a value; empty where it can."""
    table, _, key = name.partition(".")
    if not value.is_finite() or abs(value) >= 10**18:
        return "is not a number that can limit anything"
    counts = name.rpartition(".")[2] in _OWN_COUNTS if table == OWNER else not key
    if counts and (table == OWNER or isinstance(getattr(_DEFAULTS, table), int)) and value != value.to_integral_value():
        return "must be a whole number"
    return next((why for path, why in problems(changed(_DEFAULTS, name, value)) if path[0] == table), "")


def problems(limits: Limits) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the fault of every value that lies outside of its range, or beyond its ceiling."""
    for name in _ABOVE_ZERO:
        if getattr(limits, name) <= 0:
            yield (name,), "must be above zero (to refuse every order, halt instead)"
    for name in _FRACTIONS:
        value: Decimal = getattr(limits, name)
        if not 0 <= value <= 1:
            yield (name,), f"must be a fraction from 0 to 1 (0.01 is 1 %), not {value}"
    for name in _COUNTS:
        if getattr(limits, name) < 1:
            yield (name,), "must be at least 1"
    for name in NAMES:
        if name not in (*_ABOVE_ZERO, *_FRACTIONS, *_COUNTS) and getattr(limits, name) < 0:
            yield (name,), "must not be negative"
    for name, end in _AT_MOST.items():
        if getattr(limits, name) > end:
            yield (name,), f"must be at most {end}"
    for owner in limits.owner:
        if not is_name(owner):
            yield (OWNER, owner), "is no owner: person, script, or an algorithm's name of a-z, 0-9, _ and -"
    for name in own_names(limits):
        if (value_of(limits, name) or 0) < 0:
            yield tuple(name.split(".")), "must not be negative"
    for table in TABLES:
        for key, most in getattr(limits, table).items():
            if most <= 0:
                yield (table, key), "must be above zero"
    for name, most in limits.ceilings.items():
        if not known(name):
            yield ("ceilings", name), "is no limit that can be changed while a desk runs"
        elif why := unfit(name, most):
            yield ("ceilings", name), why
        elif value_of(limits, name) is not None and looser(name, value_of(limits, name), most):
            yield tuple(name.split(".")), f"is looser than its ceiling, {plain(most)}"
