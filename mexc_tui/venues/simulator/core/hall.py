"""The markets of the exchange: which pairs there are, what they show, and how time moves them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Protocol

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.numbers import ZERO, divide
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.api import Offer
from mexc_tui.venues.simulator.core.candles import LENGTHS
from mexc_tui.venues.simulator.core.events import Listener, SimError, SimEvent, SymbolChanged
from mexc_tui.venues.simulator.core.exact import from_units, subtract
from mexc_tui.venues.simulator.core.matching import Pair, Settlement


class Source(Protocol):
    """A market source that knows when it acts next, so that several markets interleave in time."""

    def prepare(self, now_ms: int) -> None:
        """Learn how far time is about to move, so as to bound the work."""

    def next_ms(self) -> int | None:
        """Return the time of the next event, None while there is none."""

    def advance(self, now_ms: int) -> None:
        """Let everything happen that happens up to ``now_ms``, in order, at its own time."""


class Movable(Source, Protocol):
    """The market of one pair whose price can be moved by hand."""

    @property
    def price(self) -> int:
        """What the market holds to be the price, in ticks."""

    def nudge(self, fraction: Decimal) -> None:
        """Move the price by a fraction of itself."""

    def clear(self) -> None:
        """Withdraw every foreign order."""

    def resume(self, price: int) -> None:
        """Go on from a price in ticks: quote around it and own orders; the past, if there is one, leads to it."""


class Hall:
    """All pairs, their sources and the clock. ``Settlement`` is told what they match."""

    def __init__(self, settlement: Settlement, *, start_ms: int, seed: int) -> None:
        self.now_ms = start_ms
        self.seed = seed
        self.pairs: dict[str, Pair] = {}
        self.movable: dict[str, Movable] = {}
        self.trade_counter = 505_979_017_439_000_000 + Random(f"{seed}/trades").randrange(10**6)
        self._settlement = settlement
        self._sources: list[Source] = []
        self._openings: list[tuple[int, str]] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Announce every event to ``listener``, at once and in order."""
        self._listeners.append(listener)

    def emit(self, event: SimEvent) -> None:
        """Announce an event."""
        for listener in self._listeners:
            listener(event)

    def clock(self) -> int:
        """Return exchange time."""
        return self.now_ms

    def next_trade(self) -> int:
        """Return the number of the next trade, one counter for all pairs."""
        self.trade_counter += 1
        return self.trade_counter

    def add_pair(self, instrument: Instrument) -> Pair:
        """Make a pair with an empty book; the version counter starts somewhere in the millions, as on MEXC."""
        version = Random(f"{self.seed}/{instrument.symbol}/version").randrange(10_000_000, 60_000_000)
        pair = Pair(instrument, self._settlement, self.emit, self.clock, self.next_trade, version)
        self.pairs[instrument.symbol] = pair
        return pair

    def add_source(self, source: Source) -> None:
        """Let a source move markets."""
        self._sources.append(source)

    def add_market(self, symbol: str, market: Movable) -> None:
        """Let a market move one pair, in time and by hand."""
        self._sources.append(market)
        self.movable[symbol] = market

    def pair(self, symbol: str) -> Pair:
        """Return a pair; SimError(-1121) for an unknown one."""
        pair = self.pairs.get(symbol)
        if pair is None:
            raise SimError(-1121, "Invalid symbol.")
        return pair

    def advance(self, now_ms: int) -> None:
        """Move time forward. Events of all markets happen in the order of their times; time never runs back."""
        for source in self._sources:
            source.prepare(now_ms)
        while True:
            times = [(at, place) for place, s in enumerate(self._sources) if (at := s.next_ms()) is not None]
            at, place = min(times, default=(now_ms + 1, -1))
            if self._openings and self._openings[0][0] <= min(at, now_ms):
                self._open_next()
                continue
            if at > now_ms:
                break
            self.now_ms = max(self.now_ms, at)
            self._sources[place].advance(at)
        self.now_ms = max(self.now_ms, now_ms)

    def announce_opening(self, symbol: str, opens_ms: int) -> None:
        """Open a pair when the time comes."""
        self._openings.append((opens_ms, symbol))
        self._openings.sort()

    def openings(self) -> list[tuple[int, str]]:
        """Return what opens when, soonest first."""
        return list(self._openings)

    def change(self, symbol: str, instrument: Instrument) -> None:
        """Replace what is known about a pair and announce it."""
        self.pair(symbol).instrument = instrument
        self.emit(SymbolChanged(symbol, self.now_ms))

    def _open_next(self) -> None:
        at, symbol = self._openings.pop(0)
        self.now_ms = max(self.now_ms, at)
        pair = self.pairs[symbol]
        self.change(symbol, replace(pair.instrument, status=InstrumentStatus.ONLINE, api_trading=True))

    # What everybody may ask.

    def instruments(self) -> Sequence[Instrument]:
        """Return every pair, listed or announced."""
        return [pair.instrument for pair in self.pairs.values()]

    def instrument(self, symbol: str) -> Instrument:
        """Return one pair; SimError(-1121) for an unknown one."""
        return self.pair(symbol).instrument

    def depth(
        self, symbol: str, limit: int
    ) -> tuple[int, list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Return version, bids and asks, best first."""
        pair = self.pair(symbol)
        return pair.version, pair.depth(Side.BUY, limit), pair.depth(Side.SELL, limit)

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the price of the last trade of a pair; None where there is no such pair, no trade, or it is closed."""
        pair = self.pairs.get(symbol)
        return None if pair is None or not pair.moving else pair.last_price

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best bid and ask, None for an empty side."""
        pair = self.pair(symbol)
        bids, asks = pair.depth(Side.BUY, 1), pair.depth(Side.SELL, 1)
        return (bids[0] if bids else None), (asks[0] if asks else None)

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the latest trades, newest first."""
        return self.pair(symbol).recent_trades(limit)

    def candles(
        self, symbol: str, interval: Interval | str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Return candles oldest first, the current one last; SimError(-1120) for an unknown interval."""
        name = interval.value if isinstance(interval, Interval) else interval
        if name not in LENGTHS:
            raise SimError(-1120, "Invalid interval.")
        return self.pair(symbol).candles.candles(name, limit, self.now_ms, start_ms, end_ms)

    def ticker(self, symbol: str) -> Ticker:
        """Return the 24-hour figures; what has no trade behind it is None."""
        pair = self.pair(symbol)
        bids, asks = pair.depth(Side.BUY, 1), pair.depth(Side.SELL, 1)
        bid = bids[0][0] if bids else None
        ask = asks[0][0] if asks else None
        day = pair.candles.day(self.now_ms)
        if day is None:
            return Ticker(symbol=symbol, bid=bid, ask=ask)
        digits = pair.price_decimals
        first, last = from_units(day.open, digits), from_units(day.close, digits)
        return Ticker(
            symbol=symbol,
            last=last,
            change=divide(subtract(last, first), first, 4) if first else ZERO,
            high=from_units(day.high, digits),
            low=from_units(day.low, digits),
            volume=from_units(day.volume, pair.qty_decimals),
            quote_volume=from_units(day.quote, digits + pair.qty_decimals),
            bid=bid,
            ask=ask,
            open=first,
        )
