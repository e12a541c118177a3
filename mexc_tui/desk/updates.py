"""Views as they go to clients: each version is encoded once, and of long rows only what is new."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from itertools import islice
from operator import is_
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from mexc_tui.desk.protocol import LONG_FIELDS, TO_CLIENT_LIMIT, ViewUpdate, encode, encode_view
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.views import View

KEPT_LEAST = 16
"""Elements that must be left out for a part to be worth sending instead of the whole."""
UPDATE_LIMIT = TO_CLIENT_LIMIT - (1 << 20)
"""Longest encoded view: it must fit into a message beside a slice of facts."""

_log = logging.getLogger(__name__)


class _Encoded:
    """One version of a view and what was made of it."""

    __slots__ = ("parts", "view", "whole")

    def __init__(self, view: View) -> None:
        self.view = view
        self.whole: bytes | None = None
        self.parts: dict[int, tuple[View, bytes]] = {}
        """By the identity of the view that the client has, which is held so that the identity stays its own."""


class UpdateEncoder:
    """Makes encoded ``ViewUpdate``s and shares them between clients; keeps those of the latest version only."""

    def __init__(self) -> None:
        self._latest: dict[str, _Encoded] = {}
        self._unsendable: set[str] = set()

    def update(self, topic: str, view: View, has: View | None) -> bytes | None:
        """Return the update to ``view`` for a client that has ``has``; None if it cannot be sent, which is logged."""
        made = self._latest.get(topic)
        if made is None or made.view is not view:
            made = self._latest[topic] = _Encoded(view)
        if has is not None:
            known = made.parts.get(id(has))
            if known is not None:
                return known[1]
            part = _part(topic, view, has)
            if part is not None:
                made.parts[id(has)] = (has, part)
                return part
        if made.whole is None:
            made.whole = self._whole(topic, view)
        return made.whole or None

    def keep(self, topics: Collection[str]) -> None:
        """Forget everything about other topics."""
        for topic in self._latest.keys() - set(topics):
            del self._latest[topic]

    def _whole(self, topic: str, view: View) -> bytes:
        try:
            body = encode(ViewUpdate(topic=topic, view=_raw(encode_view(view))))
        except ValueError as error:
            return self._refuse(topic, str(error))
        return body if len(body) <= UPDATE_LIMIT else self._refuse(topic, f"it has {len(body)} bytes")

    def _refuse(self, topic: str, why: str) -> bytes:
        if topic not in self._unsendable:
            self._unsendable.add(topic)
            _log.error("the view %r cannot be sent to clients: %s", topic, why)
        return b""


def encode_fact(fact: Fact) -> bytes:
    """Return a fact as msgpack; one with text that no message can carry keeps its number and what is readable."""
    try:
        return encode(fact)
    except (OverflowError, ValueError):
        message = fact.message.encode("utf-8", "replace").decode()
        return encode(replace(fact, message=message, symbol="", order=None, fill=None, violations=(), command_id=""))


def kept_range(old: Sequence[object], new: Sequence[object]) -> tuple[int, int] | None:
    """Return which run of ``old`` stands, the very same objects, at the beginning of ``new``; None if there is none."""
    if not new:
        return None
    first = new[0]
    start = next((at for at, item in enumerate(old) if item is first), None)
    if start is None:
        return None
    same = list(map(is_, islice(old, start, None), new))
    return start, start + (same.index(False) if False in same else len(same))


def _part(topic: str, view: View, has: View) -> bytes | None:
    """Return the update that leaves out what the client has; None where the whole is to be sent."""
    field = LONG_FIELDS.get(type(view))
    if field is None or type(has) is not type(view):
        return None
    new: tuple[Any, ...] = getattr(view, field)
    kept = kept_range(getattr(has, field), new)
    if kept is None or kept[1] - kept[0] < KEPT_LEAST:
        return None
    try:
        return encode(ViewUpdate(topic=topic, view=replace(view, **{field: new[kept[1] - kept[0] :]}), kept=kept))
    except (OverflowError, ValueError):
        return None


def _raw(encoded: bytes) -> View:
    """Let an encoded view stand for the view: the encoder puts it into the message as it is."""
    return cast(View, msgspec.Raw(encoded))
