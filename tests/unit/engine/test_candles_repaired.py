"""Followed candles on a clock by hand: every row equals the exchange's own, or stands still until it does."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from mexc_tui.domain.candles import window_end, window_start
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    ChannelRefused,
    LinkChanged,
    LinkState,
    Tick,
    Timestamp,
    VenueHealth,
)
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets

PAIR = "BTCUSDT"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_767_225_600_000
"""2026-01-01 00:00 UTC, a Thursday."""
DOWN = LinkChanged(False, LinkState.RECONNECTING, "lost", frozenset({PAIR}))
UP = LinkChanged(False, LinkState.CONNECTED, "", frozenset({PAIR}))


class Exchange:
    """Candles of a pair that trades once a minute where it trades, and the clock that all of it runs by."""

    def __init__(self) -> None:
        self.now_ms = START
        self.since_ms = START - 400 * DAY
        self.quiet: set[int] = set()
        self.asked: list[tuple[Interval, int]] = []
        self.cap = 1_000
        self.error: VenueError | None = None
        self.hold: asyncio.Event | None = None
        self.clock_trusted = True
        self.wall_ms = 0
        """How far our own wall clock is off."""
        self.slept_ms = 0
        self.interest: list[tuple[tuple[str, Interval], ...]] = []
        self.sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> Timestamp:
        return Timestamp(self.now_ms + self.wall_ms, (self.now_ms - self.slept_ms - START + DAY) * 1_000_000)

    async def open(self, sink: Any) -> None:
        sink(UP)

    async def close(self) -> None:
        pass

    async def set_interest(self, symbols: Any, candles: Any) -> None:
        self.interest.append(tuple(candles))

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now_ms + round(seconds * 1_000), future))
        await future

    def price(self, minute: int) -> Decimal:
        return Decimal(100 + minute * 7 % 13)

    def candle(self, interval: Interval, open_ms: int) -> Candle:
        """Return the exchange's own picture of a window as it is now."""
        end = min(window_end(interval, open_ms), self.now_ms)
        step = 1 if interval is Interval.M1 else max(1, (window_end(interval, open_ms) - open_ms) // MINUTE // 60)
        minutes = [at for at in range(open_ms // MINUTE, -(-end // MINUTE), step) if at not in self.quiet]
        prices = [self.price(at) for at in minutes] or [self.price(open_ms // MINUTE - 1)]
        qty = (
            Decimal(len(minutes))
            if end == window_end(interval, open_ms) or not minutes
            else Decimal(len(minutes) - 1) + Decimal(self.now_ms % MINUTE) / MINUTE
        )
        return Candle(
            open_ms=open_ms,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=qty,
            quote_volume=qty * 100,
            closed=window_end(interval, open_ms) <= self.now_ms,
        )

    def row(self, interval: Interval, limit: int) -> tuple[Candle, ...]:
        found: list[Candle] = []
        at = window_start(interval, self.now_ms)
        while len(found) < limit and at >= window_start(interval, self.since_ms):
            found.append(self.candle(interval, at))
            at = window_start(interval, at - 1)
        return tuple(reversed(found))

    async def candles(
        self, symbol: str, interval: Interval, limit: int, end_ms: int | None = None
    ) -> tuple[Candle, ...]:
        self.asked.append((interval, limit))
        answer = self.row(interval, max(1, min(limit, self.cap)))
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        return answer


class Rig:
    def __init__(self) -> None:
        self.exchange = Exchange()
        self.connected = True
        self.feed = MarketFeed(
            self.exchange,  # type: ignore[arg-type]
            Markets(FactLog()),
            listen=lambda item, at: None,
            emit_fact=lambda fact: None,
            now=self.exchange.now,
            sleep=self.exchange.sleep,
        )

    def candles(self, interval: Interval) -> tuple[Candle, ...]:
        series = self.feed.markets.candles(PAIR, interval)
        assert series is not None
        return series.view().candles

    def tick(self) -> None:
        """Let a second's figures of the link and a beat of the runtime come."""
        offset = -self.exchange.wall_ms if self.exchange.clock_trusted else None
        self.feed.handle(VenueHealth(None, None, offset, 0, 0, 0, 0, 0.0, 0))
        self.feed.handle(Tick())

    async def until(self, at_ms: int, *, push_ms: int = 0) -> None:
        """Let time pass; with ``push_ms`` the stream brings the candle that is built that often."""
        exchange = self.exchange
        while exchange.now_ms < at_ms:
            exchange.now_ms = min(at_ms, exchange.now_ms + (push_ms or 30_000))
            for due, future in list(exchange.sleepers):
                if due <= exchange.now_ms:
                    exchange.sleepers.remove((due, future))
                    if not future.done():
                        future.set_result(None)
            if push_ms:
                self.push()
            self.tick()
            await settle()

    def push(self) -> None:
        if self.connected:
            for symbol, interval in self.exchange.interest[-1]:
                start = window_start(interval, self.exchange.now_ms)
                self.feed.handle(CandleSeen(symbol, interval, self.exchange.candle(interval, start), 0))

    def cut(self) -> None:
        self.connected = False
        self.feed.handle(DOWN)

    def restore(self) -> None:
        self.connected = True
        self.feed.handle(UP)

    async def confirmed(self, interval: Interval, least: int = 1) -> tuple[Candle, ...]:
        """Compare the row once the window that ended last has been read."""
        await self.until(self.exchange.now_ms + 4_000, push_ms=1_000)
        await self.until(self.exchange.now_ms + 1_000)
        return self.check(interval, least)

    def check(self, interval: Interval, least: int = 1) -> tuple[Candle, ...]:
        """Compare the whole row with the exchange's own, apart from the candle that is being built."""
        row = self.candles(interval)
        assert len(row) >= least
        own = self.exchange.row(interval, len(row))
        assert row[:-1] == own[:-1]
        assert row[-1].open_ms == own[-1].open_ms
        assert not row[-1].closed
        return row


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


@pytest.fixture
async def rig() -> Any:
    made = Rig()
    made.tick()
    yield made
    await made.feed.close()


@pytest.mark.parametrize(
    ("interval", "days"),
    [(Interval.M1, 1), (Interval.M30, 2), (Interval.H4, 3), (Interval.H8, 3), (Interval.D1, 9), (Interval.W1, 20)],
)
async def test_windows_close_on_their_boundaries(rig: Rig, interval: Interval, days: int) -> None:
    await rig.feed.load(PAIR, interval, 20)
    step = 20_000 if interval is Interval.M1 else 17 * MINUTE
    await rig.until(START + (2 * HOUR if interval is Interval.M1 else days * DAY), push_ms=step)
    row = await rig.confirmed(interval, 20)
    assert all(after.open_ms == window_end(interval, before.open_ms) for before, after in pairwise(row))


async def test_months_of_28_to_31_days_close_on_the_first(rig: Rig) -> None:
    rig.exchange.now_ms = 1_706_745_600_000 - 3 * DAY  # three days before February 2024, a leap year
    rig.exchange.since_ms = 0
    await rig.feed.load(PAIR, Interval.MO1, 3)
    for _ in range(16):
        await rig.until(rig.exchange.now_ms + 30 * DAY, push_ms=6 * HOUR)
        await rig.confirmed(Interval.MO1, 3)
    row = rig.check(Interval.MO1, 16)
    days = {(after.open_ms - before.open_ms) // DAY for before, after in pairwise(row)}
    assert days == {28, 29, 30, 31}


async def test_a_window_without_a_trade_is_closed_flat_by_the_clock_alone(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 5)
    rig.exchange.quiet = set(range(START // MINUTE, START // MINUTE + 3))
    rig.exchange.error = VenueError("busy", kind=ErrorKind.SERVER, remedy="")
    await rig.until(START + 2 * MINUTE + 30_000)
    row = rig.candles(Interval.M1)
    assert [candle.volume for candle in row[-2:]] == [0, 0]
    assert row[-2].closed
    assert row[-2].close == row[-4].close


@pytest.mark.parametrize("outage_minutes", [0.3, 1, 7, 45, 700, 3_000])
@pytest.mark.parametrize("interval", [Interval.M1, Interval.M5, Interval.H8])
async def test_after_an_outage_of_any_length_nothing_is_invented(
    rig: Rig, interval: Interval, outage_minutes: float
) -> None:
    await rig.feed.load(PAIR, interval, 10)
    await rig.until(START + 20 * MINUTE + 10_000, push_ms=10_000)
    before = rig.candles(interval)
    rig.cut()
    await rig.until(rig.exchange.now_ms + round(outage_minutes * MINUTE))
    assert rig.candles(interval) == before  # what happened meanwhile is not known
    rig.restore()
    rig.push()
    await settle()
    rig.check(interval, 10)
    await rig.until(rig.exchange.now_ms + 10 * MINUTE, push_ms=10_000)
    rig.check(interval, 10)


async def test_while_the_history_cannot_be_read_the_row_stands_still_and_then_is_whole(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    await rig.until(START + 5 * MINUTE, push_ms=10_000)
    rig.cut()
    await rig.until(START + 8 * MINUTE)
    rig.exchange.error = VenueError("down", kind=ErrorKind.SERVER, remedy="")
    asked = len(rig.exchange.asked)
    for _ in range(30):
        rig.cut()
        rig.restore()
        await settle()
    assert len(rig.exchange.asked) - asked <= 2
    await rig.until(START + 12 * MINUTE, push_ms=10_000)
    row = rig.candles(Interval.M1)
    assert row[-1].open_ms == START + 5 * MINUTE
    rig.exchange.error = None
    await rig.until(START + 13 * MINUTE, push_ms=10_000)
    await rig.confirmed(Interval.M1, 10)


async def test_a_loss_while_the_history_is_on_its_way_is_read_too(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    rig.cut()
    rig.exchange.hold = asyncio.Event()
    rig.restore()
    await settle()
    rig.cut()
    await rig.until(START + 4 * MINUTE)
    held, rig.exchange.hold = rig.exchange.hold, None
    held.set()
    await settle()
    rig.restore()
    await settle()
    rig.check(Interval.M1, 10)


async def test_the_last_push_of_a_window_may_be_lost(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    for _ in range(5):
        await rig.until(window_end(Interval.M1, rig.exchange.now_ms // MINUTE * MINUTE) - 20_000, push_ms=10_000)
        rig.exchange.now_ms += 25_000
        await rig.until(rig.exchange.now_ms + 10_000, push_ms=5_000)
    assert len(rig.exchange.asked) == 1 + 5
    rig.check(Interval.M1, 10)
    rig.exchange.error = VenueError("down", kind=ErrorKind.SERVER, remedy="")
    await rig.until(rig.exchange.now_ms + 10 * MINUTE + 5_000, push_ms=7_000)
    rig.exchange.error = None
    await rig.until(rig.exchange.now_ms + MINUTE, push_ms=7_000)
    await rig.confirmed(Interval.M1, 20)


async def test_pushes_out_of_order_twice_off_the_grid_or_of_the_far_future_do_no_harm(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M5, 10)
    pushes = []
    for _ in range(40):
        rig.exchange.now_ms += 30_000
        start = window_start(Interval.M5, rig.exchange.now_ms)
        pushes.append(CandleSeen(PAIR, Interval.M5, rig.exchange.candle(Interval.M5, start), 0))
    shuffled = [pushes[at] for at in sorted(range(40), key=lambda at: (at * 17) % 40)]
    for push in (*shuffled, *reversed(pushes)):
        rig.feed.handle(push)
        rig.tick()
        await settle()
    rig.exchange.now_ms += 4_000
    rig.tick()
    await settle()
    rig.check(Interval.M5, 10)
    odd = pushes[-1].candle
    for open_ms in (odd.open_ms + 400 * DAY, -5, 10**15):
        wild = Candle(**{name: getattr(odd, name) for name in Candle.__struct_fields__} | {"open_ms": open_ms})
        rig.feed.handle(CandleSeen(PAIR, Interval.M5, wild, 0))
    shifted = Candle(
        **{name: getattr(odd, name) for name in Candle.__struct_fields__} | {"open_ms": odd.open_ms + 9_000}
    )
    rig.feed.handle(CandleSeen(PAIR, Interval.M5, shifted, 0))
    rig.check(Interval.M5, 10)


async def test_a_clock_that_is_set_closes_nothing(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    before = rig.candles(Interval.M1)
    rig.exchange.clock_trusted = False
    rig.exchange.wall_ms += HOUR
    rig.tick()
    assert rig.candles(Interval.M1) == before


@pytest.mark.parametrize("limit", [-1, 0, 1, 5_000])
async def test_limits_of_any_size(rig: Rig, limit: int) -> None:
    await rig.feed.load(PAIR, Interval.M1, limit)
    row = rig.check(Interval.M1, min(1_000, max(1, limit)))
    assert len(row) == min(1_000, max(1, limit))
    rig.cut()
    await rig.until(START + 3 * MINUTE)
    rig.restore()
    await settle()
    rig.check(Interval.M1, 4)


async def test_a_pair_listed_a_moment_ago_has_what_there_is(rig: Rig) -> None:
    rig.exchange.since_ms = START + HOUR
    await rig.feed.load(PAIR, Interval.H8, 100)
    assert rig.candles(Interval.H8) == rig.exchange.row(Interval.H8, 100)
    rig.exchange.since_ms = START + DAY
    await rig.feed.load(PAIR, Interval.M1, 100)
    assert rig.candles(Interval.M1) == ()
    rig.exchange.since_ms = START
    await rig.until(START + 2 * MINUTE, push_ms=10_000)
    await rig.confirmed(Interval.M1, 2)


async def test_following_fails_and_is_cancelled_without_taking_the_row_from_others(rig: Rig) -> None:
    rig.exchange.error = VenueError("no", kind=ErrorKind.SERVER, remedy="")
    with pytest.raises(VenueError):
        await rig.feed.load(PAIR, Interval.M1, 10)
    await settle()
    assert rig.exchange.interest[-1] == ()
    rig.exchange.error, rig.exchange.hold = None, asyncio.Event()
    first, second = (asyncio.create_task(rig.feed.load(PAIR, Interval.M1, 10)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    rig.exchange.hold.set()
    await second
    assert first.cancelled()
    rig.check(Interval.M1, 10)
    rig.feed.drop(PAIR, Interval.M1)
    rig.feed.drop(PAIR, Interval.M1)
    assert rig.feed.markets.candles(PAIR, Interval.M1) is None
    await settle()
    assert rig.exchange.interest[-1] == ()


async def test_a_row_whose_channel_is_refused_is_read_instead_of_invented(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    rig.connected = False
    rig.feed.handle(ChannelRefused("a channel", PAIR, "Blocked!", Interval.M1))
    await rig.until(START + 3 * MINUTE + 20_000)
    rig.check(Interval.M1, 10)
    rig.connected = True
    await rig.until(START + 5 * MINUTE, push_ms=10_000)
    asked = len(rig.exchange.asked)
    await rig.until(START + 5 * MINUTE + 50_000, push_ms=10_000)
    assert len(rig.exchange.asked) - asked <= 1
    rig.check(Interval.M1, 10)


async def test_a_refused_row_without_a_candle_is_read_every_few_seconds(rig: Rig) -> None:
    rig.exchange.since_ms = START + MINUTE
    rig.connected = False
    await rig.feed.load(PAIR, Interval.M1, 10)
    rig.feed.handle(ChannelRefused("a channel", PAIR, "Blocked!", Interval.M1))
    await rig.until(START + MINUTE - 1, push_ms=1_000)
    assert 9 <= len(rig.exchange.asked) <= 14
    assert rig.candles(Interval.M1) == ()
    await rig.until(START + 3 * MINUTE + 20_000, push_ms=1_000)
    rig.check(Interval.M1, 2)


async def test_more_history_that_could_not_be_read_is_asked_for_again(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    rig.exchange.error = VenueError("busy", kind=ErrorKind.SERVER, remedy="")
    with pytest.raises(VenueError):
        await rig.feed.load(PAIR, Interval.M1, 300)
    rig.check(Interval.M1, 10)
    rig.exchange.error = None
    await rig.until(START + 10_000, push_ms=1_000)
    assert len(rig.check(Interval.M1, 300)) == 300


async def test_a_machine_that_slept_learns_the_time_from_the_figures_of_the_link(rig: Rig) -> None:
    await rig.feed.load(PAIR, Interval.M1, 10)
    rig.feed.handle(BookDelta("ETHUSDT", 1, 1, [], [], rig.exchange.now_ms, 0))
    rig.cut()
    rig.exchange.slept_ms = DAY + HOUR
    rig.exchange.now_ms += DAY + HOUR
    rig.tick()
    rig.restore()
    rig.push()
    await settle()
    rig.check(Interval.M1, 10)


async def test_closing_ends_the_wait_for_candles(rig: Rig) -> None:
    rig.exchange.hold = asyncio.Event()
    waiting = asyncio.create_task(rig.feed.load(PAIR, Interval.M1, 10))
    await settle()
    await rig.feed.close()
    with pytest.raises(VenueError) as closed:
        await waiting
    assert closed.value.kind is ErrorKind.NETWORK
    assert closed.value.remedy


async def test_a_fault_in_a_listener_is_reported_once_and_the_market_goes_on(rig: Rig) -> None:
    failures: list[Exception] = []
    broken = MarketFeed(
        rig.exchange,  # type: ignore[arg-type]
        Markets(FactLog()),
        listen=lambda item, at: 1 // 0,
        emit_fact=lambda fact: None,
        on_failure=failures.append,
        now=rig.exchange.now,
        sleep=rig.exchange.sleep,
    )
    for _ in range(3):
        broken.handle(Tick())
    assert [type(error) for error in failures] == [ZeroDivisionError]
    await broken.close()
