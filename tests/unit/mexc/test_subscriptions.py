"""What a subscription hands out, tells, drops and remembers."""

from __future__ import annotations

import asyncio
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    ChannelRefused,
    LinkChanged,
    LinkState,
    TickersSeen,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.library.subscriptions import Subscription
from mexc_tui.venues.mexc.stream import channels as names

A, B = "AUSDT", "BUSDT"
DOWN = LinkChanged(False, LinkState.RECONNECTING, "the connection was lost", frozenset({A}))
UP = LinkChanged(False, LinkState.CONNECTED, "", frozenset({A}))


def made(*channels: str, buffer: int = 100) -> tuple[Subscription, list[Subscription]]:
    closed: list[Subscription] = []
    return Subscription(channels, buffer, closed.append), closed


def delta(version: int, symbol: str = A) -> BookDelta:
    return BookDelta(symbol, version, version, [("1", "2")], [], 0, 0)


def trades(number: int) -> TradesSeen:
    one = Trade(trade_id=str(number), price=Decimal(1), qty=Decimal(2), taker=Side.BUY, time_ms=number)
    return TradesSeen(A, (one,), 0)


def candle(interval: Interval) -> CandleSeen:
    one = Decimal(1)
    built = Candle(open_ms=0, open=one, high=one, low=one, close=one, volume=one, quote_volume=one, closed=False)
    return CandleSeen(A, interval, built, 0)


async def everything(subscription: Subscription) -> list[Any]:
    return [item async for item in subscription]


async def test_only_what_its_channels_carry_is_handed_out_at_whichever_speed() -> None:
    found, _ = made(names.depth(A, "10ms"), names.kline(A, "8h"))
    top = TopOfBook(A, Decimal(1), Decimal(1), Decimal(2), Decimal(1), 0)
    wanted = [delta(1), candle(Interval.H8), delta(2)]
    for item in (delta(1, B), wanted[0], trades(1), candle(Interval.H4), wanted[1], top, wanted[2]):
        found.handle(item)
    found.close()
    assert await everything(found) == wanted


@pytest.mark.parametrize("buffer", [1, 2, 3, 0, -5])
async def test_a_slow_reader_hears_how_many_updates_it_lost_and_how_the_link_is(buffer: int) -> None:
    found, _ = made(names.depth(A), buffer=buffer)
    sent = 40
    for version in range(sent):
        found.handle(delta(version))
        if version == 10:
            found.handle(DOWN)
    found.close()
    read = await everything(found)
    assert isinstance(read[0], LinkChanged)
    assert read[0].state is LinkState.RECONNECTING
    assert read[-1] == delta(sent - 1)
    updates = [item for item in read if isinstance(item, BookDelta)]
    assert found.lost + len(updates) == sent
    assert len(updates) <= max(1, buffer)


async def test_a_channel_refused_at_first_is_refused_no_more_once_it_brings_something() -> None:
    found, closed = made(names.depth(A), names.deals(A), names.mini_ticker(B))
    for channel in (names.deals(A), names.mini_ticker(B, "UTC+8")):
        found.handle(ChannelRefused(channel, "", "Blocked!"))
    assert found.refused == {names.deals(A): "Blocked!", names.mini_ticker(B): "Blocked!"}
    found.handle(delta(1))
    assert len(found.refused) == 2
    found.handle(trades(1))
    assert list(found.refused) == [names.mini_ticker(B)]
    found.handle(TickersSeen((Ticker(symbol=B),), 0))
    assert found.refused == {}
    found.handle(ChannelRefused(names.depth(A), A, "Blocked!"))
    assert not closed


async def test_refusal_of_everything_ends_it_once_and_stays_the_reason() -> None:
    found, closed = made(names.depth(A, "10ms"), names.deals(A))
    found.handle(ChannelRefused(names.depth(A), A, "Blocked!"))
    found.handle(ChannelRefused(names.deals(A), A, "Blocked!"))
    found.handle(delta(1))
    found.end()
    found.close()
    assert closed == [found]
    for _ in range(2):
        with pytest.raises(VenueError, match="Blocked"):
            await everything(found)


async def test_a_failure_of_the_session_is_not_hidden_by_its_closing() -> None:
    found, _ = made(names.depth(A))
    found.handle(delta(1))
    found.end(RuntimeError("the session has failed"))
    found.end()
    assert await anext(found) == delta(1)
    with pytest.raises(RuntimeError, match="failed"):
        await anext(found)


async def test_a_loss_is_told_to_those_it_concerns_channels_of_all_pairs_included() -> None:
    mine, other, all_pairs = made(names.depth(A))[0], made(names.depth(B))[0], made(names.mini_tickers())[0]
    for item in (DOWN, UP, LinkChanged(False, LinkState.CONNECTED), LinkChanged(True, LinkState.CLOSED)):
        for subscription in (mine, other, all_pairs):
            subscription.handle(item)
    for subscription in (mine, other, all_pairs):
        subscription.close()
    assert len(await everything(mine)) == 3
    assert len(await everything(other)) == 1
    assert len(await everything(all_pairs)) == 3


async def test_two_readers_share_it_and_both_end() -> None:
    found, _ = made(names.depth(A))
    readers = [asyncio.create_task(everything(found)) for _ in range(2)]
    for version in range(20):
        found.handle(delta(version))
        await asyncio.sleep(0)
    found.close()
    read = [item for part in await asyncio.gather(*readers) for item in part]
    assert sorted(item.last for item in read) == list(range(20))


async def test_a_cancelled_reader_loses_nothing() -> None:
    found, closed = made(names.depth(A))
    reader = asyncio.create_task(anext(found))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    found.handle(delta(1))
    assert await anext(found) == delta(1)
    with pytest.raises(ZeroDivisionError):
        async with found:
            raise ZeroDivisionError
    assert closed == [found]
    with pytest.raises(StopAsyncIteration):
        await anext(found)


async def test_it_keeps_no_more_than_its_buffer_however_much_comes() -> None:
    found, _ = made(names.depth(A), buffer=1_000)

    def feed(count: int) -> int:
        for version in range(count):
            found.handle(delta(version))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = feed(2_000)
        after = feed(98_000)
    finally:
        tracemalloc.stop()
    assert after - before < 400_000
    assert found.lost > 98_000
