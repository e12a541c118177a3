"""Candles of one symbol and interval: history, stream and trades in one unbroken row."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from msgspec.structs import replace

from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.numbers import EXACT, ZERO
from mexc_tui.domain.views import CandlesView

_MINUTE = 60_000
_DAY = 86_400_000
_LENGTH = {
    Interval.M1: _MINUTE,
    Interval.M5: 5 * _MINUTE,
    Interval.M15: 15 * _MINUTE,
    Interval.M30: 30 * _MINUTE,
    Interval.H1: 60 * _MINUTE,
    Interval.H4: 240 * _MINUTE,
    Interval.H8: 480 * _MINUTE,
    Interval.D1: _DAY,
    Interval.W1: 7 * _DAY,
}
_MONDAY = 4 * _DAY
"""1970-01-05, the first Monday of the epoch."""
_LATEST = 4_102_444_800_000
"""The year 2100: a time beyond it is a fault of the sender, and would empty the row."""


def window_start(interval: Interval, time_ms: int) -> int:
    """Return the start of the window that holds a time: UTC, weeks from Monday, months from the first."""
    if interval is Interval.MO1:
        day = datetime.fromtimestamp(time_ms // 1_000, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 1_000
    if interval is Interval.W1:
        return (time_ms - _MONDAY) // _LENGTH[interval] * _LENGTH[interval] + _MONDAY
    return time_ms // _LENGTH[interval] * _LENGTH[interval]


def window_end(interval: Interval, open_ms: int) -> int:
    """Return the start of the window after the one that starts at ``open_ms``."""
    if interval is Interval.MO1:
        return window_start(interval, open_ms + 32 * _DAY)
    return open_ms + _LENGTH[interval]


def longest_ms(interval: Interval) -> int:
    """Return the length of a window; of the longest month for months."""
    return 31 * _DAY if interval is Interval.MO1 else _LENGTH[interval]


def window_before(interval: Interval, open_ms: int) -> int:
    """Return the start of the window before the one that starts at ``open_ms``."""
    return window_start(interval, open_ms - 1)


def merged(parts: Iterable[Candle], interval: Interval, now_ms: int) -> tuple[Candle, ...]:
    """Return longer candles made of shorter ones, oldest first; one is closed when its window is over.

    A window of which a part is missing is built from what there is.
    """
    found: list[Candle] = []
    for part in parts:
        start = window_start(interval, part.open_ms)
        if not found or found[-1].open_ms != start:
            found.append(replace(part, open_ms=start, closed=window_end(interval, start) <= now_ms))
            continue
        before = found[-1]
        found[-1] = replace(
            before,
            high=max(before.high, part.high),
            low=min(before.low, part.low),
            close=part.close,
            volume=EXACT.add(before.volume, part.volume),
            quote_volume=EXACT.add(before.quote_volume, part.quote_volume),
        )
    return tuple(found)


class CandleSeries:
    """An unbroken, bounded row of candles, the last one open.

    The exchange's own candles are authoritative. A pushed candle replaces its window whole; until the next push,
    trades move its close, high and low but not its volume, since the push may already count them. In a window of
    which the exchange has shown no candle yet, trades build it, volume included. Of two pictures of one window the
    one with more volume is the later. Windows without a trade are flat at the close before them.
    """

    def __init__(self, symbol: str, interval: Interval, size: int = 1_000) -> None:
        self.symbol = symbol
        self.interval = interval
        self.loading = True
        """Whether the history is still to come."""
        self.as_of_ns = 0
        self.size = size
        """Most candles that are kept."""
        self._candles: list[Candle] = []
        self._official: dict[int, Decimal] = {}
        """Volume of the exchange's own candle, by window."""
        self._doubtful: int | None = None
        """Window from which on something may have been missed."""
        self._ahead: dict[int, Candle] = {}
        """Later windows that came since then."""
        self._view: CandlesView | None = None

    @property
    def doubtful_ms(self) -> int | None:
        """Start of the window from which on something may have been missed; None if the row is whole."""
        return self._doubtful

    def doubt(self) -> None:
        """Go on to no later window until the history is read: what happened in between is not known."""
        if self._doubtful is None and self._candles:
            self._doubtful = self._candles[-1].open_ms

    def load(self, history: Iterable[Candle]) -> None:
        """Take candles of a REST answer, oldest first; in doubt, what it leaves open is forgotten."""
        found = list(history)
        if self._doubtful is not None and found:
            if window_start(self.interval, found[0].open_ms) > self._doubtful:
                self._candles.clear()
                self._official.clear()
            self._doubtful = None
        for candle in found:
            self._merge(candle)
        if self._doubtful is None:
            for start in sorted(self._ahead):
                self._merge(self._ahead[start])
            self._ahead.clear()
        self.loading = False
        self._changed()

    def see(self, candle: Candle, recv_ns: int) -> None:
        """Take the stream's picture of the candle that is being built."""
        if self._beyond(candle.open_ms):
            known = self._ahead.get(candle.open_ms)
            if len(self._ahead) < self.size and (known is None or candle.volume >= known.volume):
                self._ahead[candle.open_ms] = candle
            return
        self._merge(candle)
        self.as_of_ns = max(self.as_of_ns, recv_ns)
        self._changed()

    def fold(self, trades: Iterable[Trade], recv_ns: int) -> None:
        """Let new trades, each given once, move the candles of their windows."""
        for trade in trades:
            self._fold(trade)
        self.as_of_ns = max(self.as_of_ns, recv_ns)
        self._changed()

    def advance(self, now_ms: int) -> None:
        """Close windows that have passed by exchange time, filling those without a trade."""
        if not 0 <= now_ms <= _LATEST or self._doubtful is not None:
            return
        start = window_start(self.interval, now_ms)
        if self._candles and start > self._candles[-1].open_ms:
            self._fill(window_end(self.interval, start))
            self._changed()

    def last(self) -> Candle | None:
        """Return the open candle."""
        return self._candles[-1] if self._candles else None

    def closes(self, count: int) -> tuple[Decimal, ...]:
        """Return the latest closes, oldest first."""
        return tuple(candle.close for candle in self._candles[-count:])

    def view(self) -> CandlesView:
        """Return the whole row; the same object until something changes."""
        if self._view is None:
            last = len(self._candles) - 1
            # Kept, so that the next picture makes anew only what changed.
            self._candles = [_with_closed(candle, at < last) for at, candle in enumerate(self._candles)]
            self._view = CandlesView(
                symbol=self.symbol,
                interval=self.interval,
                candles=tuple(self._candles),
                loading=self.loading,
                as_of_ns=self.as_of_ns,
            )
        return self._view

    def _merge(self, candle: Candle) -> None:
        if not 0 <= candle.open_ms <= _LATEST:
            return
        start = window_start(self.interval, candle.open_ms)
        if candle.open_ms != start:
            candle = _moved(candle, start)
        known = self._official.get(start)
        if known is not None and candle.volume < known:
            return
        if self._put(candle):
            self._official[start] = candle.volume

    def _fold(self, trade: Trade) -> None:
        if not 0 <= trade.time_ms <= _LATEST or self._beyond(trade.time_ms):
            return
        start = window_start(self.interval, trade.time_ms)
        at = bisect_left(self._candles, start, key=_open_of)
        old = self._candles[at] if at < len(self._candles) and self._candles[at].open_ms == start else None
        official = start in self._official
        if official and at < len(self._candles) - 1:
            return
        price = trade.price
        if old is None or (not official and not old.volume):
            quote = EXACT.multiply(price, trade.qty)
            self._put(_candle(start, price, price, price, price, trade.qty, quote))
            return
        volume = old.volume if official else EXACT.add(old.volume, trade.qty)
        quote = old.quote_volume
        if not official:
            quote = EXACT.add(quote, EXACT.multiply(price, trade.qty))
        self._candles[at] = _candle(start, old.open, max(old.high, price), min(old.low, price), price, volume, quote)
        self._flatten(at + 1)

    def _beyond(self, time_ms: int) -> bool:
        """Whether a time lies in a window that the row may not go on to while it is in doubt."""
        last = self._candles[-1].open_ms if self._doubtful is not None and self._candles else None
        return last is not None and time_ms >= window_end(self.interval, last)

    def _put(self, candle: Candle) -> bool:
        """Set the candle of a window, keeping the row unbroken; False for one that is older than the row may be."""
        start = candle.open_ms
        if not self._candles:
            self._candles.append(candle)
            return True
        if start > self._candles[-1].open_ms:
            self._fill(start)
            self._candles.append(candle)
            self._bound()
            return True
        if start < self._candles[0].open_ms:
            return self._put_before(candle)
        at = bisect_left(self._candles, start, key=_open_of)
        self._candles[at] = candle
        self._flatten(at + 1)
        return True

    def _put_before(self, candle: Candle) -> bool:
        front = [candle]
        start = window_end(self.interval, candle.open_ms)
        while start < self._candles[0].open_ms:
            if len(front) + len(self._candles) >= self.size:
                return False
            front.append(_flat(start, candle.close))
            start = window_end(self.interval, start)
        if len(front) + len(self._candles) > self.size:
            return False
        self._candles[:0] = front
        self._flatten(len(front))
        return True

    def _fill(self, until: int) -> None:
        """Append flat candles after the last one, up to the window before ``until``."""
        close = self._candles[-1].close
        start = window_end(self.interval, self._candles[-1].open_ms)
        missing: list[int] = []
        at = window_before(self.interval, until)
        while at >= start and len(missing) < self.size:
            missing.append(at)
            at = window_before(self.interval, at)
        if len(missing) == self.size:
            self._candles.clear()
        self._candles.extend(_flat(start, close) for start in reversed(missing))
        self._bound()

    def _flatten(self, at: int) -> None:
        """Move filled candles from ``at`` on to the close before them, up to the next one that was traded."""
        while 0 < at < len(self._candles):
            candle = self._candles[at]
            if candle.volume or candle.open_ms in self._official:
                return
            self._candles[at] = _flat(candle.open_ms, self._candles[at - 1].close)
            at += 1

    def _bound(self) -> None:
        del self._candles[: max(0, len(self._candles) - self.size)]
        if len(self._official) > 2 * self.size:
            first = self._candles[0].open_ms
            self._official = {start: volume for start, volume in self._official.items() if start >= first}

    def _changed(self) -> None:
        self._view = None


def _open_of(candle: Candle) -> int:
    return candle.open_ms


def _candle(
    open_ms: int, first: Decimal, high: Decimal, low: Decimal, close: Decimal, volume: Decimal, quote: Decimal
) -> Candle:
    return Candle(
        open_ms=open_ms, open=first, high=high, low=low, close=close, volume=volume, quote_volume=quote, closed=False
    )


def _flat(open_ms: int, close: Decimal) -> Candle:
    return _candle(open_ms, close, close, close, close, ZERO, ZERO)


def _moved(candle: Candle, open_ms: int) -> Candle:
    return _candle(open_ms, candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume)


def _with_closed(candle: Candle, closed: bool) -> Candle:
    if candle.closed is closed:
        return candle
    return Candle(
        open_ms=candle.open_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        quote_volume=candle.quote_volume,
        closed=closed,
    )
