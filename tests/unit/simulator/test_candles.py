from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from mexc_tui.domain.candles import window_end, window_start
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets

D = Decimal
START_MS = 1_800_000_123_456
MINUTE = 60_000


def trade(exchange, limit, price: str, qty: str) -> None:
    limit("bob", Side.SELL, price, qty)
    limit("ann", Side.BUY, price, qty)


def test_trades_make_candles_and_silence_makes_flat_ones(exchange, limit):
    start = window_start(Interval("1m"), exchange.now_ms)
    trade(exchange, limit, "100", "1")
    trade(exchange, limit, "102", "2")
    trade(exchange, limit, "99", "1")
    exchange.advance(start + 3 * MINUTE)
    trade(exchange, limit, "101", "1")
    first, *flat, last = exchange.market.candles("ABCUSDT", Interval.M1, 10)
    assert (first.open, first.high, first.low, first.close) == (D(100), D(102), D(99), D(99))
    assert (first.volume, first.quote_volume) == (D(4), D(403))
    assert first.closed
    assert not last.closed
    assert [(c.open_ms, c.open, c.close, c.volume) for c in flat] == [
        (start + n * MINUTE, D(99), D(99), D(0)) for n in (1, 2)
    ]
    assert (last.open, last.close) == (D(101), D(101))


def test_nothing_traded_is_unknown_not_zero(exchange):
    assert exchange.market.candles("ABCUSDT", "1m", 10) == []
    ticker = exchange.market.ticker("ABCUSDT")
    assert ticker.last is None
    assert ticker.change is None


def test_windows_start_where_mexc_starts_them():
    assert window_start(Interval("1W"), START_MS) == 1_799_625_600_000
    assert window_end(Interval("1M"), window_start(Interval("1M"), START_MS)) == 1_801_440_000_000
    for interval in Interval:
        start = window_start(Interval(interval), START_MS)
        assert window_start(Interval(interval), start) == start
        assert start <= START_MS < window_end(Interval(interval), start)


def test_unknown_interval(exchange):
    with pytest.raises(SimError) as refused:
        exchange.market.candles("ABCUSDT", "1h", 10)
    assert refused.value.code == -1120


def test_the_demo_has_a_past_in_every_interval_that_agrees_with_itself():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[:1])
    series = {name: exchange.market.candles("BTCUSDT", name, 1_000_000) for name in Interval}
    for name, candles in series.items():
        assert len(candles) >= (500 if name != "1M" else 100), name
        for early, late in pairwise(candles):
            assert window_end(Interval(name), early.open_ms) == late.open_ms
        for candle in candles:
            assert candle.low <= min(candle.open, candle.close)
            assert candle.high >= max(candle.open, candle.close)
            assert candle.volume >= 0
        assert [candle.closed for candle in candles] == [True] * (len(candles) - 1) + [False]
    for fine, coarse in (("1m", "5m"), ("5m", "15m"), ("15m", "30m"), ("30m", "60m"), ("4h", "8h")):
        for whole in series[coarse][-20:]:
            end = window_end(Interval(coarse), whole.open_ms)
            parts = [candle for candle in series[fine] if whole.open_ms <= candle.open_ms < end]
            assert parts[0].open == whole.open
            assert parts[-1].close == whole.close
            assert max(part.high for part in parts) == whole.high
            assert min(part.low for part in parts) == whole.low
            assert sum(part.volume for part in parts) == whole.volume


def test_candles_follow_the_trades_that_are_announced():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[1:2])
    exchange.market.candles("ETHUSDT", "5m", 1)
    before = exchange.market.candles("ETHUSDT", "60m", 2)
    prices: list[D] = []
    volume = [D(0)]

    def note(event):
        if type(event).__name__ == "PublicTrade":
            prices.append(event.price)
            volume.append(event.qty)

    exchange.listen(note)
    exchange.advance(START_MS + 120_000)
    for name in ("60m", "5m", "1d"):
        last = exchange.market.candles("ETHUSDT", name, 1)[-1]
        assert last.close == prices[-1]
    hours = exchange.market.candles("ETHUSDT", "60m", 2)
    assert hours[-1].volume - before[-1].volume == sum(volume)
    ticker = exchange.market.ticker("ETHUSDT")
    assert ticker.last == prices[-1]
    assert ticker.low <= min(prices)
    assert ticker.high >= max(prices)
    assert ticker.change == ((ticker.last - ticker.open) / ticker.open).quantize(D("0.0001"), rounding="ROUND_DOWN")


def test_spans_are_cut_as_asked():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[1:2])
    candles = exchange.market.candles("ETHUSDT", "1m", 10)
    start, end = candles[2].open_ms, candles[5].open_ms
    assert exchange.market.candles("ETHUSDT", "1m", 100, start, end) == candles[2:5]
    assert exchange.market.candles("ETHUSDT", "1m", 2, None, end) == candles[3:5]
    assert exchange.market.candles("ETHUSDT", "1m", 0) == []
