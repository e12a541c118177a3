"""Pictures of the markets for the screen, made only when something changed and somebody looks."""

from __future__ import annotations

from collections.abc import Iterable

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_WATCHLIST,
    View,
    book_topic,
    candles_topic,
    tape_topic,
)
from mexc_tui.kernel.markets import Markets

TAPE_ROWS = 200


class Publisher:
    """Views of market topics; a topic that did not change gives the same object again."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def topics(self) -> list[str]:
        """Return the topics that exist now."""
        found = [TOPIC_INSTRUMENTS, TOPIC_WATCHLIST]
        for symbol in self._markets.followed:
            found += (book_topic(symbol), tape_topic(symbol))
        series = self._markets.series
        if series is not None:
            found.append(candles_topic(series.symbol, series.interval))
        return found

    def views(self, at: Timestamp, topics: Iterable[str] | None = None) -> dict[str, View]:
        """Return the views of the topics asked for (None: of all that exist); unknown topics are left out."""
        made: dict[str, View] = {}
        for topic in self.topics() if topics is None else topics:
            view = self._view(topic)
            if view is not None:
                made[topic] = view
        return made

    def _view(self, topic: str) -> View | None:
        kind, _, rest = topic.partition(":")
        if topic == TOPIC_WATCHLIST:
            return self._markets.watchlist()
        if topic == TOPIC_INSTRUMENTS:
            return self._markets.instruments_view
        if kind == "book":
            return self._markets.book_view(rest)
        if kind == "tape":
            tape = self._markets.tape(rest)
            return None if tape is None else tape.view(TAPE_ROWS)
        if kind == "candles":
            series = self._markets.series
            if series is not None and topic == candles_topic(series.symbol, series.interval):
                return series.view()
        return None
