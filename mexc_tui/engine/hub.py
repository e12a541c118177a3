"""What crosses from the desk to its clients: the latest view of each topic looked at, and the facts in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping

from mexc_tui.domain.facts import Fact
from mexc_tui.domain.interest import Interest, union
from mexc_tui.domain.views import View

FACTS_KEPT = 2_000
"""As many as the pane of events keeps; one that tells of an order takes 600 bytes."""


class ViewHub:
    """Written by the engine's thread; read, and told what is looked at, by any other."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._interests: dict[int, Interest] = {}
        self._union = Interest()
        self._clients = 0
        self._facts: deque[Fact] = deque(maxlen=FACTS_KEPT)
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self.death = ""

    def join(self) -> int:
        """Return a number for a new client, which looks at nothing yet."""
        with self._lock:
            self._clients += 1
            self._interests[self._clients] = Interest()
            return self._clients

    def look(self, client: int, interest: Interest) -> None:
        """Replace everything that a client looks at; without effect for one that has left."""
        with self._lock:
            if client in self._interests:
                self._interests[client] = interest
                self._unite()

    def leave(self, client: int) -> None:
        """Drop the interest of a client; idempotent."""
        with self._lock:
            self._interests.pop(client, None)
            self._unite()

    def _unite(self) -> None:
        """Renew the union, and forget views that nobody looks at: later they would be out of date."""
        self._union = union(tuple(self._interests.values()))
        for topic in self._views.keys() - self._union.topics:
            del self._views[topic]

    def interest(self) -> Interest:
        """Return what all clients together look at."""
        return self._union

    def looked_at(self) -> frozenset[str]:
        """Return the topics to build."""
        return self._union.topics

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this on the engine's loop whenever views became newer or facts were appended."""
        self._listeners.append(listener)

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic; None where nobody looks at it."""
        return self._views.get(topic)

    def publish(self, views: Mapping[str, View]) -> None:
        """Swap in newer views of topics that are looked at; topics that are not named keep theirs."""
        changed = False
        with self._lock:
            for topic in self._union.topics & views.keys():
                if self._views.get(topic) is not views[topic]:
                    self._views[topic] = views[topic]
                    changed = True
        if changed:
            self._announce()

    def append(self, fact: Fact) -> None:
        """Append a fact; facts come in the order of their ``seq``."""
        with self._lock:
            self._facts.append(fact)
        self._announce()

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts above ``after`` that are still kept, in order."""
        newer: list[Fact] = []
        with self._lock:
            for fact in reversed(self._facts):
                if fact.seq <= after:
                    break
                newer.append(fact)
        return tuple(reversed(newer))

    def _announce(self) -> None:
        for listener in self._listeners:
            listener()
