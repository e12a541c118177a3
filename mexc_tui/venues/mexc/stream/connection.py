"""One stream connection: requests and their answers, keep-alive, and noticing when it is of no use any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.channels import Answer, AnswerKind
from mexc_tui.venues.mexc.stream.dialing import Socket
from mexc_tui.wire.mexc.channels import MAX_CHANNELS

_NS: Final = 1_000_000_000
_BURST: Final = 128
"""Frames handled before other tasks of the loop get their turn."""


class StreamTiming(msgspec.Struct, frozen=True, kw_only=True):
    """When a connection is pinged, doubted, given up and replaced; seconds."""

    ping_s: float = 20.0
    """MEXC drops a quiet connection that has not pinged for about 60 s."""
    quiet_s: float = 2.0
    """A connection that says nothing for so long is asked whether it lives."""
    silence_s: float = 30.0
    """Silent for so long, not even the answer to a ping: the connection is dead."""
    ping_answer_s: float = 8.0
    """Silent for so long after a ping: the same."""
    answer_s: float = 10.0
    """A request without an answer is repeated once, then its channels count as refused."""
    first_data_s: float = 30.0
    """A channel that was accepted and stays silent is asked for once more."""
    rotate_s: float = 23 * 3600.0
    """MEXC drops every connection after 24 h; ours are replaced before."""
    rotate_jitter_s: float = 1800.0
    overlap_s: float = 2.0
    """How long the old connection stays beside its replacement."""
    backoff_s: float = 0.5
    backoff_max_s: float = 8.0
    stable_s: float = 30.0
    """A connection that lived so long resets the backoff."""
    refused_again_s: float = 300.0
    """When a refused channel is asked for again; twice as long after every further time."""
    refused_longest_s: float = 3600.0
    slept_s: float = 5.0
    """A wall clock that moved so much further than the monotonic one means that the machine was suspended."""
    tick_s: float = 0.5


class _Request(msgspec.Struct):
    channels: set[str]
    sent_ns: int
    repeated: bool = False


class Connection:
    """An open socket with its subscriptions. ``run`` ends when the socket does and returns why."""

    def __init__(
        self,
        socket: Socket,
        clock: Clock,
        timing: StreamTiming,
        *,
        ids: Iterator[int],
        on_frame: Callable[[Connection, bytes, int], None],
        on_text: Callable[[str, int], None],
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._timing = timing
        self._ids = ids
        self._on_frame = on_frame
        self._on_text = on_text
        self._requests: dict[int, _Request] = {}
        self._awaiting_data: dict[bytes, int] = {}
        self._asked_twice: set[str] = set()
        self._subscribed: set[str] = set()
        self._refused: dict[str, str] = {}
        self._settled = asyncio.Event()
        self._changed: Callable[[], None] = lambda: None
        self.alive_ns = clock.monotonic_ns()
        """When the exchange last said anything here."""
        self._ping_ns = 0
        self.opened_ns = self.alive_ns
        self.used = 0
        """Places taken so far; unsubscribing is not trusted to give one back."""
        self.key_invalid = False
        """The exchange said that the listen key of this connection is not valid."""
        self.task: asyncio.Task[str] | None = None
        self.reason = ""
        """Why the connection ended."""

    @property
    def subscribed(self) -> frozenset[str]:
        """Channels the exchange has accepted."""
        return frozenset(self._subscribed)

    @property
    def asked(self) -> frozenset[str]:
        """Channels accepted, or asked for and not answered yet."""
        waiting = (request.channels for request in self._requests.values())
        return frozenset(self._subscribed.union(*waiting))

    @property
    def unanswered(self) -> int:
        """Requests that wait for an answer."""
        return len(self._requests)

    def start(self) -> asyncio.Task[str]:
        """Start reading; the task's result is the reason for which the connection ended."""
        self.task = asyncio.create_task(self.run())
        return self.task

    async def stop(self) -> None:
        """Stop reading and close the socket."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back whenever an answer has changed what is subscribed or refused."""
        self._changed = callback

    def take_refused(self) -> dict[str, str]:
        """Return the channels refused since the last call, with MEXC's reason."""
        refused, self._refused = self._refused, {}
        return refused

    async def subscribe(self, wanted: Iterable[str]) -> None:
        """Ask for channels; the answers arrive while ``run`` runs. ConnectionError if the socket is gone."""
        await self._ask(list(wanted), repeated=False)

    async def unsubscribe(self, dropped: Iterable[str]) -> None:
        """Give channels up."""
        gone = list(dropped)
        self._subscribed.difference_update(gone)
        for channel in gone:
            self._awaiting_data.pop(channel.encode(), None)
        for number, request in list(self._requests.items()):
            # A channel that is wanted again before its first answer is asked for again, after this.
            request.channels.difference_update(gone)
            if not request.channels:
                del self._requests[number]
        if not self._requests:
            self._settled.set()
        for _, _, text in names.requests("UNSUBSCRIPTION", gone, self._ids):
            await self._socket.send(text)

    async def answered(self) -> None:
        """Return when no request waits for an answer."""
        if self._requests:
            self._settled.clear()
            await self._settled.wait()

    async def run(self) -> str:
        """Read until the socket ends or is silent for too long, close it, and return the reason."""
        reader = asyncio.create_task(self._read())
        watch = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait({reader, watch}, return_when=asyncio.FIRST_COMPLETED)
            self.reason = self.reason or next(iter(done)).result()
        finally:
            for task in (reader, watch):
                task.cancel()
            await asyncio.gather(reader, watch, return_exceptions=True)
            self._settled.set()
            await self._socket.close()
        return self.reason

    async def _ask(self, wanted: list[str], *, repeated: bool) -> None:
        for number, batch, text in names.requests("SUBSCRIPTION", wanted, self._ids):
            self._requests[number] = _Request(set(batch), self._clock.monotonic_ns(), repeated)
            self.used += 0 if repeated else len(batch)
            await self._socket.send(text)

    async def _read(self) -> str:
        in_row = 0
        while True:
            frame = await self._socket.receive()
            if frame is None:
                return "the exchange closed the connection"
            now = self._clock.monotonic_ns()
            self.alive_ns = now
            if isinstance(frame, str):
                self._on_text(frame, now)
                self._answer(names.parse_answer(frame))
                if self.key_invalid:
                    return "the listen key is not valid any more"
            else:
                if self._requests or self._awaiting_data:
                    self._data_came(names.channel_of(frame))
                self._on_frame(self, frame, now)
            in_row += 1
            if in_row % _BURST == 0:
                await asyncio.sleep(0)

    async def _watch(self) -> str:
        timing = self._timing
        gap_ms = self._clock.wall_ms() - self._clock.monotonic_ns() // 1_000_000
        while True:
            await self._clock.sleep(timing.tick_s)
            now = self._clock.monotonic_ns()
            before, gap_ms = gap_ms, self._clock.wall_ms() - now // 1_000_000
            if gap_ms - before > timing.slept_s * 1_000:
                # The monotonic clock stands still in a suspended machine, so ages would look small afterwards.
                return "this machine was asleep"
            silent = (now - self.alive_ns) / _NS
            since_ping = (now - self._ping_ns) / _NS if self._ping_ns else float("inf")
            unanswered = self._ping_ns > self.alive_ns and since_ping >= timing.ping_answer_s
            if silent >= timing.silence_s or unanswered:
                return f"nothing was received for {silent:.0f} s"
            overdue = since_ping >= timing.ping_s and (now - self.opened_ns) / _NS >= timing.quiet_s
            doubtful = silent >= timing.quiet_s and self._ping_ns <= self.alive_ns
            try:
                if overdue or doubtful:
                    self._ping_ns = now
                    await self._socket.send(names.PING)
                await self._check_answers(now)
                await self._check_silent(now)
            except ConnectionError:
                return "the connection was lost"

    async def _check_answers(self, now: int) -> None:
        late = [
            number
            for number, request in self._requests.items()
            if (now - request.sent_ns) / _NS >= self._timing.answer_s
        ]
        for number in late:
            request = self._requests.pop(number)
            if request.repeated:
                self._refuse(request.channels, "no answer to the subscription")
            else:
                await self._ask(sorted(request.channels), repeated=True)
        if late:
            self._after_answer()

    async def _check_silent(self, now: int) -> None:
        late = [raw for raw, since in self._awaiting_data.items() if (now - since) / _NS >= self._timing.first_data_s]
        again = []
        for raw in late:
            del self._awaiting_data[raw]
            channel = raw.decode()
            # An illiquid pair may have nothing to say; asking a second time costs a place and is done once.
            if channel not in self._asked_twice and self.used < MAX_CHANNELS and not names.is_private(channel):
                self._asked_twice.add(channel)
                again.append(channel)
        if again:
            await self._ask(again, repeated=False)

    def _data_came(self, raw: bytes) -> None:
        """Take a push as the answer to its channel's subscription: an answer can be late or lost."""
        channel = raw.decode("utf-8", "replace")
        for number, request in list(self._requests.items()):
            if channel in request.channels:
                self._accept((channel,))
                request.channels.discard(channel)
                if not request.channels:
                    del self._requests[number]
                self._after_answer()
        self._awaiting_data.pop(raw, None)

    def _answer(self, answer: Answer) -> None:
        if answer.kind is AnswerKind.INVALID_KEY:
            self.key_invalid = True
            return
        if answer.kind is AnswerKind.BAD_REQUEST:
            request = self._requests.pop(self._find(answer.id), None)
            if request is not None:
                self._refuse(request.channels, answer.reason)
                self._after_answer()
            return
        if answer.kind is not AnswerKind.CHANNELS or (answer.id and answer.id not in self._requests):
            return
        meant = [answer.id] if answer.id in self._requests else list(self._requests)
        waiting = set[str]().union(*(self._requests[number].channels for number in meant))
        accepted = {channel for channel in answer.accepted if channel in waiting}
        refused = {channel for channel in answer.refused if channel in waiting}
        if not answer.accepted and not answer.refused:
            # "Not Subscribed successfully! []": nothing of the request was refused.
            accepted = set(self._requests[number].channels) if (number := self._find(answer.id)) else set()
        self._accept(accepted)
        self._refuse(refused, answer.reason or "refused without a reason")
        for number in meant:
            request = self._requests[number]
            request.channels -= accepted | refused
            if number == answer.id and answer.refused and not answer.accepted and request.channels:
                self._accept(request.channels)
                request.channels = set()
            if not request.channels:
                del self._requests[number]
        if accepted or refused:
            self._after_answer()

    def _find(self, number: int) -> int:
        """Return the request an answer belongs to: by its id, else the oldest; zero if there is none."""
        return number if number in self._requests else next(iter(self._requests), 0)

    def _accept(self, accepted: Iterable[str]) -> None:
        now = self._clock.monotonic_ns()
        for channel in accepted:
            self._subscribed.add(channel)
            self._awaiting_data[channel.encode()] = now

    def _refuse(self, refused: Iterable[str], reason: str) -> None:
        for channel in refused:
            self._refused[channel] = reason
            self._subscribed.discard(channel)

    def _after_answer(self) -> None:
        if not self._requests:
            self._settled.set()
        self._changed()
