from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.domain.book import Applied, BookError, OrderBook
from mexc_tui.domain.inputs import BookDelta, BookSnapshot
from mexc_tui.domain.orders import Side

Pairs = list[tuple[str, str]]


def book(bids: Pairs, asks: Pairs, limit: int = 1_000, **decimals: int) -> OrderBook:
    return OrderBook(BookSnapshot("A", 10, bids, asks, 0, limit), **decimals)


def push(first: int, last: int, bids: Pairs | None = None, asks: Pairs | None = None) -> BookDelta:
    return BookDelta("A", first, last, bids or [], asks or [], 0, 0)


def test_padded_and_trimmed_prices_are_one_level() -> None:
    made = book([("375.80", "1.00")], [])
    made.apply(push(11, 11, [("375.8", "2.5")]))
    view = made.view(10)
    assert [(made.price(p), made.quantity(q)) for p, q in view.bids] == [(Decimal("375.8"), Decimal("2.5"))]


def test_more_decimals_than_the_pair_says_are_kept_exactly() -> None:
    made = book([("1.5", "1")], [("1.6", "2")], price_decimals=1, qty_decimals=0)
    made.view(5)
    made.apply(push(11, 12, [("1.50001", "0.123456789")]))
    view = made.view(5)
    assert (view.price_decimals, view.qty_decimals) == (5, 9)
    assert view.bids == ((150_001, 123_456_789), (150_000, 1_000_000_000))
    assert view.asks == ((160_000, 2_000_000_000),)


def test_a_view_taken_before_the_scale_rose_does_not_mix_scales() -> None:
    made = book([("3", "1"), ("2", "0.5")], [])
    assert made.view(1).qty_decimals == 0
    assert made.levels() == ([(3, 10), (2, 5)], [])
    assert made.view(1).bids == ((3, 10),)
    assert made.view(1).qty_decimals == 1


@pytest.mark.parametrize("price", ["0.000000000012", "123456789012345678.5"])
def test_extreme_prices_are_exact(price: str) -> None:
    made = book([(price, "123456789012345678")], [])
    bid, _ = made.top()
    assert bid is not None
    assert made.price(bid[0]) == Decimal(price)
    assert made.quantity(bid[1]) == Decimal("123456789012345678")


def test_levels_beyond_a_full_snapshot_are_hidden_and_a_short_side_is_complete() -> None:
    made = book([("10", "1"), ("9", "1")], [("11", "1")], limit=2)
    made.apply(push(11, 11, [("8", "5"), ("9.5", "2")], [("50", "7")]))
    view = made.view(10)
    assert [p for p, _ in view.bids] == [100, 95, 90]
    assert view.known_low == 90
    assert [p for p, _ in view.asks] == [110, 500]
    assert view.known_high is None
    assert made.walk(Side.SELL, Decimal(100)).filled == Decimal(4)


def test_deleting_what_is_not_there_is_normal_and_all_spellings_of_zero_delete() -> None:
    made = book([("10", "1"), ("9", "1")], [])
    assert made.apply(push(11, 11, [("10.00", "0.00000000"), ("7", "0")])) is Applied.APPLIED
    assert made.view(10).bids == ((9, 1),)


def test_one_sided_and_empty_books_have_no_touch() -> None:
    empty = book([], [])
    assert empty.top() == (None, None)
    assert not empty.crossed()
    assert empty.walk(Side.BUY, Decimal(1)).worst is None


def test_a_bad_snapshot_is_refused() -> None:
    with pytest.raises(BookError):
        book([("ten", "1")], [])
    with pytest.raises(BookError):
        book([("10", "-1")], [])


@pytest.mark.parametrize("qty", ["1 2", "1.", "", " 1", "1e3", "-1", "1.2.3", "nan", "1_0", "１"])
def test_a_quantity_is_a_plain_number_or_the_push_is_refused(qty: str) -> None:
    made = book([("10", "1")], [])
    push_it = push(11, 11, [("10", "7"), ("10", qty)])
    if qty == "1.":
        assert made.apply(push_it) is Applied.APPLIED
        return
    with pytest.raises(BookError):
        made.apply(push_it)
    assert made.version == 10
    assert made.view(1).bids == ((10, 1),)


def test_a_book_nobody_reads_stays_bounded() -> None:
    made = book([("1000", "1")], [("9000", "1")])
    for version in range(11, 30_011):
        made.apply(push(version, version, [(str(version / 100), "0" if version % 2 else "1")], [("9000", "2")]))
    assert len(made._bids.qty) < 25_000
    made.apply(push(30_011, 30_011, [(str(p), "0") for p in range(1, 2_000)]))
    assert len(made._memo) < 10_000


def test_the_view_is_shared_until_the_book_changes() -> None:
    made = book([("10", "1")], [("11", "1")])
    assert made.view(5).bids is made.view(5).bids
    before = made.view(5).bids
    made.apply(push(11, 11, [("10", "2")]))
    assert made.view(5).bids is not before


def test_the_documented_replay(samples: Path) -> None:
    case: dict[str, Any] = json.loads((samples / "BOOK_REPLAY_synthetic.json").read_text())

    def delta(push: dict[str, Any]) -> BookDelta:
        levels = [[(p, q) for p, q in push[side]] for side in ("bids", "asks")]
        return BookDelta("A", int(push["fromVersion"]), int(push["toVersion"]), *levels, 0, 0)

    def state(made: OrderBook) -> tuple[int, Any, Any]:
        bids, asks = made.levels()
        return (
            made.version,
            [(made.price(p), made.quantity(q)) for p, q in bids],
            [(made.price(p), made.quantity(q)) for p, q in asks],
        )

    def expected(wanted: dict[str, Any]) -> tuple[int, Any, Any]:
        sides = [[(Decimal(p), Decimal(q)) for p, q in wanted[side]] for side in ("bids", "asks")]
        return (wanted["version"], *sides)

    snapshot = case["snapshot"]
    made = OrderBook(
        BookSnapshot(
            "A",
            snapshot["lastUpdateId"],
            [(p, q) for p, q in snapshot["bids"]],
            [(p, q) for p, q in snapshot["asks"]],
            0,
            1_000,
        )
    )
    for buffered in case["buffered"]:
        made.apply(delta(buffered))
    assert state(made) == expected(case["expected_after_snapshot"])
    for step in case["then"]:
        applied = made.apply(delta(step["push"]))
        if isinstance(step["expected"], str):
            assert applied is Applied.GAP
        else:
            assert state(made) == expected(step["expected"])
