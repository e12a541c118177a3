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

    def symbols(self) -> frozenset[str]:
        """Return the symbols whose book, trades or gate inputs are looked at."""
        return frozenset(
            rest
            for kind, _, rest in (topic.partition(":") for topic in self.topics)
            if kind in ("book", "tape", "gate")
        )

    def candles(self) -> frozenset[tuple[str, Interval]]:
        """Return the candle series looked at; a topic with an interval that does not exist is left out."""
        found = set()
        for topic in self.topics:
            kind, _, rest = topic.partition(":")
            symbol, _, interval = rest.rpartition(":")
            if kind == "candles" and interval in _INTERVALS:
                found.add((symbol, Interval(interval)))
        return frozenset(found)

    def watchlist(self) -> tuple[str, ...]:
        """Return the symbols of all watchlists looked at, each once."""
        lists = sorted(topic.partition(":")[2] for topic in self.topics if topic.startswith("watchlist:"))
        return tuple(dict.fromkeys(symbol for text in lists for symbol in text.split(",") if symbol))


def union(interests: tuple[Interest, ...]) -> Interest:
    """Return the interest that covers all of them."""
    topics: frozenset[str] = frozenset().union(*(one.topics for one in interests))
    return Interest(topics=topics, candle_limit=max((one.candle_limit for one in interests), default=CANDLE_LIMIT))
