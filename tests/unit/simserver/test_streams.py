"""The stream side as MEXC runs it: answers, refusals, rhythms, versions, timers."""

from __future__ import annotations

import itertools
import json
import socket
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.keys import ListenKeys
from mexc_tui.venues.simulator.server.streams import StreamRules
from mexc_tui.wire.mexc.pb import push_pb2 as pb

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
ZERO = Decimal(0)


def sample(samples: Path, name: str) -> Any:
    return json.loads((samples / f"{name}.json").read_text())


async def test_answers_are_worded_as_recorded(rig: Any, samples: Path) -> None:
    stream = await rig.stream()
    assert await stream.ask("PING") == sample(samples, "WS_PING_answer")
    assert await stream.ask("ping") == sample(samples, "WS_PING_answer")
    asked = sample(samples, "WS_SUBSCRIPTION_request")
    answer = await stream.ask(asked["method"], *asked["params"], id=asked["id"])
    assert answer == sample(samples, "WS_SUBSCRIPTION_ack_ok")
    mixed = await stream.ask("SUBSCRIPTION", DEPTH, DEPTH.replace("BTC", "NOPE"))
    assert mixed == sample(samples, "WS_SUBSCRIPTION_ack_mixed")
    refused = await stream.ask("SUBSCRIPTION", "spot@public.bookTicker.v3.api@BTCUSDT")
    assert refused == sample(samples, "WS_SUBSCRIPTION_ack_rejected")
    assert await stream.ask("UNSUBSCRIPTION", DEALS) == sample(samples, "WS_UNSUBSCRIPTION_ack")
    malformed = sample(samples, "WS_malformed_request_answer")
    for text in ("nonsense", "[]", '{"method":"SUBSCRIPTION"}', '{"method":"SUBSCRIPTION","params":"x"}', '{"id":1}'):
        await stream.socket.send_str(text)
        assert json.loads(await stream.text()) == {**malformed, "id": 0}


@pytest.mark.parametrize(
    "channel",
    [
        DEPTH.replace("BTCUSDT", "btcusdt"),
        DEPTH.replace("100ms", "50ms"),
        DEPTH.replace(".pb", ""),
        "spot@public.increase.depth.v3.api.pb@BTCUSDT",
        "spot@public.deals.v3.api.pb@BTCUSDT",
        "spot@public.limit.depth.v3.api.pb@BTCUSDT@50",
        "spot@public.kline.v3.api.pb@BTCUSDT@1m",
        "spot@public.miniTicker.v3.api.pb@BTCUSDT",
        "spot@public.miniTickers.v3.api.pb@MOON",
        "spot@private.orders.v3.api.pb",
        "",
    ],
)
async def test_channels_that_mexc_refuses(rig: Any, channel: str) -> None:
    answer = await (await rig.stream()).ask("SUBSCRIPTION", channel)
    assert answer == {"id": 0, "code": 0, "msg": f"Not Subscribed successfully! [{channel}].  Reason： Blocked! "}


async def test_the_thirty_first_channel_is_refused(rig: Any) -> None:
    stream = await rig.stream()
    zones = [f"spot@public.miniTickers.v3.api.pb@UTC+{hour}" for hour in range(12)]
    zones += [f"spot@public.miniTickers.v3.api.pb@UTC-{hour}" for hour in range(12)]
    kinds = [f"spot@public.kline.v3.api.pb@BTCUSDT@{name}" for name in ("Min1", "Min5", "Min15", "Min30", "Min60")]
    assert "Not" not in (await stream.ask("SUBSCRIPTION", *zones, *kinds))["msg"]
    answer = await stream.ask("SUBSCRIPTION", DEPTH, DEALS)
    assert answer["msg"] == (
        f"Subscribed successful! [{DEPTH}]. Not Subscribed successfully! [{DEALS}].  Reason： Blocked! "
    )
    await stream.ask("UNSUBSCRIPTION", zones[0])
    assert (await stream.ask("SUBSCRIPTION", DEALS))["msg"] == DEALS


async def test_pushes_follow_the_answer_and_join_without_a_gap(rig: Any) -> None:
    stream = await rig.stream()
    await rig.step(100, 3)
    await stream.ask("SUBSCRIPTION", DEPTH)
    await rig.step(10, 300)
    frames = [pb.PushDataV3ApiWrapper.FromString(data) for data in await stream.waiting()]
    assert len(frames) > 10
    ranges = [(int(f.publicAggreDepths.fromVersion), int(f.publicAggreDepths.toVersion)) for f in frames]
    assert all(later[0] == earlier[1] + 1 for earlier, later in itertools.pairwise(ranges))
    first = frames[0]
    assert (first.channel, first.symbol) == (DEPTH, "BTCUSDT")
    assert first.publicAggreDepths.eventType == "spot@public.aggre.depth.v3.api.pb@100ms"
    sends = [f.sendTime for f in frames]
    assert all(later - earlier >= 100 for earlier, later in itertools.pairwise(sends))
    levels = [level for f in frames for level in (*f.publicAggreDepths.bids, *f.publicAggreDepths.asks)]
    assert any(level.quantity == "0" for level in levels)
    assert not any(text.endswith("0") and "." in text for level in levels for text in (level.price, level.quantity))


async def test_a_snapshot_and_the_pushes_around_it_give_the_exchanges_book(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", DEPTH)
    await rig.step(10, 57)
    shot = await rig.ok("/api/v3/depth?symbol=BTCUSDT&limit=2000")
    await rig.step(10, 143)
    sides = {name: {Decimal(p): Decimal(q) for p, q in shot[name]} for name in ("bids", "asks")}
    version = shot["lastUpdateId"]
    for data in await stream.waiting():
        body = pb.PushDataV3ApiWrapper.FromString(data).publicAggreDepths
        first, last = int(body.fromVersion), int(body.toVersion)
        if last <= version:
            continue
        assert first <= version + 1
        version = last
        for name, levels in (("bids", body.bids), ("asks", body.asks)):
            for level in levels:
                sides[name][Decimal(level.price)] = Decimal(level.quantity)
    now_version, bids, asks = rig.exchange.market.depth("BTCUSDT", 5000)
    assert version == now_version
    assert {p: q for p, q in sides["bids"].items() if q} == dict(bids)
    assert {p: q for p, q in sides["asks"].items() if q} == dict(asks)


async def test_many_snapshots_fall_inside_a_push(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", DEPTH)
    shots = []
    for _ in range(40):
        await rig.step(10, 37)
        shots.append((await rig.ok("/api/v3/depth?symbol=BTCUSDT"))["lastUpdateId"])
    await rig.step(10, 50)
    bodies = [pb.PushDataV3ApiWrapper.FromString(data).publicAggreDepths for data in await stream.waiting()]
    ranges = [(int(body.fromVersion), int(body.toVersion)) for body in bodies]
    assert all(later[0] == earlier[1] + 1 for earlier, later in itertools.pairwise(ranges))
    inside = sum(any(first <= shot < last for first, last in ranges) for shot in shots)
    assert inside >= len(shots) * 0.4


async def test_ten_milliseconds_are_finer_than_a_hundred(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", DEPTH, DEPTH.replace("100ms", "10ms"))
    await rig.step(10, 200)
    frames = [pb.PushDataV3ApiWrapper.FromString(data) for data in await stream.waiting()]
    fast = [f for f in frames if "@10ms@" in f.channel]
    slow = [f for f in frames if "@100ms@" in f.channel]
    assert len(fast) > len(slow) > 5
    assert fast[-1].publicAggreDepths.toVersion >= slow[-1].publicAggreDepths.toVersion


CHANNELS = {
    "spot@public.limit.depth.v3.api.pb@BTCUSDT@5": "publicLimitDepths",
    "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT": "publicAggreBookTicker",
    "spot@public.bookTicker.batch.v3.api.pb@BTCUSDT": "publicBookTickerBatch",
    "spot@public.miniTicker.v3.api.pb@BTCUSDT@UTC+8": "publicMiniTicker",
    "spot@public.miniTickers.v3.api.pb@24H": "publicMiniTickers",
    "spot@public.aggre.deals.v3.api.pb@10ms@BTCUSDT": "publicAggreDeals",
    **{
        f"spot@public.kline.v3.api.pb@BTCUSDT@{name}": "publicSpotKline"
        for name in ("Min1", "Min5", "Min15", "Min30", "Min60", "Hour4", "Hour8", "Day1", "Week1", "Month1")
    },
}


async def test_every_public_channel_pushes_its_own_body(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", *CHANNELS)
    await rig.step(50, 100)
    seen: dict[str, pb.PushDataV3ApiWrapper] = {}
    for data in await stream.waiting():
        frame = pb.PushDataV3ApiWrapper.FromString(data)
        seen[frame.channel] = frame
    assert {name: frame.WhichOneof("body") for name, frame in seen.items()} == CHANNELS
    top = seen["spot@public.limit.depth.v3.api.pb@BTCUSDT@5"].publicLimitDepths
    assert (len(top.bids), len(top.asks), top.eventType) == (5, 5, "spot@public.limit.depth.v3.api.pb")
    candle = seen["spot@public.kline.v3.api.pb@BTCUSDT@Hour8"]
    assert candle.publicSpotKline.windowEnd - candle.publicSpotKline.windowStart == 8 * 3600
    assert candle.createTime > 0
    assert not candle.HasField("sendTime")
    assert len(candle.symbolId) == 32
    every = seen["spot@public.miniTickers.v3.api.pb@24H"]
    assert not every.HasField("symbol")
    assert "币安人生USDT" in {row.symbol for row in every.publicMiniTickers.items}
    mini = seen["spot@public.miniTicker.v3.api.pb@BTCUSDT@UTC+8"].publicMiniTicker
    assert Decimal(mini.volume) > Decimal(mini.quantity)
    deal = seen["spot@public.aggre.deals.v3.api.pb@10ms@BTCUSDT"].publicAggreDeals.deals[0]
    assert deal.tradeType in (1, 2)
    assert deal.tradeId


async def test_the_last_figures_of_a_candle_come_before_the_next_candle(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", "spot@public.kline.v3.api.pb@BTCUSDT@Min1")
    await rig.step(250, 600)
    last: dict[int, tuple[str, str]] = {}
    for data in await stream.waiting():
        row = pb.PushDataV3ApiWrapper.FromString(data).publicSpotKline
        assert not last or row.windowStart >= max(last)
        last[row.windowStart] = (row.closingPrice, row.volume)
    finished = sorted(last)[:-1]
    assert len(finished) >= 2
    for row in await rig.ok("/api/v3/klines?symbol=BTCUSDT&interval=1m"):
        if row[0] // 1000 in finished:
            assert last[row[0] // 1000] == (row[4], row[5])


async def test_own_orders_fills_and_balances_are_pushed(rig: Any, samples: Path) -> None:
    stream = await rig.private_stream()
    bid = rig.best("MXUSDT")[0]
    price = bid * Decimal("0.95")
    price = price.quantize(Decimal("0.0001"))
    await rig.done(
        "POST", "order", f"symbol=MXUSDT&side=BUY&type=LIMIT&quantity=10&price={price}&newClientOrderId=my-1"
    )
    bodies = {f.WhichOneof("body"): f for f in map(pb.PushDataV3ApiWrapper.FromString, await stream.waiting())}
    order = bodies["privateOrders"]
    recorded = pb.PushDataV3ApiWrapper.FromString(
        bytes.fromhex(sample(samples, "WS_push__private_orders__limit_buy_new")["hex"])
    )
    names = {field.name for field, _ in recorded.privateOrders.ListFields()}
    assert {field.name for field, _ in order.privateOrders.ListFields()} == names
    assert (order.privateOrders.clientId, order.privateOrders.status, order.symbol) == ("my-1", 1, "MXUSDT")
    assert Decimal(order.privateOrders.amount) == price * 10
    account = bodies["privateAccount"]
    assert not account.HasField("symbol")
    assert (account.privateAccount.vcoinName, account.privateAccount.type) == ("USDT", "ENTRUST_PLACE")
    assert Decimal(account.privateAccount.frozenAmountChange) == price * 10

    await rig.done("POST", "order", "symbol=MXUSDT&side=SELL&type=MARKET&quantity=5")
    frames = list(map(pb.PushDataV3ApiWrapper.FromString, await stream.waiting()))
    sold = [f.privateOrders for f in frames if f.HasField("privateOrders")][-1]
    assert (sold.orderType, sold.tradeType, sold.status, sold.amount) == (5, 2, 2, "0")
    assert (sold.remainQuantity, sold.remainAmount, sold.cumulativeQuantity) == ("0", "0", "5")
    deals = [f.privateDeals for f in frames if f.HasField("privateDeals")]
    recorded = pb.PushDataV3ApiWrapper.FromString(bytes.fromhex(sample(samples, "WS_push__private_deals")["hex"]))
    names = {field.name for field, _ in recorded.privateDeals.ListFields()}
    assert {field.name for field, _ in deals[0].ListFields()} == names
    assert sum((Decimal(d.quantity) for d in deals), ZERO) == 5
    assert {d.feeCurrency for d in deals} == {"USDT"}


async def test_a_wrong_listen_key_is_told_in_plain_text(rig: Any) -> None:
    stream = await rig.stream("feed")
    assert await stream.text() == "Invalid listen key"
    assert (await stream.raw()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_five_streams_a_key_and_sixty_keys_an_account(rig: Any) -> None:
    key = (await rig.done("POST", "userDataStream"))["listenKey"]
    streams = [await rig.stream(key) for _ in range(5)]
    for stream in streams:
        await stream.ask("PING")
    assert await (await rig.stream(key)).text() == "Invalid listen key"
    for _ in range(59):
        await rig.done("POST", "userDataStream")
    assert (await rig.call("POST", "userDataStream"))[0] == 400


async def gone(stream: Any) -> None:
    """Wait until the connection ends, and require that no close frame came."""
    while (message := await stream.raw()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        pass
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert stream.socket.close_code in (None, 1006)


async def test_the_stream_of_an_expired_listen_key_ends(start: Any) -> None:
    rig = await start(markets=False)
    key = (await rig.done("POST", "userDataStream"))["listenKey"]
    stream = await rig.stream(key)
    await stream.ask("SUBSCRIPTION", "spot@private.orders.v3.api.pb")
    for _ in range(65):
        await rig.step(55_000)
        await stream.waiting()
    await rig.step(25_000)
    await gone(stream)
    assert (await rig.call("PUT", "userDataStream", f"listenKey={key}"))[0] == 400


def test_a_listen_key_lives_an_hour_from_its_last_extension() -> None:
    hour = 3_600_000
    keys = ListenKeys(Random(1))
    key = keys.create("a", 0)
    assert keys.account(key, hour - 1) == "a"
    keys.extend("a", key, hour - 1)
    assert keys.account(key, 2 * hour - 2) == "a"
    assert keys.account(key, 2 * hour - 1) is None
    assert keys.expire(2 * hour) == [key]
    with pytest.raises(SimError):
        keys.extend("a", key, 2 * hour)
    with pytest.raises(SimError):
        keys.delete("b", keys.create("a", 0), 0)


async def test_deleting_a_listen_key_ends_its_stream(rig: Any) -> None:
    key = (await rig.done("POST", "userDataStream"))["listenKey"]
    stream = await rig.stream(key)
    await stream.ask("PING")
    await rig.done("DELETE", "userDataStream", f"listenKey={key}")
    await gone(stream)


async def test_without_subscription_the_stream_ends_after_thirty_seconds(rig: Any) -> None:
    stream = await rig.stream()
    await stream.ask("PING")
    await rig.step(29_000)
    await stream.ask("PING")
    await rig.step(1_000)
    await gone(stream)


async def test_a_quiet_stream_without_ping_ends_after_a_minute_without_a_close_frame(rig: Any) -> None:
    quiet, pinging = await rig.private_stream(), await rig.private_stream()
    for _ in range(6):
        assert rig.server.hub.connections == 2
        await rig.step(10_000)
        await pinging.ask("PING")
    await gone(quiet)
    await rig.step(10_000)
    await pinging.ask("PING")


async def test_a_stream_lives_a_day(start: Any) -> None:
    rig = await start(rules=StreamRules(lifetime_ms=120_000))
    stream = await rig.stream()
    await stream.ask("SUBSCRIPTION", "spot@public.miniTickers.v3.api.pb@24H")
    await rig.step(1_000, 119)
    await stream.waiting()
    await rig.step(1_000)
    await gone(stream)


async def test_a_flood_of_requests_ends_the_stream(rig: Any) -> None:
    stream = await rig.stream()
    for _ in range(101):
        await stream.socket.send_str('{"method":"PING"}')
    await gone(stream)


async def test_a_reader_that_does_not_read_is_dropped_and_delays_nobody(start: Any) -> None:
    rig = await start(rules=StreamRules(queue=100, messages_1s=10_000))
    slow, quick = await rig.stream(), await rig.stream()
    names = [f"spot@public.miniTickers.v3.api.pb@UTC{sign}{hour}" for hour in range(14) for sign in "+-"]
    await slow.ask("SUBSCRIPTION", *names)
    await quick.ask("SUBSCRIPTION", names[0])
    slow.socket._response.connection.transport.pause_reading()
    for connection in rig.server.hub._connections:  # small buffers fill soon
        connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    received = 0
    for second in range(1, 3_000):
        rig.server.hub.step(rig.clock[0] + second * 1_000)
        received += len(await quick.waiting())
        if rig.server.hub.connections == 1:
            break
    assert rig.server.hub.connections == 1
    assert received == second
