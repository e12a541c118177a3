"""Candles against a brute-force fold of the same trades."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.candles import CandleSeries, window_end, window_start
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.orders import Side

START = 1_700_000_000_000


def trade(at: int, price: int, qty: int) -> Trade:
    return Trade(
        trade_id=f"{at}-{price}-{qty}", price=Decimal(price), qty=Decimal(qty), taker=Side.BUY, time_ms=START + at
    )


trades = st.lists(
    st.builds(trade, st.integers(0, 20 * 60_000), st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=40
).map(lambda made: sorted(made, key=lambda one: one.time_ms))


def brute_force(made: list[Trade], interval: Interval, now: int) -> list[Candle]:
    """Return an unbroken row from the first trade to ``now``, flat where nothing traded."""
    row: list[Candle] = []
    start = window_start(interval, made[0].time_ms)
    while start <= window_start(interval, now):
        part = [one for one in made if start <= one.time_ms < window_end(interval, start)]
        prices = [one.price for one in part] or [row[-1].close]
        row.append(
            Candle(
                open_ms=start,
                open=prices[0],
                high=max(prices),
                low=min(prices),
                close=prices[-1],
                volume=sum((one.qty for one in part), Decimal(0)),
                quote_volume=sum((one.qty * one.price for one in part), Decimal(0)),
                closed=start < window_start(interval, now),
            )
        )
        start = window_end(interval, start)
    return row


@given(trades, st.sampled_from([Interval.M1, Interval.M5]), st.integers(0, 30 * 60_000), st.data())
def test_trades_alone_build_the_candles_they_make_up(
    made: list[Trade], interval: Interval, later: int, data: st.DataObject
) -> None:
    series = CandleSeries("A", interval)
    rest = list(made)
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        series.fold(rest[:count], 0)
        series.advance(rest[count - 1].time_ms)
        del rest[:count]
    now = made[-1].time_ms + later
    series.advance(now)
    assert list(series.view().candles) == brute_force(made, interval, now)


@given(trades, st.data())
def test_the_exchanges_candles_win_and_no_volume_is_counted_twice(made: list[Trade], data: st.DataObject) -> None:
    """Pushes and trades come in any interleaving: pushes late, repeated, behind the trades or ahead of them."""
    series = CandleSeries("A", Interval.M1)
    truth = {one.open_ms: one for one in brute_force(made, Interval.M1, made[-1].time_ms)}
    for at in range(1, len(made) + 1):
        series.fold(made[at - 1 : at], 0)
        if data.draw(st.booleans()):
            seen = made[: data.draw(st.integers(1, len(made)))]
            series.see(brute_force(seen, Interval.M1, seen[-1].time_ms)[-1], 0)
        for candle in series.view().candles:
            assert candle.volume <= truth[candle.open_ms].volume
            assert candle.low <= min(candle.open, candle.close)
            assert candle.high >= max(candle.open, candle.close)
    final = brute_force(made, Interval.M1, made[-1].time_ms)
    order = data.draw(st.permutations(final))
    for candle in order:
        series.see(candle, 0)
    assert list(series.view().candles) == final


@given(trades, st.integers(0, 40), st.booleans())
def test_history_may_come_before_or_after_the_stream(made: list[Trade], cut: int, first: bool) -> None:
    whole = brute_force(made, Interval.M1, made[-1].time_ms)
    history = brute_force(made[: max(1, cut)], Interval.M1, made[: max(1, cut)][-1].time_ms)
    series = CandleSeries("A", Interval.M1)
    if first:
        series.load(history)
    for candle in whole[-3:]:
        series.see(candle, 0)
    if not first:
        series.load(history)
    row = series.view().candles
    assert row[-1] == whole[-1]
    starts = [candle.open_ms for candle in row]
    assert starts == list(range(starts[0], starts[-1] + 1, 60_000))
    by_start = {candle.open_ms: candle for candle in row}
    for candle in whole[-3:]:
        assert by_start[candle.open_ms] == candle


def test_a_late_candle_moves_the_flat_ones_after_it() -> None:
    series = CandleSeries("A", Interval.M1)
    minute = window_start(Interval.M1, START)
    series.fold([trade(minute - START, 5, 1), trade(minute - START + 240_000, 9, 1)], 0)
    late = brute_force([trade(minute - START + 60_000, 7, 2)], Interval.M1, minute + 60_000)
    series.see(late[0], 0)
    assert [int(one.close) for one in series.view().candles] == [5, 7, 7, 7, 9]


@given(st.sampled_from(Interval), st.integers(0, 4_000_000_000_000))
def test_windows_tile_time(interval: Interval, time_ms: int) -> None:
    start = window_start(interval, time_ms)
    end = window_end(interval, start)
    assert start <= time_ms < end
    assert window_start(interval, start) == start
    assert window_start(interval, end - 1) == start
    assert window_start(interval, end) == end


@given(st.lists(st.builds(trade, st.integers(0, 10**12), st.integers(1, 9), st.integers(1, 9)), max_size=30))
def test_the_row_stays_bounded_and_unbroken_whatever_the_times(made: list[Trade]) -> None:
    series = CandleSeries("A", Interval.M1, size=50)
    for one in made:
        series.fold([one], 0)
        row = [candle.open_ms for candle in series.view().candles]
        assert len(row) <= 50
        assert row == list(range(row[0], row[0] + len(row) * 60_000, 60_000))
