"""Controls of the account and the exchange as such: what they find holds for new exposure in every pair."""

from __future__ import annotations

from mexc_tui.domain.controls.case import MissingInputError, fault
from mexc_tui.domain.limits import Limits, Violation
from mexc_tui.domain.views import Standing

MOST_COMPARED_MS = 180_000
"""Age of the latest comparison with the account above which what is known of it is not good enough."""
MOST_OFFSET_MS = 60_000
"""Distance of the clocks; MEXC takes no request that may be older, whatever it is asked to."""
FAILED_FROM = 3
"""So many failed requests of the last half minute, if they are half of all, make an exchange that is not well."""
MOST_UNVALUED_MS = 300_000
"""How long the result of the day may be unknown while there are limits on losses."""


def private_stream_fresh(standing: Standing, limits: Limits) -> Violation | None:
    """Refuse where the account was last read too long ago; a stream that is down is for STREAM_RECONCILING."""
    age = standing.compared_age_ms
    if age is None or age <= MOST_COMPARED_MS:
        return None
    text = f"Orders and balances were last compared with the exchange {age // 1_000:,} s ago; no new exposure until"
    return fault("PRIVATE_STREAM_FRESH", f"{text} they are again.", MOST_COMPARED_MS, age)


def clock_skew(standing: Standing, limits: Limits) -> Violation | None:
    offset = standing.clock_offset_ms
    if offset is None:
        raise MissingInputError("how far this machine's clock is from the exchange's")
    if abs(offset) <= MOST_OFFSET_MS:
        return None
    off = f"{abs(offset) / 1_000:,.0f} s {'behind' if offset > 0 else 'ahead of'} the exchange's"
    text = f"This machine's clock is {off}; no new exposure until it is set right."
    return fault("CLOCK_SKEW", text, MOST_OFFSET_MS, abs(offset))


def venue_health(standing: Standing, limits: Limits) -> Violation | None:
    if standing.held is None:
        raise MissingInputError("whether the exchange answers")
    if standing.held:
        return fault("VENUE_HEALTH", f"Requests do not reach the exchange now ({standing.held}); no new exposure.")
    failed, requests = standing.failed, standing.requests
    if failed < FAILED_FROM or failed * 2 < requests:
        return None
    text = f"The exchange failed {failed} of the last {requests} requests; no new exposure until it answers again."
    return fault("VENUE_HEALTH", text, FAILED_FROM, failed)


def loss_limit_day(standing: Standing, limits: Limits) -> Violation | None:
    """Refuse where the limits on losses cannot be kept, since the result of the day has not been known for long."""
    if not (limits.max_day_loss or limits.max_drawdown) or standing.unvalued_ms <= MOST_UNVALUED_MS:
        return None
    text = (
        f"The result of the day has not been known for {standing.unvalued_ms // 1_000:,} s, so your limits on losses"
        " cannot be kept; no new exposure until something that you hold has a price again, or what moved is explained."
    )
    return fault("LOSS_LIMIT_DAY", text, MOST_UNVALUED_MS, standing.unvalued_ms)


def loss_streak_cooldown(standing: Standing, limits: Limits) -> Violation | None:
    if standing.cooling_ms <= 0:
        return None
    left = f"{-(-standing.cooling_ms // 1_000):,} s"
    text = f"The last {standing.losses} sales in a row lost money; no new exposure for another {left}."
    return fault("LOSS_STREAK_COOLDOWN", text, limits.cooldown_losses, standing.losses)


CONTROLS = (
    ("PRIVATE_STREAM_FRESH", private_stream_fresh),
    ("CLOCK_SKEW", clock_skew),
    ("VENUE_HEALTH", venue_health),
    ("LOSS_LIMIT_DAY", loss_limit_day),
    ("LOSS_STREAK_COOLDOWN", loss_streak_cooldown),
)
"""All of them block, and clear by themselves."""
