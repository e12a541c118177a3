"""A reader who asks for so many levels gets so many for as long as the exchange has them."""

from __future__ import annotations

from typing import Any

from mexc_tui.domain.views import BookState
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets


def test_a_cut_off_book_is_renewed_before_it_shows_less_than_was_asked_for(rig: Any) -> None:
    rig.markets = Markets(FactLog(), least_levels=800)
    rig.focus()
    rig.delta(1, 1)
    bids = [(f"{2_000 - i}", "1") for i in range(1_000)]
    rig.snapshot(1, bids, [("2001", "1")])
    rig.delta(2, 2, [(price, "0") for price, _ in bids[:150]])
    assert rig.asks_for_book(rig.wait(25_000, link=True)) == 0
    rig.delta(3, 3, [(price, "0") for price, _ in bids[150:250]])
    assert rig.asks_for_book(rig.wait(25_000, link=True)) == 1
    assert rig.view().state is BookState.LIVE
