"""Market data without a screen, orders or a journal: exact books and everything else a venue pushes, headless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Input, InstrumentsLoaded, Tick, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Interval
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.effects import Effect, SetInterest
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.ports import Venue
from mexc_tui.store.nothing import NoJournal

TICK_S = 0.1
END_S = 0.5
LEVELS = 1_000
"""Levels a side that are read of a book; twice as many as are shown, where that is more."""


class MarketFeed:
    """Follows some symbols of a venue on the running loop. Nothing here can place or cancel an order.

    Books know ``depth`` levels a side at any time, where the exchange has so many and gives them.

    ``listen`` is told every input after the books have taken it in, ``tell`` every fact about them.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        listen: Callable[[Input, Timestamp], None],
        tell: Callable[[Fact], None],
        books: bool = True,
        depth: int = 0,
        now: Callable[[], Timestamp] = system_now,
    ) -> None:
        self.markets = Markets(FactLog(), depth_limit=max(LEVELS, 2 * depth), least_levels=depth)
        """The books; only those of followed symbols, and none without ``books``."""
        self.now = now
        self._venue = venue
        self._listen = listen
        self._books = books
        self._candles: tuple[tuple[str, Interval], ...] = ()
        self._runner = EffectRunner(venue, NoJournal(), self.take, tell, now)
        self._ticking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; VenueError if the venue does not answer."""
        await self._venue.open(self.take)

    def follow(self, pairs: Sequence[Instrument], candles: Sequence[tuple[str, Interval]] = ()) -> None:
        """Follow exactly these pairs and candles from now on."""
        self._candles = tuple(candles)
        symbols = tuple(pair.symbol for pair in pairs)
        if self._books:
            at = self.now()
            self._run([*self.markets.handle(InstrumentsLoaded(tuple(pairs)), at), *self.markets.require(symbols, at)])
        else:
            self._run([SetInterest(symbols, ())])
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())

    def take(self, item: Input) -> None:
        """Take one input in, at once; the venue's streams call this."""
        at = self.now()
        if self._books:
            self._run(self.markets.handle(item, at))
        self._listen(item, at)

    async def close(self) -> None:
        """Stop everything and close the venue; idempotent."""
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        await self._runner.finish(END_S)
        await self._venue.close()

    def _run(self, effects: Sequence[Effect]) -> None:
        self._runner.run([self._with_candles(effect) for effect in effects])

    def _with_candles(self, effect: Effect) -> Effect:
        if isinstance(effect, SetInterest):
            return SetInterest(effect.symbols, self._candles)
        return effect

    async def _tick(self) -> None:
        while True:
            self.take(Tick())
            await asyncio.sleep(TICK_S)
