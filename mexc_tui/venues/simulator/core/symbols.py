"""The registry of traded pairs: listing, opening, pausing, and the market sources that move single pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Protocol

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.venues.simulator.core.events import SimError, SymbolChanged
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.core.matching import DealSettlement, Pair
from mexc_tui.venues.simulator.core.timeline import Source, Timeline


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


NewMarket = Callable[[Pair, Decimal], Movable]
"""Makes a market for a freshly listed pair that trades around a price."""


class SymbolRegistry:
    """Every pair, listed or announced, and one counter for the trades of all of them."""

    def __init__(self, timeline: Timeline, settlement: DealSettlement, new_market: NewMarket, *, seed: int) -> None:
        self.pairs: dict[str, Pair] = {}
        self.movable: dict[str, Movable] = {}
        self.trade_counter = 505_979_017_439_000_000 + Random(f"{seed}/trades").randrange(10**6)
        self._timeline = timeline
        self._settlement = settlement
        self._new_market = new_market
        self._seed = seed
        self._openings = _Openings(self._open)

    def instruments(self) -> Sequence[Instrument]:
        """Return every pair, listed or announced."""
        return [pair.instrument for pair in self.pairs.values()]

    def instrument(self, symbol: str) -> Instrument:
        """Return one pair's rules; SimError(-1121) for an unknown one."""
        return self.pair(symbol).instrument

    def pair(self, symbol: str) -> Pair:
        """Return a pair; SimError(-1121) for an unknown one."""
        pair = self.pairs.get(symbol)
        if pair is None:
            raise SimError(-1121, "Invalid symbol.")
        return pair

    def add_pair(self, instrument: Instrument) -> Pair:
        """Make a pair with an empty book; the version counter starts somewhere in the millions, as on MEXC."""
        version = Random(f"{self._seed}/{instrument.symbol}/version").randrange(10_000_000, 60_000_000)
        pair = Pair(instrument, self._settlement, self._timeline, self._next_trade, version)
        self.pairs[instrument.symbol] = pair
        return pair

    def add_market(self, symbol: str, market: Movable) -> None:
        """Let a market move one pair, in time and by hand."""
        self._timeline.add(market)
        self.movable[symbol] = market

    def list_symbol(self, instrument: Instrument, opens_ms: int | None = None, price: Decimal | None = None) -> None:
        """List a new pair now, or announce it (paused) to open at a time.

        With ``price`` a modelled market trades around it; without, only accounts trade there.

        Raises:
            ValueError: the pair exists already, or the price is not positive.
        """
        symbol = instrument.symbol
        if symbol in self.pairs:
            raise ValueError(f"{symbol} is listed already")
        if price is not None and to_units(price, instrument.price_decimals) < 1:
            raise ValueError(f"{price} is not a price for {symbol}")
        later = opens_ms is not None and opens_ms > self._timeline.now_ms
        if later:
            instrument = replace(instrument, status=InstrumentStatus.PAUSED, first_open_ms=opens_ms)
        pair = self.add_pair(instrument)
        if price is not None:
            self.add_market(symbol, self._new_market(pair, price))
        if later and opens_ms is not None:
            self.announce_opening(symbol, opens_ms)
        self.change(symbol, instrument)

    def set_paused(self, symbol: str, paused: bool) -> None:
        """Pause or reopen a pair (status 2 or 1); open orders stay."""
        status = InstrumentStatus.PAUSED if paused else InstrumentStatus.ONLINE
        self.change(symbol, replace(self.pair(symbol).instrument, status=status))

    def nudge(self, symbol: str, fraction: Decimal) -> None:
        """Move a modelled market by a fraction of its price; ValueError where the market cannot be moved so."""
        self.pair(symbol)
        if symbol not in self.movable:
            raise ValueError(f"{symbol} follows a recording or has no market of its own: it cannot be moved")
        if not Decimal("-0.9") <= fraction <= 9:
            raise ValueError("a market moves by -0.9 to 9 times its price at once")
        self.movable[symbol].nudge(fraction)

    def change(self, symbol: str, instrument: Instrument) -> None:
        """Replace the rules of a pair and announce it."""
        self.pair(symbol).instrument = instrument
        self._timeline.emit(SymbolChanged(symbol, self._timeline.now_ms))

    def announce_opening(self, symbol: str, opens_ms: int) -> None:
        """Open a pair when the time comes."""
        if self._openings.add(opens_ms, symbol):
            self._timeline.add(self._openings, first=True)

    def openings(self) -> list[tuple[int, str]]:
        """Return what opens when, soonest first."""
        return list(self._openings.due)

    def _open(self, symbol: str) -> None:
        self.change(symbol, replace(self.pairs[symbol].instrument, status=InstrumentStatus.ONLINE, api_trading=True))

    def _next_trade(self) -> int:
        self.trade_counter += 1
        return self.trade_counter


class _Openings:
    """Pairs that open by themselves; a ``Source``."""

    def __init__(self, open_pair: Callable[[str], None]) -> None:
        self.due: list[tuple[int, str]] = []
        self._open_pair = open_pair
        self._used = False

    def add(self, opens_ms: int, symbol: str) -> bool:
        """Note an opening; True for the very first one."""
        self.due.append((opens_ms, symbol))
        self.due.sort()
        first, self._used = not self._used, True
        return first

    def prepare(self, now_ms: int) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int | None:
        return self.due[0][0] if self.due else None

    def advance(self, now_ms: int) -> None:
        while self.due and self.due[0][0] <= now_ms:
            self._open_pair(self.due.pop(0)[1])
