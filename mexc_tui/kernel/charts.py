"""The candle series that are followed, each an unbroken row: read by REST, kept by stream, read again when in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mexc_tui.domain.candles import CandleSeries, longest_ms, window_start
from mexc_tui.domain.inputs import CandleHistory, CandleSeen, CandlesFailed, ChannelRefused, LinkChanged, LinkState
from mexc_tui.domain.market import Interval, Trade
from mexc_tui.kernel.books import lost
from mexc_tui.kernel.effects import Effect, FetchCandles

MOST_CANDLES: Final = 1_000
"""What a venue gives at most."""
_NS: Final = 1_000_000_000
_RETRY_FIRST_NS: Final = _NS // 2
_RETRY_LONGEST_NS: Final = 15 * _NS
_POLL_NS: Final = 5 * _NS
"""How often a row is read whose channel the exchange refuses, or of which it gives nothing."""
_CONFIRM_NS: Final = 3 * _NS
"""How long after the end of a window its candle is read once more: the last push of it may be missing."""
_AHEAD_MS: Final = 86_400_000
"""A candle that opens later than this or the next window is a fault of the sender, and would empty the row."""

Key = tuple[str, Interval]


class Chart:
    """One series, and what is to be done for it. At most one reading is on its way at a time."""

    def __init__(self, symbol: str, interval: Interval, *, down: bool) -> None:
        self.series = CandleSeries(symbol, interval)
        self.limit = 0
        self._missed = down
        """Whether something was or may have been missed since the latest reading was asked for."""
        self._down = down
        self._refused = False
        self._asking = False
        self._whole = False
        """Whether the reading on its way is for more than the end of a window."""
        self._wait_ns = _RETRY_FIRST_NS
        self._due_ns: int | None = None
        """When to read again after a failure, or instead of a refused channel."""
        self._window: int | None = None
        """Window that the exchange's clock is in."""
        self._ended: int | None = None
        """First window that has ended and was not read since."""
        self._confirm_ns: int | None = None
        self._confirming: int | None = None
        """``_ended`` of the reading that is on its way."""

    @property
    def reading(self) -> bool:
        """Whether a reading is on its way."""
        return self._asking

    def want(self, limit: int, server_ms: int | None) -> list[Effect]:
        """Keep at least ``limit`` candles of history; reads them unless that many were asked for before."""
        if limit <= self.limit:
            return []
        if self._window is None and server_ms is not None:
            self._window = window_start(self.series.interval, server_ms)
        self.limit = limit
        self.series.size = max(self.series.size, 2 * limit)
        self._missed = self._missed or self._asking  # what is on its way is too short
        return self._read(server_ms)

    def lose(self) -> None:
        """Take note that something was missed or may have been."""
        self._missed = True
        self.series.doubt()

    def on_link(self, changed: LinkChanged, server_ms: int | None) -> list[Effect]:
        """Stand still where the stream was cut; read what was missed once it is back."""
        up = changed.state is LinkState.CONNECTED
        if lost(changed, self.series.symbol):
            self.lose()
            self._down = not up
        if not up:
            return []
        self._down = False
        return self._read(server_ms) if self._missed and self._due_ns is None else []

    def on_refused(self, server_ms: int | None) -> list[Effect]:
        """Read from now on what the exchange does not push."""
        self._refused = True
        self.lose()
        return self._read(server_ms)

    def on_candle(self, seen: CandleSeen, server_ms: int | None) -> None:
        """Take the stream's picture of the candle that is being built."""
        if not self._too_late(seen.candle.open_ms, server_ms):
            self._refused = False
            self.series.see(seen.candle, seen.recv_ns)

    def on_history(self, history: CandleHistory, now_ns: int, server_ms: int | None) -> list[Effect]:
        """Take candles of a REST answer."""
        self._asking, self._due_ns, self._wait_ns = False, None, _RETRY_FIRST_NS
        confirming, self._confirming = self._confirming, None
        series = self.series
        if self._missed and not series.loading:  # more was missed while this was on its way
            self._ended = confirming if self._ended is None else self._ended
            return [] if self._down else self._read(server_ms)
        series.load(candle for candle in history.candles if not self._too_late(candle.open_ms, server_ms))
        if self._missed:
            series.doubt()
            return [] if self._down else self._read(server_ms)
        if self._refused or series.doubtful_ms is not None:
            self.lose()
            self._due_ns = now_ns + _POLL_NS
        return []

    def on_failed(self, retry_after_s: float, now_ns: int) -> None:
        """Try again later, unless only the end of a window was to be confirmed: the next one's reading does that."""
        self._asking = False
        self._ended = self._confirming if self._confirming is not None else self._ended
        self._confirming = None
        if self._whole or self._missed:
            self._missed = self._missed or self.series.doubtful_ms is not None
            self._due_ns = now_ns + max(self._wait_ns, int(retry_after_s * _NS))
            self._wait_ns = min(2 * self._wait_ns, _RETRY_LONGEST_NS)

    def on_tick(self, now_ns: int, server_ms: int | None) -> list[Effect]:
        """Close windows that are over, though nothing was traded since, and read what is due."""
        if server_ms is not None:
            self.series.advance(server_ms)
            start = window_start(self.series.interval, server_ms)
            if self._window is not None and start > self._window:
                self._ended = self._window if self._ended is None else self._ended
                self._confirm_ns = now_ns + _CONFIRM_NS
            self._window = start
        due = self._due_ns is not None and self._due_ns <= now_ns and (self.series.loading or not self._down)
        confirm = self._confirm_ns is not None and self._confirm_ns <= now_ns and not self._down
        return self._read(server_ms, whole=due or self._missed) if due or confirm else []

    def _read(self, server_ms: int | None, *, whole: bool = True) -> list[Effect]:
        """Ask for as much history as is wanted and all since something was missed; or for what has ended only."""
        if self._asking:
            return []
        self._asking, self._whole, self._missed, self._due_ns = True, whole, self._down, None
        self._confirming, self._ended, self._confirm_ns = self._ended, None, None
        doubtful, ended = self.series.doubtful_ms, self._confirming
        since = (self._count_since(start, server_ms) for start in (doubtful, ended))
        count = max(self.limit if whole else 1, *since)
        return [FetchCandles(self.series.symbol, self.series.interval, count)]

    def _count_since(self, open_ms: int | None, server_ms: int | None) -> int:
        if open_ms is None or server_ms is None:
            return 0
        return max(0, (server_ms - open_ms) // longest_ms(self.series.interval) + 2)

    def _too_late(self, open_ms: int, server_ms: int | None) -> bool:
        return server_ms is not None and open_ms > server_ms + max(_AHEAD_MS, longest_ms(self.series.interval))


class Charts:
    """Several series at once, by symbol and interval."""

    def __init__(self) -> None:
        self._charts: dict[Key, Chart] = {}
        self._down = False
        """Whether the market streams are down after they were up."""

    def get(self, symbol: str, interval: Interval) -> CandleSeries | None:
        """Return a series; None where nobody follows it."""
        chart = self._charts.get((symbol, interval))
        return None if chart is None else chart.series

    def reading(self, symbol: str, interval: Interval) -> bool:
        """Whether a reading of a series is on its way."""
        chart = self._charts.get((symbol, interval))
        return chart is not None and chart.reading

    def follow(self, keys: Sequence[Key], limit: int, server_ms: int | None) -> list[Effect]:
        """Follow exactly these series with ``limit`` candles of history; ask for what is missing."""
        self._charts = {key: self._charts.get(key) or Chart(*key, down=self._down) for key in keys}
        limit = min(max(1, limit), MOST_CANDLES)
        return [effect for chart in self._charts.values() for effect in chart.want(limit, server_ms)]

    def on_candle(self, seen: CandleSeen, server_ms: int | None) -> None:
        """Take the stream's picture of a candle that is being built."""
        chart = self._charts.get((seen.symbol, seen.interval))
        if chart is not None:
            chart.on_candle(seen, server_ms)

    def on_history(self, history: CandleHistory, now_ns: int, server_ms: int | None) -> list[Effect]:
        """Take candles of a REST answer."""
        chart = self._charts.get((history.symbol, history.interval))
        return [] if chart is None else chart.on_history(history, now_ns, server_ms)

    def on_failed(self, failed: CandlesFailed, now_ns: int) -> None:
        """Take note that a reading failed."""
        chart = self._charts.get((failed.symbol, failed.interval))
        if chart is not None:
            chart.on_failed(failed.error.retry_after_s or 0.0, now_ns)

    def on_trades(self, symbol: str, trades: Sequence[Trade], recv_ns: int) -> None:
        """Let new trades move every series of their symbol."""
        for (name, _), chart in self._charts.items():
            if name == symbol:
                chart.series.fold(trades, recv_ns)

    def on_link(self, changed: LinkChanged, server_ms: int | None) -> list[Effect]:
        """Doubt what was interrupted; read what was missed once the link is back."""
        self._down = changed.state in (LinkState.RECONNECTING, LinkState.CLOSED)
        return [effect for chart in self._charts.values() for effect in chart.on_link(changed, server_ms)]

    def on_refused(self, refused: ChannelRefused, server_ms: int | None) -> list[Effect]:
        """Read the candles that the exchange does not push."""
        chart = None if refused.interval is None else self._charts.get((refused.symbol, refused.interval))
        return [] if chart is None else chart.on_refused(server_ms)

    def on_tick(self, now_ns: int, server_ms: int | None) -> list[Effect]:
        """Do what is due by now."""
        return [effect for chart in self._charts.values() for effect in chart.on_tick(now_ns, server_ms)]
