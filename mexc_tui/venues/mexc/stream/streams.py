"""All stream connections of one venue: which channel runs where, what is heard, and what was lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from statistics import median
from typing import Final

from mexc_tui.domain.inputs import ChannelRefused, Input, LinkChanged, LinkState
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.connection import Connection, StreamTiming
from mexc_tui.venues.mexc.stream.decoder import LOOK_EVERY, FrameDecoder
from mexc_tui.venues.mexc.stream.dialing import Dialer, Socket
from mexc_tui.venues.mexc.stream.line import Line
from mexc_tui.venues.mexc.stream.listen_key import ListenKey
from mexc_tui.wire.mexc.channels import MAX_CHANNELS, PRIVATE

Tap = Callable[[int, int, bytes | str], None]
"""Takes every frame before it is decoded: monotonic ns, wall ms, the frame. Called on the loop, must not block."""

_WASTE: Final = 6
"""A connection with so many places spent on dropped channels is replaced rather than another one opened."""
_LATENCIES: Final = 128
_log = logging.getLogger(__name__)


class _Public:
    """Opens sockets without listen key."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    async def open(self) -> Socket:
        return await self._dialer.dial("")

    def key_invalid(self) -> None:
        """Nothing to forget: there is no key."""


class Streams:
    """Keeps the wanted channels flowing into ``sink``, over as many connections as they need."""

    def __init__(
        self,
        *,
        dialer: Dialer,
        clock: Clock,
        sink: Callable[[Input], None],
        rng: random.Random,
        timing: StreamTiming | None = None,
        listen_key: ListenKey | None = None,
        tap: Tap | None = None,
    ) -> None:
        self._dialer = dialer
        self._clock = clock
        self._sink = sink
        self._rng = rng
        self._timing = timing or StreamTiming()
        self._listen_key = listen_key
        self._tap = tap
        self._ids = itertools.count(1)
        self._public: list[Line] = []
        self._private: Line | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._wanted: dict[str, None] = {}
        self._instead: dict[str, str] = {}
        self._delays_ms: deque[int] = deque(maxlen=_LATENCIES)
        self._closed = False
        self.control_frames = 0
        """Answers to requests and pings so far: a sign of life where a market has nothing to say."""
        self.decoder = FrameDecoder()

    @property
    def state(self) -> LinkState:
        """State of the market streams together: as bad as the worst line that is needed."""
        states = {line.state for line in self._public}
        for state in (LinkState.RECONNECTING, LinkState.CONNECTED, LinkState.CONNECTING):
            if state in states:
                return state
        return LinkState.CLOSED

    @property
    def private_state(self) -> LinkState:
        """State of the account streams; CLOSED without keys."""
        return self._private.state if self._private is not None else LinkState.CLOSED

    @property
    def private_reason(self) -> str:
        """Why the account streams are in that state."""
        return self._private.reason if self._private is not None else "no keys"

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, the private one last."""
        return (*self._public, self._private) if self._private is not None else tuple(self._public)

    @property
    def heard_ns(self) -> int:
        """When the quietest market connection that is open last showed life; zero without any."""
        return min((heard for line in self._public if (heard := line.heard_ns) is not None), default=0)

    def delay_ms(self) -> float | None:
        """Median of receive time by this machine's clock less send time by the exchange's; None before any frame."""
        return float(median(self._delays_ms)) if self._delays_ms else None

    def start(self) -> None:
        """Begin to connect the account streams, if there are keys; market streams start with ``set_channels``."""
        if self._listen_key is None:
            return
        self._private = private = self._line(private=True)
        private.want(PRIVATE)
        self._listen_key.on_dead(lambda: private.rotate("the listen key had expired"))
        private.start()
        self._keeper = asyncio.create_task(self._listen_key.keep_alive())

    async def private_up(self) -> None:
        """Return when the account streams are subscribed."""
        if self._private is not None:
            await self._private.up.wait()

    async def public_up(self) -> None:
        """Return when every market line that is needed is connected."""
        await asyncio.gather(*(line.up.wait() for line in self._public))

    def set_channels(self, channels: Iterable[str]) -> None:
        """Carry exactly these public channels: subscribe to the new ones, drop the others."""
        before = self.state
        self._wanted = dict.fromkeys(channels)
        actual = dict.fromkeys(self._instead.get(channel, channel) for channel in self._wanted)
        carried = {channel for line in self._public for channel in line.wanted}
        instead = {names.content(channel): channel for channel in actual if channel not in carried}
        placed: set[str] = set()
        for line in list(self._public):
            # What brings the same at another speed takes the place of what it replaces.
            kept = dict.fromkeys(
                channel if channel in actual else instead.pop(names.content(channel), "") for channel in line.wanted
            )
            kept.pop("", None)
            placed.update(kept)
            if not kept:
                self._retire(line)
            elif tuple(kept) != line.wanted:
                line.want(tuple(kept))
        missing = [channel for channel in actual if channel not in placed]
        for _, group in itertools.groupby(missing, key=names.symbol_of):
            self._place(list(group))
        if before is LinkState.RECONNECTING and self.state is LinkState.CONNECTED:
            self._sink(LinkChanged(False, LinkState.CONNECTED, "what was down is not needed any more"))

    def ask_again(self, channels: Iterable[str]) -> None:
        """Ask at once for those of these channels that were refused; a further refusal is told anew."""
        actual = {self._instead.get(channel, channel) for channel in channels}
        for line in self._public:
            line.ask_again(actual)

    async def close(self) -> None:
        """Close every connection and release the listen key."""
        self._closed = True
        ending = [line.stop() for line in self.lines]
        if self._keeper is not None:
            self._keeper.cancel()
        if self._listen_key is not None:
            ending.append(self._listen_key.release())
        await asyncio.gather(*ending, *self._stopping, return_exceptions=True)
        await self._dialer.close()

    def line_changed(self, line: Line, reason: str, lost: frozenset[str]) -> None:
        """EmitFact the desk what a change of one line means for the link as a whole."""
        if self._closed:
            return
        state = line.state if line.private else self.state
        self._sink(LinkChanged(line.private, state, reason, frozenset() if line.private else lost))
        if lost and state is LinkState.CONNECTED and len(self._public) > 1:
            # Symbols of a line that came back earlier, while this one was still down, may wait for the whole link.
            self._sink(LinkChanged(False, state, reason))

    def line_lost(self, line: Line, reason: str) -> None:
        """EmitFact the desk to read again what the line carries; a private loss is told as a short break."""
        if self._closed:
            return
        if line.private:
            self._sink(LinkChanged(True, LinkState.RECONNECTING, reason))
            self._sink(LinkChanged(True, line.state))
        else:
            self._sink(LinkChanged(False, self.state, reason, line.symbols))

    def line_refused(self, line: Line, channel: str, reason: str) -> None:
        """Try what carries the same figures in another way; else tell the desk that the channel is refused."""
        other = names.fallback(channel)
        if other is not None and other not in line.wanted:
            _log.info("channel %s was refused, trying %s", channel, other)
            self._instead[channel] = other
            line.want([other if wanted == channel else wanted for wanted in line.wanted])
            return
        self._sink(ChannelRefused(channel, names.symbol_of(channel), reason))

    def line_frame(self, line: Line, connection: Connection, frame: bytes, recv_ns: int) -> None:
        """Record, decode and hand on one data frame."""
        decoder = self.decoder
        if self._tap is not None:
            self._record(frame, recv_ns)
        bad = decoder.not_understood
        inputs = decoder.decode(frame, recv_ns)
        if decoder.not_understood != bad:
            inputs = tuple(self._restated(item) for item in inputs)
        for item in line.unseen(connection, frame, inputs):
            self._sink(item)
        if decoder.frames % LOOK_EVERY == 1 and decoder.last_sent_ms:
            self._delays_ms.append(self._clock.wall_ms() - decoder.last_sent_ms)

    def line_text(self, text: str, recv_ns: int) -> None:
        """Record a control frame; its meaning is the connection's business."""
        self.control_frames += 1
        if self._tap is not None:
            self._record(text, recv_ns)

    def _record(self, frame: bytes | str, recv_ns: int) -> None:
        if self._tap is None:
            return
        try:
            self._tap(recv_ns, self._clock.wall_ms(), frame)
        except OSError as error:
            _log.error("recording of frames stopped: %s", error)
            self._tap = None

    def _restated(self, item: Input) -> Input:
        """Give a loss of continuity the state the link really has."""
        if isinstance(item, LinkChanged) and not item.private:
            return LinkChanged(False, self.state, item.reason, item.symbols)
        return item

    def _line(self, *, private: bool) -> Line:
        opener = self._listen_key if private and self._listen_key is not None else _Public(self._dialer)
        return Line(self, opener, self._clock, self._timing, self._rng, self._ids, private=private)

    def _place(self, group: list[str]) -> None:
        """Put channels of one symbol on one line: one with room, else one that a rotation makes room on, else new."""
        for start in range(0, len(group), MAX_CHANNELS):
            part = group[start : start + MAX_CHANNELS]
            line = next((line for line in self._public if line.room >= len(part)), None)
            if line is None:
                line = next((line for line in self._public if self._worth_rotating(line, len(part))), None)
            if line is None:
                line = self._line(private=False)
                self._public.append(line)
                line.want(part)
                line.start()
            else:
                line.want([*line.wanted, *part])

    @staticmethod
    def _worth_rotating(line: Line, needed: int) -> bool:
        return line.room_after_rotation >= needed and line.room_after_rotation - max(line.room, 0) >= _WASTE

    def _retire(self, line: Line) -> None:
        self._public.remove(line)
        task = asyncio.create_task(line.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
