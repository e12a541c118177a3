"""What everybody may ask about the markets of an exchange: books, trades, candles and 24-hour figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.numbers import ZERO, divide
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.core.exact import from_units, subtract
from mexc_tui.venues.simulator.core.symbols import SymbolRegistry
from mexc_tui.venues.simulator.core.timeline import Timeline

Offer = tuple[Decimal, Decimal]
"""Price and quantity."""


class MarketData(Protocol):
    """Public data of every pair. Each call raises SimError(-1121) for an unknown pair."""

    def depth(self, symbol: str, limit: int) -> tuple[int, list[Offer], list[Offer]]:
        """Return version, bids and asks, best first."""

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best bid and ask, each None for an empty side; None where neither is known."""

    def ticker(self, symbol: str) -> Ticker:
        """Return the 24-hour figures; what is not known is None."""

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the current price; None where there is no such pair, no trade, or it is closed."""

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the latest trades, newest first."""

    def candles(
        self, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Return candles oldest first, the current one last; SimError(-1120) for an unknown interval."""


class LocalMarketData:
    """The data of markets that trade here."""

    def __init__(self, symbols: SymbolRegistry, timeline: Timeline) -> None:
        self._symbols = symbols
        self._timeline = timeline

    def depth(self, symbol: str, limit: int) -> tuple[int, list[Offer], list[Offer]]:
        pair = self._symbols.pair(symbol)
        return pair.version, pair.depth(Side.BUY, limit), pair.depth(Side.SELL, limit)

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        _, bids, asks = self.depth(symbol, 1)
        return (bids[0] if bids else None), (asks[0] if asks else None)

    def last_price(self, symbol: str) -> Decimal | None:
        pair = self._symbols.pairs.get(symbol)
        return None if pair is None or not pair.moving else pair.last_price

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        return self._symbols.pair(symbol).recent_trades(limit)

    def candles(
        self, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        store, known = self._symbols.pair(symbol).candles, known_interval(interval)
        return store.candles(known, limit, self._timeline.now_ms, start_ms, end_ms)

    def ticker(self, symbol: str) -> Ticker:
        pair = self._symbols.pair(symbol)
        _, bids, asks = self.depth(symbol, 1)
        bid = bids[0][0] if bids else None
        ask = asks[0][0] if asks else None
        day = pair.candles.day(self._timeline.now_ms)
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


def known_interval(name: str) -> Interval:
    """Return an interval by its name; SimError(-1120) for an unknown one."""
    try:
        return Interval(name)
    except ValueError:
        raise SimError(-1120, "Invalid interval.") from None
