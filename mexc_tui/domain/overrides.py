"""Overriding: one named control is lifted for one order, as far as the ceilings of the config file allow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import ONE, ZERO

MOST_REASON = 200
_ANY = Decimal(10**18)
_MANY = 10**9
_LOOSEST: dict[str, Decimal | int] = {
    "max_order_value": _ANY,
    "max_position_value": _ANY,
    "max_gross_exposure": _ANY,
    "max_day_exposure": ZERO,
    "max_open_orders": _MANY,
    "collar_far": ONE,
    "collar_near": ONE,
    "max_slippage": ONE,
    "duplicate_max": _MANY,
    "max_spread": ONE,
    "listing_max_value": _ANY,
}
"""What a setting is while its control is lifted, where no ceiling names it."""
_TABLES = ("max_order_qty", "max_pair_order_value", "max_asset_value")
_SETTINGS = {
    "MAX_ORDER_QTY": ("max_order_qty",),
    "MAX_ORDER_VALUE": ("max_order_value", "max_pair_order_value"),
    "PRICE_COLLAR_FAR": ("collar_far",),
    "PRICE_COLLAR_NEAR": ("collar_near",),
    "SLIPPAGE_ESTIMATE": ("max_slippage",),
    "DUPLICATE_ORDER": ("duplicate_max",),
    "MAX_POSITION": ("max_position_value", "max_asset_value"),
    "MAX_GROSS_EXPOSURE": ("max_gross_exposure",),
    "MAX_OPEN_ORDERS": ("max_open_orders",),
    "SESSION_BUDGET": ("max_day_exposure",),
    "MARKET_DATA_REASONABILITY": ("max_spread",),
    "LISTING_GUARD": ("listing_max_value",),
}
"""What each control that may be overridden goes by."""
OVERRIDABLE = frozenset(_SETTINGS)
"""Codes of the controls that may be overridden."""


def effective(limits: Limits, draft: Draft) -> Limits:
    """Return the limits that an order is judged by: where it overrides a control, without that one's."""
    if not draft.override:
        return limits
    lifted: dict[str, Any] = {}
    for name in _SETTINGS.get(draft.override, ()):
        if name in _TABLES:
            entries = ((key.partition("."), most) for key, most in limits.ceilings.items())
            lifted[name] = {key: most for (table, _, key), most in entries if table == name}
        else:
            most = limits.ceilings.get(name, _LOOSEST[name])
            lifted[name] = int(most) if isinstance(getattr(limits, name), int) else Decimal(most)
    return msgspec.structs.replace(limits, **lifted)


def misuse(draft: Draft) -> str:
    """Return why an order may not override what it names; empty where it may."""
    if draft.override not in OVERRIDABLE:
        return f"{draft.override[:40]} cannot be overridden; the risk tab marks what can. Nothing was sent."
    if not draft.because.strip():
        return f"Overriding {draft.override} needs a reason: override {draft.override} because REASON."
    if len(draft.because) > MOST_REASON:
        return f"The reason of an override has at most {MOST_REASON} characters."
    return ""
