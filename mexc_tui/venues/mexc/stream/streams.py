"""All stream connections of one venue: which channel runs where, what arrives, and what was lost."""

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
from mexc_tui.venues.mexc.stream.link import StreamLink
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
        self._public: list[StreamLink] = []
        self._private: StreamLink | None = None
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
        """State of the market streams together: as bad as the worst link that is needed."""
        states = {link.state for link in self._public}
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
    def links(self) -> tuple[StreamLink, ...]:
        """Every link, the private one last."""
        return (*self._public, self._private) if self._private is not None else tuple(self._public)

    @property
    def alive_ns(self) -> int:
        """When the quietest market connection that is open last showed life; zero without any."""
        return min((alive for link in self._public if (alive := link.alive_ns) is not None), default=0)

    def delay_ms(self) -> float | None:
        """Median of receive time by this machine's clock less send time by the exchange's; None before any frame."""
        return float(median(self._delays_ms)) if self._delays_ms else None

    def start(self) -> None:
        """Begin to connect the account streams, if there are keys; market streams start with ``set_channels``."""
        if self._listen_key is None:
            return
        self._private = private = self._link(private=True)
        private.want(PRIVATE)
        self._listen_key.on_dead(lambda: private.rotate("the listen key had expired"))
        private.start()
        self._keeper = asyncio.create_task(self._listen_key.keep_alive())

    async def private_up(self) -> None:
        """Return when the account streams are subscribed."""
        if self._private is not None:
            await self._private.up.wait()

    async def public_up(self) -> None:
        """Return when every market link that is needed is connected."""
        await asyncio.gather(*(link.up.wait() for link in self._public))

    def set_channels(self, channels: Iterable[str]) -> None:
        """Carry exactly these public channels: subscribe to the new ones, drop the others."""
        before = self.state
        self._wanted = dict.fromkeys(channels)
        actual = dict.fromkeys(self._instead.get(channel, channel) for channel in self._wanted)
        carried = {channel for link in self._public for channel in link.wanted}
        instead = {names.content(channel): channel for channel in actual if channel not in carried}
        placed: set[str] = set()
        for link in list(self._public):
            # What brings the same at another speed takes the place of what it replaces.
            kept = dict.fromkeys(
                channel if channel in actual else instead.pop(names.content(channel), "") for channel in link.wanted
            )
            kept.pop("", None)
            placed.update(kept)
            if not kept:
                self._retire(link)
            elif tuple(kept) != link.wanted:
                link.want(tuple(kept))
        missing = [channel for channel in actual if channel not in placed]
        for _, group in itertools.groupby(missing, key=names.symbol_of):
            self._place(list(group))
        if before is LinkState.RECONNECTING and self.state is LinkState.CONNECTED:
            self._sink(LinkChanged(False, LinkState.CONNECTED, "what was down is not needed any more"))

    def ask_again(self, channels: Iterable[str]) -> None:
        """Ask at once for those of these channels that were refused; a further refusal is reported anew."""
        actual = {self._instead.get(channel, channel) for channel in channels}
        for link in self._public:
            link.ask_again(actual)

    async def close(self) -> None:
        """Close every connection and release the listen key."""
        self._closed = True
        stops = [link.stop() for link in self.links]
        if self._keeper is not None:
            self._keeper.cancel()
        if self._listen_key is not None:
            stops.append(self._listen_key.release())
        await asyncio.gather(*stops, *self._stopping, return_exceptions=True)
        await self._dialer.close()

    def link_changed(self, link: StreamLink, reason: str, lost: frozenset[str]) -> None:
        """Report what a change of one link means for the market or the account streams together."""
        if self._closed:
            return
        state = link.state if link.private else self.state
        self._sink(LinkChanged(link.private, state, reason, frozenset() if link.private else lost))
        if lost and state is LinkState.CONNECTED and len(self._public) > 1:
            # Symbols of a link that came back earlier, while this one was still down, may wait for all of them.
            self._sink(LinkChanged(False, state, reason))

    def link_lost(self, link: StreamLink, reason: str) -> None:
        """Report that what the link carries must be read again; a private loss is reported as a short break."""
        if self._closed:
            return
        if link.private:
            self._sink(LinkChanged(True, LinkState.RECONNECTING, reason))
            self._sink(LinkChanged(True, link.state))
        else:
            self._sink(LinkChanged(False, self.state, reason, link.symbols))

    def link_refused(self, link: StreamLink, channel: str, reason: str) -> None:
        """Try what carries the same figures in another way; else tell the desk that the channel is refused."""
        other = names.fallback(channel)
        if other is not None and other not in link.wanted:
            _log.info("channel %s was refused, trying %s", channel, other)
            self._instead[channel] = other
            link.want([other if wanted == channel else wanted for wanted in link.wanted])
            return
        self._sink(ChannelRefused(channel, names.symbol_of(channel), reason, names.candles_of(channel)))

    def link_frame(self, link: StreamLink, connection: Connection, frame: bytes, recv_ns: int) -> None:
        """Record, decode and hand on one data frame."""
        decoder = self.decoder
        if self._tap is not None:
            self._record(frame, recv_ns)
        bad = decoder.not_understood
        inputs = decoder.decode(frame, recv_ns)
        if decoder.not_understood != bad:
            inputs = tuple(self._restated(item) for item in inputs)
        for item in link.unseen(connection, frame, inputs):
            self._sink(item)
        if decoder.frames % LOOK_EVERY == 1 and decoder.last_sent_ms:
            self._delays_ms.append(self._clock.wall_ms() - decoder.last_sent_ms)

    def link_text(self, text: str, recv_ns: int) -> None:
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

    def _link(self, *, private: bool) -> StreamLink:
        opener = self._listen_key if private and self._listen_key is not None else _Public(self._dialer)
        return StreamLink(self, opener, self._clock, self._timing, self._rng, self._ids, private=private)

    def _place(self, group: list[str]) -> None:
        """Put channels of one symbol on one link: one with room, else one that a rotation makes room on, else new."""
        for start in range(0, len(group), MAX_CHANNELS):
            part = group[start : start + MAX_CHANNELS]
            link = next((link for link in self._public if link.room >= len(part)), None)
            if link is None:
                link = next((link for link in self._public if self._worth_rotating(link, len(part))), None)
            if link is None:
                link = self._link(private=False)
                self._public.append(link)
                link.want(part)
                link.start()
            else:
                link.want([*link.wanted, *part])

    @staticmethod
    def _worth_rotating(link: StreamLink, needed: int) -> bool:
        return link.room_after_rotation >= needed and link.room_after_rotation - max(link.room, 0) >= _WASTE

    def _retire(self, link: StreamLink) -> None:
        self._public.remove(link)
        task = asyncio.create_task(link.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
