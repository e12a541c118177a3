"""Rows of the watchlists, each made anew only when a figure of its pair has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.views import WatchlistView, WatchRow
from mexc_tui.kernel.quotes import Quotes

Symbols = tuple[str, ...]


class Watchlists:
    """Several lists at once; a pair that stands in two of them has one row."""

    def __init__(self, quotes: Quotes, instrument: Callable[[str], Instrument | None]) -> None:
        self._quotes = quotes
        self._instrument = instrument
        self._rows: dict[str, tuple[int, WatchRow]] = {}
        self._views: dict[Symbols, WatchlistView] = {}

    def keep(self, lists: Iterable[Symbols]) -> list[str]:
        """Keep price histories for exactly these lists; return the symbols that are new."""
        wanted = dict.fromkeys(lists)
        self._views = {symbols: view for symbols, view in self._views.items() if symbols in wanted}
        watched = dict.fromkeys(symbol for symbols in wanted for symbol in symbols)
        self._rows = {symbol: row for symbol, row in self._rows.items() if symbol in watched}
        return self._quotes.watch(watched)

    def instruments_changed(self) -> None:
        """Make every row anew: what can be traded may have changed."""
        self._rows.clear()

    def view(self, symbols: Symbols) -> WatchlistView:
        """Return one list; the same object until a figure changes."""
        rows = tuple(map(self._row, symbols))
        view = self._views.get(symbols)
        if view is None or view.rows != rows:
            view = self._views[symbols] = WatchlistView(rows=rows)
        return view

    def _row(self, symbol: str) -> WatchRow:
        revision = self._quotes.revision(symbol)
        cached = self._rows.get(symbol)
        if cached is None or cached[0] != revision:
            cached = self._rows[symbol] = (revision, self._make(symbol))
        return cached[1]

    def _make(self, symbol: str) -> WatchRow:
        ticker, top = self._quotes.ticker(symbol), self._quotes.top(symbol)
        pair = self._instrument(symbol)
        return WatchRow(
            symbol=symbol,
            last=self._quotes.last(symbol),
            change=None if ticker is None else ticker.change,
            bid=top.bid or None if top is not None else None if ticker is None else ticker.bid,
            ask=top.ask or None if top is not None else None if ticker is None else ticker.ask,
            quote_volume=None if ticker is None else ticker.quote_volume,
            spark=self._quotes.spark(symbol),
            tradable=pair is None or pair.tradable,
            price_decimals=2 if pair is None else pair.price_decimals,
            as_of_ns=self._quotes.as_of_ns(symbol),
        )
