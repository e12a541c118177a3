"""The candle series that are looked at, several at once, each by symbol and interval."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from mexc_tui.domain.candles import CandleSeries
from mexc_tui.domain.inputs import CandleHistory, CandleSeen
from mexc_tui.domain.market import Interval, Trade
from mexc_tui.kernel.effects import Effect, FetchCandles

MOST_CANDLES = 1_000
"""What a venue gives at most."""

Key = tuple[str, Interval]


class Charts:
    """Each series is loaded, fed by candles and trades, doubted after a break and loaded again on its own."""

    def __init__(self) -> None:
        self._series: dict[Key, CandleSeries] = {}
        self._limit = 0

    @property
    def keys(self) -> tuple[Key, ...]:
        """The series that are kept."""
        return tuple(self._series)

    def get(self, symbol: str, interval: Interval) -> CandleSeries | None:
        """Return a series; None where nobody looks at it."""
        return self._series.get((symbol, interval))

    def follow(self, keys: Sequence[Key], limit: int) -> list[Effect]:
        """Keep exactly these series with ``limit`` candles of history; ask for what is missing."""
        limit = min(max(1, limit), MOST_CANDLES)
        more, self._limit = limit > self._limit, limit
        due = [key for key in keys if more or key not in self._series]
        size = max(1_000, 2 * limit)
        self._series = {key: self._series.get(key) or CandleSeries(*key, size) for key in keys}
        for series in self._series.values():
            series.size = max(series.size, size)
        return self._fetch(due)

    def fetch_again(self, symbols: Collection[str]) -> list[Effect]:
        """Read the history of all series of these symbols again: something of it may have been missed."""
        return self._fetch(key for key in self._series if key[0] in symbols)

    def _fetch(self, keys: Iterable[Key]) -> list[Effect]:
        return [FetchCandles(symbol, interval, self._limit) for symbol, interval in keys]

    def on_candle(self, seen: CandleSeen) -> None:
        """Take the stream's picture of the candle that is being built."""
        series = self._series.get((seen.symbol, seen.interval))
        if series is not None:
            series.see(seen.candle, seen.recv_ns)

    def on_history(self, history: CandleHistory) -> None:
        """Take candles of a REST answer."""
        series = self._series.get((history.symbol, history.interval))
        if series is not None:
            series.load(history.candles)

    def on_trades(self, symbol: str, trades: Sequence[Trade], recv_ns: int) -> None:
        """Let new trades move every series of their symbol."""
        for (name, _), series in self._series.items():
            if name == symbol:
                series.fold(trades, recv_ns)

    def doubt(self, symbol: str) -> None:
        """Take note that updates of a symbol may have been missed."""
        for (name, _), series in self._series.items():
            if name == symbol:
                series.doubt()

    def advance(self, now_ms: int) -> None:
        """Close windows that have passed by exchange time."""
        for series in self._series.values():
            series.advance(now_ms)
