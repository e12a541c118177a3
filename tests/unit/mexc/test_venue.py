"""The venue against the local exchange over real sockets: orders, drops, lost keys, secrets, refusals."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    CandleSeen,
    ChannelRefused,
    FillReported,
    Input,
    LinkChanged,
    LinkState,
    OrderReported,
    TickersSeen,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.ports import Venue
from mexc_tui.venues.mexc import venue as venue_module
from mexc_tui.venues.mexc.clock import SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream.connection import StreamTiming
from mexc_tui.venues.mexc.stream.dialing import AiohttpDialer
from mexc_tui.venues.mexc.stream.listen_key import KeyNote, KeyTiming, ListenKey
from mexc_tui.venues.mexc.venue import MexcVenue, StreamSettings
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.server import Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import make_fault
from tests.patience import LIMIT_S, eventually

QUICK = StreamSettings(timing=StreamTiming(backoff_s=0.02, tick_s=0.05, overlap_s=0.1))


class Local:
    """A local exchange in this loop and a venue that talks to it through sockets."""

    def __init__(self) -> None:
        now = time.time_ns() // 1_000_000
        self.exchange = demo_exchange(start_ms=now, seed=7)
        self.exchange.accounts.deposit("demo", {"USDT": Decimal(100_000)})
        self.server = Server(self.exchange, lambda: time.time_ns() // 1_000_000, ServerSettings(seed=7))
        self.key = self.server.keys.create("demo", note="test", created_ms=now)
        self.seen: list[Input] = []
        self.taped: list[bytes | str] = []
        self.venue: MexcVenue | None = None

    def make(self, *, keys: bool = True) -> MexcVenue:
        settings = MexcSettings(
            base_url=self.server.rest_url,
            ws_url=self.server.ws_url,
            api_key=self.key.access if keys else "",
            api_secret=self.key.secret if keys else "",
        )
        self.venue = MexcVenue(
            settings, VenueKind.LOCAL, tap=lambda recv, wall, frame: self.taped.append(frame), streams=QUICK
        )
        return self.venue

    async def open(self, *, keys: bool = True) -> MexcVenue:
        venue = self.make(keys=keys)
        await venue.open(self.seen.append)
        return venue

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.seen if isinstance(item, kind)]

    def links(self, *, private: bool) -> list[LinkState]:
        return [item.state for item in self.of(LinkChanged) if item.private is private]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await eventually(condition, what)


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    made = Local()
    await made.server.start()
    yield made
    if made.venue is not None:
        await made.venue.close()
    await made.server.stop()


def order(client_id: str, **fields: Any) -> OrderRequest:
    given = {"symbol": "BTCUSDT", "side": Side.BUY, "type": OrderType.LIMIT, "qty": Decimal("0.01")}
    return OrderRequest(client_order_id=client_id, **(given | fields))


async def test_it_is_a_venue_and_everything_of_a_symbol_flows(local: Local) -> None:
    venue: Venue = await local.open()
    assert venue.info.can_trade
    await venue.set_interest(["BTCUSDT", "币安人生USDT"], [("BTCUSDT", Interval.M1)])
    for kind in (BookDelta, TopOfBook, TradesSeen, CandleSeen, TickersSeen, VenueHealth):
        await local.until(lambda kind=kind: local.of(kind), kind.__name__)
    await local.until(lambda: any(d.symbol == "币安人生USDT" for d in local.of(BookDelta)), "a non-ASCII symbol")
    deltas = [delta for delta in local.of(BookDelta) if delta.symbol == "BTCUSDT"]
    assert all(late.first == early.last + 1 for early, late in itertools.pairwise(deltas))
    health = local.of(VenueHealth)[-1]
    assert health.unknown_frames == 0
    assert health.rest_ms is not None
    assert local.of(VenueHealth)[0].clock_offset_ms is not None, "a desk begins by the exchange's time"
    await local.until(lambda: local.of(VenueHealth)[-1].stream_ms is not None, "the age of what streams bring")
    assert any(isinstance(frame, bytes) for frame in local.taped)
    assert any(isinstance(frame, str) for frame in local.taped)


async def test_an_exchange_that_hangs_holds_up_no_report_of_the_link(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_module, "_HEALTH_S", 0.01)
    monkeypatch.setattr(venue_module, "_PING_EVERY", 2)
    venue, asked = local.make(), []

    async def hang() -> None:
        asked.append("ping")
        await asyncio.Event().wait()

    monkeypatch.setattr(venue.rest.market, "ping", hang)
    await venue.open(local.seen.append)
    await local.until(lambda: asked, "a ping")
    before = len(local.of(VenueHealth))
    await local.until(lambda: len(local.of(VenueHealth)) > before + 10, "reports while it hangs")
    assert asked == ["ping"]


async def test_an_order_rests_is_cancelled_and_another_fills_with_pushes_for_all_of_it(local: Local) -> None:
    venue = await local.open()
    order_id = await venue.place(order("mtui-t-1", price=Decimal(10_000)))
    report = await venue.order("BTCUSDT", client_order_id="mtui-t-1")
    assert report is not None
    assert (report.order_id, report.state) == (order_id, OrderState.WORKING)
    assert [found.order_id for found in await venue.open_orders(("BTCUSDT",))] == [order_id]
    await venue.cancel("BTCUSDT", order_id=order_id, client_order_id="mtui-t-1")
    with pytest.raises(VenueError) as caught:
        await venue.cancel("BTCUSDT", client_order_id="mtui-t-1")
    assert caught.value.kind is ErrorKind.ORDER_NOT_FOUND
    await venue.place(order("mtui-t-2", type=OrderType.MARKET))
    await local.until(lambda: local.of(FillReported), "a fill push")
    await local.until(lambda: local.of(BalanceReported), "a balance push")

    def pushed(client_id: str) -> list[OrderState]:
        reports = [item.report for item in local.of(OrderReported)]
        return [report.state for report in reports if report.client_order_id == client_id]

    await local.until(lambda: OrderState.FILLED in pushed("mtui-t-2"), "the filled report")
    assert OrderState.CANCELLED in pushed("mtui-t-1")
    fills = await venue.fills("BTCUSDT", 0)
    assert {fill.key for fill in fills} == {item.fill.key for item in local.of(FillReported)}
    assert any(balance.asset == "BTC" and balance.total > 0 for balance in await venue.balances())


async def test_cut_streams_come_back_and_say_what_was_lost(local: Local) -> None:
    venue = await local.open()
    await venue.set_interest(["BTCUSDT", "ETHUSDT"], [])
    await local.until(lambda: local.of(BookDelta), "a delta")
    local.seen.clear()
    assert local.server.hub.drop() == 2
    back = [LinkState.RECONNECTING, LinkState.CONNECTED]
    await local.until(lambda: local.links(private=True) == back, "account streams back")
    await local.until(lambda: local.links(private=False) == back, "market streams back")
    assert {"BTCUSDT", "ETHUSDT"} == local.of(LinkChanged)[-1].symbols or any(
        link.symbols == {"BTCUSDT", "ETHUSDT"} for link in local.of(LinkChanged)
    )
    local.seen.clear()
    await local.until(lambda: {d.symbol for d in local.of(BookDelta)} == {"BTCUSDT", "ETHUSDT"}, "both books again")


async def test_dead_listen_keys_are_replaced_and_none_is_left_behind(local: Local) -> None:
    venue = await local.open()
    (first,) = local.server.listen_keys.of("demo", local.exchange.now_ms)
    local.seen.clear()
    local.server.hub.end_listen_keys(local.server.listen_keys.kill("demo"))
    await local.until(lambda: LinkState.CONNECTED in local.links(private=True), "account streams back")
    (second,) = local.server.listen_keys.of("demo", local.exchange.now_ms)
    assert first != second
    local.seen.clear()
    await venue.place(order("mtui-t-3", price=Decimal(10_000)))
    await local.until(lambda: local.of(OrderReported), "a push on the new key")
    await venue.close()
    await venue.close()
    assert local.server.listen_keys.of("demo", local.exchange.now_ms) == []


async def test_garbage_costs_a_resync_and_nothing_more(local: Local) -> None:
    venue = await local.open()
    await venue.set_interest(["BTCUSDT"], [])
    local.server.plan.set(make_fault("truncated", {"p": 1.0, "match": "depth", "count": 2}))
    local.server.plan.set(make_fault("garbage", {"p": 1.0, "match": "depth", "count": 1}))
    await local.until(lambda: any(link.symbols == {"BTCUSDT"} for link in local.of(LinkChanged)), "a lost book")
    streams = venue.streams
    assert streams is not None
    local.seen.clear()
    await local.until(lambda: local.of(BookDelta), "deltas after the garbage")
    assert streams.decoder.not_understood >= 1
    assert streams.decoder.samples
    assert all(link.reconnects == 0 for link in streams.links)


async def test_a_pair_that_does_not_exist_is_reported_by_channel(local: Local) -> None:
    venue = await local.open(keys=False)
    await venue.set_interest(["BTCUSDT", "NOPEUSDT"], [])
    await local.until(lambda: len(local.of(ChannelRefused)) == 3, "three refused channels")
    assert {item.symbol for item in local.of(ChannelRefused)} == {"NOPEUSDT"}
    await local.until(lambda: local.of(BookDelta), "the other symbol's book")


async def test_without_keys_there_is_market_data_and_no_order_leaves(local: Local) -> None:
    venue = await local.open(keys=False)
    assert not venue.info.can_trade
    assert "key" in venue.info.why_not
    assert local.links(private=True) == [LinkState.CLOSED]
    asked = venue.rest.metrics().requests
    with pytest.raises(VenueError) as caught:
        await venue.place(order("mtui-t-4", price=Decimal(1)))
    assert (caught.value.definite, caught.value.sent) == (True, False)
    assert venue.rest.metrics().requests == asked
    assert (await venue.snapshot("BTCUSDT", 5)).bids


async def test_the_real_exchange_takes_no_orders_whatever_keys_are_given() -> None:
    venue = MexcVenue(MexcSettings(api_key="mx0a", api_secret="b"), VenueKind.LIVE)
    assert venue.info.name == "MEXC"
    assert not venue.info.can_trade
    assert "locked" in venue.info.why_not
    with pytest.raises(VenueError) as caught:
        await venue.place(order("mtui-t-5", price=Decimal(1)))
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.REFUSED_HERE, False)
    await venue.close()


async def test_an_unreachable_exchange_is_one_clear_error_and_leaves_nothing_open(local: Local) -> None:
    venue = local.make()
    await local.server.stop()
    with pytest.raises(VenueError):
        await asyncio.wait_for(venue.open(local.seen.append), LIMIT_S)
    assert venue.streams is None
    with pytest.raises(VenueError):
        await venue.set_interest(["BTCUSDT"], [])


async def test_refused_keys_show_at_once(local: Local) -> None:
    settings = MexcSettings(
        base_url=local.server.rest_url, ws_url=local.server.ws_url, api_key=local.key.access, api_secret="wrong"
    )
    venue = MexcVenue(settings, VenueKind.LOCAL, streams=QUICK)
    with pytest.raises(VenueError) as caught:
        await asyncio.wait_for(venue.open(local.seen.append), LIMIT_S)
    assert caught.value.kind is ErrorKind.AUTHENTICATION
    assert local.server.hub.connections == 0


async def test_the_listen_key_shows_in_no_log_and_no_message(
    local: Local, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    venue = await local.open()
    (key,) = local.server.listen_keys.of("demo", local.exchange.now_ms)

    async def refuse(self: aiohttp.ClientSession, url: Any, **_: Any) -> Any:
        assert key in str(url)
        raise aiohttp.WSServerHandshakeError(
            aiohttp.RequestInfo(url, "GET", {}, url),  # type: ignore[arg-type]
            (),
            status=403,
            message=f"refused {url}",
        )

    monkeypatch.setattr(aiohttp.ClientSession, "ws_connect", refuse)
    streams = venue.streams
    assert streams is not None
    streams.links[-1].rotate()
    await local.until(lambda: any("could not be replaced" in r.getMessage() for r in caplog.records), "a failed dial")
    assert key not in caplog.text
    assert key not in " ".join(repr(item) for item in local.seen)


async def test_kills_leave_one_key_behind_however_many_there_are(local: Local, tmp_path: Path) -> None:
    note = KeyNote(tmp_path / "listen.key")
    for _ in range(80):
        venue = local.make()
        await venue.rest.open()
        key = ListenKey(
            venue.rest.account,
            AiohttpDialer(local.server.ws_url, connect_timeout_s=5, user_agent="test"),
            SystemClock(),
            KeyTiming(),
            Random(1),
            note,
        )
        await key.prepare()  # and then the program is killed
        await venue.rest.close()
    assert len(local.server.listen_keys.of("demo", local.exchange.now_ms)) == 1
    assert (tmp_path / "listen.key").stat().st_mode & 0o777 == 0o600
    venue = local.make()
    venue.key_note = note
    await venue.open(local.seen.append)
    assert local.links(private=True)[-1] is LinkState.CONNECTED
    await venue.close()
    assert not (tmp_path / "listen.key").exists()
    assert local.server.listen_keys.of("demo", local.exchange.now_ms) == []


async def test_a_note_that_is_of_no_use_costs_nothing(local: Local, tmp_path: Path) -> None:
    for content in (b"", b"no key\nof anybody", b"\xff" * 5_000, b"f" * 64):
        (tmp_path / "listen.key").write_bytes(content)
        venue = local.make()
        venue.key_note = KeyNote(tmp_path / "listen.key")
        await venue.open(local.seen.append)
        assert local.links(private=True)[-1] is LinkState.CONNECTED
        await venue.close()


async def test_without_a_free_key_the_account_link_is_down_until_there_is_one(local: Local) -> None:
    now_ms = time.time_ns() // 1_000_000
    others = [local.server.listen_keys.create("demo", now_ms) for _ in range(60)]
    await local.open()
    assert local.links(private=True)[-1] is LinkState.RECONNECTING
    reason = next(item.reason for item in local.of(LinkChanged) if item.private)
    assert "no more listen keys" in reason
    assert len(local.server.listen_keys.of("demo", now_ms)) == 60, "keys of others are left alone"
    local.server.listen_keys.delete("demo", others[0], now_ms)
    await local.until(lambda: local.links(private=True)[-1] is LinkState.CONNECTED, "account streams")
