"""The embedded exchange's memory on disk: accounts, orders, fills and keys, in one file that is replaced whole."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from mexc_tui.venues.simulator.events import (
    BookBroken,
    BookLevel,
    CandleMoved,
    PublicTrade,
    SimEvent,
)
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing

FORMAT = 1
EVERY_S = 2.0
"""At most this much is lost when the process is killed."""


class StateError(Exception):
    """The file cannot be read or written; a whole sentence."""


class _Saved(msgspec.Struct):
    format: int
    keys: list[ApiKey]
    exchange: dict[str, Any]


class StateFile:
    """Loads once, then saves after changes. The file holds secrets and is readable by its owner only."""

    def __init__(self, path: Path, exchange: Exchange) -> None:
        self.keys: list[ApiKey] = []
        self.problem = ""
        """Why the latest save failed, as a sentence; empty after one that succeeded."""
        self._path = path
        self._exchange = exchange
        self._changed = True
        exchange.listen(self._on_event)

    def load(self) -> None:
        """Take over what an earlier run left, if anything, and make sure that it can be written.

        Raises:
            StateError: the file is damaged, or cannot be read or written.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as problem:
            raise StateError(f"The state file {self._path} cannot be read: {problem.strerror}.") from None
        if content:
            try:
                saved = msgspec.json.decode(content, type=_Saved)
                if saved.format != FORMAT:
                    raise ValueError(f"it has format {saved.format}, this program reads {FORMAT}")
                self._exchange.restore(saved.exchange)
            except (ValueError, msgspec.DecodeError) as problem:
                reason = str(problem).rstrip(".")
                raise StateError(f"The state file {self._path} cannot be used ({reason}); move it away.") from None
            self.keys = saved.keys
        self._probe()

    async def keep(self, keys: KeyRing) -> None:
        """Save every few seconds while something changes."""
        while True:
            await asyncio.sleep(EVERY_S)
            if self._changed:
                content = self._content(keys)
                await asyncio.to_thread(self._write, content)

    def save(self, keys: KeyRing) -> None:
        """Save now; ``problem`` tells whether it failed."""
        self._write(self._content(keys))

    def _content(self, keys: KeyRing) -> bytes:
        self._changed = False
        return msgspec.json.encode(_Saved(FORMAT, keys.all(), self._exchange.dump()))

    def _write(self, content: bytes) -> None:
        try:
            self._replace(content)
        except OSError as failure:
            self._changed = True
            self.problem = f"The state file {self._path} could not be written: {failure.strerror}."
        else:
            self.problem = ""

    def _replace(self, content: bytes) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)

    def _probe(self) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        try:
            os.close(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600))
            beside.unlink()
        except OSError as problem:
            raise StateError(f"The state file {self._path} cannot be written: {problem.strerror}.") from None

    def _on_event(self, event: SimEvent) -> None:
        if not isinstance(event, BookLevel | PublicTrade | BookBroken | CandleMoved):
            self._changed = True
