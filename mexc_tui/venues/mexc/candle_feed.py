"""Candles that a program follows: the history by REST, what is being built by stream, read again after every loss."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from mexc_tui.domain.candles import CandleSeries
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import CandleSeen, Input, LinkChanged, LinkState
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.venues.mexc import channels as names
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.rest import MexcRest

_AGAIN_FIRST_S = 0.5
_AGAIN_LONGEST_S = 15.0
_Key = tuple[str, Interval]


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
        self._series: dict[_Key, CandleSeries] = {}
        self._limits: dict[_Key, int] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the followed rows need."""
        return tuple(names.kline(symbol, interval) for symbol, interval in self._series)

    async def follow(self, symbol: str, interval: Interval, limit: int) -> None:
        """Follow a row and return when its history is there; VenueError, and it is not followed, if that fails."""
        key = (symbol, interval)
        new = key not in self._series
        if new:
            self._series[key] = CandleSeries(symbol, interval, max(1_000, 2 * limit))
            self._changed()
        self._limits[key] = max(limit, self._limits.get(key, 0))
        try:
            await self._load(key)
        except BaseException:
            if new:
                self.drop(symbol, interval)
            raise

    def drop(self, symbol: str, interval: Interval) -> None:
        """Follow a row no longer; harmless for one that is not followed."""
        if self._series.pop((symbol, interval), None) is not None:
            del self._limits[symbol, interval]
            self._changed()

    def candles(self, symbol: str, interval: Interval) -> tuple[Candle, ...] | None:
        """Return a row, oldest first, the last one open; None for one that is not followed."""
        series = self._series.get((symbol, interval))
        return None if series is None else series.view().candles

    def take(self, item: Input) -> None:
        """Take a push, or word that pushes were missed."""
        match item:
            case CandleSeen(symbol, interval, candle, recv_ns):
                series = self._series.get((symbol, interval))
                if series is not None:
                    series.see(candle, recv_ns)
            case LinkChanged(private=False, state=LinkState.CONNECTED, symbols=missed):
                for key in self._series:
                    if not missed or key[0] in missed:
                        self._spawn(self._load_again(key))

    def advance(self) -> None:
        """Close windows that are over by the exchange's clock, though nothing was traded since."""
        now = self._rest.server_now_ms()
        for series in self._series.values():
            series.advance(now)

    async def _load(self, key: _Key) -> None:
        found = await self._rest.klines(*key, self._limits[key])
        series = self._series.get(key)
        if series is not None:
            series.load(found)

    async def _load_again(self, key: _Key) -> None:
        wait = _AGAIN_FIRST_S
        while key in self._series:
            try:
                return await self._load(key)
            except VenueError as error:
                await self._clock.sleep(max(wait, error.retry_after_s or 0.0))
                wait = min(wait * 2, _AGAIN_LONGEST_S)
