"""What a server needs from whoever follows another exchange's market for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Upstream(Protocol):
    """Brings what a mirrored market is asked for, before it is served."""

    async def before(self, method: str, path: str, params: Mapping[str, str]) -> None:
        """Return when a REST call can be answered; SimError where it cannot be."""

    def watched(self, books: frozenset[str], candles: frozenset[tuple[str, str]]) -> None:
        """Take note of which pairs, and which candles of them, streams follow now."""
