"""What a client looks at: the desk follows and builds the union of all interests, and nothing else."""

from __future__ import annotations

import msgspec

from mexc_tui.domain.market import Interval

CANDLE_LIMIT = 500
_INTERVALS = frozenset(interval.value for interval in Interval)


class Interest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything one client looks at; it replaces what the client looked at before."""

    topics: frozenset[str] = frozenset()
    """Topics of ``domain.views``. Parameters (symbol, interval, list of symbols) are part of a topic's name."""
    candle_limit: int = CANDLE_LIMIT
    """Candles wanted of each series."""

    def parameters(self, kind: str) -> frozenset[str]:
        """Return what follows the colon in the topics of a kind."""
        parts = (topic.partition(":") for topic in self.topics)
        return frozenset(rest for name, colon, rest in parts if name == kind and colon and rest)

    def symbols(self) -> frozenset[str]:
        """Return the symbols whose book, trades or gate inputs are looked at."""
        return self.parameters("book") | self.parameters("tape") | self.parameters("gate")

    def candles(self) -> frozenset[tuple[str, Interval]]:
        """Return the candle series looked at; a topic with an interval that does not exist is left out."""
        parts = (rest.rpartition(":") for rest in self.parameters("candles"))
        return frozenset((symbol, Interval(name)) for symbol, _, name in parts if symbol and name in _INTERVALS)

    def watchlists(self) -> tuple[tuple[str, ...], ...]:
        """Return the symbols of each watchlist looked at."""
        return tuple(tuple(text.split(",")) for text in sorted(self.parameters("watchlist")))


def union(interests: tuple[Interest, ...]) -> Interest:
    """Return the interest that covers all of them."""
    topics: frozenset[str] = frozenset().union(*(one.topics for one in interests))
    return Interest(topics=topics, candle_limit=max((one.candle_limit for one in interests), default=CANDLE_LIMIT))
