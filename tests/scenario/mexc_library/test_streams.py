"""Any public channel and live candles through the library, against the local exchange."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mexc_tui import MexcExchange, channels
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    LinkChanged,
    LinkState,
    TickersSeen,
    TopLevels,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Interval
from tests.patience import LIMIT_S, eventually

PAIR = "BTCUSDT"
KINDS = {
    channels.depth(PAIR, "10ms"): BookDelta,
    channels.deals(PAIR, "10ms"): TradesSeen,
    channels.book_ticker(PAIR, "10ms"): TopOfBook,
    channels.depth(PAIR): BookDelta,
    channels.deals(PAIR): TradesSeen,
    channels.book_ticker(PAIR): TopOfBook,
    channels.book_ticker_batch(PAIR): TopOfBook,
    channels.limit_depth(PAIR, 5): TopLevels,
    channels.limit_depth(PAIR, 10): TopLevels,
    channels.limit_depth(PAIR, 20): TopLevels,
    channels.mini_ticker(PAIR): TickersSeen,
    channels.mini_tickers(): TickersSeen,
    **{channels.kline(PAIR, interval): CandleSeen for interval in Interval},
}


async def first_of(subscription: Any, kind: type[Any]) -> Any:
    async with asyncio.timeout(LIMIT_S):
        async for item in subscription:
            if isinstance(item, kind):
                return item
    raise AssertionError("the subscription ended")


async def test_every_public_channel_can_be_followed(mexc: MexcExchange) -> None:
    async with mexc.session([]) as session:
        opened = {name: session.subscribe(name) for name in KINDS}
        found = dict(
            zip(opened, await asyncio.gather(*(first_of(opened[name], KINDS[name]) for name in opened)), strict=True)
        )
        for name, item in found.items():
            if isinstance(item, TickersSeen):
                assert PAIR in [ticker.symbol for ticker in item.tickers]
            else:
                assert item.symbol == PAIR
            if isinstance(item, CandleSeen):
                assert channels.kline(PAIR, item.interval) == name
            if isinstance(item, TopLevels):
                assert channels.limit_depth(PAIR, item.depth) == name
                assert 0 < len(item.bids) <= item.depth
                assert item.bids[0][0] < item.asks[0][0]
                assert list(item.bids) == sorted(item.bids, reverse=True)
        for subscription in opened.values():
            subscription.close()
        streams = session._feed.venue.streams
        assert streams is not None
        assert [name for line in streams.links if not line.private for name in line.wanted] == [channels.mini_tickers()]


async def test_the_books_of_a_session_stay_exact_beside_other_channels(mexc: MexcExchange, local: Any) -> None:
    async def compare(session: Any, times: int) -> None:
        matched = 0
        async with asyncio.timeout(LIMIT_S):
            while matched < times:
                version, bids, asks = local.exchange.market.depth(PAIR, 20)
                book = session.order_book(PAIR)
                if book.live and book.version == version:
                    assert [(level.price, level.qty) for level in book.bids] == bids
                    assert [(level.price, level.qty) for level in book.asks] == asks
                    matched += 1
                await asyncio.sleep(0.003)

    async with mexc.session([PAIR]) as session:
        async with session.subscribe(channels.depth(PAIR, "10ms"), channels.limit_depth(PAIR, 5)) as updates:
            await first_of(updates, TopLevels)
            await compare(session, 3)
        await compare(session, 3)


async def test_candles_are_followed_with_their_history(mexc: MexcExchange) -> None:
    async with mexc.session([PAIR]) as session:
        rows = {interval: await session.follow_candles(PAIR, interval, 50) for interval in ("1m", "8h")}
        for interval, row in rows.items():
            assert len(row) >= 50
            assert all(candle.closed for candle in row[:-1])
            assert not row[-1].closed
            step = {row[at + 1].open_ms - row[at].open_ms for at in range(len(row) - 1)}
            assert step == {{"1m": 60_000, "8h": 8 * 3_600_000}[interval]}
        before = session.candles(PAIR, "1m")[-1]
        await eventually(lambda: session.candles(PAIR, "1m")[-1] != before)
        session.drop_candles(PAIR, "8h")
        with pytest.raises(VenueError, match="not followed"):
            session.candles(PAIR, "8h")
        with pytest.raises(VenueError, match="no interval"):
            session.candles(PAIR, "2m")


async def test_candles_missed_while_the_stream_was_down_are_read_again(mexc: MexcExchange, local: Any) -> None:
    async with mexc.session([PAIR]) as session:
        await session.follow_candles(PAIR, "1m", 20)
        asked = session.rest.metrics().requests
        links = session.subscribe(channels.kline(PAIR, "1m"))
        local.hub.drop()
        down = await first_of(links, LinkChanged)
        assert down.state is LinkState.RECONNECTING
        assert (await first_of(links, LinkChanged)).state is LinkState.CONNECTED
        await eventually(lambda: session.rest.metrics().requests > asked)


async def test_a_slow_reader_is_told_what_it_lost(mexc: MexcExchange) -> None:
    async with mexc.session([PAIR]) as session:
        updates = session.subscribe(channels.depth(PAIR, "10ms"), buffer=3)
        await eventually(lambda: updates.lost)
        told = await anext(updates)
        assert isinstance(told, LinkChanged)
        assert "too slow" in told.reason
        after = await anext(updates)
        assert isinstance(after, BookDelta)


async def test_what_cannot_be_subscribed_is_refused_at_once(mexc: MexcExchange) -> None:
    async with mexc.session([]) as session:
        for names in ((), ("depth",), ("spot@private.orders.v3.api.pb",), (channels.depth("NOPEUSDT"),)):
            with pytest.raises(VenueError) as refused:
                session.subscribe(*names)
            assert refused.value.kind is ErrorKind.BAD_PARAMETER
            assert not refused.value.sent


async def test_a_channel_that_the_exchange_refuses_ends_the_iteration(mexc: MexcExchange) -> None:
    async with mexc.session([]) as session:
        updates = session.subscribe(channels.limit_depth(PAIR, 5).replace("@5", "@7"))
        with pytest.raises(VenueError, match=r"refuses spot@public\.limit\.depth"):
            await first_of(updates, TopLevels)
        assert updates.refused


async def test_closing_the_session_ends_every_iteration(mexc: MexcExchange) -> None:
    async with mexc.session([PAIR]) as session:
        updates = session.subscribe(channels.depth(PAIR))
        await first_of(updates, BookDelta)
    async with asyncio.timeout(LIMIT_S):
        assert all([item is not None async for item in updates])


async def test_a_session_that_is_not_open_hands_nothing_out(mexc: MexcExchange) -> None:
    session = mexc.session([PAIR])
    for _ in range(2):
        for ask in (
            lambda: session.order_book(PAIR),
            lambda: session.candles(PAIR, "1m"),
            lambda: session.subscribe(channels.depth(PAIR)),
        ):
            with pytest.raises(VenueError, match="not open"):
                ask()
        with pytest.raises(VenueError, match="not open"):
            await session.follow_candles(PAIR, "1m")
        async with session:
            assert session.order_book(PAIR).live


async def test_a_channel_refused_before_is_told_to_whoever_asks_for_it_next(mexc: MexcExchange) -> None:
    strange = channels.limit_depth(PAIR, 5).replace("@5", "@7")
    async with mexc.session([PAIR]) as session:
        first = session.subscribe(strange, channels.depth(PAIR))
        await eventually(lambda: first.refused)
        for _ in range(3):
            second = session.subscribe(strange)
            with pytest.raises(VenueError, match="refuses"):
                await first_of(second, TopLevels)
        await first_of(first, BookDelta)
        assert list(first.refused) == [strange]


async def test_an_internal_fault_ends_every_iteration_and_closing_does_not_hide_it(mexc: MexcExchange) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    async with mexc.session([PAIR]) as session:
        updates = session.subscribe(channels.depth(PAIR))
        late = session.subscribe(channels.deals(PAIR))
        session._feed._spawn(broken())
        with pytest.raises(RuntimeError, match="has failed") as failed:
            await first_of(updates, CandleSeen)
        assert isinstance(failed.value.__cause__, ZeroDivisionError)
    with pytest.raises(RuntimeError, match="has failed"):
        await first_of(late, CandleSeen)


@pytest.mark.parametrize("name", ["8h", "Hour8", Interval.H8])
async def test_an_interval_may_be_given_by_either_of_its_names(mexc: MexcExchange, name: str) -> None:
    async with mexc.session([]) as session:
        assert await session.follow_candles(PAIR, name, 3) == session.candles(PAIR, "8h")
        for wrong in ("8H", "1h", "1w", "", 5):
            with pytest.raises(VenueError, match="no interval"):
                await session.follow_candles(PAIR, wrong)  # type: ignore[arg-type]


async def test_a_book_stays_live_however_often_its_speed_changes(mexc: MexcExchange, local: Any) -> None:
    told: list[str] = []
    async with mexc.session([PAIR]) as session:
        session.on_notice(lambda fact: told.append(fact.message))
        for turn in range(12):
            async with session.subscribe(channels.depth(PAIR, "10ms"), channels.deals(PAIR, "10ms")) as updates:
                await first_of(updates, BookDelta)
            async with asyncio.timeout(LIMIT_S):
                for _ in range(turn % 4):
                    version = session.order_book(PAIR).version
                    while session.order_book(PAIR).version == version:  # noqa: ASYNC110
                        await asyncio.sleep(0.003)
            assert session.order_book(PAIR).live
        async with asyncio.timeout(LIMIT_S):
            while channels.depth(PAIR, "10ms") in local.hub.open_channels:
                assert session.order_book(PAIR).live
                await asyncio.sleep(0.01)
        assert session.order_book(PAIR).live
    assert told == []
