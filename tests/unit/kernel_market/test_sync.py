"""How a book comes to life, loses track and comes back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mexc_tui.domain.inputs import ChannelRefused, LinkState, SnapshotFailed, Tick
from mexc_tui.domain.views import BookState
from mexc_tui.kernel.effects import FetchSnapshot, SetInterest

BIDS = [("99.0", "2.0")]
ASKS = [("101.0", "3.0")]


def test_the_first_push_asks_for_a_snapshot_and_the_kept_pushes_follow_it(rig: Any) -> None:
    effects = rig.focus()
    assert effects[0] == SetInterest(("ABCUSDT",), effects[0].candles)
    assert rig.view().state is BookState.SYNCING
    assert rig.asks_for_book(rig.delta(95, 100, [("99", "5")])) == 1
    rig.delta(101, 103, [("99", "7")])
    assert rig.asks_for_book(rig.wait(2_000)) == 0, "one question at a time"
    rig.snapshot(98, BIDS, ASKS)
    view = rig.view()
    assert (view.state, view.version) == (BookState.LIVE, 103)
    assert view.bids == ((99, 7),)


def test_a_gap_is_shown_told_and_mended(rig: Any) -> None:
    rig.live()
    effects = rig.delta(105, 110, [("99", "9")])
    assert rig.view().state is BookState.STALE
    assert "101 to 104" in rig.view().reason
    assert rig.facts(effects) == ["gap"]
    assert rig.asks_for_book(effects) == 1
    assert rig.markets.book("ABCUSDT") is None
    assert rig.markets.sell_mark("ABCUSDT", Decimal(1)) is None
    effects = rig.snapshot(107, BIDS, ASKS)
    assert rig.facts(effects) == ["resynced"]
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 110)
    assert rig.view().bids == ((99, 9),)


def test_a_snapshot_that_is_too_old_is_asked_for_again_with_a_pause(rig: Any) -> None:
    rig.focus()
    rig.delta(95, 100)
    assert rig.asks_for_book(rig.snapshot(80, BIDS, ASKS)) == 0
    assert rig.view().state is BookState.SYNCING
    assert rig.asks_for_book(rig.wait(500)) == 1
    rig.snapshot(94, BIDS, ASKS)
    assert rig.view().state is BookState.LIVE


def test_failures_back_off_and_are_told_once(rig: Any) -> None:
    rig.focus()
    rig.delta(1, 1)
    told: list[str] = []
    asked = 0
    for _ in range(60):
        told += rig.facts(rig.do(SnapshotFailed("ABCUSDT", "MEXC answered 503.")))
        asked += rig.asks_for_book(rig.wait(1_000, link=True))
    assert told == ["gap"]
    assert 5 <= asked <= 15
    assert rig.view().reason == "the snapshot did not come (MEXC answered 503)"


def test_a_quiet_market_is_read_without_a_push_and_followed_from_there(rig: Any) -> None:
    rig.link(LinkState.CONNECTED)
    rig.focus()
    assert rig.asks_for_book(rig.wait(1_000)) == 0
    assert rig.asks_for_book(rig.wait(1_000)) == 1
    rig.snapshot(50, BIDS, ASKS)
    assert rig.view().state is BookState.LIVE
    rig.delta(51, 52, [("98", "1")])
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 52)


def test_an_illiquid_book_stays_fresh_while_the_link_lives_and_goes_stale_when_it_dies(rig: Any) -> None:
    rig.live()
    rig.wait(20_000, link=True)
    assert rig.markets.book_age_ms("ABCUSDT", rig.at) <= 250
    rig.wait(10_000)
    assert 9_000 <= rig.markets.book_age_ms("ABCUSDT", rig.at) <= 11_000
    assert rig.view().state is BookState.LIVE
    effects = rig.wait(25_000)
    assert rig.view().state is BookState.STALE
    assert rig.asks_for_book(effects) == 0, "a snapshot without a stream would be out of date at once"
    assert rig.asks_for_book(rig.wait(4_000, link=True)) == 1


def test_a_lost_link_makes_its_books_stale_until_they_are_read_again(rig: Any) -> None:
    rig.live()
    rig.link(LinkState.RECONNECTING, "ABCUSDT")
    assert rig.view().state is BookState.STALE
    rig.now += 5_000
    age = rig.markets.book_age_ms("ABCUSDT", rig.at)
    assert age is not None
    assert age >= 5_000
    assert rig.asks_for_book(rig.wait(5_000)) == 0
    rig.link(LinkState.CONNECTED)
    assert rig.asks_for_book(rig.delta(200, 210)) == 1
    rig.snapshot(205, BIDS, ASKS)
    assert rig.view().state is BookState.LIVE


def test_other_symbols_keep_their_books_when_one_connection_breaks(rig: Any) -> None:
    rig.live()
    rig.link(LinkState.RECONNECTING, "OTHERUSDT")
    assert rig.view().state is BookState.LIVE


def test_an_answer_from_before_the_disconnect_is_dropped(rig: Any) -> None:
    rig.focus()
    rig.delta(95, 100)
    rig.link(LinkState.RECONNECTING)
    rig.link(LinkState.CONNECTED)
    rig.wait(3_000)
    effects = rig.snapshot(100, BIDS, ASKS)
    assert rig.view().state is BookState.SYNCING
    assert rig.asks_for_book(effects) == 1
    rig.snapshot(140, BIDS, ASKS)
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 140)


def test_an_answer_that_nobody_waits_for_is_ignored(rig: Any) -> None:
    rig.live()
    rig.snapshot(5, [("1", "1")], [("2", "1")])
    assert rig.view().version == 100


def test_leaving_and_returning_drops_the_old_answer(rig: Any) -> None:
    rig.focus()
    rig.delta(95, 100)
    rig.focus("XYZUSDT")
    assert rig.markets.book_view("ABCUSDT") is None
    rig.focus()
    assert rig.asks_for_book(rig.delta(300, 301)) == 0
    assert rig.asks_for_book(rig.snapshot(100, BIDS, ASKS)) == 1
    rig.snapshot(301, BIDS, ASKS)
    assert rig.view().state is BookState.LIVE


def test_a_crossed_book_is_never_live(rig: Any) -> None:
    rig.live()
    rig.delta(101, 101, [("102", "1")])
    assert rig.view().state is BookState.STALE
    assert rig.markets.book("ABCUSDT") is None
    effects = rig.do(Tick())
    assert rig.facts(effects) == ["gap"]
    rig.delta(102, 102)
    rig.snapshot(102, [("102", "1")], ASKS)
    assert rig.view().state is BookState.STALE


def test_a_crossed_snapshot_brings_nothing_to_life(rig: Any) -> None:
    rig.focus()
    rig.delta(1, 1)
    rig.snapshot(1, [("102", "1")], ASKS)
    assert rig.view().state is BookState.SYNCING
    assert "crossed" in rig.view().reason
    assert rig.asks_for_book(rig.wait(500)) == 1


def test_an_older_reading_does_not_replace_a_live_book(rig: Any) -> None:
    rig.live()
    rig.wait(61_000, link=True)
    rig.snapshot(90, [("98", "1")], ASKS)
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 100)
    assert rig.view().bids == ((99, 2),)


def test_after_a_doubt_an_answer_that_was_under_way_is_not_trusted(rig: Any) -> None:
    rig.live()
    rig.wait(61_000, link=True)
    rig.delta(101, 101, [("98", "bad")])
    rig.snapshot(100, BIDS, ASKS)
    assert "older" in rig.view().reason
    assert rig.asks_for_book(rig.wait(500)) == 1
    assert rig.view().state is BookState.STALE
    rig.snapshot(101, BIDS, ASKS)
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 101)


def test_a_malformed_push_costs_the_book_its_promise_but_changes_nothing_in_it(rig: Any) -> None:
    rig.live()
    effects = rig.delta(101, 101, [("98", "1"), ("bad", "1")])
    assert rig.facts(effects) == ["gap"]
    assert rig.view().state is BookState.STALE
    assert rig.view().bids == ((99, 2),) or rig.view().bids == ((990, 20),)


def test_persistent_disagreement_with_the_exchanges_best_prices_forces_a_resync(rig: Any) -> None:
    rig.live()
    effects = []
    for step in range(8):
        effects += rig.top("99.5", "101")
        effects += rig.wait(1_000)
        if step == 1:
            assert rig.view().state is BookState.LIVE, "streams may be a moment apart"
    assert "gap" in rig.facts(effects)
    assert rig.asks_for_book(effects) == 1


def test_a_busy_book_that_drifts_away_from_the_exchanges_best_prices_is_read_again(rig: Any) -> None:
    rig.live()
    effects = []
    for version in range(101, 131):
        effects += rig.delta(version, version, [("95", str(version))])
        effects += rig.top("99.5", "101")
        effects += rig.wait(250)
    assert rig.facts(effects) == ["gap"]


def test_a_moment_of_disagreement_is_nothing(rig: Any) -> None:
    rig.live()
    effects = []
    for _ in range(10):
        effects += rig.top("99.5", "101")
        effects += rig.wait(500)
        effects += rig.top("99", "101")
        effects += rig.wait(500)
    assert rig.facts(effects) == []
    assert rig.view().state is BookState.LIVE


def test_a_version_counter_that_falls_back_does_not_freeze_the_book(rig: Any) -> None:
    rig.live()
    effects = []
    for version in range(1, 40):
        effects += rig.delta(version, version, [("97", str(version))])
        effects += rig.wait(250)
    assert "gap" in rig.facts(effects)
    rig.snapshot(39, BIDS, ASKS)
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 39)


def test_a_market_that_moves_without_its_updates_is_not_live(rig: Any) -> None:
    rig.live()
    assert rig.asks_for_book(rig.wait(61_000, link=True)) == 1
    rig.snapshot(140, BIDS, ASKS)
    rig.wait(6_000, link=True)
    assert rig.view().state is BookState.STALE
    assert "do not arrive" in rig.view().reason or "read again" in rig.view().reason


def test_a_quiet_book_is_compared_with_a_fresh_one_and_stays_live(rig: Any) -> None:
    rig.live()
    effects = rig.wait(61_000, link=True)
    effects += rig.snapshot(100, BIDS, ASKS)
    effects += rig.wait(10_000, link=True)
    assert rig.facts(effects) == []
    assert rig.view().state is BookState.LIVE


def test_a_book_that_runs_out_of_known_levels_is_renewed_without_going_stale(rig: Any) -> None:
    rig.focus()
    rig.delta(1, 1)
    bids = [(f"{1000 - i}", "1") for i in range(1_000)]
    rig.snapshot(1, bids, [("1001", "1")])
    rig.delta(2, 2, [(price, "0") for price, _ in bids[:950]])
    effects = rig.wait(25_000, link=True)
    assert rig.asks_for_book(effects) == 1
    assert rig.view().state is BookState.LIVE
    rig.delta(3, 3, [("30", "4")])
    rig.snapshot(2, [(f"{50 - i}", "1") for i in range(40)], [("1001", "1")])
    assert (rig.view().state, rig.view().version, rig.view().known_low) == (BookState.LIVE, 3, None)
    assert (30, 4) in rig.view().bids


def test_a_refused_depth_channel_is_said_and_the_book_is_not_called_live(rig: Any) -> None:
    rig.link(LinkState.CONNECTED)
    rig.focus()
    channel = "spot@public.aggre.depth.v3.api.pb@100ms@ABCUSDT"
    assert rig.facts(rig.do(ChannelRefused(channel, "ABCUSDT", "Blocked!"))) == ["problem"]
    rig.wait(2_000)
    rig.snapshot(5, BIDS, ASKS)
    assert rig.view().state is BookState.STALE
    assert rig.view().bids, "what can be shown is shown"


def test_more_pushes_than_the_buffer_holds_do_not_end_in_a_wrong_book(rig: Any) -> None:
    rig.focus()
    for version in range(1, 700):
        rig.delta(version, version, [("99", str(version))])
    rig.snapshot(10, BIDS, ASKS)
    assert rig.view().state is BookState.SYNCING
    rig.wait(300)
    rig.snapshot(450, BIDS, ASKS)
    assert (rig.view().state, rig.view().version) == (BookState.LIVE, 699)


def test_an_answer_that_never_comes_is_asked_for_again(rig: Any) -> None:
    rig.focus()
    rig.delta(1, 1)
    assert rig.asks_for_book(rig.wait(40_000, link=True)) == 1


def test_holdings_are_marked_by_walking_the_book(rig: Any) -> None:
    rig.live()
    rig.delta(101, 101, [("98", "6")])
    assert rig.markets.sell_mark("ABCUSDT", Decimal(8)) == Decimal("98.25")
    assert rig.markets.sell_mark("ABCUSDT", Decimal(9)) is None, "more than the bids take"


def test_snapshots_are_asked_for_with_a_limit_the_exchange_honours(rig: Any) -> None:
    rig.focus()
    asked = [effect for effect in rig.delta(1, 1) if isinstance(effect, FetchSnapshot)]
    assert [effect.limit for effect in asked] == [1_000]
