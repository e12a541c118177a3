"""What each control checks, in one line, and the settings it goes by: for the risk screen and docs/risk.md alike."""

from __future__ import annotations

from typing import NamedTuple

from mexc_tui.domain.overrides import OVERRIDABLE


class Control(NamedTuple):
    """One line of the list of controls."""

    codes: tuple[str, ...]
    says: str
    settings: tuple[str, ...] = ()

    @property
    def overridable(self) -> bool:
        """Whether a person may lift it for one order: never the exchange, a balance, or a halt."""
        return not OVERRIDABLE.isdisjoint(self.codes)


CONTROLS: tuple[Control, ...] = (
    Control(("INSTRUMENT_KNOWN",), "the pair is in the exchange's list"),
    Control(("INSTRUMENT_TRADABLE",), "status, side and API permission"),
    Control(
        ("RESTRICTED_SYMBOL",),
        "your lists, the exchange's risk flag",
        ("denied_symbols", "allowed_symbols", "deny_flagged"),
    ),
    Control(("ORDER_TYPE_SUPPORTED",), "the exchange offers the type"),
    Control(("PRICE_PRECISION", "QTY_PRECISION", "QUOTE_PRECISION"), "the grid, never rounded up"),
    Control(("PRICE_POSITIVE",), "a finite price above zero"),
    Control(("QTY_MIN", "NOTIONAL_MIN", "NOTIONAL_MAX"), "the exchange's minimum and maximum"),
    Control(("TIF_VALID",), "a post-only order would not take"),
    Control(("MAX_ORDER_QTY",), "quantity of one order", ("max_order_qty",)),
    Control(("MAX_ORDER_VALUE",), "value of one order", ("max_order_value", "max_pair_order_value")),
    Control(("CONFIRM_ORDER_VALUE",), "the same, softer", ("confirm_order_value",)),
    Control(("PRICE_COLLAR_FAR",), "price through the far touch", ("collar_far", "flatten_collar")),
    Control(("MARKET_CAP",), "a market order has a price cap unless asked for without", ("collar_far", "max_slippage")),
    Control(("PRICE_COLLAR_NEAR",), "price far away on its own side", ("collar_near",)),
    Control(("PRICE_COLLAR_REFERENCE",), "price against mid or last, and the exchange's range", ("collar_reference",)),
    Control(("SLIPPAGE_ESTIMATE",), "average price from walking the book", ("max_slippage",)),
    Control(("CONFIRM_SLIPPAGE",), "the same, softer", ("confirm_slippage",)),
    Control(("PARTIAL_FILL",), "a capped order finds less than it wants"),
    Control(("SIZE_VS_USUAL",), "value against the median of your latest 50", ("confirm_usual_times",)),
    Control(("SIDE_SANITY",), "no more sold than held, nothing bought while flattening"),
    Control(
        ("DUPLICATE_ORDER",),
        "same pair, side, price and size",
        ("duplicate_window_ms", "duplicate_max"),
    ),
    Control(("IN_FLIGHT_LIMIT",), "sent and not answered", ("max_in_flight",)),
    Control(("UNKNOWN_OUTCOME_LOCK",), "an earlier order of the pair is unknown"),
    Control(("ORDER_RATE",), "orders a second", ("orders_per_second",)),
    Control(
        ("REPEATED_EXECUTION",),
        "a script or algorithm sends too many orders, or too many on one side of a pair fill; latched until a person "
        "at a screen releases it, survives a restart",
        ("repeated_entries", "repeated_fills", "repeated_window_ms"),
    ),
    Control(("SELF_CROSS",), "would trade with an own order that rests or is on its way"),
    Control(("FREE_BALANCE",), "money free, fees and reserve included"),
    Control(("MAX_POSITION",), "one asset over all pairs", ("max_position_value", "max_asset_value")),
    Control(("MAX_GROSS_EXPOSURE",), "all that is not cash", ("max_gross_exposure", "cash")),
    Control(("MAX_OPEN_ORDERS",), "orders that may be live", ("max_open_orders",)),
    Control(("CONCENTRATION",), "one asset's share of the equity", ("confirm_share",)),
    Control(
        ("SESSION_BUDGET",),
        "sum of the orders of the UTC day that did not reduce, counted at "
        "sending whether they fill or not, an amended one again; survives a "
        "restart",
        ("max_day_exposure",),
    ),
    Control(("REDUCE_ONLY_TRUTH",), "what reduces does so against reconciled holdings"),
    Control(
        ("REDUCING",),
        "result of the UTC day at selling prices, reached limit latched; entries cancelled if asked for",
        ("max_day_loss", "reducing_cancels"),
    ),
    Control(("LOSS_LIMIT_DAY",), "that result has not been unknown for five minutes, where there are limits on losses"),
    Control(("REDUCING",), "fall from the day's highest result, latched", ("max_drawdown",)),
    Control(
        ("LOSS_STREAK_COOLDOWN",),
        "losing sales in a row within an hour, an order counting once; the "
        "pause doubles with each more, and survives a restart",
        ("cooldown_losses", "cooldown_ms"),
    ),
    Control(("BOOK_FRESH",), "age of the book", ("max_book_age_ms",)),
    Control(("BOOK_VALID",), "live and not crossed"),
    Control(("PRICE_PATH",), "the quote asset has a fresh price in the account's currency", ("max_price_age_ms",)),
    Control(("MARKET_DATA_REASONABILITY",), "spread", ("max_spread",)),
    Control(
        ("VOLATILITY_BREAKER",),
        "a large move in a short time, for scripts and algorithms in that pair; latched like REPEATED_EXECUTION",
        ("breaker_move", "breaker_window_ms"),
    ),
    Control(("PRIVATE_STREAM_FRESH",), "orders and balances compared with the exchange within three minutes"),
    Control(("STREAM_RECONCILING",), "orders and balances have been compared"),
    Control(("CLOCK_SKEW",), "distance from the exchange's clock known, and a minute at most"),
    Control(("VENUE_HEALTH",), "requests are held, or half of the last half minute's failed, three at least"),
    Control(("INTENT_STILL_VALID",), "the market is what was on the screen", ("max_seen_age_ms", "seen_tolerance")),
    Control(
        ("LISTING_GUARD",),
        "what would be held of a coin whose pair opened a short time ago",
        ("listing_hours", "listing_max_value"),
    ),
    Control(("CONFIRM_LISTING",), "the same, before anything is bought", ("listing_hours",)),
    Control(("PAPER_LIVE_MATCH",), "this venue takes orders from here"),
    Control(("TRADING_STATE", "REDUCING"), "active, reducing or halted; latched, survives a restart"),
    Control(
        ("ARMED",),
        "armed in this session, idle lock; live: by the account's name, locked by a lost stream, old books, a restart",
        ("idle_lock_minutes",),
    ),
    Control(
        ("AUTOMATION_AUTHORITY",),
        "limits of an owner's own: a person, scripts, an algorithm by its name; never more than the account's",
        ("owner",),
    ),
    Control(
        ("DEAD_MAN",),
        "when the desk is gone or frozen, another process cancels its buys, or cancels and sells, as [guard] says",
    ),
    Control(
        ("LIMIT_CHANGE_CONTROL",),
        "loosening needs a reason and a delay, ceilings hold",
        ("ceilings", "loosening_delay_minutes"),
    ),
    Control(
        ("OVERRIDE", "CONFIRM_OVERRIDE"),
        "one order lifts one control that is marked ‡, with a reason, by a person, who is asked once; no further than "
        "the ceilings",
    ),
    Control(("REDUCING",), "orders, fills and balances against the exchange's, every 15 s"),
    Control(
        ("FILL_REASONABILITY",),
        "price within the order's limit, no more than asked for, fee at most twice what the pair lists",
    ),
    Control(("AUDIT_WRITABLE",), "the journal can be written"),
)
"""As in the table of docs/risk.md, but for what is missing or has no code."""
