"""A venue's market without orders or a journal: exact books, whole candles, and everything else it pushes, headless."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import CandleHistory, CandlesFailed, Input, InterestChanged, Tick, Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import candles_topic
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.engine.supervisor import guarded
from mexc_tui.kernel.effects import Effect, SetInterest
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.ports import Venue
from mexc_tui.store.nothing import NoJournal

TICK_S = 0.1
END_S = 0.5
Key = tuple[str, Interval]


class MarketFeed:
    """Runs ``markets`` over a venue on the running loop. Nothing here can place or cancel an order.

    ``listen`` gets every input after the markets have handled it, ``emit_fact`` every fact about them. A fault in
    handling an input goes to ``on_failure``, once; without that it is raised where the input came from.
    """

    def __init__(
        self,
        venue: Venue,
        markets: Markets,
        *,
        listen: Callable[[Input, Timestamp], None],
        emit_fact: Callable[[Fact], None],
        on_failure: Callable[[Exception], None] | None = None,
        now: Callable[[], Timestamp] = system_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.markets = markets
        self.now = now
        self._venue = venue
        self._listen = listen
        self._on_failure = on_failure
        self._failed = False
        self._sleep = sleep
        self._pushed: tuple[Key, ...] = ()
        self._limits: dict[Key, int] = {}
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}
        self._runner = EffectRunner(venue, NoJournal(), self.handle, emit_fact, now, sleep=sleep)
        self._ticking: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Connect; VenueError if the venue does not answer."""
        self._closed = False
        await self._venue.open(self.handle)
        self._ticking = asyncio.create_task(self._tick())

    def follow(self, symbols: Sequence[str], pushed: Sequence[Key] = (), *, books: bool = True) -> None:
        """Follow exactly these symbols, their books kept exact unless told not to.

        ``pushed`` candles are handed on as the stream brings them, without history and repair.
        """
        self._pushed = tuple(pushed)
        if books:
            self._run(self.markets.require(symbols, self.now()))
        else:
            self._run([SetInterest(tuple(symbols), ())])

    def chart(self, limits: dict[Key, int]) -> None:
        """Follow exactly these candle series, each with at least so many candles of history."""
        self._limits = dict(limits)
        topics = frozenset(candles_topic(*key) for key in limits)
        interest = Interest(topics=topics, candle_limit=max(limits.values(), default=1))
        self._run(self.markets.handle(InterestChanged(interest), self.now()))

    async def load(self, symbol: str, interval: Interval, limit: int) -> None:
        """Follow one more candle series and return when its history is there.

        Raises:
            VenueError: it cannot be read; the series is not followed then, unless it was there before.
        """
        key = (symbol, interval)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, [])
        waiting.append(done)
        self.chart({**self._limits, key: max(limit, self._limits.get(key, 1))})
        self._answer(key)
        try:
            await done
        finally:
            waiting.remove(done)
            if not waiting:
                self._waiting.pop(key, None)
                series = self.markets.candles(symbol, interval)
                if series is not None and series.loading:
                    self.drop(symbol, interval)

    def drop(self, symbol: str, interval: Interval) -> None:
        """Follow a candle series no longer; idempotent."""
        if (symbol, interval) in self._limits:
            self.chart({key: limit for key, limit in self._limits.items() if key != (symbol, interval)})

    def handle(self, item: Input) -> None:
        """Handle one input, at once; the venue's streams call this."""
        if self._on_failure is None:
            self._handle(item)
            return
        error = guarded(lambda: self._handle(item))
        if error is not None and not self._failed:
            self._failed = True
            self._on_failure(error)

    async def close(self) -> None:
        """Stop everything and close the venue; idempotent."""
        self._closed = True
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        await self._runner.finish(END_S)
        for done in itertools.chain(*self._waiting.values()):
            if not done.done():
                done.set_exception(_shut())
        await self._venue.close()

    def _handle(self, item: Input) -> None:
        at = self.now()
        self._run(self.markets.handle(item, at))
        if isinstance(item, CandleHistory | CandlesFailed):
            self._answer((item.symbol, item.interval), item.error if isinstance(item, CandlesFailed) else None)
        self._listen(item, at)

    def _answer(self, key: Key, error: VenueError | None = None) -> None:
        """Answer those who wait for a history, unless it is still being read."""
        if error is None and self.markets.reading(*key):
            return
        for done in self._waiting.get(key, ()):
            if not done.done():
                done.set_exception(error) if error is not None else done.set_result(None)

    def _run(self, effects: Sequence[Effect]) -> None:
        if not self._closed:
            self._runner.run([self._with_pushed(effect) for effect in effects])

    def _with_pushed(self, effect: Effect) -> Effect:
        if not isinstance(effect, SetInterest):
            return effect
        return SetInterest(effect.symbols, tuple(dict.fromkeys((*effect.candles, *self._pushed))))

    async def _tick(self) -> None:
        while True:
            self.handle(Tick())
            await self._sleep(TICK_S)


def _shut() -> VenueError:
    return VenueError(
        "The market was closed before the candles had come.",
        kind=ErrorKind.NETWORK,
        remedy="Open it again.",
        sent=False,
    )
