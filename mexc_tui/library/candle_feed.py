"""Candles that a program follows: the history by REST, what is being built by stream, read again after every loss."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from mexc_tui.domain.candles import CandleSeries, longest_ms, window_start
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import CandleSeen, ChannelRefused, Input, LinkChanged, LinkState
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.stream import channels as names

_AGAIN_FIRST_S: Final = 0.5
_AGAIN_LONGEST_S: Final = 15.0
_ASK_S: Final = 5.0
"""How often a row is read whose channel the exchange refuses."""
_CONFIRM_NS: Final = 3_000_000_000
"""How long after the end of a window its candle is read once more: the last push of it may be missing."""
_AHEAD_MS: Final = 86_400_000
"""A candle that opens later than this or the next window is a fault of the sender, and would empty the row."""
_SIZE: Final = 2_000
_Key = tuple[str, Interval]


class _Row:
    """A followed row, and what is to be done for it."""

    def __init__(self, symbol: str, interval: Interval, now_ms: int) -> None:
        self.series = CandleSeries(symbol, interval, _SIZE)
        self.limit = 1
        self.followers = 0
        """Callers that wait for the history."""
        self.missed = False
        self.down = False
        self.refused = False
        self.busy = False
        """Whether a task reads the row again."""
        self.window = window_start(interval, now_ms)
        """Window that the exchange's clock is in."""
        self.unconfirmed: int | None = None
        """First window that has ended and was not read since."""
        self.confirm_ns: int | None = None

    def lose(self) -> None:
        """Take note that pushes were missed or may have been."""
        self.missed = True
        self.series.doubt()


class CandleFeed:
    """Rows of candles by pair and interval, each unbroken and as the exchange tells them."""

    def __init__(
        self,
        rest: MexcRest,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._spawn = spawn
        self._changed = changed
        self._rows: dict[_Key, _Row] = {}
        self._confirming = False

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the followed rows need."""
        return tuple(names.kline(symbol, interval) for symbol, interval in self._rows)

    async def follow(self, symbol: str, interval: Interval, limit: int) -> None:
        """Follow a row and return when its history is there; VenueError, and it is not followed, if that fails."""
        key = (symbol, interval)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = _Row(symbol, interval, self._rest.server_now_ms())
            self._changed()
        row.limit = max(limit, row.limit)
        row.followers += 1
        try:
            found = await self._ask(key, row)
            row.series.load(found)
            if row.missed:
                row.series.doubt()
        finally:
            row.followers -= 1
            if row.series.loading and not row.followers and self._rows.get(key) is row:
                self.drop(symbol, interval)

    def drop(self, symbol: str, interval: Interval) -> None:
        """Follow a row no longer; idempotent."""
        if self._rows.pop((symbol, interval), None) is not None:
            self._changed()

    def candles(self, symbol: str, interval: Interval) -> tuple[Candle, ...] | None:
        """Return a row, oldest first, the last one open; None for one that is not followed."""
        row = self._rows.get((symbol, interval))
        return None if row is None else row.series.view().candles

    def take(self, item: Input) -> None:
        """Take a push, or word that pushes were or will be missed."""
        match item:
            case CandleSeen():
                row = self._rows.get((item.symbol, item.interval))
                if row is not None and not self._too_late(item.interval, item.candle.open_ms):
                    row.series.see(item.candle, item.recv_ns)
                    row.refused = False
            case LinkChanged(private=False):
                self._link(item)
            case ChannelRefused():
                for key, row in self._rows.items():
                    if names.kline(*key) == item.channel:
                        row.refused = True
                        row.lose()
                        self._read_again(key, row)

    def advance(self) -> None:
        """Close windows that are over by the exchange's clock, though nothing was traded since."""
        if not self._rest.clock_trusted:
            return  # a clock that was just set would close windows that have not begun
        wall, now = self._rest.server_now_ms(), self._clock.monotonic_ns()
        for (_, interval), row in self._rows.items():
            row.series.advance(wall)
            start = window_start(interval, wall)
            if start > row.window:
                row.unconfirmed = row.window if row.unconfirmed is None else row.unconfirmed
                row.confirm_ns = now + _CONFIRM_NS
            row.window = start
        if not self._confirming and self._unconfirmed():
            self._confirming = True
            self._spawn(self._confirm())

    def _link(self, changed: LinkChanged) -> None:
        up = changed.state is LinkState.CONNECTED
        for key, row in self._rows.items():
            if key[0] in changed.symbols or (not up and not changed.symbols):
                row.lose()
                row.down = not up
            if up:
                row.down = False
                if row.missed:
                    self._read_again(key, row)

    def _read_again(self, key: _Key, row: _Row) -> None:
        if not row.busy:
            row.busy = True
            self._spawn(self._load_again(key, row))

    async def _load_again(self, key: _Key, row: _Row) -> None:
        wait = _AGAIN_FIRST_S
        try:
            while self._rows.get(key) is row and (row.missed or row.refused) and not row.down:
                row.missed = False
                try:
                    found = await self._ask(key, row)
                except VenueError as error:
                    row.missed = True
                    await self._clock.sleep(max(wait, error.retry_after_s or 0.0))
                    wait = min(wait * 2, _AGAIN_LONGEST_S)
                    continue
                wait = _AGAIN_FIRST_S
                if row.missed:
                    continue  # more was missed while this was on its way
                row.series.load(found)
                if row.refused:
                    row.lose()
                if row.series.doubtful_ms is not None:
                    row.missed = True
                    await self._clock.sleep(_ASK_S)
        finally:
            row.busy = False

    async def _ask(self, key: _Key, row: _Row) -> tuple[Candle, ...]:
        """Return as much history as is wanted, and all since something was missed."""
        return await self._klines(key, max(row.limit, self._count_since(key, row.series.doubtful_ms)))

    async def _klines(self, key: _Key, count: int) -> tuple[Candle, ...]:
        found = await self._rest.market.klines(*key, count)
        return tuple(candle for candle in found if not self._too_late(key[1], candle.open_ms))

    def _count_since(self, key: _Key, open_ms: int | None) -> int:
        return 0 if open_ms is None else (self._rest.server_now_ms() - open_ms) // longest_ms(key[1]) + 2

    def _unconfirmed(self) -> list[_Key]:
        now = self._clock.monotonic_ns()
        return [key for key, row in self._rows.items() if row.confirm_ns is not None and row.confirm_ns <= now]

    async def _confirm(self) -> None:
        """Read the latest candles once more, one row after another."""
        try:
            for key in self._unconfirmed():
                row = self._rows.get(key)
                if row is None:
                    continue
                row.confirm_ns = None
                try:
                    found = await self._klines(key, self._count_since(key, row.unconfirmed))
                except VenueError:
                    continue  # the next window's reading takes this one in
                if not row.missed and not row.down and not row.series.loading:
                    row.series.load(found)
                    row.unconfirmed = None
        finally:
            self._confirming = False

    def _too_late(self, interval: Interval, open_ms: int) -> bool:
        return open_ms > self._rest.server_now_ms() + max(_AHEAD_MS, longest_ms(interval))
