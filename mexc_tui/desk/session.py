"""One attached client as the desk sees it: what it looks at, what it has, and what it is still owed."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from mexc_tui.desk.protocol import Batch, ClientInfo, ProtocolError, encode
from mexc_tui.desk.updates import UpdateEncoder, encode_fact
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import GATE_PREFIX, View
from mexc_tui.engine.engine import EngineClient

FACTS_A_BATCH = 500
BATCH_BYTES = 8 << 20
"""Views beyond this wait for the next batch; one that is longer goes alone."""
TOPICS_LIMIT = 256
GATES_LIMIT = 16
"""Pairs whose orders one client may have checked ahead: the costliest of all views."""
TOPIC_LENGTH_LIMIT = 16_384
CANDLES_LIMIT = 1_000


class Session:
    """Makes batches for one client, one at a time: nothing is made while the last one is not acknowledged.

    So a slow client gets the latest view of everything when it comes to it, and costs the desk one batch at most.
    """

    def __init__(self, client: EngineClient, info: ClientInfo, encoder: UpdateEncoder, after: int) -> None:
        self.info = info
        self.client = client
        self.topics: frozenset[str] = frozenset()
        self._encoder = encoder
        self._after = self._taken = after
        self._has: dict[str, View] = {}
        """What the client has acknowledged."""
        self._number = 0
        self._sent: dict[str, View | None] | None = None
        """Views of the unacknowledged batch, None for those to be forgotten; None if there is no such batch."""

    @property
    def taken_facts(self) -> int:
        """Number of the latest fact that the client has acknowledged."""
        return self._taken

    @property
    def waiting(self) -> bool:
        """Whether a batch is not acknowledged yet."""
        return self._sent is not None

    def look(self, interest: Interest) -> None:
        """Follow what the client looks at.

        Raises:
            ProtocolError: it asks for too much.
        """
        if len(interest.topics) > TOPICS_LIMIT or any(len(topic) > TOPIC_LENGTH_LIMIT for topic in interest.topics):
            raise ProtocolError(f"A client may look at {TOPICS_LIMIT} topics at most.")
        if sum(topic.startswith(GATE_PREFIX) for topic in interest.topics) > GATES_LIMIT:
            raise ProtocolError(f"A client may look at the order checks of {GATES_LIMIT} pairs at most.")
        self.topics = interest.topics
        self.client.look(replace(interest, candle_limit=max(1, min(interest.candle_limit, CANDLES_LIMIT))))

    def acknowledge(self, number: int) -> None:
        """Note that the client has taken in a batch.

        Raises:
            ProtocolError: it is not the one that was sent last.
        """
        if self._sent is None or number != self._number:
            raise ProtocolError("A batch was acknowledged that is not the last one.")
        for topic, view in self._sent.items():
            if view is None:
                self._has.pop(topic, None)
            else:
                self._has[topic] = view
        self._sent = None
        self._taken = self._after

    def batch(self) -> bytes | None:
        """Return the next batch, encoded; None while there is nothing new or the last one is not acknowledged."""
        if self._sent is not None:
            return None
        sent, updates = self._changed_views()
        dropped = self._has.keys() - self.topics
        sent.update(dict.fromkeys(dropped))
        facts = self.client.facts(self._after)
        lost = facts[0].seq - self._after - 1 if facts else 0
        facts = facts[:FACTS_A_BATCH]
        if not sent and not facts:
            return None
        if facts:
            self._after = facts[-1].seq
        self._number += 1
        self._sent = sent
        return encode(
            Batch(
                n=self._number,
                views=_encoded(updates),
                dropped=tuple(dropped),
                facts=_encoded([encode_fact(fact) for fact in facts]),
                lost_facts=lost,
            )
        )

    def _changed_views(self) -> tuple[dict[str, View | None], list[bytes]]:
        sent: dict[str, View | None] = {}
        updates: list[bytes] = []
        room = BATCH_BYTES
        for topic in self.topics:
            view, has = self.client.view(topic), self._has.get(topic)
            if view is None or view is has:
                continue
            update = self._encoder.update(topic, view, has)
            if update is None:
                continue
            room -= len(update)
            if room < 0 and updates:
                break
            sent[topic] = view
            updates.append(update)
        return sent, updates


def _encoded(values: list[bytes]) -> tuple[Any, ...]:
    """Let encoded values stand for themselves: the encoder puts them into the message as they are."""
    return tuple(msgspec.Raw(value) for value in values)
