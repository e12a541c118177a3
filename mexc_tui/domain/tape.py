"""The newest public trades of a symbol, each once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from decimal import Decimal

from mexc_tui.domain.market import Trade
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import TapeView

_Print = tuple[int, Decimal, Decimal, Side]


class Tape:
    """A bounded tape. Stream trades are told apart by id; history, which has none, by time, price, quantity and side.

    Several equal trades within one millisecond are as many trades as the larger of the two sources has.
    """

    def __init__(self, symbol: str, size: int = 1_000) -> None:
        self.symbol = symbol
        self.count = 0
        """Different trades seen in all, also those that have left the tape."""
        self.as_of_ns = 0
        self._size = size
        self._trades: deque[Trade] = deque(maxlen=size)
        self._ids: dict[str, None] = {}
        self._nameless: Counter[_Print] = Counter()
        """Trades known from history only, which the stream may still bring with an id."""
        self._view: tuple[int, TapeView] | None = None

    def add(self, trades: Iterable[Trade], recv_ns: int) -> list[Trade]:
        """Add trades of the stream and return those not seen on the stream before, oldest first."""
        new: list[Trade] = []
        for trade in trades:
            if trade.trade_id:
                if trade.trade_id in self._ids:
                    continue
                self._ids[trade.trade_id] = None
            new.append(trade)
            key = _print(trade)
            if self._nameless.get(key, 0) > 0:
                self._nameless[key] -= 1
                continue
            self._trades.append(trade)
            self.count += 1
        if new:
            self.as_of_ns = recv_ns
            self._view = None
            self._trim()
        return new

    def merge(self, history: Iterable[Trade], recv_ns: int) -> None:
        """Add trades of a REST answer, oldest first, leaving out those that are here already."""
        here = Counter(map(_print, self._trades))
        oldest = self._trades[0].time_ms if len(self._trades) == self._size else None
        added: list[Trade] = []
        for trade in history:
            key = _print(trade)
            if trade.trade_id and trade.trade_id in self._ids:
                continue
            if here[key] > 0:
                here[key] -= 1
            elif oldest is None or trade.time_ms > oldest:
                added.append(trade)
                if trade.trade_id:
                    self._ids[trade.trade_id] = None
                else:
                    self._nameless[key] += 1
        if not added:
            return
        # Sorting is stable: trades of the same millisecond keep the order in which they came.
        self._trades = deque(sorted([*added, *self._trades], key=lambda trade: trade.time_ms), maxlen=self._size)
        self.count += len(added)
        self.as_of_ns = max(self.as_of_ns, recv_ns)
        self._view = None
        self._trim()

    def latest(self) -> Trade | None:
        """Return the newest trade."""
        return self._trades[-1] if self._trades else None

    def view(self, size: int = 200) -> TapeView:
        """Return the newest ``size`` trades; the same object until there is a new one."""
        if self._view is None or self._view[0] != size:
            start = max(0, len(self._trades) - size)
            trades = tuple(self._trades)[start:]
            self._view = (size, TapeView(symbol=self.symbol, trades=trades, count=self.count, as_of_ns=self.as_of_ns))
        return self._view[1]

    def _trim(self) -> None:
        while len(self._ids) > 4 * self._size:
            del self._ids[next(iter(self._ids))]
        if len(self._nameless) > 2 * self._size:
            here = Counter(map(_print, self._trades))
            self._nameless = Counter({key: min(n, here[key]) for key, n in self._nameless.items() if n and here[key]})


def _print(trade: Trade) -> _Print:
    return (trade.time_ms, trade.price, trade.qty, trade.taker)
