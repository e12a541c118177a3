"""What crosses from the engine to the screen: the latest view of each topic, and the facts in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from mexc_tui.domain.facts import Fact
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_EQUITY,
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    TOPIC_WATCHLIST,
    View,
)

FACTS_KEPT = 2_000
"""As many as the pane of events keeps; one that tells of an order takes 600 bytes."""
LOOKED_AT_NS = 5_000_000_000
"""A topic that nobody asked for this long is not built any more."""

ALWAYS = frozenset(
    {
        TOPIC_WATCHLIST,
        TOPIC_ORDERS,
        TOPIC_POSITIONS,
        TOPIC_BALANCES,
        TOPIC_FILLS,
        TOPIC_EQUITY,
        TOPIC_RISK,
        TOPIC_LINK,
        TOPIC_INSTRUMENTS,
    }
)


class ViewHub:
    """Shared by the engine's thread, which writes, and any other, which reads."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._asked: dict[str, int] = {}
        self._facts: deque[Fact] = deque(maxlen=FACTS_KEPT)
        self._lock = threading.Lock()
        self.death = ""

    def view(self, topic: str, now_ns: int) -> View | None:
        """Return the latest view and note that somebody looks at the topic."""
        self._asked[topic] = now_ns
        return self._views.get(topic)

    def looked_at(self, now_ns: int) -> frozenset[str]:
        """Return the topics to build, and forget the views of those that nobody looks at any more."""
        asked = self._asked.copy()
        live = {topic for topic, at in asked.items() if now_ns - at <= LOOKED_AT_NS}
        for topic in asked.keys() - live:
            self._asked.pop(topic, None)
            if topic not in ALWAYS:
                self._views.pop(topic, None)
        return ALWAYS | live

    def publish(self, views: Mapping[str, View]) -> None:
        """Swap in newer views; topics that are not named keep theirs."""
        self._views.update(views)

    def tell(self, fact: Fact) -> None:
        """Append a fact; facts come in the order of their ``seq``."""
        with self._lock:
            self._facts.append(fact)

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts above ``after`` that are still kept, in order."""
        newer: list[Fact] = []
        with self._lock:
            for fact in reversed(self._facts):
                if fact.seq <= after:
                    break
                newer.append(fact)
        return tuple(reversed(newer))
