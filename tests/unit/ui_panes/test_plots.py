from decimal import Decimal

from mexc_tui.domain.views import BookState, BookView, EquityView
from mexc_tui.ui.panes.depthchart.presenter import depth_rows
from mexc_tui.ui.panes.equity.presenter import equity_rows


def book(bids, asks, state=BookState.LIVE):
    return BookView(
        symbol="BTCUSDT", state=state, version=1, price_decimals=2, qty_decimals=3, bids=tuple(bids), asks=tuple(asks)
    )


def text(row):
    return "".join(span for span, _ in row)


FULL = book([(10_000 - n, 1_000 + n) for n in range(80)], [(10_001 + n, 900 + n) for n in range(80)])


def test_depth_draws_bids_left_and_asks_right_on_every_row():
    rows = depth_rows(FULL, 60, 12)
    assert len(rows) == 12
    drawn = [row for row in rows if len(row) == 4 and row[3][0]]
    assert len(drawn) >= 9
    assert all([style for _, style in row] == ["axis", "bid", "ask", "axis"] for row in drawn)
    assert all(drawn[-1][part][0].strip() for part in (1, 2))


def test_a_book_that_is_not_live_is_drawn_as_stale():
    rows = depth_rows(book(FULL.bids, FULL.asks, BookState.STALE), 60, 12)
    styles = {style for row in rows for _, style in row}
    assert "stale" in styles
    assert "bid" not in styles


def test_a_one_sided_book_is_a_sentence():
    assert "one side" in text(depth_rows(book(FULL.bids, []), 60, 12)[0])
    assert "no book yet" in text(depth_rows(None, 60, 12)[0])


def test_equity_labels_tell_small_moves_apart_and_name_what_is_left_out():
    view = EquityView(
        points=tuple((1_700_000_000_000 + n * 1_000, Decimal(10_000) + Decimal(n) / 1_000) for n in range(20)),
        unpriced=("XYZ",),
    )
    rows = [text(row) for row in equity_rows(view, 60, 14)]
    assert "without XYZ" in rows[0]
    labels = {row.split("┤")[0].strip() for row in rows if "┤" in row}
    assert len(labels) == 3


def test_equity_waits_for_two_points():
    assert "begins" in text(equity_rows(EquityView(points=((1, Decimal(1)),)), 60, 10)[0])
