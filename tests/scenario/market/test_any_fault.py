"""Under every fault and every profile that the exchange knows, a book is exact or not called live."""

from __future__ import annotations

import pytest

from mexc_tui.venues.simulator.server.faults import DEFAULTS, PROFILES, Fault, make_fault, parse_profile
from tests.examples import scaled

ACCOUNT = {"ack_lost", "late_push", "missing_push", "listen_key_death"}
"""Faults of orders and account streams, which no book meets; the whole desk meets them in ``engine/test_faults``."""
UNCOUNTED = {"clock_skew"}
"""In force all the time, so that no single strike is counted."""
SYMBOLS = ("BTCUSDT", "ETHUSDT", "MXUSDT")
STRONG = 0.3
OTHERWISE_S = 60
"""A book may need so long: the longest pauses of the stream (30 s), the breaker (15 s), the reading (10 s)."""

PROMISED = (
    "latency jitter drop duplicate reorder gap half_open garbage truncated rate_limit_429 edge_403_html server_5xx "
    "ack_lost late_push missing_push listen_key_death clock_skew"
)


def test_every_fault_that_was_promised_is_there():
    assert set(PROMISED.split()) <= DEFAULTS.keys()


def stronger(name: str) -> Fault:
    """Return a fault that strikes within a few seconds."""
    fault = make_fault(name)
    fault.p = max(fault.p, STRONG)
    return fault


async def survive(watched, faults: list[Fault]) -> None:
    await watched.suffer(faults, turns=300, cut_every=40)
    met = {fault.name for fault in faults} - ACCOUNT - UNCOUNTED
    struck = {fault.name for fault in watched.server.plan.active() if fault.struck}
    assert bool(met) == bool(struck & met), "the faults have not been met"
    watched.server.plan.clear()
    watched.compared = 0
    await watched.until(watched.all_exact, "exact books after the faults", OTHERWISE_S)
    for _ in range(30):
        await watched.turn()
    assert watched.compared > 60


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - ACCOUNT))
async def test_a_fault(watched, name):
    await survive(watched, [stronger(name)])


@pytest.mark.parametrize("name", sorted(PROFILES))
async def test_a_profile(watched, name):
    await survive(watched, parse_profile(name))


@pytest.mark.parametrize(("name", "within_s"), [("maintenance", OTHERWISE_S), ("server_5xx", 30)])
@pytest.mark.parametrize("seconds", [200, 219, 238])
async def test_a_long_outage_is_over_soon_after_its_end(watched, name, within_s, seconds):
    fault = make_fault(name)
    fault.p = 1
    watched.server.plan.set(fault)
    watched.server.hub.drop()
    for _ in range(seconds):
        await watched.turn(1_000)
    assert not any(watched.live(symbol) for symbol in SYMBOLS)
    asked = len(watched.snapshots)
    assert asked < 3 * seconds / 5, "an exchange that is down is not hammered"
    watched.server.plan.clear()
    await watched.until(watched.all_exact, "exact books after the outage", within_s)


async def test_gaps_alone_never_make_a_book_stale_for_long(watched):
    watched.server.plan.set(parse_profile("gap:p=0.2")[0])
    longest = dict.fromkeys(SYMBOLS, 0)
    stale = dict.fromkeys(SYMBOLS, 0)
    for _ in range(scaled(500)):
        await watched.turn()
        for symbol in SYMBOLS:
            stale[symbol] = 0 if watched.live(symbol) else stale[symbol] + 1
            longest[symbol] = max(longest[symbol], stale[symbol])
    assert max(longest.values()) <= 20, "tenths of a second"
    busiest = max(sum(1 for at in watched.snapshots if begin <= at < begin + 10_000) for begin in watched.snapshots)
    assert busiest <= 100, "within what the firewall and the weight allow"
