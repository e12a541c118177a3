"""Views of the markets, made only for what is looked at, and anew only when something changed."""

from __future__ import annotations

from collections.abc import Iterable

from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import TOPIC_INSTRUMENTS, View
from mexc_tui.kernel.markets import Markets

TAPE_ROWS = 200


class Publisher:
    """Views of market topics; a topic that did not change gives the same object again."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def views(self, topics: Iterable[str]) -> dict[str, View]:
        """Return the views of these topics; what does not exist is left out."""
        made = ((topic, self._view(topic)) for topic in topics)
        return {topic: view for topic, view in made if view is not None}

    def _view(self, topic: str) -> View | None:
        if topic == TOPIC_INSTRUMENTS:
            return self._markets.instruments_view
        kind, _, rest = topic.partition(":")
        if kind == "book":
            return self._markets.book_view(rest)
        if kind == "tape":
            tape = self._markets.tape(rest)
            return None if tape is None else tape.view(TAPE_ROWS)
        if kind == "watchlist":
            return self._markets.watchlist(tuple(rest.split(",")) if rest else ())
        if kind == "candles":
            symbol, _, interval = rest.rpartition(":")
            series = self._markets.candles(symbol, Interval(interval)) if interval in _INTERVALS else None
            return None if series is None else series.view()
        return None


_INTERVALS = frozenset(interval.value for interval in Interval)
