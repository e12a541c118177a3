"""A desk that trades through disturbances has live books soon after they end, and some while they last."""

from __future__ import annotations

from statistics import median

import pytest

from mexc_tui.venues.simulator.server.faults import PROFILES, parse_profile

LONGEST_S = 15
MEDIAN_S = 3
STRONG = {
    "drop:p=0.1": 0.5,
    "garbage:p=0.1": 0.5,
    "truncated:p=0.1": 0.5,
    "truncated:p=0.3": 0.2,
    "reorder:p=0.3": 0.8,
    "gap:p=0.3;missing_push:p=0.5": 0.3,
}
"""Lost, garbled and reordered frames, of the market and of the account, and how much of the time books are live."""


@pytest.mark.parametrize("profile", [*STRONG, *sorted(PROFILES)])
async def test_books_are_live_soon_after_a_disturbance(trading, profile):
    trading.suffer(parse_profile(profile))
    live = await trading.trade(20)
    assert live >= STRONG.get(profile, 0)
    seconds = await trading.recovered(LONGEST_S)
    assert seconds[-1] <= LONGEST_S
    assert median(seconds) <= MEDIAN_S
