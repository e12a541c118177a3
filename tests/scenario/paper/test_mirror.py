"""Paper trading end to end: stand-in for MEXC, mirror, client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from mexc_tui.desk.exchange.mirror import LOOK_S, STREAMS_S, Delays, Mirror
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import CandleSeen, TickersSeen
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderState, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.venues.mexc.clock import SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.venues.simulator.server import parse_profile
from tests.patience import eventually

PUBLIC = {"/api/v3/" + name for name in ("ping", "time", "exchangeInfo", "defaultSymbols", "depth", "trades", "klines")}
PUBLIC |= {"/api/v3/ticker/24hr", "/api/v3/ticker/bookTicker", "/ws"}


async def test_the_mirrored_book_is_the_book_level_by_level(moving):
    async with moving.client().session(["BTCUSDT", "ETHUSDT"], ungated=True) as client:
        assert client.order_book("BTCUSDT").live
        begun = moving.followed("BTCUSDT")
        await eventually(lambda: moving.followed("BTCUSDT") > begun + 10)
        moving.rest()
        for symbol in ("BTCUSDT", "ETHUSDT"):
            await eventually(lambda name=symbol: moving.same_levels(name))
            _, bids, asks = moving.there.market.depth(symbol, 20)

            def same(name=symbol, bids=bids, asks=asks):
                book = client.order_book(name)
                sides = [[(level.price, level.qty) for level in side] for side in (book.bids, book.asks)]
                return book.live and sides == [bids, asks]

            await eventually(same)
    only_public_reads(moving.stand_in)


async def test_candles_trades_tickers_and_rules_are_the_exchange_s_own(moving):
    async with moving.client().session(["BTCUSDT"], ungated=True) as client:
        moving.rest()
        await eventually(lambda: moving.same_levels("BTCUSDT"))
        assert client.instrument("ETHUSDT") == moving.there.symbols.instrument("ETHUSDT")
        candles = await client.rest.market.klines("BTCUSDT", Interval.M5, 40)
        assert [(c.open_ms, c.close) for c in candles] == [
            (c.open_ms, c.close) for c in moving.there.market.candles("BTCUSDT", "5m", 40)
        ]
        trades = await client.rest.market.trades("BTCUSDT", 50)
        there = list(reversed(moving.there.market.recent_trades("BTCUSDT", 50)))
        assert [(t.price, t.qty, t.taker, t.time_ms) for t in trades] == [
            (t.price, t.qty, t.taker, t.time_ms) for t in there
        ]
        tickers = {row.symbol: row for row in await client.rest.market.ticker_24h(None)}
        assert tickers["ETHUSDT"].open == moving.there.market.ticker("ETHUSDT").open


async def test_streamed_candles_and_figures_are_passed_on(moving):
    seen: list[object] = []
    settings = MexcSettings(base_url=moving.server.rest_url, ws_url=moving.server.ws_url)
    venue = MexcVenue(settings, VenueKind.PAPER, name="paper")
    await venue.open(seen.append)
    try:
        await venue.set_interest(("BTCUSDT",), (("BTCUSDT", Interval.M1),))
        await eventually(lambda: any(isinstance(item, CandleSeen) for item in seen))
        await eventually(lambda: any(isinstance(item, TickersSeen) for item in seen))
        candle = next(item.candle for item in seen if isinstance(item, CandleSeen))
        there = {c.open_ms: c for c in moving.there.market.candles("BTCUSDT", "1m", 3)}
        assert candle.open == there[candle.open_ms].open
        assert candle.volume <= there[candle.open_ms].volume
    finally:
        await venue.close()
    only_public_reads(moving.stand_in)


async def test_best_prices_of_pairs_that_nobody_follows_are_the_exchange_s_own_and_never_zero(moving):
    async with aiohttp.ClientSession(moving.server.rest_url) as session:

        async def ask(path):
            async with session.get(f"/api/v3/ticker/{path}") as answer:
                return await answer.json()

        moving.rest()
        rows = {row["symbol"]: row for row in await ask("bookTicker")}
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert not moving.paper.mirror.live(symbol)
            _, bids, asks = moving.there.market.depth(symbol, 1)
            told = [Decimal(rows[symbol][name]) for name in ("bidPrice", "bidQty", "askPrice", "askQty")]
            assert told == [*bids[0], *asks[0]]
            assert await ask(f"bookTicker?symbol={symbol}") == rows[symbol]
        assert (await ask("bookTicker?symbol=NOPEUSDT"))["code"] == -1121
        await moving.stand_in.stop()
        moving.paper.core.advance(moving.paper.core.now_ms + 6_000)
        assert moving.paper.core.market.best("BTCUSDT") is None, "prices of a while ago were told as the present ones"


async def test_a_candle_that_went_on_while_the_market_was_lost_is_shown_as_it_became(quiet):
    seen: list[object] = []
    settings = MexcSettings(base_url=quiet.server.rest_url, ws_url=quiet.server.ws_url)
    venue = MexcVenue(settings, VenueKind.PAPER, name="paper")
    await venue.open(seen.append)

    def volume():
        return max((item.candle.volume for item in seen if isinstance(item, CandleSeen)), default=None)

    try:
        await venue.set_interest(("ABCUSDT",), (("ABCUSDT", Interval.D1),))
        await eventually(lambda: quiet.paper.mirror.live("ABCUSDT"))
        quiet.there_order("taker", Side.BUY, "101", 2)
        await eventually(lambda: volume() == 2)
        port = int(quiet.stand_in.rest_url.rsplit(":", 1)[1])
        await quiet.stand_in.stop()
        await eventually(lambda: not quiet.mirror.connected)
        quiet.there_order("taker", Side.BUY, "101", 3)
        quiet.stand_in.settings = type(quiet.stand_in.settings)(seed=1, port=port)
        await quiet.stand_in.start()
        await eventually(lambda: volume() == 5)
        await venue.set_interest((), ())
        await eventually(lambda: not quiet.paper.core.market.candles("ABCUSDT", "1d", 10))
    finally:
        await venue.close()


async def test_own_orders_stand_behind_others_and_fill_by_trades_that_happened(quiet):
    async with quiet.client().session(["ABCUSDT"], ungated=True) as client:
        placed = await client.place_limit_order("ABCUSDT", "BUY", "5", "99")
        await eventually(lambda: quiet.paper.core.market.depth("ABCUSDT", 1)[1] == [(Decimal(99), Decimal(15))])
        quiet.there_order("maker", Side.BUY, "99", 10)
        await eventually(lambda: quiet.paper.core.market.depth("ABCUSDT", 1)[1] == [(Decimal(99), Decimal(25))])
        # A trade proves a fill where it is certainly later than the last push of the book.
        pushed_ms = quiet.there.now_ms
        await eventually(lambda: quiet.there.now_ms > pushed_ms + 150)
        quiet.there_order("taker", Side.SELL, "99", 12)
        await eventually(lambda: client.fills)
        assert [(fill.qty, fill.price, fill.is_maker, fill.proof) for fill in client.fills] == [
            (Decimal(2), Decimal(99), True, "certain")
        ]
        quiet.there_order("taker", Side.SELL, "98", 8)
        await eventually(lambda: len(client.fills) == 2)
        done = await client.wait_finished(placed.order_id)
        assert done.state is OrderState.FILLED
        quiet.there_order("maker", Side.SELL, "97.50", 3)
        second = await client.place_limit_order("ABCUSDT", "SELL", "4", "97.40")
        assert not second.client_order_id.endswith("X")
        await client.cancel_order("ABCUSDT", order_id=second.order_id)
    assert {a for order in quiet.there.ledger.all_orders() for a in (order.account_id,)} == {"maker", "taker"}
    only_public_reads(quiet.stand_in)


async def test_a_fill_without_a_trade_is_assumed(quiet):
    async with quiet.client().session(["ABCUSDT"], ungated=True) as client:
        await client.place_limit_order("ABCUSDT", "BUY", "5", "100")
        await eventually(lambda: quiet.paper.core.market.depth("ABCUSDT", 1)[1] == [(Decimal(100), Decimal(5))])
        quiet.there_order("maker", Side.SELL, "99.50", 2)
        await eventually(lambda: client.fills)
        assert [(fill.qty, fill.proof) for fill in client.fills] == [(Decimal(2), "assumed")]


async def test_a_lost_market_looks_lost_and_comes_back(quiet):
    async with quiet.client().session(["ABCUSDT"], ungated=True) as client:
        placed = await client.place_limit_order("ABCUSDT", "BUY", "5", "99")
        await eventually(lambda: len(client.open_orders) == 1)
        port = int(quiet.stand_in.rest_url.rsplit(":", 1)[1])
        await quiet.stand_in.stop()
        await eventually(lambda: not client.order_book("ABCUSDT").live)
        with pytest.raises(VenueError) as refused:
            await client.rest.market.depth("ABCUSDT", 5)
        assert refused.value.code == 30000
        assert refused.value.definite
        with pytest.raises(VenueError):
            await client.place_limit_order("ABCUSDT", "BUY", "5", "99")
        await client.cancel_order("ABCUSDT", order_id=placed.order_id)
        quiet.stand_in.settings = type(quiet.stand_in.settings)(seed=1, port=port)
        await quiet.stand_in.start()
        await eventually(lambda: client.order_book("ABCUSDT").live)
        assert client.order_book("ABCUSDT").bids[0].qty == 10


async def test_a_market_that_falls_silent_is_not_matched_against_until_it_speaks_again(quiet, monkeypatch):
    monkeypatch.setattr("mexc_tui.desk.exchange.mirror.SILENT_S", 1.0)
    monkeypatch.setattr("mexc_tui.desk.exchange.upstream.BOOK_WAIT_S", 0.2)
    async with quiet.client().session(["ABCUSDT"], ungated=True) as client:
        assert client.order_book("ABCUSDT").live
        for connection in quiet.stand_in.hub._connections:
            connection.frozen = True
        await eventually(lambda: not quiet.paper.mirror.live("ABCUSDT"))
        assert quiet.mirror.connected, "the connection had been given up already"
        assert "nothing was received" in quiet.paper.mirror.reason("ABCUSDT")
        with pytest.raises(VenueError, match="nothing was received"):
            await client.place_limit_order("ABCUSDT", "BUY", "5", "101")
        for connection in quiet.stand_in.hub._connections:
            connection.frozen = False
            connection._wake.set()
        await eventually(lambda: client.order_book("ABCUSDT").live)


async def test_an_exchange_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("mexc_tui.desk.exchange.mirror.REACH_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = MexcSettings(base_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}/ws")
        mirror = Mirror(settings, PaperExchange(start_ms=0), Delays(1, 0))
        with pytest.raises(VenueError, match=r"no answer within 0\.2 s") as error:
            await mirror.open()
        assert error.value.kind is ErrorKind.NETWORK


async def refused(request, handler):
    return web.Response(status=403, text="<html>no</html>", content_type="text/html")


async def silent(request, handler):
    await asyncio.Event().wait()


async def mute(request, handler):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


class Patient(SystemClock):
    """Counts the looks after the streams, and notes when their time begins, which never ends."""

    def __init__(self):
        self.looks, self.begun = 0, False

    async def sleep(self, seconds):
        self.looks += seconds == LOOK_S
        if seconds == STREAMS_S:
            self.begun = True
            await asyncio.Event().wait()
        await super().sleep(seconds)


@pytest.mark.parametrize(("way", "why"), [(refused, "HTTP 403"), (silent, "no answer"), (mute, "no answer")])
async def test_an_exchange_without_market_streams_is_given_up_within_seconds(monkeypatch, with_ways, way, why):
    monkeypatch.setattr("mexc_tui.desk.exchange.mirror.STREAMS_S", 1.0)
    mirror = await with_ways(ws=way)
    with pytest.raises(VenueError, match="its market streams are out of reach") as error:
        await mirror.open()
    assert why in error.value.message
    assert error.value.kind is ErrorKind.NETWORK
    assert not mirror.venue.rest._transport._session, "something was left open"


async def test_an_exchange_far_away_is_slow_and_not_out_of_reach(with_ways):
    """However long the questions before the streams take, the time that the streams have begins after them."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(request, handler):
        asked.set()
        await answer.wait()
        return await handler(request)

    clock = Patient()
    mirror = await with_ways(clock, time=slow)
    opening = asyncio.create_task(mirror.open())
    await eventually(lambda: asked.is_set() and clock.looks > 3)
    assert not clock.begun
    answer.set()
    await opening
    assert mirror.connected
    await mirror.close()


def test_a_mirror_takes_no_keys():
    settings = MexcSettings(api_key="k", api_secret="s")
    with pytest.raises(ValueError, match="no keys"):
        Mirror(settings, PaperExchange(start_ms=0), Delays(1, 0))


def test_delays_are_seeded_and_scatter_around_what_is_set_or_measured():
    drawn = [Delays(3, 80).draw() for _ in range(2)]
    assert drawn[0] == drawn[1]
    many = Delays(3, 80)
    values = sorted(many.draw() for _ in range(500))
    assert 70 < values[250] < 90
    assert values[0] < 60 < 110 < values[-1]
    measured = Delays(3)
    assert measured.draw() == 0
    measured.measured.extend((20.4, 50.0))
    assert {measured.draw() for _ in range(50)} == {20, 50}


def only_public_reads(stand_in):
    """Nothing but public data was ever asked of the stand-in."""
    assert {method for method, _ in stand_in.asked} == {"GET"}
    assert {path.partition("?")[0] for _, path in stand_in.asked} <= PUBLIC
    assert not any(word in path for _, path in stand_in.asked for word in ("signature", "listenKey", "timestamp="))
    assert "x-mexc-apikey" not in stand_in.headers
    for text in stand_in.said:
        asked = json.loads(text)
        assert asked["method"] in ("SUBSCRIPTION", "UNSUBSCRIPTION", "PING")
        assert all(name.startswith("spot@public.") for name in asked.get("params", []))


@pytest.mark.parametrize("profile", ["drop:p=0.2;reorder:p=0.1", "duplicate:p=0.3;garbage:p=0.1"])
async def test_a_bad_line_ends_in_the_exact_book_and_honest_money(moving, profile):
    async with moving.client().session(["BTCUSDT"], ungated=True) as client:
        for fault in parse_profile(profile):
            moving.stand_in.plan.set(fault)
        bid = moving.there.market.depth("BTCUSDT", 1)[1][0][0]
        with contextlib.suppress(VenueError):
            await client.place_limit_order("BTCUSDT", "BUY", "0.5", bid)
        pushed = moving.stand_in.hub.pushed
        await eventually(lambda: moving.stand_in.hub.pushed > pushed + 40)
        moving.stand_in.plan.clear()
        faulty = moving.there.market.depth("BTCUSDT", 1)[0]
        await client.cancel_all(["BTCUSDT"])
        # A push that was lost is missed when the next one comes; a market that rests would never tell.
        await eventually(lambda: moving.paper.mirror.live("BTCUSDT") and moving.followed("BTCUSDT") > faulty)
        moving.rest()
        await eventually(lambda: moving.same_mirror("BTCUSDT"))
        assert not moving.paper.core.accounts.unaccounted()
