"""The ladder: prices stand still, what is not known is not drawn as nothing, a book that is not live looks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.views import BookState, BookView
from mexc_tui.ui.controls.navigation import natural_group
from mexc_tui.ui.panes.ladder.presenter import LadderInput, cursor_line, ladder_rows, scale_of, top_row
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import row_width
from mexc_tui.ui.themes import load_themes

D = Decimal
PALETTE = load_themes()[0]["dark"].palette


def book(bids: list[tuple[int, int]], asks: list[tuple[int, int]], **fields: Any) -> BookView:
    chosen = {"state": BookState.LIVE, "known_low": None, "known_high": None, **fields}
    return BookView(
        symbol="BTCUSDT", version=7, price_decimals=2, qty_decimals=3, bids=tuple(bids), asks=tuple(asks), **chosen
    )


BOOK = book([(10_000, 1_500), (9_999, 250), (9_997, 12_000)], [(10_002, 750), (10_003, 2), (10_006, 40_000)])


def order(price: str, side: Side, state: OrderState, qty: str = "0.5", filled: str = "0") -> Order:
    return Order(
        client_order_id=f"{price}{state}",
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT,
        state=state,
        created_ms=0,
        updated_ms=0,
        price=D(price),
        qty=D(qty),
        filled_qty=D(filled),
    )


def texts(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def line(rows: list[Row], price: str) -> str:
    return next(text for text in texts(rows) if f" {price}" in text or f"▴{price}" in text)


def draw(data: LadderInput, width: int = 44, height: int = 13, top: int = 10_008) -> list[Row]:
    rows = ladder_rows(data, top, width, height)
    assert all(row_width(row) <= width for row in rows)
    assert all(PALETTE.knows(style) for row in rows for _, style in row), rows
    return rows


def test_golden_rows() -> None:
    data = LadderInput(book=BOOK, base="BTC", quote="USDT", cursor=D("99.97"), last=D("100.02"), last_taker=Side.BUY)
    assert [text.rstrip() for text in texts(draw(data, top=10_007))] == [
        "                   100.07",
        "                   100.06   40.000 ██████▍",
        "                   100.05",
        "                   100.04",
        "                   100.03    0.002 ▏",
        "                  ▴100.02    0.750 ▏",
        "                   100.01",
        "       ▊   1.500   100.00",
        "       ▉   0.250    99.99",
        "                    99.98",
        "      ▏   12.000    99.97◂",
        "                    99.96",
        " 99.97  bids to here 13.75 BTC = 1.37K USDT",
    ]


def test_prices_stand_still_until_the_middle_leaves_the_inner_rows() -> None:
    top = top_row(None, BOOK, 1, 20, recentre=False, seek=None)
    assert top == 10_011, "both touches are as far from the middle"
    moved = msgspec.structs.replace(BOOK, bids=((10_004, 1),), asks=())
    assert top_row(top, moved, 1, 20, recentre=False, seek=None) == top
    far = msgspec.structs.replace(BOOK, bids=((10_007, 1),), asks=())
    assert top_row(top, far, 1, 20, recentre=False, seek=None) == 10_017
    assert top_row(top, moved, 1, 20, recentre=True, seek=None) == 10_014


def test_the_view_goes_where_the_cursor_goes_and_no_further() -> None:
    assert top_row(10_010, BOOK, 1, 20, recentre=False, seek=10_000) == 10_010
    assert top_row(10_010, BOOK, 1, 20, recentre=False, seek=10_015) == 10_015
    assert top_row(10_010, BOOK, 1, 20, recentre=False, seek=9_980) == 9_999


def test_depth_beyond_what_is_known_is_a_question_mark_and_not_nothing() -> None:
    known = msgspec.structs.replace(BOOK, known_low=9_997, known_high=10_006)
    rows = draw(LadderInput(book=known), height=16)
    assert "?" in line(rows, "99.96")
    assert "?" in line(rows, "100.07")
    assert "?" not in line(rows, "99.98")
    assert "?" not in line(draw(LadderInput(book=BOOK), height=16), "99.96")


def test_a_group_that_is_only_partly_known_says_so() -> None:
    known = msgspec.structs.replace(BOOK, known_low=9_997)
    rows = draw(LadderInput(book=known, group=10), top=10_040)
    assert "12.250+" in line(rows, "99.90")
    assert line(rows, "99.80").strip().startswith("?")


def test_grouping_adds_bids_downwards_and_asks_upwards() -> None:
    rows = draw(LadderInput(book=BOOK, group=5), top=10_040)
    assert "1.500" in line(rows, "100.00")
    assert "12.250" in line(rows, "99.95")
    assert "0.752" in line(rows, "100.05")
    assert "40.000" in line(rows, "100.10")


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (BookState.STALE, "12 updates are missing", "STALE 4.2s old — 12 updates are missing"),
        (BookState.SYNCING, "", "SYNCING 4.2s old — waiting for a snapshot"),
    ],
)
def test_a_book_that_is_not_live_is_never_calm(state: BookState, reason: str, said: str) -> None:
    stale = msgspec.structs.replace(BOOK, state=state, reason=reason)
    rows = draw(LadderInput(book=stale, age_ms=4_200), width=48)
    assert said in texts(rows)[0]
    styles = {style for row in rows[1:-1] for text, style in row if text.strip()}
    assert styles <= {"stale", "faint", "faint~"}


def test_a_stopped_engine_makes_even_a_live_book_grey() -> None:
    rows = draw(LadderInput(book=BOOK, fault="there is no desk: out of memory"), width=60)
    assert "NOT CURRENT — there is no desk" in texts(rows)[0]
    assert not any(style == "bid" for row in rows for _, style in row)


def test_own_orders_show_the_most_pressing_state_and_the_sum() -> None:
    orders = (
        order("99.99", Side.BUY, OrderState.WORKING),
        order("99.99", Side.BUY, OrderState.UNKNOWN),
        order("100.00", Side.BUY, OrderState.PARTIAL, "1", "0.25"),
        order("100.05", Side.SELL, OrderState.CANCELLING),
        order("100.04", Side.SELL, OrderState.PENDING),
    )
    rows = draw(LadderInput(book=BOOK, orders=orders))
    assert "?1×2" in line(rows, "99.99").replace(" ", "")
    assert "◐0.75" in line(rows, "100.00")
    assert line(rows, "100.05").rstrip().endswith("✕0.5")
    assert line(rows, "100.04").rstrip().endswith("…0.5")


def test_the_ghost_stands_on_its_side_at_its_price() -> None:
    ghost = Draft(symbol="BTCUSDT", side=Side.SELL, qty=D("0.25"), price=D("100.04"))
    rows = draw(LadderInput(book=BOOK, ghost=ghost, cursor=D("100.04")))
    assert line(rows, "100.04").rstrip().endswith("◌0.25")


@pytest.mark.parametrize("ascii_only", [False, True])
def test_where_the_wing_is_narrow_the_size_of_an_order_stands_in_full_on_the_empty_side(ascii_only: bool) -> None:
    def drawn(side: Side, price: str) -> str:
        ghost = Draft(symbol="BTCUSDT", side=side, qty=D("0.003846"), price=D(price))
        return line(draw(LadderInput(book=BOOK, ghost=ghost, ascii_only=ascii_only), width=38), price)

    mark = "+" if ascii_only else "◌"
    buy, sell = drawn(Side.BUY, "99.99"), drawn(Side.SELL, "100.03")
    assert [buy.split()[0][:1], *buy.split()[-4:]] == [mark, "0.250", "99.99", "buy", "0.003846"]
    assert [*sell.split()[:4], sell.rstrip()[-1]] == ["sell", "0.003846", "100.03", "0.002", mark]
    assert drawn(Side.BUY, "100.01").startswith(f"{mark}0.003846")
    assert drawn(Side.SELL, "100.01").rstrip().endswith(f"{mark}0.003846")


def test_a_working_order_of_many_digits_is_not_cut_either() -> None:
    data = LadderInput(book=BOOK, orders=(order("99.99", Side.BUY, OrderState.WORKING, "0.003846"),))
    shown = line(draw(data, width=38), "99.99")
    assert shown.startswith("●")
    assert shown.rstrip().endswith("buy 0.003846")


def test_both_touches_are_in_view_where_the_spread_fits() -> None:
    wide = book([(10_000, 5)], [(10_009, 5)])
    assert top_row(None, wide, 1, 12, recentre=True, seek=None) == 10_010
    shown = texts(draw(LadderInput(book=wide), width=40, height=13, top=10_010))
    assert any("100.09" in text for text in shown)
    assert any("100.00" in text for text in shown)
    wider = book([(10_000, 5)], [(10_900, 5)])
    assert top_row(None, wider, 1, 12, recentre=True, seek=None) == 10_006, "else the bid is in the middle"


def test_one_row_is_not_rows() -> None:
    said = "".join(text for text, _ in cursor_line(LadderInput(book=BOOK), 60, 1))
    assert "market 1 row below" in said


def test_the_average_entry_has_a_mark() -> None:
    assert "Ø" in line(draw(LadderInput(book=BOOK, average=D("99.985"))), "99.98")


def test_what_is_summed_to_the_cursor() -> None:
    def said(cursor: str, **known: int) -> str:
        seen = msgspec.structs.replace(BOOK, **known)
        return "".join(
            t for t, _ in cursor_line(LadderInput(book=seen, base="BTC", quote="USDT", cursor=D(cursor)), 60)
        )

    assert "asks to here 0.752 BTC = 75.21 USDT" in said("100.04")
    assert "inside the spread" in said("100.01")
    assert "bids to here ≥13.75 BTC" in said("99.00", known_low=9_997)


def test_an_empty_and_a_one_sided_book() -> None:
    empty = draw(LadderInput(book=book([], [])))
    assert any("no bids and no asks" in text for text in texts(empty))
    one = draw(LadderInput(book=book([], [(10_002, 5)])))
    assert "0.005" in line(one, "100.02")


def test_ascii_only_draws_nothing_else() -> None:
    orders = (order("99.99", Side.BUY, OrderState.PARTIAL),)
    rows = draw(LadderInput(book=BOOK, orders=orders, cursor=D("99.97"), last=D("100.02"), ascii_only=True))
    assert all(text.isascii() for text in texts(rows[:-1]))


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.integers(1, 10**18)), max_size=30, unique_by=lambda x: x[0]),
    st.integers(1, 40_000),
    st.sampled_from([1, 5, 100]),
    st.integers(38, 90),
    st.integers(3, 30),
)
def test_rows_fit_whatever_the_book(
    levels: list[tuple[int, int]], split: int, group: int, width: int, height: int
) -> None:
    bids = sorted((level for level in levels if level[0] < split), reverse=True)
    asks = sorted(level for level in levels if level[0] >= split)
    data = LadderInput(book=book(bids, asks, known_low=3), group=group, cursor=D("1.00"))
    top = top_row(None, data.book, group, height - 1, recentre=False, seek=None)
    rows = ladder_rows(data, top, width, height)
    assert len(rows) == height
    assert all(row_width(row) <= width for row in rows)


def test_bars_keep_their_scale_while_sizes_wander() -> None:
    assert [scale_of(peak) for peak in (0, 1, 3, 7, 42, 501)] == [1, 1, 5, 10, 50, 1000]


def test_a_market_out_of_view_is_pointed_at() -> None:
    down = texts(ladder_rows(LadderInput(book=BOOK, cursor=D("100.50")), 10_060, 44, 13))[-1]
    assert "100.50" in down
    assert "↓ market 48 rows below, Space" in down
    up = texts(ladder_rows(LadderInput(book=BOOK), 9_990, 44, 13))[-1]
    assert "↑ market 11 rows above, Space" in up
    assert "market" not in texts(draw(LadderInput(book=BOOK, cursor=D("100.00"))))[-1]


def test_rows_are_as_coarse_as_a_wide_spread_wants_so_that_both_touches_are_seen_at_the_start() -> None:
    assert natural_group(book([(10_000, 5), (9_999, 5)], [(10_001, 5), (10_002, 5)]), 24) == 1
    assert natural_group(book([(10_000, 5), (9_999, 5)], [(10_120, 5), (10_121, 5)]), 24) == 20
    assert natural_group(book([(10_000, 5), (9_999, 5)], [(10_120, 5), (10_121, 5)]), 60) == 10
    assert natural_group(book([(10_000, 5), (9_950, 5)], [(10_001, 5), (10_050, 5)]), 24) == 50
    assert natural_group(book([(10_000, 5)], []), 0) == 1
