"""From the ``[limits]`` section of the config file to the limits of the gate."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.config.loading import SettingsFile
from mexc_tui.domain.limits import Limits

_FRACTIONS = ("collar_far", "collar_near", "collar_reference", "flatten_collar", "max_slippage", "seen_tolerance")
_ABOVE_ZERO = ("max_order_value", "max_position_value")
_COUNTS = ("max_open_orders", "duplicate_max", "orders_per_second", "max_in_flight")


def limits_of(file: SettingsFile) -> Limits:
    """Return the limits a config file sets, with the defaults for what it leaves out.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type or lies outside its range.
    """
    limits = file.section("limits", file.settings.limits, Limits)
    for name in _ABOVE_ZERO:
        if getattr(limits, name) <= 0:
            raise file.refuse(("limits", name), "must be above zero (to refuse every order, halt instead)")
    for name in _FRACTIONS:
        value: Decimal = getattr(limits, name)
        if not 0 <= value <= 1:
            raise file.refuse(("limits", name), f"must be a fraction from 0 to 1 (0.01 is 1 %), not {value}")
    for name in _COUNTS:
        if getattr(limits, name) < 1:
            raise file.refuse(("limits", name), "must be at least 1")
    for name in ("duplicate_window_ms", "max_book_age_ms", "max_seen_age_ms", "idle_lock_minutes"):
        if getattr(limits, name) < 0:
            raise file.refuse(("limits", name), "must not be negative")
    for symbol, qty in limits.max_order_qty.items():
        if qty <= 0:
            raise file.refuse(("limits", "max_order_qty", symbol), "must be above zero")
    return limits
