import itertools
import re
from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Side
from mexc_tui.domain.views import CandlesView
from mexc_tui.ui.panes.chart.presenter import ZOOMS, ChartInput, ChartState, chart_rows, legend, merge

D = Decimal


def candle(minute, o, h, low, c, v="1", closed=True):
    return Candle(
        open_ms=1_700_000_040_000 + minute * 60_000,
        open=Decimal(o),
        high=Decimal(h),
        low=Decimal(low),
        close=Decimal(c),
        volume=Decimal(v),
        quote_volume=Decimal(v) * Decimal(c),
        closed=closed,
    )


def data(candles, **more):
    view = CandlesView(symbol="BTCUSDT", interval=Interval.M1, candles=tuple(candles))
    return ChartInput(view=view, **more)


def text(row):
    return "".join(span for span, _ in row)


def test_what_stands_for_candles_is_whole_in_a_narrow_pane():
    rows = chart_rows(ChartInput(view=None), ChartState(), 39, 12)
    said = " ".join(" ".join(map(text, rows)).split())
    assert said == "no candles for this symbol and interval yet"
    assert len(rows) == 12
    assert all(len(text(row)) <= 39 for row in rows)


def style_at(row, x):
    for span, style in row:
        if x < len(span):
            return style
        x -= len(span)
    return ""


RISING = [candle(i, 100 + i, 103 + i, 99 + i, 102 + i, v=str(i + 1)) for i in range(30)]


def test_every_row_fits_the_pane_at_every_zoom():
    for zoom in range(len(ZOOMS)):
        rows = chart_rows(data(RISING), ChartState(zoom=zoom), 60, 16)
        assert len(rows) == 16
        assert all(len(text(row)) <= 60 for row in rows)


def test_a_doji_between_wicks_has_a_body_half_a_cell_high():
    candles = [candle(0, 100, 110, 90, 100), candle(1, 90, 110, 90, 110)]
    rows = chart_rows(data(candles), ChartState(), 40, 8)
    drawn = "".join(text(row) for row in rows)
    assert "╽" in drawn or "╿" in drawn
    assert "┃" in drawn


def test_the_last_price_is_marked_on_the_axis_and_coloured_by_direction():
    falling = [*RISING, candle(30, 132, 133, 120, 121)]
    rows = chart_rows(data(falling), ChartState(), 60, 16)
    marked = [row for row in rows if "►121.00" in text(row)]
    assert len(marked) == 1
    assert style_at(marked[0], text(marked[0]).index("►")) == "down@cursor"


def test_own_fill_and_working_order_stand_at_their_prices():
    order = Order(
        client_order_id="mtui-a-1",
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=OrderState.WORKING,
        created_ms=0,
        updated_ms=0,
        price=Decimal(105),
        qty=Decimal(1),
    )
    fill = Fill(
        trade_id="1",
        order_id="o",
        client_order_id="c",
        symbol="BTCUSDT",
        side=Side.SELL,
        price=Decimal(120),
        qty=Decimal(1),
        quote_qty=Decimal(120),
        fee=Decimal(0),
        fee_asset="USDT",
        is_maker=True,
        time_ms=RISING[20].open_ms + 5,
    )
    rows = chart_rows(data(RISING, orders=(order,), fills=(fill,)), ChartState(), 60, 20)
    assert any("105.00" in text(row) and "╌" in text(row) for row in rows)
    assert sum(text(row).count("▼") for row in rows) == 1


def test_zooming_out_merges_from_the_newest_so_history_does_not_shimmer():
    before = merge(RISING, 4)
    assert before[-1].close == RISING[-1].close
    assert before[-1].open == RISING[-4].open
    assert before[-1].volume == sum(c.volume for c in RISING[-4:])
    assert sum(c.volume for c in before) == sum(c.volume for c in RISING)


def test_the_crosshair_reads_the_candle_under_it():
    row = legend(data(RISING), ChartState(crosshair=3), 60, 60)
    assert f"C {RISING[-4].close:.2f}" in text(row)


def test_panning_moves_back_in_time_and_stops_at_the_oldest():
    state = ChartState(pan=10_000, zoom=1)
    assert len(chart_rows(data(RISING), state, 30, 12)) == 12
    oldest = legend(data(RISING), msgspec.structs.replace(state, crosshair=99), 30, 60)
    assert f"C {RISING[0].close:.2f}" in text(oldest)


def test_a_narrow_legend_keeps_the_close():
    row = legend(data(RISING), ChartState(), 60, 22)
    assert text(row).startswith(f"C {RISING[-1].close:.2f}")
    assert len(text(row)) <= 22


@pytest.mark.parametrize(("width", "height"), [(10, 3), (20, 5), (9, 12), (60, 4)])
def test_a_pane_too_small_to_draw_is_left_empty_not_broken(width, height):
    assert len(chart_rows(data(RISING), ChartState(), width, height)) == height


def test_flat_and_tiny_prices_draw():
    flat = [candle(i, "0.000000012", "0.000000012", "0.000000012", "0.000000012", v="0") for i in range(5)]
    rows = chart_rows(data(flat, price_decimals=10), ChartState(), 60, 12)
    assert any("0.0000000120" in text(row) for row in rows)


def axis(rows):
    found = [re.search(r"(?<!►) ([\d,]+\.\d\d)\s*$", text(row)) for row in rows[:-1]]
    return [D(label[1].replace(",", "")) for label in found if label]


@pytest.mark.parametrize("step", ["0.001", "0.37", "11", "4321"])
def test_prices_and_times_on_the_axes_are_round_and_each_stands_once(step):
    candles = [
        candle(i, *(D(100) * D(step) + i * D(step) + D(step) * more for more in (0, 2, -1, 1))) for i in range(30)
    ]
    rows = chart_rows(data(candles, price_decimals=2), ChartState(), 60, 30)
    labels = axis(rows)
    assert len(labels) == len(set(labels))
    if step != "0.001":
        assert len(labels) >= 3
        least = min(one - two for one, two in itertools.pairwise(labels))
        assert str(least.normalize().as_tuple().digits[0]) in "125"
        assert all(label % least == 0 for label in labels)
    times = text(rows[-1]).split()
    assert times
    assert all(int(time[-2:]) % 5 == 0 for time in times)
    assert len(times) == len(set(times))
