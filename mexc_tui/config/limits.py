"""From the ``[limits]`` section of the config file to the limits of the gate."""

from __future__ import annotations

from mexc_tui.config.loading import SettingsFile
from mexc_tui.domain.limit_changes import problems
from mexc_tui.domain.limits import Limits

LIVE = {
    "max_order_value": 100,
    "confirm_order_value": 50,
    "max_position_value": 300,
    "max_gross_exposure": 500,
    "max_day_loss": 50,
    "max_drawdown": 50,
    "max_open_orders": 10,
    "orders_per_second": 2,
    "listing_max_value": 25,
    "max_in_flight": 2,
    "idle_lock_minutes": 15,
}
"""Defaults of a live desk, in place of those that are larger."""


def limits_of(file: SettingsFile, *, live: bool = False) -> Limits:
    """Return the limits a config file sets, with the defaults for what it leaves out; a live desk has smaller ones.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type, lies outside its range or beyond its ceiling.
    """
    limits = file.section("limits", {**(LIVE if live else {}), **file.settings.limits}, Limits)
    for path, why in problems(limits):
        raise file.refuse(("limits", *path), why)
    return limits
