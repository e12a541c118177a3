"""Whose life proves a book: never that of another connection than the one its updates come over."""

from __future__ import annotations

from typing import Any

from mexc_tui.domain.inputs import CandleSeen, ChannelRefused, LinkState, VenueHealth
from mexc_tui.domain.market import Interval


def health(frames: int, heard_ms: int) -> VenueHealth:
    return VenueHealth(None, None, None, frames, 0, 0, 500, 5.0, 5, alive_ns=heard_ms * 1_000_000)


def test_a_talkative_account_stream_does_not_keep_a_silent_market_fresh(rig: Any) -> None:
    rig.live()
    silent_since = rig.now
    for frames in range(1, 8):
        rig.wait(1_000)
        rig.do(health(frames * 50, silent_since))
    assert rig.markets.book_age_ms("ABCUSDT", rig.at) == 7_000


def test_a_quiet_pair_is_current_while_its_connection_answers(rig: Any) -> None:
    rig.live()
    for frames in range(1, 8):
        rig.wait(1_000)
        rig.do(health(frames, rig.now - 300))
    assert rig.markets.book_age_ms("ABCUSDT", rig.at) == 300


def test_what_another_connection_brings_proves_nothing_here(rig: Any) -> None:
    rig.live()
    rig.do(health(1, rig.now))
    rig.wait(4_000)
    rig.do(CandleSeen("XYZUSDT", Interval.M1, None, rig.now * 1_000_000))
    assert rig.markets.book_age_ms("ABCUSDT", rig.at) == 4_000


def test_no_book_is_live_before_the_stream_has_been_up(rig: Any) -> None:
    rig.focus()
    assert rig.asks_for_book(rig.wait(10_000)) == 0
    rig.link(LinkState.CONNECTED)
    assert rig.asks_for_book(rig.wait(2_000)) == 1
    rig.snapshot(5, [("99", "2")], [("101", "3")])
    assert rig.view().state.value == "live"


def test_a_refused_book_is_not_live_because_the_link_came_up(rig: Any) -> None:
    rig.focus()
    for state in (LinkState.CONNECTED, LinkState.RECONNECTING, LinkState.CONNECTED):
        rig.do(ChannelRefused("spot@public.aggre.depth.v3.api.pb@100ms@ABCUSDT", "ABCUSDT", "Blocked!"))
        rig.link(state)
    assert rig.asks_for_book(rig.wait(2_000)) == 1
    rig.snapshot(5, [("99", "2")], [("101", "3")])
    assert rig.view().state.value == "stale"
    rig.delta(6, 6, [("98", "1")])
    rig.wait(11_000)
    rig.snapshot(6, [("99", "2")], [("101", "3")])
    assert rig.view().state.value == "live"
