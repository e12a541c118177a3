"""The listen key that opens the account streams: one owner creates, extends, renews and releases it.

MEXC keeps a key for 60 minutes after its creation or latest extension and allows 60 keys an account, so keys that
are left behind pile up: the owner notes its key, and takes it up again when it starts after a kill. Keys that it did
not make itself are left alone; another program may be using them. The key is as good as a password to the account's
events and never appears in any text.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from mexc_tui.config.files import read_whole, replace_whole
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.stream.dialing import Dialer, DialError, Socket
from mexc_tui.wire.mexc import codes

_NS: Final = 1_000_000_000
_PASSING: Final = frozenset(
    {ErrorKind.NETWORK, ErrorKind.SERVER, ErrorKind.RATE_LIMIT, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE}
)
"""Failures that say nothing about the key."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,256}")
_log = logging.getLogger(__name__)


class ListenKeyCalls(Protocol):
    """The calls of the REST client that deal with listen keys."""

    async def listen_key_create(self) -> str:
        """Return a new key."""

    async def listen_key_extend(self, listen_key: str, /) -> object:
        """Make the key live for 60 minutes from now."""

    async def listen_key_close(self, listen_key: str, /) -> object:
        """Release the key."""


class KeyTiming(msgspec.Struct, frozen=True, kw_only=True):
    """When the key is extended; seconds."""

    extend_s: float = 1500.0
    extend_jitter_s: float = 120.0
    retry_s: float = 60.0
    life_s: float = 3600.0
    release_s: float = 1.0
    """How long giving a key back may hold up the end of the program."""


class NoMoreKeysError(VenueError):
    """The account has as many listen keys as MEXC gives; each dies within the hour that it is not used."""

    def __init__(self) -> None:
        super().__init__(
            "MEXC gives this account no more listen keys: 60 are in use, and each dies an hour after its last use. "
            "Orders, fills and balances are asked for every few seconds until one is free",
            kind=ErrorKind.LIMIT,
            code=codes.INVALID_PARAMETER,
            remedy="Close other programs that use this account, or wait.",
            definite=True,
        )


class KeyNote:
    """The key in use, in a file that only its owner can read; a file that cannot be used is done without."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """Return the noted key; empty if there is none."""
        try:
            text = read_whole(self._path).decode("ascii", "replace").strip()
        except OSError:
            return ""
        return text if _KEY.fullmatch(text) else ""

    def write(self, key: str) -> None:
        """Note a key; an empty one removes the note."""
        try:
            if key:
                replace_whole(self._path, key.encode())
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.info("the listen key could not be noted (%s); a kill would leave it behind", error.strerror)


class ListenKey:
    """Owns the key. ``dial`` is the only place that hands it out, to the socket it opens."""

    def __init__(
        self,
        calls: ListenKeyCalls,
        dialer: Dialer,
        clock: Clock,
        timing: KeyTiming,
        rng: random.Random,
        note: KeyNote | None = None,
    ) -> None:
        self._calls = calls
        self._dialer = dialer
        self._clock = clock
        self._timing = timing
        self._rng = rng
        self._note = note
        self._key = ""
        self._good_until_ns = 0
        self._failed_dials = 0
        self._on_dead: Callable[[], None] = lambda: None
        self.renewals = 0

    def __repr__(self) -> str:
        return f"ListenKey({'held' if self._key else 'none'})"

    @property
    def held(self) -> bool:
        """Whether there is a key at present."""
        return bool(self._key)

    def on_dead(self, callback: Callable[[], None]) -> None:
        """Call back when the key died while a connection was using it."""
        self._on_dead = callback

    async def prepare(self) -> None:
        """Have a key, so that refused API keys show before anything else starts.

        Raises:
            NoMoreKeysError: the account has too many; one will be free within the hour.
            VenueError: none is given for another reason.
        """
        if self._key:
            return
        noted = "" if self._note is None else self._note.read()
        if noted and await self._extend_noted(noted):
            self._key = noted
        else:
            self._key = await self._create()
            if self._note is not None:
                self._note.write(self._key)
        self._extended()

    async def _extend_noted(self, noted: str) -> bool:
        """Take up the key of an earlier run; whether it still lives."""
        try:
            await self._calls.listen_key_extend(noted)
        except VenueError as error:
            _log.info("the listen key of an earlier run is of no use (%s)", error.kind)
            if self._note is not None and error.kind not in _PASSING:
                self._note.write("")
            return False
        return True

    async def _create(self) -> str:
        try:
            return await self._calls.listen_key_create()
        except VenueError as error:
            if error.code == codes.INVALID_PARAMETER:
                raise NoMoreKeysError from error
            raise

    async def open(self) -> Socket:
        """Open a socket for the account streams with the present key, or with a new one.

        Raises:
            DialError: no key could be had, or no socket.
        """
        if self._key and self._clock.monotonic_ns() >= self._good_until_ns:
            self._forget()
        if not self._key:
            await self._renew()
        try:
            socket = await self._dialer.dial(self._key)
        except DialError as error:
            self._failed_dials += 1
            if error.refused or self._failed_dials >= 3:
                await self.release()
            raise
        self._failed_dials = 0
        return socket

    def key_invalid(self) -> None:
        """Forget a key that the exchange does not take; the next dial makes a new one."""
        self._forget()

    async def keep_alive(self) -> None:
        """Extend the key for good; run it as a task beside the streams."""
        due = self._timing.extend_s - self._rng.uniform(0.0, self._timing.extend_jitter_s)
        while True:
            await self._clock.sleep(due)
            due = self._timing.extend_s - self._rng.uniform(0.0, self._timing.extend_jitter_s)
            if self._key and not await self._extend():
                due = self._timing.retry_s

    async def release(self) -> None:
        """Give the key back, if there is one; a failure is logged only, the key then dies by itself."""
        key = self._key
        self._forget()
        if not key:
            return
        try:
            async with asyncio.timeout(self._timing.release_s):
                await self._calls.listen_key_close(key)
            if self._note is not None:
                self._note.write("")
        except (VenueError, TimeoutError) as error:
            kind = error.kind if isinstance(error, VenueError) else "no answer"
            _log.info("a listen key could not be released (%s); it expires within the hour", kind)

    async def _renew(self) -> None:
        failure: DialError
        try:
            await self.prepare()
            return
        except VenueError as error:
            failure = DialError(f"no listen key for the account streams: {error.message}")
        raise failure

    async def _extend(self) -> bool:
        """Return False if the extension is to be tried again soon."""
        key = self._key
        try:
            await self._calls.listen_key_extend(key)
        except VenueError as error:
            if key != self._key:
                return True
            if error.kind in _PASSING and self._clock.monotonic_ns() < self._good_until_ns:
                return False
            _log.warning("the listen key could not be extended (%s) and is renewed", error.kind)
            self._forget()
            self._on_dead()
            return True
        if key == self._key:
            self._extended()
        return True

    def _extended(self) -> None:
        self._good_until_ns = self._clock.monotonic_ns() + int(self._timing.life_s * _NS)

    def _forget(self) -> None:
        if self._key:
            self.renewals += 1
        self._key = ""
        self._good_until_ns = 0
