"""Latest prices of every pair, whether or not its book is followed, and a short history of each for the watchlist."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from mexc_tui.domain.inputs import TopOfBook
from mexc_tui.domain.market import Candle, Ticker

SPARK = 60
MINUTE_MS = 60_000
TRADE_RULES_NS = 10_000_000_000
"""A last price from a trade this recent is newer than what a ticker says."""


class Spark:
    """Closes of the latest minutes, oldest first; a minute without a price repeats nothing and is left out."""

    __slots__ = ("_closes", "_minute", "_tuple")

    def __init__(self) -> None:
        self._closes: deque[Decimal] = deque(maxlen=SPARK)
        self._minute = -1
        self._tuple: tuple[Decimal, ...] | None = ()

    def put(self, time_ms: int, price: Decimal) -> None:
        """Set the close of the minute that holds a time; an older minute is left as it is."""
        minute = time_ms // MINUTE_MS
        if minute == self._minute and self._closes:
            if self._closes[-1] != price:
                self._closes[-1] = price
                self._tuple = None
        elif minute > self._minute:
            self._closes.append(price)
            self._minute = minute
            self._tuple = None

    def load(self, candles: Iterable[Candle]) -> None:
        """Put one-minute candles in front of what was sampled."""
        history = list(candles)
        if not history:
            return
        last = history[-1].open_ms // MINUTE_MS
        kept = list(self._closes)[-max(0, self._minute - last) :] if self._minute > last else []
        self._closes = deque([*(candle.close for candle in history), *kept], maxlen=SPARK)
        self._minute = max(self._minute, last)
        self._tuple = None

    def closes(self) -> tuple[Decimal, ...]:
        """Return the closes, oldest first."""
        if self._tuple is None:
            self._tuple = tuple(self._closes)
        return self._tuple


class Quotes:
    """Tickers of all pairs, best prices of the followed ones, last prices."""

    def __init__(self) -> None:
        self._tickers: dict[str, Ticker] = {}
        self._ticker_ns: dict[str, int] = {}
        self._tops: dict[str, TopOfBook] = {}
        self._trades: dict[str, tuple[int, Decimal]] = {}
        self._sparks: dict[str, Spark] = {}
        self._revisions: dict[str, int] = {}

    def on_tickers(self, tickers: Iterable[Ticker], recv_ns: int, exchange_ms: int) -> None:
        """Take 24-hour figures."""
        for ticker in tickers:
            self._tickers[ticker.symbol] = ticker
            self._ticker_ns[ticker.symbol] = recv_ns
            spark = self._sparks.get(ticker.symbol)
            if spark is not None:
                last = self.last(ticker.symbol)
                if last is not None:
                    spark.put(exchange_ms, last)
            self._touch(ticker.symbol)

    def on_trade(self, symbol: str, price: Decimal, time_ms: int, recv_ns: int) -> None:
        """Take the newest trade of a symbol."""
        self._trades[symbol] = (recv_ns, price)
        spark = self._sparks.get(symbol)
        if spark is not None:
            spark.put(time_ms, price)
        self._touch(symbol)

    def on_top(self, top: TopOfBook) -> None:
        """Take the exchange's own best prices."""
        self._tops[top.symbol] = top
        self._touch(top.symbol)

    def forget_top(self, symbol: str) -> None:
        """Drop best prices that are no longer kept up to date."""
        if self._tops.pop(symbol, None) is not None:
            self._touch(symbol)

    def watch(self, symbols: Iterable[str]) -> list[str]:
        """Keep price histories of exactly these symbols; return those that are new."""
        wanted = dict.fromkeys(symbols)
        new = [symbol for symbol in wanted if symbol not in self._sparks]
        self._sparks = {symbol: self._sparks.get(symbol) or Spark() for symbol in wanted}
        for symbol in new:
            self._touch(symbol)
        return new

    def load_spark(self, symbol: str, candles: Iterable[Candle]) -> None:
        """Fill a price history from one-minute candles."""
        spark = self._sparks.get(symbol)
        if spark is not None:
            spark.load(candles)
            self._touch(symbol)

    def revision(self, symbol: str) -> int:
        """Return a number that rises whenever a figure of the symbol changes."""
        return self._revisions.get(symbol, 0)

    def _touch(self, symbol: str) -> None:
        self._revisions[symbol] = self._revisions.get(symbol, 0) + 1

    def spark(self, symbol: str) -> tuple[Decimal, ...]:
        """Return the price history of a watched symbol."""
        spark = self._sparks.get(symbol)
        return () if spark is None else spark.closes()

    def ticker(self, symbol: str) -> Ticker | None:
        """Return the 24-hour figures."""
        return self._tickers.get(symbol)

    def top(self, symbol: str) -> TopOfBook | None:
        """Return the exchange's own best prices, where the symbol is followed."""
        return self._tops.get(symbol)

    def last(self, symbol: str) -> Decimal | None:
        """Return the last traded price: of the trade stream, unless the ticker is clearly newer."""
        trade = self._trades.get(symbol)
        ticker = self._tickers.get(symbol)
        if trade is not None:
            outdated = self._ticker_ns.get(symbol, 0) - trade[0] > TRADE_RULES_NS
            if not outdated or ticker is None or ticker.last is None:
                return trade[1]
        return None if ticker is None else ticker.last

    def as_of_ns(self, symbol: str) -> int:
        """Return when a figure of the symbol last arrived; zero if none did."""
        top = self._tops.get(symbol)
        trade = self._trades.get(symbol, (0, None))[0]
        return max(self._ticker_ns.get(symbol, 0), trade, 0 if top is None else top.recv_ns)
