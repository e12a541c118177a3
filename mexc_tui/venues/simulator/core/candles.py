"""Candles of every interval from trades, and the 24-hour figures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from copy import copy

from mexc_tui.domain.candles import longest_ms, window_end, window_start
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.venues.simulator.core.exact import from_units

MINUTE = 60_000
DAY = 86_400_000

KEPT = 5_000
"""Candles kept in an interval."""
MAX_FILL = 3_000
"""Empty windows that are filled in one go; a longer silence leaves a hole before them."""


class Block:
    """A candle in ticks and steps. Volume is steps, quote volume ticks times steps."""

    __slots__ = ("close", "high", "low", "open", "open_ms", "quote", "volume")

    def __init__(self, open_ms: int, open_: int, high: int, low: int, close: int, volume: int, quote: int) -> None:
        self.open_ms = open_ms
        self.open = open_
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
        self.quote = quote

    def absorb(self, other: Block) -> None:
        """Append a later candle."""
        self.high = max(self.high, other.high)
        self.low = min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.quote += other.quote


def merged(blocks: Sequence[Block]) -> Block:
    """Return one candle over several, oldest first."""
    whole = copy(blocks[0])
    for block in blocks[1:]:
        whole.absorb(block)
    return whole


class CandleStore:
    """One pair's candles. History comes from ``source`` when an interval is first asked for; trades follow."""

    def __init__(self, price_decimals: int, qty_decimals: int) -> None:
        self._price_decimals = price_decimals
        self._qty_decimals = qty_decimals
        self._source: Callable[[Interval], list[Block]] | None = None
        self._series: dict[Interval, list[Block]] = {}
        self._since_start: list[Block] = []
        self._closed_day: tuple[int, Block] | None = None

    def prefill(self, source: Callable[[Interval], list[Block]]) -> None:
        """Set what happened before trading starts: a function that gives an interval's past.

        The past of an interval ends with the window (perhaps a partial one) that holds the last of its minutes.
        """
        self._source = source
        self._series = {}
        self._since_start = []
        self._closed_day = None

    def fold(self, time_ms: int, price: int, qty: int) -> None:
        """Add a trade."""
        block = Block(time_ms, price, price, price, price, qty, price * qty)
        _fold_into(self._since_start, Interval.M1, block, fill=False)
        for interval, series in self._series.items():
            _fold_into(series, interval, block, fill=True)
        if len(self._since_start) > KEPT:
            for interval in Interval:
                self._of(interval)
            self._since_start.clear()

    def candles(
        self, interval: Interval, limit: int, now_ms: int, start_ms: int | None, end_ms: int | None
    ) -> list[Candle]:
        """Return candles oldest first. ``end_ms`` is exclusive; the current window comes last, traded in or not."""
        series = self._of(interval)
        _fill_up_to(series, interval, window_start(interval, now_ms))
        low, high = 0, len(series)
        if start_ms is not None:
            low = bisect_left(series, start_ms, key=lambda block: block.open_ms)
        if end_ms is not None:
            high = bisect_left(series, end_ms, key=lambda block: block.open_ms)
        chosen = series[low:high]
        chosen = chosen[:limit] if start_ms is not None and end_ms is None else chosen[-limit:] if limit > 0 else []
        return [self._candle(interval, block, now_ms) for block in chosen]

    def day(self, now_ms: int) -> Block | None:
        """Return the last 24 hours (to the minute) as one candle, None where nothing has ever traded."""
        minutes = self._of(Interval.M1)
        if not minutes:
            return None
        this = window_start(Interval.M1, now_ms)
        _fill_up_to(minutes, Interval.M1, this)
        if self._closed_day is None or self._closed_day[0] != this:
            first = bisect_left(minutes, this - DAY + MINUTE, key=lambda block: block.open_ms)
            blocks = minutes[first:-1] or [minutes[-1]]
            self._closed_day = (this, merged(blocks))
        return merged([self._closed_day[1], minutes[-1]])

    def _of(self, interval: Interval) -> list[Block]:
        series = self._series.get(interval)
        if series is None:
            series = self._source(interval) if self._source is not None else []
            for block in self._since_start:
                _fold_into(series, interval, block, fill=True)
            self._series[interval] = series
        return series

    def _candle(self, interval: Interval, block: Block, now_ms: int) -> Candle:
        digits = self._price_decimals
        return Candle(
            open_ms=block.open_ms,
            open=from_units(block.open, digits),
            high=from_units(block.high, digits),
            low=from_units(block.low, digits),
            close=from_units(block.close, digits),
            volume=from_units(block.volume, self._qty_decimals),
            quote_volume=from_units(block.quote, digits + self._qty_decimals),
            closed=window_end(interval, block.open_ms) <= now_ms,
        )


def _fold_into(series: list[Block], interval: Interval, block: Block, *, fill: bool) -> None:
    start = window_start(interval, block.open_ms)
    if fill:
        _fill_up_to(series, interval, start, stop_before=True)
    if series and series[-1].open_ms >= start:
        series[-1].absorb(block)
    else:
        series.append(Block(start, block.open, block.high, block.low, block.close, block.volume, block.quote))
    if len(series) > 2 * KEPT:
        del series[:-KEPT]


def _fill_up_to(series: list[Block], interval: Interval, start: int, *, stop_before: bool = False) -> None:
    """Append flat candles for windows without a trade, up to the one that starts at ``start``."""
    if not series or series[-1].open_ms >= start:
        return
    close = series[-1].close
    gaps = []
    at = window_end(interval, series[-1].open_ms)
    if interval is not Interval.MO1 and start - at > MAX_FILL * longest_ms(interval):
        at = start - MAX_FILL * longest_ms(interval)
    while at < start or (at == start and not stop_before):
        gaps.append(Block(at, close, close, close, close, 0, 0))
        at = window_end(interval, at)
    series.extend(gaps)
