"""The stream side: connections, subscriptions, timers, and the hub that hands each push to all its subscribers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
from aiohttp import WSMsgType, web

from mexc_tui.venues.simulator.core.events import (
    BalanceChanged,
    BookBroken,
    BookLevel,
    CandleMoved,
    OrderChanged,
    OwnTrade,
    PublicTrade,
    SimEvent,
)
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server import codec
from mexc_tui.venues.simulator.server.channels import AggreDepth, Channel, Kline, open_channel
from mexc_tui.venues.simulator.server.corruptor import FrameCorruptor
from mexc_tui.venues.simulator.server.faults import FaultPlan
from mexc_tui.venues.simulator.server.keys import CONNECTIONS_PER_LISTEN_KEY, ListenKeys
from mexc_tui.wire.mexc import channels as wire

PERIODS = (10, 100, 1_000)
E = TypeVar("E")


class StreamRules(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how much a stream may do; times in milliseconds of exchange time."""

    max_channels: int = wire.MAX_CHANNELS
    unsubscribed_ms: int = 30_000
    quiet_ms: int = 60_000
    lifetime_ms: int = 24 * 3_600_000
    messages_1s: int = 100
    queue: int = 4_096
    """Unsent pushes after which a slow reader is dropped."""


class _Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int = 0


class _Answer(msgspec.Struct):
    id: int
    code: int
    msg: str


_decode_request = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.Encoder().encode


class Connection:
    """One stream. Pushes are queued and written by a task of its own, so that a slow reader delays nobody else."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        account_id: str | None,
        listen_key: str,
        corruptor: FrameCorruptor,
        now_ms: int,
        queue: int,
        before_send: Callable[[], None] | None = None,
    ) -> None:
        self.account_id = account_id
        self.listen_key = listen_key
        self.corruptor = corruptor
        self.channels: dict[str, None] = {}
        self.opened_ms = now_ms
        self.unsubscribed_ms = now_ms
        self.active_ms = now_ms
        self.frozen = False
        """Half-open: nothing is sent or answered any more, and the socket stays."""
        self.gone = False
        self.messages: deque[int] = deque()
        self._socket = socket
        self._transport = transport
        self._limit = queue
        self._before_send = before_send
        self._out: deque[bytes | str] = deque()
        self._wake = asyncio.Event()

    def answer(self, text: str) -> None:
        """Queue a control answer."""
        if not self.frozen:
            self._out.append(text)
            self._wake.set()

    def push(self, channel: str, frame: bytes, now_ms: int) -> None:
        """Queue a push, through whatever faults are in force."""
        if self.frozen or self.gone:
            return
        if not self.corruptor.idle:
            for sent in self.corruptor.apply(channel, frame, now_ms):
                self._queue(sent, now_ms)
            self._obey(self.corruptor)
            return
        self._queue(frame, now_ms)

    def release_late(self, now_ms: int) -> None:
        """Queue what was held back and is due."""
        for sent in self.corruptor.due(now_ms):
            self._queue(sent, now_ms)

    def drop(self) -> None:
        """Cut the connection without a close frame."""
        self.gone = True
        if self._transport is not None:
            self._transport.abort()
        self._wake.set()

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        out, socket = self._out, self._socket
        with contextlib.suppress(ConnectionError):
            while not self.gone:
                while out and not self.frozen:
                    if self._before_send is not None:
                        self._before_send()
                    item = out.popleft()
                    if isinstance(item, bytes):
                        await socket.send_bytes(item)
                    else:
                        await socket.send_str(item)
                self._wake.clear()
                if not out or self.frozen:
                    await self._wake.wait()

    def _queue(self, frame: bytes, now_ms: int) -> None:
        self.active_ms = now_ms
        self._out.append(frame)
        if len(self._out) > self._limit:
            self.drop()
        elif not self._wake.is_set():
            self._wake.set()

    def _obey(self, corruptor: FrameCorruptor) -> None:
        if corruptor.cut:
            self.drop()
        self.frozen = corruptor.frozen


class Hub:
    """Turns exchange events into pushes. Each push is encoded once and shared by the channel's subscribers."""

    def __init__(
        self,
        core: Exchange,
        plan: FaultPlan,
        listen_keys: ListenKeys,
        rules: StreamRules,
        seed: int | str,
        book_requested: Callable[[], None],
    ) -> None:
        self._core = core
        self._plan = plan
        self._listen_keys = listen_keys
        self._rules = rules
        self._seed = seed
        self._book_requested = book_requested
        self._opened = 0
        self._connections: dict[Connection, None] = {}
        self._channels: dict[str, Channel] = {}
        self._subscribers: dict[str, dict[Connection, None]] = {}
        self._book: dict[str, list[Channel]] = {}
        self._trades: dict[str, list[Channel]] = {}
        self._by_period: dict[int, list[Channel]] = {period: [] for period in PERIODS}
        self._bucket = {period: core.now_ms // period for period in PERIODS}
        self.pushed = 0
        self.on_watched: Callable[[frozenset[str], frozenset[tuple[str, str]]], None] | None = None
        """Called with the pairs and the candles of them that are followed, whenever these change."""
        self.before_send: Callable[[], None] | None = None
        """Called before a frame leaves, so that nothing is reported that a crash could take back."""
        core.listen(self._on_event)

    @property
    def connections(self) -> int:
        """How many streams are open."""
        return len(self._connections)

    @property
    def open_channels(self) -> dict[str, int]:
        """Subscribers of each channel."""
        return {name: len(subscribers) for name, subscribers in self._subscribers.items() if subscribers}

    async def serve(self, request: web.Request, now_ms: Callable[[], int]) -> web.StreamResponse:
        """Run one stream from its handshake to its end."""
        key = request.query.get("listenKey", "")
        account = self._listen_keys.account(key, now_ms()) if key else None
        socket = web.WebSocketResponse(compress=False, max_msg_size=64 * 1024)
        await socket.prepare(request)
        in_use = sum(1 for c in self._connections if c.listen_key == key) if key else 0
        if key and (account is None or in_use >= CONNECTIONS_PER_LISTEN_KEY):
            await socket.send_str("Invalid listen key")
            await socket.close()
            return socket
        self._opened += 1
        corruptor = FrameCorruptor(self._plan, f"{self._seed}:{self._opened}")
        connection = Connection(
            socket, request.transport, account, key, corruptor, now_ms(), self._rules.queue, self.before_send
        )
        self._connections[connection] = None
        writer = asyncio.create_task(connection.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.receive(connection, message.data, now_ms())
                elif message.type is WSMsgType.BINARY:
                    connection.answer(_control(0, "msg format invalid"))
        finally:
            connection.gone = True
            writer.cancel()
            self._forget(connection)
        return socket

    def receive(self, connection: Connection, text: str, now_ms: int) -> None:
        """Answer one request of a stream."""
        if connection.frozen:
            return
        connection.active_ms = now_ms
        if self._flooding(connection, now_ms):
            connection.drop()
            return
        try:
            request = _decode_request(text)
        except msgspec.DecodeError:
            connection.answer(_control(0, "msg format invalid"))
            return
        ident = max(0, request.id)
        match request.method.upper():
            case "PING":
                connection.answer(_control(ident, "PONG"))
            case "SUBSCRIPTION" if request.params:
                self._subscribe(connection, request.params, ident, now_ms)
            case "UNSUBSCRIPTION" if request.params:
                for name in request.params:
                    self._unsubscribe(connection, name)
                if not connection.channels:
                    connection.unsubscribed_ms = now_ms
                connection.answer(_control(ident, ",".join(request.params)))
            case _:
                connection.answer(_control(ident, "msg format invalid"))

    def step(self, now_ms: int) -> None:
        """Push what is due and end the streams whose time is over."""
        for period in PERIODS:
            bucket = now_ms // period
            if bucket != self._bucket[period]:
                self._bucket[period] = bucket
                for channel in self._by_period[period]:
                    for frame in channel.flush(self._core, now_ms):
                        self._fan_out(channel.name, frame, now_ms)
        for connection in self._connections:
            connection.release_late(now_ms)
        self._expire(now_ms)

    def snapshot_taken(self, symbol: str) -> None:
        """Note on the depth channels of a pair that somebody read its book by REST."""
        for channel in self._book.get(symbol, ()):
            if isinstance(channel, AggreDepth):
                channel.snapshot_taken(self._core.now_ms)

    def drop(self, account_id: str | None = None) -> int:
        """Cut every stream (of one account) without a close frame and return how many."""
        doomed = [c for c in self._connections if account_id is None or c.account_id == account_id]
        for connection in doomed:
            connection.drop()
        return len(doomed)

    def end_listen_keys(self, keys: Iterable[str]) -> None:
        """Cut the streams of listen keys that are no longer valid."""
        dead = set(keys)
        if dead:
            for connection in [c for c in self._connections if c.listen_key in dead]:
                connection.drop()

    def _subscribe(self, connection: Connection, names: list[str], ident: int, now_ms: int) -> None:
        accepted: list[str] = []
        refused: list[str] = []
        for name in names:
            (accepted if self._join(connection, name) else refused).append(name)
        connection.answer(_control(ident, _subscription_message(accepted, refused)))
        if any("depth" in name for name in accepted):
            self._book_requested()
        if not connection.channels:
            connection.unsubscribed_ms = min(connection.unsubscribed_ms, now_ms)

    def _join(self, connection: Connection, name: str) -> bool:
        if name in connection.channels:
            return True
        if len(connection.channels) >= self._rules.max_channels:
            return False
        if name in wire.PRIVATE:
            if connection.account_id is None:
                return False
        elif not self._open(name):
            return False
        connection.channels[name] = None
        self._subscribers.setdefault(name, {})[connection] = None
        return True

    def _open(self, name: str) -> bool:
        channel = self._channels.get(name)
        if channel is None:
            channel = open_channel(name, self._core)
            if channel is None:
                return False
            self._channels[name] = channel
            if channel.wants_book:
                self._book.setdefault(channel.symbol, []).append(channel)
            if channel.wants_trades:
                self._trades.setdefault(channel.symbol, []).append(channel)
            self._by_period[channel.period_ms].append(channel)
            self._report_watched()
        channel.joined()
        return True

    def _report_watched(self) -> None:
        if self.on_watched is not None:
            found = self._channels.values()
            candles = frozenset((c.symbol, c.core_interval) for c in found if isinstance(c, Kline))
            self.on_watched(frozenset(c.symbol for c in found if c.symbol), candles)

    def _unsubscribe(self, connection: Connection, name: str) -> None:
        if connection.channels.pop(name, "") is None:
            subscribers = self._subscribers[name]
            subscribers.pop(connection, None)
            if not subscribers:
                self._close_channel(name)

    def _close_channel(self, name: str) -> None:
        del self._subscribers[name]
        channel = self._channels.pop(name, None)
        if channel is None:
            return
        self._by_period[channel.period_ms].remove(channel)
        for index in (self._book, self._trades):
            listed = index.get(channel.symbol, [])
            if channel in listed:
                listed.remove(channel)
        self._report_watched()

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        for name in list(connection.channels):
            self._unsubscribe(connection, name)

    def _fan_out(self, name: str, frame: bytes, now_ms: int) -> None:
        subscribers = self._subscribers.get(name)
        if subscribers:
            self.pushed += len(subscribers)
            for connection in subscribers:
                connection.push(name, frame, now_ms)

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, BookLevel):
            for channel in self._book.get(event.symbol, ()):
                channel.on_book(event)
        elif isinstance(event, PublicTrade):
            for channel in self._trades.get(event.symbol, ()):
                channel.on_trade(event)
        elif isinstance(event, OrderChanged):
            self._private(wire.PRIVATE_ORDERS, event.order.account_id, codec.private_order, event)
        elif isinstance(event, OwnTrade):
            self._private(wire.PRIVATE_DEALS, event.account_id, codec.private_deal, event)
        elif isinstance(event, BalanceChanged):
            self._private(wire.PRIVATE_ACCOUNT, event.account_id, codec.private_account, event)
        elif isinstance(event, BookBroken):
            for channel in self._book.get(event.symbol, ()):
                if isinstance(channel, AggreDepth):
                    channel.broken()
        elif isinstance(event, CandleMoved):
            for channel in self._trades.get(event.symbol, ()):
                if isinstance(channel, Kline):
                    channel.dirty = True

    def _private(self, name: str, account_id: str, encode: Callable[[E, int], bytes], event: E) -> None:
        listeners = [c for c in self._subscribers.get(name, ()) if c.account_id == account_id]
        if not listeners:
            return
        now_ms = self._core.now_ms
        if self._plan.streams and self._plan.strikes("listen_key_death", name):
            self.end_listen_keys(self._listen_keys.kill(account_id))
            return
        frame = encode(event, now_ms)
        self.pushed += len(listeners)
        for connection in listeners:
            connection.push(name, frame, now_ms)

    def _flooding(self, connection: Connection, now_ms: int) -> bool:
        recent = connection.messages
        recent.append(now_ms)
        while recent[0] <= now_ms - 1_000:
            recent.popleft()
        return len(recent) > self._rules.messages_1s

    def _expire(self, now_ms: int) -> None:
        self.end_listen_keys(self._listen_keys.expire(now_ms))
        rules = self._rules
        for connection in list(self._connections):
            idle = not connection.channels and now_ms - connection.unsubscribed_ms >= rules.unsubscribed_ms
            quiet = bool(connection.channels) and now_ms - connection.active_ms >= rules.quiet_ms
            if idle or (quiet and not connection.frozen) or now_ms - connection.opened_ms >= rules.lifetime_ms:
                connection.drop()


def _control(ident: int, message: str) -> str:
    return _encode(_Answer(ident, 0, message)).decode()


def _subscription_message(accepted: list[str], refused: list[str]) -> str:
    if not refused:
        return ",".join(accepted)
    no = f"Not Subscribed successfully! [{','.join(refused)}].  Reason： Blocked! "
    return f"Subscribed successful! [{','.join(accepted)}]. {no}" if accepted else no
