"""The time in which two connections, or two channels, carry the same: each trade once, books in order."""

from __future__ import annotations

from mexc_tui.domain.inputs import BookDelta, Input, TradesSeen
from mexc_tui.domain.market import Trade
from mexc_tui.venues.mexc.stream.connection import Connection

TRADES_KEPT = 20_000
"""How many trades one source may be ahead of the other."""
_Source = tuple[Connection, bytes]
"""A connection, and the channel that a frame of it came by."""


class Overlap:
    """What has come while two connections, or two channels, carry the same: each trade once, books in order."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, Trade | None], _Source] = {}
        self._versions: dict[str, int] = {}
        self.until_ns: int | None = None

    def unseen(self, source: _Source, inputs: tuple[Input, ...], *, second: bool) -> tuple[Input, ...]:
        """Return the inputs without trades that another source has brought.

        Of the ``second`` source, which may be ahead of what the first one still has to tell, without changes of
        books that do not join what has come.
        """
        return tuple(kept for item in inputs if (kept := self._kept(source, item, second)) is not None)

    def _kept(self, source: _Source, item: Input, second: bool) -> Input | None:
        if isinstance(item, BookDelta):
            last = self._versions.get(item.symbol)
            if second and (last is None or item.first > last + 1):
                return None
            self._versions[item.symbol] = item.last if last is None else max(last, item.last)
        if not isinstance(item, TradesSeen):
            return item
        new = []
        for trade in item.trades:
            key = (item.symbol, trade.trade_id, None if trade.trade_id else trade)
            if self._first.setdefault(key, source) == source:
                new.append(trade)
            if len(self._first) > TRADES_KEPT:
                del self._first[next(iter(self._first))]
        return TradesSeen(item.symbol, tuple(new), item.recv_ns) if new else None
