"""One connection whose exchange does not keep to the script."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.connection import Connection, StreamTiming
from mexc_tui.wire.mexc.pb import push_pb2 as pb
from tests.patience import LIMIT_S

BOOK, DEALS = names.depth("BTCUSDT"), names.deals("BTCUSDT")


class SilentSocket:
    """Takes requests and answers none by itself."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.frames: asyncio.Queue[bytes | str | None] = asyncio.Queue()

    async def receive(self) -> bytes | str | None:
        return await self.frames.get()

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def close(self) -> None:
        self.frames.put_nowait(None)


class StillClock:
    """Time that does not pass."""

    def monotonic(self) -> float:
        return 1.0

    def monotonic_ns(self) -> int:
        return 1_000_000_000

    def wall_ms(self) -> int:
        return 1_760_000_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def socket() -> SilentSocket:
    return SilentSocket()


@pytest.fixture
async def connection(socket: SilentSocket) -> AsyncIterator[Connection]:
    made = Connection(
        socket,
        StillClock(),
        StreamTiming(),
        ids=itertools.count(1),
        on_frame=lambda *_: None,
        on_text=lambda *_: None,
    )
    made.start()
    yield made
    await made.stop()


def push(channel: str) -> bytes:
    return pb.PushDataV3ApiWrapper(channel=channel, symbol="BTCUSDT", sendTime=1).SerializeToString()


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_data_answers_a_subscription_whose_answer_was_lost(connection: Connection, socket: SilentSocket) -> None:
    await connection.subscribe([BOOK, DEALS])
    socket.frames.put_nowait(push(BOOK))
    async with asyncio.timeout(LIMIT_S):
        await turns()
        assert (connection.subscribed, connection.unanswered) == ({BOOK}, 1)
        socket.frames.put_nowait(push(DEALS))
        await connection.answered()
    assert connection.subscribed == {BOOK, DEALS}
    assert connection.unanswered == 0


async def test_data_of_other_channels_answers_nothing(connection: Connection, socket: SilentSocket) -> None:
    await connection.subscribe([BOOK])
    for frame in (push(DEALS), b"", b"\x0a", b"\x0a\xff\xff"):
        socket.frames.put_nowait(frame)
    await turns()
    assert (connection.subscribed, connection.unanswered) == (frozenset(), 1)
