"""Stream connections against a scripted exchange and a clock that the test moves."""

from __future__ import annotations

import asyncio
import heapq
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import BookDelta, ChannelRefused, Input, LinkChanged, LinkState, TradesSeen
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.channels import Speed
from mexc_tui.venues.mexc.stream.connection import StreamTiming
from mexc_tui.venues.mexc.stream.dialing import DialError
from mexc_tui.venues.mexc.stream.listen_key import KeyTiming, ListenKey
from mexc_tui.venues.mexc.stream.streams import Streams
from mexc_tui.wire.mexc import channels as wire
from mexc_tui.wire.mexc.pb import push_pb2 as pb

SECRET = "listen-key-that-must-not-be-seen"


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def wall_ms(self) -> int:
        return 1_760_000_000_000 + int((self.now + self.slept) * 1e3)

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        target = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self.now = max(self.now, due)
                future.set_result(None)
                await settle()
        self.now = target
        await settle()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class FakeSocket:
    def __init__(self, exchange: FakeExchange, key: str) -> None:
        self.exchange = exchange
        self.key = key
        self.sent: list[dict[str, Any]] = []
        self.subscribed: list[str] = []
        self.total = 0
        self.closed = False
        self.deaf = False
        self._frames: asyncio.Queue[bytes | str | None] = asyncio.Queue()

    async def receive(self) -> bytes | str | None:
        return await self._frames.get()

    async def send(self, text: str) -> None:
        if self.closed:
            raise ConnectionResetError("closed")
        message = json.loads(text)
        self.sent.append(message)
        if not self.deaf:
            self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        if message["method"] == "PING":
            self.push('{"id":0,"code":0,"msg":"PONG"}')
            return
        params = message["params"]
        if message["method"] == "UNSUBSCRIPTION":
            self.subscribed = [channel for channel in self.subscribed if channel not in params]
            self.push(json.dumps({"id": message["id"], "code": 0, "msg": ",".join(params)}))
            return
        self.total += len(params)
        bad = [channel for channel in params if channel in self.exchange.refuses or self.total > 30]
        good = [channel for channel in params if channel not in bad]
        self.subscribed += good
        text = ",".join(good)
        if bad:
            head = f"Subscribed successful! [{text}]. " if good else ""
            text = f"{head}Not Subscribed successfully! [{','.join(bad)}].  Reason： Blocked! "
        self.push(json.dumps({"id": message["id"], "code": 0, "msg": text}, ensure_ascii=False))

    def push(self, frame: bytes | str | None) -> None:
        self._frames.put_nowait(frame)

    def drop(self) -> None:
        self.closed = True
        self.push(None)

    async def close(self) -> None:
        if not self.closed:
            self.drop()

    @property
    def pings(self) -> int:
        return sum(message["method"] == "PING" for message in self.sent)


class FakeExchange:
    """Dialer and key desk in one."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.sockets: list[FakeSocket] = []
        self.down = False
        self.dials = 0
        self.keys: list[str] = []
        self.extended: list[str] = []
        self.released: list[str] = []
        self.extend_error: VenueError | None = None

    async def dial(self, listen_key: str) -> FakeSocket:
        self.dials += 1
        if self.down:
            raise DialError("the exchange cannot be reached")
        socket = FakeSocket(self, listen_key)
        self.sockets.append(socket)
        return socket

    async def close(self) -> None:
        return

    async def listen_key_create(self) -> str:
        self.keys.append(f"{SECRET}-{len(self.keys)}")
        return self.keys[-1]

    async def listen_key_extend(self, listen_key: str) -> None:
        self.extended.append(listen_key)
        if self.extend_error is not None:
            raise self.extend_error

    async def listen_key_close(self, listen_key: str) -> None:
        self.released.append(listen_key)

    @property
    def open(self) -> list[FakeSocket]:
        return [socket for socket in self.sockets if not socket.closed]

    @property
    def carried(self) -> set[str]:
        return {channel for socket in self.open for channel in socket.subscribed}


class Desk:
    def __init__(self, *, private: bool = False, timing: StreamTiming | None = None) -> None:
        self.clock = ManualClock()
        self.exchange = FakeExchange()
        self.seen: list[Input] = []
        self.taped: list[bytes | str] = []
        rng = random.Random(5)
        self.key = ListenKey(self.exchange, self.exchange, self.clock, KeyTiming(), rng) if private else None
        self.streams = Streams(
            dialer=self.exchange,
            clock=self.clock,
            sink=self.seen.append,
            rng=rng,
            timing=timing or StreamTiming(),
            listen_key=self.key,
            tap=lambda recv_ns, wall_ms, frame: self.taped.append(frame),
        )

    def links(self) -> list[LinkChanged]:
        return [item for item in self.seen if isinstance(item, LinkChanged)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.seen if isinstance(item, kind)]

    async def carry(self, *channels: str) -> None:
        self.streams.set_channels(channels)
        await settle()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.streams.close()


@pytest.fixture
async def account() -> AsyncIterator[Desk]:
    made = Desk(private=True)
    yield made
    await made.streams.close()


def depth_frame(symbol: str = "BTCUSDT", version: int = 5) -> bytes:
    wrapper = pb.PushDataV3ApiWrapper(channel=names.depth(symbol), symbol=symbol, sendTime=1_760_000_999_000)
    body = wrapper.publicAggreDepths
    body.bids.add(price="1", quantity="2")
    body.fromVersion = body.toVersion = str(version)
    return bytes(wrapper.SerializeToString())


def trade_frame(*ids: str) -> bytes:
    wrapper = pb.PushDataV3ApiWrapper(channel=names.deals("BTCUSDT"), symbol="BTCUSDT", sendTime=1_760_000_999_000)
    for number in ids:
        item = wrapper.publicAggreDeals.deals.add(price="1", quantity="2", tradeType=1, time=1_760_000_000_000)
        item.tradeId = number
    return bytes(wrapper.SerializeToString())


async def test_pushes_reach_the_desk_and_every_frame_the_tap_first(desk: Desk) -> None:
    await desk.carry(names.depth("BTCUSDT"))
    assert desk.streams.state is LinkState.CONNECTED
    (socket,) = desk.exchange.open
    socket.push(depth_frame())
    socket.push(b"\xffnot protobuf")
    socket.push(depth_frame(version=6))
    await settle()
    assert [delta.last for delta in desk.of(BookDelta)] == [5, 6]
    assert desk.taped[-3:] == [depth_frame(), b"\xffnot protobuf", depth_frame(version=6)]
    assert desk.streams.decoder.malformed == 1
    assert desk.exchange.dials == 1


async def test_more_than_thirty_channels_need_more_connections_and_a_symbol_stays_together(desk: Desk) -> None:
    wanted = [make(f"S{n}USDT") for n in range(25) for make in (names.depth, names.deals, names.book_ticker)]
    await desk.carry(names.mini_tickers(), *wanted)
    assert [len(socket.subscribed) for socket in desk.exchange.open] == [28, 30, 18]
    assert desk.exchange.carried == {names.mini_tickers(), *wanted}
    for number in range(25):
        homes = [s for s in desk.exchange.open if any(f"@S{number}USDT" in channel for channel in s.subscribed)]
        assert len(homes) == 1


async def test_a_lost_connection_names_its_symbols_and_subscribes_again(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"), names.depth("BUSDT"))
    desk.exchange.open[0].drop()
    await settle()
    lost = desk.links()[-1]
    assert (lost.state, lost.symbols) == (LinkState.RECONNECTING, {"AUSDT", "BUSDT"})
    await desk.clock.advance(1)
    again = desk.links()[-1]
    assert (again.state, again.symbols) == (LinkState.CONNECTED, {"AUSDT", "BUSDT"})
    assert desk.exchange.carried == {names.depth("AUSDT"), names.depth("BUSDT")}


async def test_waiting_grows_while_the_exchange_is_down_and_is_told_once(desk: Desk) -> None:
    desk.exchange.down = True
    await desk.carry(names.depth("AUSDT"))
    await desk.clock.advance(10)
    early = desk.exchange.dials
    assert 3 <= early <= 8
    await desk.clock.advance(600)
    assert desk.exchange.dials - early <= 150
    assert len(desk.links()) == 1
    assert "cannot be reached" in desk.links()[0].reason
    desk.exchange.down = False
    await desk.clock.advance(10)
    assert desk.streams.state is LinkState.CONNECTED


async def test_pings_keep_a_quiet_connection_and_a_dead_one_is_noticed(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    await desk.clock.advance(120)
    assert not socket.closed
    assert socket.pings >= 5
    socket.deaf = True
    await desk.clock.advance(31)
    assert socket.closed
    assert len(desk.exchange.open) == 1
    assert any("nothing was received" in link.reason for link in desk.links())


async def test_after_the_machine_slept_nothing_is_believed_to_be_current(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    desk.clock.slept = 3_600
    await desk.clock.advance(1)
    assert [link.state for link in desk.links()][1] is LinkState.RECONNECTING
    assert "asleep" in desk.links()[1].reason
    await desk.clock.advance(1)
    assert desk.links()[-1].symbols == {"AUSDT"}
    assert desk.streams.state is LinkState.CONNECTED


async def test_a_busy_connection_that_stops_talking_is_noticed_within_twenty_seconds(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    for _ in range(30):
        socket.push(depth_frame("AUSDT"))
        await desk.clock.advance(1)
    socket.deaf = True
    await desk.clock.advance(20)
    assert socket.closed


async def test_a_connection_that_only_receives_still_pings(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    for _ in range(60):
        socket.push(depth_frame("AUSDT"))
        await desk.clock.advance(1)
    assert socket.pings >= 3
    assert not socket.closed


async def test_a_refused_channel_is_reported_and_costs_no_connection(desk: Desk) -> None:
    desk.exchange.refuses = {names.depth("NOPEUSDT")}
    await desk.carry(names.depth("AUSDT"), names.depth("NOPEUSDT"))
    (refused,) = desk.of(ChannelRefused)
    assert (refused.channel, refused.symbol) == (names.depth("NOPEUSDT"), "NOPEUSDT")
    assert "Blocked" in refused.reason
    await desk.clock.advance(1_000)
    assert desk.exchange.dials == 1
    assert len(desk.of(ChannelRefused)) == 1
    assert desk.exchange.carried == {names.depth("AUSDT")}


async def test_a_line_of_refused_channels_does_not_dial_again_and_again(desk: Desk) -> None:
    desk.exchange.refuses = {names.depth("NOPEUSDT")}
    await desk.carry(names.depth("NOPEUSDT"))
    await desk.clock.advance(290)
    assert desk.exchange.dials == 1
    assert desk.streams.state is LinkState.CLOSED
    desk.exchange.refuses = set()
    await desk.clock.advance(20)
    assert desk.exchange.carried == {names.depth("NOPEUSDT")}
    assert desk.streams.state is LinkState.CONNECTED


async def test_a_refused_speed_or_zone_falls_back_without_a_complaint(desk: Desk) -> None:
    fast = names.depth("AUSDT", Speed.FAST)
    desk.exchange.refuses = {fast, names.mini_tickers()}
    await desk.carry(names.mini_tickers(), fast)
    assert desk.exchange.carried == {names.depth("AUSDT"), names.mini_tickers("UTC+8")}
    assert desk.of(ChannelRefused) == []
    await desk.carry(names.mini_tickers(), fast, names.deals("AUSDT"))
    assert desk.exchange.carried == {names.depth("AUSDT"), names.mini_tickers("UTC+8"), names.deals("AUSDT")}
    assert desk.exchange.dials == 1


async def test_a_subscription_without_answer_is_repeated_and_then_refused(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    socket.deaf = True
    await desk.carry(names.depth("AUSDT"), names.depth("BUSDT"))
    for _ in range(25):
        socket.push(depth_frame("AUSDT"))
        await desk.clock.advance(1)
    asked = [m for m in socket.sent if m["method"] == "SUBSCRIPTION" and names.depth("BUSDT") in m["params"]]
    assert len(asked) == 2
    assert [item.symbol for item in desk.of(ChannelRefused)] == ["BUSDT"]


async def test_a_silent_channel_is_asked_for_once_more(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"), names.depth("BUSDT"))
    (socket,) = desk.exchange.open
    for _ in range(100):
        socket.push(depth_frame("AUSDT"))
        await desk.clock.advance(1)
    asked = [channel for m in socket.sent if m["method"] == "SUBSCRIPTION" for channel in m["params"]]
    assert asked.count(names.depth("BUSDT")) == 2
    assert asked.count(names.depth("AUSDT")) == 1
    assert desk.exchange.dials == 1


async def test_changing_interest_subscribes_and_unsubscribes_the_difference(desk: Desk) -> None:
    await desk.carry(names.mini_tickers(), names.depth("AUSDT"))
    await desk.carry(names.mini_tickers(), names.depth("BUSDT"))
    (socket,) = desk.exchange.open
    assert desk.exchange.carried == {names.mini_tickers(), names.depth("BUSDT")}
    assert [m["method"] for m in socket.sent] == ["SUBSCRIPTION", "UNSUBSCRIPTION", "SUBSCRIPTION"]
    assert desk.exchange.dials == 1


async def test_used_up_places_lead_to_a_fresh_connection_without_a_break(desk: Desk) -> None:
    for number in range(40):
        await desk.carry(names.mini_tickers(), names.depth(f"S{number}USDT"))
        await desk.clock.advance(3)
    assert desk.exchange.carried == {names.mini_tickers(), names.depth("S39USDT")}
    assert all(socket.total <= 30 for socket in desk.exchange.sockets)
    assert len(desk.exchange.open) == 1
    assert [link.state for link in desk.links()] == [LinkState.CONNECTED]
    assert desk.of(ChannelRefused) == []


async def test_rotation_before_a_day_overlaps_and_repeats_no_trade() -> None:
    desk = Desk(timing=StreamTiming(tick_s=20.0, ping_s=40.0, overlap_s=60.0))
    await desk.carry(names.depth("BTCUSDT"), names.deals("BTCUSDT"))
    while len(desk.exchange.open) < 2 and desk.clock.now < 90_000:
        await desk.clock.advance(30)
    assert 22 * 3600 < desk.clock.now - 1_000 < 24 * 3600
    old, new = desk.exchange.open
    desk.seen.clear()
    for socket, ids in ((old, ("t1", "t2")), (new, ("t2", "t3")), (old, ("t3", "t4")), (new, ("t1", "t4", "t5"))):
        socket.push(trade_frame(*ids))
        await settle()
    await desk.clock.advance(61)
    assert old.closed
    new.push(trade_frame("t6"))
    await settle()
    ids = [trade.trade_id for seen in desk.of(TradesSeen) for trade in seen.trades]
    assert ids == ["t1", "t2", "t3", "t4", "t5", "t6"]
    assert desk.links() == []
    await desk.streams.close()


async def test_a_failed_rotation_keeps_the_old_connection(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    desk.exchange.down = True
    desk.streams.links[0].rotate()
    await desk.clock.advance(130)
    assert not socket.closed
    assert desk.exchange.dials >= 3
    assert desk.streams.state is LinkState.CONNECTED
    desk.exchange.down = False
    await desk.clock.advance(70)
    assert socket.closed
    assert desk.streams.links[0].rotations == 1


async def test_a_drop_while_rotating_is_told_as_lost_continuity(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (old,) = desk.exchange.open
    dial = desk.exchange.dial

    async def late(key: str) -> FakeSocket:
        old.drop()
        await settle()
        return await dial(key)

    desk.exchange.dial = late  # type: ignore[method-assign]
    desk.streams.links[0].rotate()
    await desk.clock.advance(5)
    assert desk.exchange.carried == {names.depth("AUSDT")}
    assert any("AUSDT" in link.symbols for link in desk.links())


async def test_a_fault_in_the_desk_costs_the_connection_but_not_the_stream(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    real: Callable[[Input], None] = desk.seen.append

    def broken(item: Input) -> None:
        if isinstance(item, BookDelta):
            raise RuntimeError("a bug")
        real(item)

    desk.streams._sink = broken
    desk.exchange.open[0].push(depth_frame("AUSDT"))
    await settle()
    desk.streams._sink = real
    await desk.clock.advance(30)
    assert desk.streams.state is LinkState.CONNECTED
    assert any("internal fault" in link.reason for link in desk.links())


async def test_the_link_is_down_while_any_needed_line_is_down(desk: Desk) -> None:
    wanted = [names.depth(f"S{n}USDT") for n in range(40)]
    await desk.carry(*wanted)
    first, second = desk.exchange.open
    second.drop()
    await settle()
    assert desk.streams.state is LinkState.RECONNECTING
    first.push(b"\x0a\x30" + names.depth("S1USDT").encode())
    await settle()
    assert desk.links()[-1].state is LinkState.RECONNECTING
    await desk.clock.advance(2)
    assert desk.streams.state is LinkState.CONNECTED


async def test_account_streams_come_up_with_a_key_that_is_released_at_the_end(account: Desk) -> None:
    account.streams.start()
    await account.streams.private_up()
    (socket,) = account.exchange.open
    assert socket.key == account.exchange.keys[0]
    assert set(socket.subscribed) == set(wire.PRIVATE)
    await account.streams.close()
    assert account.exchange.released == account.exchange.keys
    assert account.exchange.open == []


async def test_an_account_stream_lost_while_rotating_is_told_as_a_break(account: Desk) -> None:
    account.streams.start()
    await settle()
    (old,) = account.exchange.open
    dial = account.exchange.dial

    async def late(key: str) -> FakeSocket:
        old.drop()
        await settle()
        return await dial(key)

    account.exchange.dial = late  # type: ignore[method-assign]
    account.streams.links[-1].rotate()
    await account.clock.advance(5)
    told = [link.state for link in account.links() if link.private]
    assert told == [LinkState.CONNECTED, LinkState.RECONNECTING, LinkState.CONNECTED]


async def test_the_key_is_extended_within_half_an_hour_and_survives_a_drop(account: Desk) -> None:
    account.streams.start()
    await settle()
    for _ in range(60):
        await account.clock.advance(60)
    assert len(account.exchange.extended) == 2
    account.exchange.open[0].drop()
    await account.clock.advance(2)
    assert len(account.exchange.keys) == 1
    private = [link for link in account.links() if link.private]
    assert [link.state for link in private][-2:] == [LinkState.RECONNECTING, LinkState.CONNECTED]


async def test_a_key_that_the_exchange_forgot_is_replaced(account: Desk) -> None:
    account.streams.start()
    await settle()
    account.exchange.open[0].push("Invalid listen key")
    await account.clock.advance(3)
    assert len(account.exchange.keys) == 2
    assert account.exchange.open[0].key == account.exchange.keys[1]
    assert account.streams.private_state is LinkState.CONNECTED


async def test_a_refused_extension_brings_a_new_key_and_connection_with_overlap(account: Desk) -> None:
    account.streams.start()
    await settle()
    account.exchange.extend_error = VenueError("no", kind=ErrorKind.BAD_PARAMETER, code=730708)
    await account.clock.advance(1_600)
    assert account.exchange.open[-1].key == account.exchange.keys[1]
    assert len(account.exchange.open) == 1
    # The stream of a dead key may have missed events, so the account is to be compared.
    told = [link.state for link in account.links() if link.private]
    assert told == [LinkState.CONNECTED, LinkState.RECONNECTING, LinkState.CONNECTED]


async def test_a_passing_failure_of_the_extension_is_tried_again(account: Desk) -> None:
    account.streams.start()
    await settle()
    account.exchange.extend_error = VenueError("later", kind=ErrorKind.NETWORK)
    await account.clock.advance(1_520)
    account.exchange.extend_error = None
    await account.clock.advance(120)
    assert len(account.exchange.extended) >= 2
    assert len(account.exchange.keys) == 1


async def test_a_failed_dial_does_not_pile_keys_up_nor_show_one(account: Desk) -> None:
    account.exchange.down = True
    account.streams.start()
    await account.clock.advance(300)
    assert len(account.exchange.keys) - len(account.exchange.released) <= 1
    told = " ".join(repr(item) for item in account.seen) + repr(account.key) + repr(vars(account.streams.links[0]))
    assert SECRET not in told


async def test_without_any_channel_wanted_nothing_is_dialled(desk: Desk) -> None:
    await desk.carry()
    await desk.clock.advance(100)
    assert desk.exchange.dials == 0
    await desk.carry(names.depth("AUSDT"))
    await desk.carry()
    await desk.clock.advance(100)
    assert desk.exchange.open == []


async def test_a_channel_dropped_and_wanted_again_before_its_answer_is_really_subscribed(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    answer, held = socket._answer, []

    def late(message: dict[str, Any]) -> None:
        held.append(message)

    socket._answer = late  # type: ignore[method-assign]
    for wanted in ((names.deals("BUSDT"),), (), (names.deals("BUSDT"),)):
        await desk.carry(names.depth("AUSDT"), *wanted)
    for message in held:
        answer(message)
        await settle()
    assert desk.exchange.carried == {names.depth("AUSDT"), names.deals("BUSDT")}
    assert desk.of(ChannelRefused) == []


async def test_a_channel_dropped_before_its_answer_is_given_up_once(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"))
    (socket,) = desk.exchange.open
    socket.deaf = True
    await desk.carry(names.depth("AUSDT"), names.deals("BUSDT"))
    for number in range(5):
        await desk.carry(names.depth("AUSDT"), *[names.depth(f"S{n}USDT") for n in range(number)])
    gone = [m["params"] for m in socket.sent if m["method"] == "UNSUBSCRIPTION"]
    assert gone == [[names.deals("BUSDT")]]


async def test_a_refused_channel_is_asked_for_again_beside_others_and_told_once(desk: Desk) -> None:
    new = names.depth("NEWUSDT")
    desk.exchange.refuses = {new}
    await desk.carry(names.depth("AUSDT"), new)
    await desk.clock.advance(900)
    assert len(desk.of(ChannelRefused)) == 1
    (socket,) = desk.exchange.open
    assert sum(new in m.get("params", ()) for m in socket.sent) >= 2
    desk.exchange.refuses = set()
    await desk.clock.advance(1_500)
    assert desk.exchange.carried == {names.depth("AUSDT"), new}


async def test_refused_channels_that_are_asked_for_again_use_no_connection_up_in_a_hurry(desk: Desk) -> None:
    desk.exchange.refuses = {names.depth(f"R{n}USDT") for n in range(10)}
    await desk.carry(*(names.depth(f"S{n}USDT") for n in range(20)), *sorted(desk.exchange.refuses))
    for _ in range(240):
        await desk.clock.advance(60)
    assert desk.exchange.dials <= 10
    assert all(socket.total <= 30 for socket in desk.exchange.sockets)
    assert len(desk.of(ChannelRefused)) == 10
    assert {link.state for link in desk.links()} == {LinkState.CONNECTED}


async def test_a_line_that_is_let_go_while_it_is_down_leaves_the_link_up(desk: Desk) -> None:
    wanted = [names.depth(f"S{n}USDT") for n in range(40)]
    await desk.carry(*wanted)
    first, second = desk.exchange.open
    desk.exchange.down = True
    second.drop()
    await settle()
    assert desk.links()[-1].state is LinkState.RECONNECTING
    await desk.carry(*first.subscribed)
    assert desk.streams.state is LinkState.CONNECTED
    assert desk.links()[-1].state is LinkState.CONNECTED
    assert not desk.links()[-1].symbols


async def test_a_rotation_for_want_of_places_is_not_tried_without_pause(desk: Desk) -> None:
    for number in range(29):
        await desk.carry(names.mini_tickers(), names.depth(f"S{number}USDT"))
    desk.exchange.down = True
    dials = desk.exchange.dials
    await desk.carry(names.mini_tickers(), names.depth("LASTUSDT"))
    await desk.carry(names.mini_tickers(), names.depth("LASTUSDT"), names.deals("LASTUSDT"))
    await desk.clock.advance(50)
    assert 1 <= desk.exchange.dials - dials <= 5
    desk.exchange.down = False
    await desk.clock.advance(70)
    assert {names.depth("LASTUSDT"), names.deals("LASTUSDT")} <= desk.exchange.carried
    assert len(desk.exchange.open) == 1


async def test_a_line_let_go_while_it_is_replaced_leaves_no_connection_open(desk: Desk) -> None:
    await desk.carry(names.depth("AUSDT"), names.depth("BUSDT"))
    (old,) = desk.exchange.open
    close, closing = old.close, asyncio.Event()

    async def slowly() -> None:
        closing.set()
        await desk.clock.sleep(5)
        await close()

    old.close = slowly  # type: ignore[method-assign]
    desk.streams.links[0].rotate()
    await desk.clock.advance(3)
    assert closing.is_set()
    await desk.carry()
    await desk.clock.advance(10)
    assert desk.exchange.open == []


async def test_an_account_stream_refused_at_first_and_accepted_later_brings_the_link_back(account: Desk) -> None:
    account.exchange.refuses = {wire.PRIVATE_DEALS}
    await account.key.prepare()  # type: ignore[union-attr]
    account.streams.start()
    await account.clock.advance(10)
    assert account.streams.private_state is LinkState.CLOSED
    account.exchange.refuses = set()
    await account.clock.advance(310)
    assert account.streams.private_state is LinkState.CONNECTED
    assert [link.state for link in account.links() if link.private][-2:] == [
        LinkState.RECONNECTING,
        LinkState.CONNECTED,
    ]


def speed_frame(channel: str, *ids: str) -> bytes:
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol="BTCUSDT", sendTime=1_760_000_999_000)
    for number in ids:
        item = wrapper.publicAggreDeals.deals.add(price="1", quantity="2", tradeType=1, time=1_760_000_000_000)
        item.tradeId = number
    return bytes(wrapper.SerializeToString())


@pytest.mark.parametrize("speeds", [("100ms", "10ms"), ("10ms", "100ms")])
async def test_a_change_of_speed_misses_no_trade_and_repeats_none(desk: Desk, speeds: tuple[str, str]) -> None:
    before, after = (names.deals("BTCUSDT", speed) for speed in speeds)
    await desk.carry(names.depth("BTCUSDT"), before)
    (socket,) = desk.exchange.open
    answer, held = socket._answer, []
    socket._answer = held.append  # type: ignore[method-assign]
    await desk.carry(names.depth("BTCUSDT"), after)
    await desk.clock.advance(1)
    assert before in socket.subscribed
    socket.push(speed_frame(before, "t1", "t2"))
    await settle()
    socket._answer = answer  # type: ignore[method-assign]
    for message in held:
        if message["method"] != "PING":
            answer(message)
    await settle()
    await desk.clock.advance(1)
    # The slower one brings every tenth of a second what was there before the faster one was accepted.
    assert set(socket.subscribed) == {names.depth("BTCUSDT"), before, after}
    socket.push(speed_frame(after, "t2"))
    await desk.clock.advance(2)
    assert set(socket.subscribed) == {names.depth("BTCUSDT"), after}
    for channel, ids in ((after, ("t2", "t3")), (before, ("t3", "t4")), (after, ("t4", "t5"))):
        socket.push(speed_frame(channel, *ids))
        await settle()
    await desk.clock.advance(3)
    socket.push(speed_frame(after, "t6"))
    await settle()
    ids = [trade.trade_id for seen in desk.of(TradesSeen) for trade in seen.trades]
    assert ids == ["t1", "t2", "t3", "t4", "t5", "t6"]
    assert len(desk.links()) == 1
    assert desk.streams.links[0]._overlap is None


async def test_a_faster_channel_that_is_refused_leaves_the_slower_one_as_it_was(desk: Desk) -> None:
    slow, fast = names.depth("AUSDT"), names.depth("AUSDT", "10ms")
    desk.exchange.refuses = {fast}
    await desk.carry(slow, names.deals("AUSDT"))
    await desk.carry(fast, names.deals("AUSDT"))
    (socket,) = desk.exchange.open
    assert desk.exchange.carried == {slow, names.deals("AUSDT")}
    assert not [m for m in socket.sent if m["method"] == "UNSUBSCRIPTION"]
    assert desk.of(ChannelRefused) == []


async def test_speeds_that_change_all_the_time_stay_on_their_line_and_its_places_are_renewed(desk: Desk) -> None:
    others = [names.depth(f"S{n}USDT") for n in range(29)]
    for turn in range(120):
        await desk.carry(*others, names.deals("AUSDT", ("10ms", "100ms")[turn % 2]))
        await desk.clock.advance(0.7)
    await desk.clock.advance(10)
    assert desk.exchange.carried == {*others, names.deals("AUSDT")}
    assert len(desk.exchange.open) == 1
    assert all(socket.total <= 30 for socket in desk.exchange.sockets)
    assert [link.state for link in desk.links()] == [LinkState.CONNECTED]


def delta_frame(channel: str, first: int, last: int) -> bytes:
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol="BTCUSDT", sendTime=1_760_000_999_000)
    body = wrapper.publicAggreDepths
    body.bids.add(price="1", quantity="2")
    body.fromVersion, body.toVersion = str(first), str(last)
    return bytes(wrapper.SerializeToString())


async def test_a_faster_book_waits_for_what_the_slower_one_had_gathered(desk: Desk) -> None:
    slow, fast = names.depth("BTCUSDT"), names.depth("BTCUSDT", "10ms")
    await desk.carry(slow)
    (socket,) = desk.exchange.open
    socket.push(delta_frame(slow, 1, 10))
    await desk.carry(fast)
    for channel, first, last in (
        (fast, 13, 13),
        (fast, 14, 15),
        (slow, 11, 15),
        (fast, 16, 16),
        (slow, 16, 18),
        (fast, 17, 18),
        (fast, 19, 19),
    ):
        socket.push(delta_frame(channel, first, last))
        await settle()
    await desk.clock.advance(3)
    assert desk.exchange.carried == {fast}
    socket.push(delta_frame(fast, 20, 20))
    socket.push(delta_frame(fast, 25, 25))  # a gap of the exchange's own is handed on, to be seen
    await settle()
    version, gaps = 0, []
    for item in desk.of(BookDelta):
        if item.last <= version:
            continue
        if item.first > version + 1:
            gaps.append((item.first, item.last))
        version = item.last
    assert gaps == [(25, 25)]
