"""Public data of mirrored pairs: the mirrored exchange's own where it is current, nothing where it is not."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from mexc_tui.domain.market import Candle, Ticker, Trade
from mexc_tui.venues.simulator.core.market_data import MarketData, Offer, known_interval
from mexc_tui.venues.simulator.core.symbols import SymbolRegistry
from mexc_tui.venues.simulator.paper.market import MirrorMarket


class MirroredMarketData:
    """``MarketData`` over ``local``, which shows the mirrored books with own orders in them."""

    def __init__(self, local: MarketData, symbols: SymbolRegistry, mirror: MirrorMarket) -> None:
        self._local = local
        self._symbols = symbols
        self._mirror = mirror

    def depth(self, symbol: str, limit: int) -> tuple[int, list[Offer], list[Offer]]:
        """Return both sides, empty while the data is not current."""
        return self._local.depth(symbol, limit if self._mirror.live(symbol) else 0)

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best prices of a live pair, else what was just fed of them."""
        self._symbols.pair(symbol)
        return self._local.best(symbol) if self._mirror.live(symbol) else self._mirror.top(symbol)

    def ticker(self, symbol: str) -> Ticker:
        """Return the mirrored figures; None in all of them while they are not current."""
        self._symbols.pair(symbol)
        known = self._mirror.tickers.get(symbol) if self._mirror.tickers_live else None
        if known is None:
            return Ticker(symbol=symbol)
        if not self._mirror.live(symbol):
            return known
        _, bids, asks = self._local.depth(symbol, 1)
        return replace(known, bid=bids[0][0] if bids else None, ask=asks[0][0] if asks else None)

    def last_price(self, symbol: str) -> Decimal | None:
        if not self._mirror.tickers_live or symbol not in self._symbols.pairs or not self._symbols.pairs[symbol].moving:
            return None
        known = self._mirror.tickers.get(symbol)
        return None if known is None else known.last

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        self._symbols.pair(symbol)
        known = self._mirror.recent(symbol, limit)
        return self._local.recent_trades(symbol, limit) if known is None else known

    def candles(
        self, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        self._symbols.pair(symbol)
        return self._mirror.candles(symbol, known_interval(interval), limit, start_ms, end_ms)
