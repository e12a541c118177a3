"""A stream link: up to thirty channels kept flowing over one connection after another."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Container, Iterator, Sequence
from typing import Final, Protocol

from mexc_tui.domain.inputs import Input, LinkState
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.stream.channels import channel_of, content, symbol_of
from mexc_tui.venues.mexc.stream.connection import Connection, StreamTiming
from mexc_tui.venues.mexc.stream.dialing import DialError, Socket
from mexc_tui.venues.mexc.stream.overlap import Overlap
from mexc_tui.venues.mexc.stream.refusals import Refusals
from mexc_tui.wire.mexc.channels import MAX_CHANNELS

_NS: Final = 1_000_000_000
_ROTATION_RETRY_S: Final = 60.0
_SOON_NS: Final = 1_000_000
"""Sleeping may end a little early."""
_IDLE: Final = "no channel is wanted"
_log = logging.getLogger(__name__)


class LinkHost(Protocol):
    """What a link reports to."""

    def link_changed(self, link: StreamLink, reason: str, lost: frozenset[str]) -> None:
        """Take note that the link's state changed; ``lost`` are the symbols that missed something."""

    def link_lost(self, link: StreamLink, reason: str) -> None:
        """Take note that the link missed something although its state did not change."""

    def link_refused(self, link: StreamLink, channel: str, reason: str) -> None:
        """Take note that the exchange refused a channel; asking again now and then is not reported."""

    def link_frame(self, link: StreamLink, connection: Connection, frame: bytes, recv_ns: int) -> None:
        """Take a data frame."""

    def link_text(self, text: str, recv_ns: int) -> None:
        """Take a control frame."""


class Opener(Protocol):
    """Opens the sockets of a link."""

    async def open(self) -> Socket:
        """Open a socket; DialError if that fails."""

    def key_invalid(self) -> None:
        """Take note that the exchange does not take the listen key."""


class StreamLink:
    """Keeps its channels subscribed: connects, reconnects with backoff, and replaces the connection in time."""

    def __init__(
        self,
        host: LinkHost,
        opener: Opener,
        clock: Clock,
        timing: StreamTiming,
        rng: random.Random,
        ids: Iterator[int],
        *,
        private: bool,
    ) -> None:
        self._host = host
        self._opener = opener
        self._clock = clock
        self._timing = timing
        self._rng = rng
        self._ids = ids
        self._wanted: dict[str, None] = {}
        self._blocked = Refusals(timing)
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._rotate_at_ns = 0
        self._stuck_until_ns = 0
        self._doubt = ""
        self._overlap: Overlap | None = None
        self._held: dict[str, int | None] = {}
        self._coming: frozenset[bytes] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self.private = private
        self.state = LinkState.CONNECTING
        self.reason = ""
        self.up = asyncio.Event()
        """Set while the link is connected and its channels are answered."""
        self.reconnects = 0
        self.rotations = 0

    @property
    def wanted(self) -> tuple[str, ...]:
        """The channels this link is to carry, refused ones included."""
        return tuple(self._wanted)

    @property
    def symbols(self) -> frozenset[str]:
        """Pairs whose channels run here."""
        return frozenset(symbol for channel in self._wanted if (symbol := symbol_of(channel)))

    @property
    def alive_ns(self) -> int | None:
        """When the connection last showed life; None while the link is not connected."""
        if self.state is not LinkState.CONNECTED or self._connection is None:
            return None
        return self._connection.alive_ns

    @property
    def room(self) -> int:
        """How many channels the present connection can still take."""
        used = self._connection.used if self._connection is not None else 0
        waiting = len(self._missing(self._connection)) if self._connection is not None else 0
        return MAX_CHANNELS - max(len(self._wanted), used + waiting)

    @property
    def room_after_rotation(self) -> int:
        """How many channels a fresh connection could take besides those wanted."""
        return MAX_CHANNELS - len(self._wanted)

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Close the connection and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def want(self, channels: Sequence[str]) -> None:
        """Carry exactly these channels from now on; at most thirty."""
        self._wanted = dict.fromkeys(channels)
        self._blocked.keep(self._wanted)
        self._wake.set()

    def ask_again(self, channels: Container[str]) -> None:
        """Ask at once for those of these channels that were refused, and tell it if they are refused again."""
        self._blocked.forget(channels)
        self._wake.set()

    def rotate(self, doubt: str = "") -> None:
        """Replace the connection soon, the new one up before the old one closes.

        ``doubt`` says why the old one may have missed something already.
        """
        self._doubt = doubt or self._doubt
        self._rotate_at_ns = self._clock.monotonic_ns()
        self._wake.set()

    def unseen(self, connection: Connection, frame: bytes, inputs: tuple[Input, ...]) -> tuple[Input, ...]:
        """Leave out trades that the other source of an overlap has brought already; all else may repeat."""
        overlap = self._overlap
        if overlap is None:
            return inputs
        if overlap.until_ns is not None and self._clock.monotonic_ns() > overlap.until_ns:
            self._overlap = None
            return inputs
        channel = channel_of(frame)
        second = connection is not self._connection or channel in self._coming
        return overlap.unseen((connection, channel), inputs, second=second)

    async def _supervise(self) -> None:
        """Run for good: a fault in what handles the frames costs the connection, not the link."""
        while True:
            try:
                await self._run()
            except Exception as error:
                _log.exception("a stream link failed and is restarted")
                self._down(f"an internal fault interrupted the stream ({type(error).__name__})")
                await self._clock.sleep(self._timing.backoff_max_s / 10)

    async def _run(self) -> None:
        attempt = 0
        while True:
            if not self._effective():
                await self._idle()
            opened = self._clock.monotonic_ns()
            try:
                connection = await self._open()
                reason = await self._live(connection)
            except DialError as error:
                reason = str(error)
            if reason == _IDLE:
                continue
            if (self._clock.monotonic_ns() - opened) / _NS >= self._timing.stable_s:
                attempt = 0
            self._down(reason)
            attempt += 1
            await self._pause(attempt)

    def _effective(self) -> list[str]:
        return [channel for channel in self._wanted if channel not in self._blocked]

    def _missing(self, connection: Connection) -> list[str]:
        asked = connection.asked
        return [channel for channel in self._effective() if channel not in asked]

    async def _idle(self) -> None:
        """Wait until there is something to ask for: a new wish, or refused channels whose time has come."""
        self.up.clear()
        if self._blocked:
            self._set_state(LinkState.CLOSED, "every channel was refused")
        while not self._effective():
            self._wake.clear()
            await _first_of(self._wake.wait(), self._clock.sleep(self._left_s(self._blocked.next_ns)))
            self._blocked.release(self._clock.monotonic_ns())

    async def _open(self) -> Connection:
        socket = await self._opener.open()
        connection = Connection(
            socket, self._clock, self._timing, ids=self._ids, on_frame=self._frame, on_text=self._host.link_text
        )
        connection.on_change(self._wake.set)
        connection.start()
        return connection

    def _frame(self, connection: Connection, frame: bytes, recv_ns: int) -> None:
        self._host.link_frame(self, connection, frame, recv_ns)

    async def _live(self, connection: Connection) -> str:
        """Serve over one connection and its replacements until one of them is lost; return why."""
        self._connection = connection
        self._doubt = ""
        self._plan_rotation()
        try:
            if not await self._subscribe_all(connection):
                return await self._end_reason(connection)
            self._take_refused(connection)
            if self._effective():
                self._set_up()
            while True:
                self._wake.clear()
                self._take_refused(connection)
                self._blocked.forget(connection.subscribed)
                self._blocked.release(self._clock.monotonic_ns())
                if not self._effective():
                    return _IDLE
                if self._clock.monotonic_ns() >= self._rotate_at_ns:
                    connection = self._connection = await self._replace(connection)
                    continue
                if connection.task is None or connection.task.done():
                    return await self._end_reason(connection)
                await self._synchronise(connection)
                if self.private and self.state is LinkState.CLOSED and connection.subscribed.issuperset(self._wanted):
                    self._set_up()
                    self._host.link_lost(self, "account streams that were refused are back")
                left = min(map(self._left_s, (self._rotate_at_ns, self._blocked.next_ns, *self._held.values())))
                await _first_of(self._wake.wait(), self._clock.sleep(left), _ended(connection))
        except ConnectionError:
            return "the connection was lost"
        finally:
            self._connection, ended = None, self._connection
            if ended is not None:
                await ended.stop()

    async def _subscribe_all(self, connection: Connection) -> bool:
        """Subscribe everything and wait for the answers; False if the connection ended first."""
        await connection.subscribe(self._effective())
        await _first_of(connection.answered(), _ended(connection))
        return connection.task is not None and not connection.task.done()

    async def _synchronise(self, connection: Connection) -> None:
        dropped = [channel for channel in connection.asked if channel not in self._wanted]
        replaced = self._held = self._replaced(connection, dropped)
        if len(replaced) < len(dropped):
            await connection.unsubscribe([channel for channel in dropped if channel not in replaced])
        kinds = {content(channel) for channel in replaced}
        self._coming = frozenset(channel.encode() for channel in self._wanted if kinds and content(channel) in kinds)
        if replaced:
            self._begin_overlap()
        elif self._overlap is not None and self._overlap.until_ns is None:
            self._end_overlap()
        missing = self._missing(connection)
        if missing and connection.used + len(missing) > MAX_CHANNELS:
            if self._clock.monotonic_ns() >= self._stuck_until_ns:
                self.rotate()
        elif missing:
            await connection.subscribe(missing)

    def _replaced(self, connection: Connection, dropped: list[str]) -> dict[str, int | None]:
        """Return the channels that stay for a while, as what brings the same at another speed takes over: until when.

        It has to be accepted first, and then the slower of the two still has to tell what it gathered until then.
        """
        if not dropped:
            return {}
        now = self._clock.monotonic_ns()
        overlap = int(self._timing.overlap_s * _NS)
        accepted = {content(channel): channel in connection.subscribed for channel in self._effective()}
        held: dict[str, int | None] = {}
        for channel in dropped:
            taken_over = accepted.get(content(channel))
            if taken_over is None:
                continue
            until = (self._held.get(channel) or now + overlap) if taken_over else None
            if until is None or until > now + _SOON_NS:
                held[channel] = until
        return held

    def _begin_overlap(self) -> None:
        self._overlap = self._overlap or Overlap()
        self._overlap.until_ns = None

    def _end_overlap(self) -> None:
        """Let an overlap end when what is still under way has come."""
        if self._overlap is not None:
            self._overlap.until_ns = self._clock.monotonic_ns() + int(self._timing.overlap_s * _NS)

    async def _replace(self, old: Connection) -> Connection:
        """Bring a fresh connection up beside the old one, then close the old; keep the old one if that fails."""
        self._rotate_at_ns = self._stuck_until_ns = self._clock.monotonic_ns() + int(_ROTATION_RETRY_S * _NS)
        try:
            fresh = await self._open()
        except DialError as error:
            _log.warning("a stream connection could not be replaced yet: %s", error)
            return old
        self._begin_overlap()
        try:
            subscribed = await self._subscribe_all(fresh)
            continuous = old.task is not None and not old.task.done()
            if subscribed and continuous:
                await self._clock.sleep(self._timing.overlap_s)
        except ConnectionError:
            subscribed = False
        except BaseException:
            await fresh.stop()
            raise
        finally:
            self._end_overlap()
        if not subscribed:
            await fresh.stop()
            return old
        # From here on the fresh one is what a link that ends has to close, even while the old one takes its time.
        self._connection = fresh
        self._stuck_until_ns = 0
        await old.stop()
        self.rotations += 1
        self._plan_rotation()
        doubt, self._doubt = self._doubt, ""
        if doubt or not continuous:
            self._host.link_lost(self, doubt or "the connection was lost while it was being replaced")
        return fresh

    def _plan_rotation(self) -> None:
        after = self._timing.rotate_s - self._rng.uniform(0.0, self._timing.rotate_jitter_s)
        self._rotate_at_ns = self._clock.monotonic_ns() + int(after * _NS)

    def _left_s(self, at_ns: int | None) -> float:
        """Return the time until then; for what has no time, long enough."""
        if at_ns is None:
            return self._timing.refused_longest_s
        return max(0.0, (at_ns - self._clock.monotonic_ns()) / _NS)

    def _take_refused(self, connection: Connection) -> bool:
        refused = connection.take_refused()
        for channel, reason in refused.items():
            if channel in self._wanted and self._blocked.add(channel, self._clock.monotonic_ns()):
                self._host.link_refused(self, channel, reason)
        return bool(refused)

    async def _end_reason(self, connection: Connection) -> str:
        if connection.task is None:
            return "the connection was never started"
        reason = await connection.task
        if connection.key_invalid:
            self._opener.key_invalid()
        return reason

    async def _pause(self, attempt: int) -> None:
        timing = self._timing
        delay = min(timing.backoff_max_s, timing.backoff_s * 2.0 ** min(attempt - 1, 16))
        await self._clock.sleep(delay * self._rng.uniform(0.5, 1.0))

    def _set_up(self) -> None:
        if self.private and self._blocked:
            refused = ", ".join(self._blocked)
            self._set_state(LinkState.CLOSED, f"the exchange refused account streams: {refused}")
            return
        first = self.state is LinkState.CONNECTING
        self.up.set()
        self._set_state(LinkState.CONNECTED, "", lost=not first)

    def _down(self, reason: str) -> None:
        self.up.clear()
        if self.state is not LinkState.RECONNECTING:
            self.reconnects += 1
        if self.state is not LinkState.RECONNECTING or reason != self.reason:
            self._set_state(LinkState.RECONNECTING, reason, lost=True)

    def _set_state(self, state: LinkState, reason: str, *, lost: bool = False) -> None:
        changed = state is not self.state or reason != self.reason
        self.state = state
        self.reason = reason
        if changed:
            self._host.link_changed(self, reason, self.symbols if lost else frozenset())


async def _ended(connection: Connection) -> None:
    if connection.task is not None:
        await asyncio.wait({connection.task})


async def _first_of(*waits: Awaitable[object]) -> None:
    """Return when the first of several waits is over, giving the others up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
