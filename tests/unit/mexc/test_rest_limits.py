"""The request budget: what waits, what is refused; breaker, caches, repeats, clock."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.cache import TtlCache
from mexc_tui.venues.mexc.rest.client import MexcRest

ORDER = OrderRequest(
    client_order_id="mtui-a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)
PAIR = {
    "symbol": "MXUSDT",
    "status": "1",
    "baseAsset": "MX",
    "quoteAsset": "USDT",
    "quotePrecision": 4,
    "baseAssetPrecision": 2,
    "isSpotTradingAllowed": True,
}


async def test_data_calls_wait_for_the_weight_and_never_pass_their_share(rest: MexcRest, server: Any) -> None:
    server.json("GET", "myTrades", [])
    clock = rest._transport.clock
    started = clock.monotonic()
    for _ in range(60):
        await rest.trading.my_trades("MXUSDT")
    spent = clock.monotonic() - started
    share = 0.6 * 300
    assert spent >= (60 * 10 / share - 1) * 10 - 1
    assert rest.metrics().weight_used <= share


async def test_orders_beyond_their_share_are_refused_unsent_while_cancels_pass(rest: MexcRest, server: Any) -> None:
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
    for _ in range(8):
        await rest.trading.place_order(ORDER)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.RATE_LIMIT, False)
    assert "was not sent" in caught.value.message
    for _ in range(4):
        await rest.trading.cancel_order("MXUSDT", order_id="1")
    assert rest.metrics().order_tokens == 0
    assert server.count("POST", "order") == 8


async def test_reading_calls_are_repeated_with_growing_pauses(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    good = server.reply({"mins": 5, "price": "1.5"})
    server.on("GET", "avgPrice", server.hang_up(), server.html(502), server.reply(b""), good)
    manual_clock.slept.clear()
    assert (await rest.market.avg_price("MXUSDT")).price == Decimal("1.5")
    assert manual_clock.slept == [0.25, 0.5, 1.0]
    assert rest.metrics().repeats == 3


async def test_refusals_are_not_repeated(rest: MexcRest, server: Any) -> None:
    server.json("GET", "depth", {"code": -1121, "msg": "Invalid symbol."}, status=400)
    with pytest.raises(VenueError) as caught:
        await rest.market.depth("NOPE")
    assert caught.value.kind is ErrorKind.BAD_PARAMETER
    assert server.count("GET", "depth") == 1


async def test_a_cancel_is_repeated_once_and_a_gone_order_is_told(rest: MexcRest, server: Any) -> None:
    gone = server.reply({"code": -2011, "msg": "Unknown order sent."}, status=400)
    server.on("DELETE", "order", server.hang_up(), gone)
    with pytest.raises(VenueError) as caught:
        await rest.trading.cancel_order("MXUSDT", client_order_id="mtui-a-1")
    assert caught.value.kind is ErrorKind.ORDER_NOT_FOUND
    server.on("DELETE", "order", server.html(500))
    with pytest.raises(VenueError) as caught:
        await rest.trading.cancel_order("MXUSDT", client_order_id="mtui-a-1")
    assert caught.value.kind is ErrorKind.OUTCOME_UNKNOWN
    assert "may still be open" in caught.value.message
    assert server.count("DELETE", "order") == 2 + 2


async def test_each_attempt_has_its_own_time_and_signature(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    server.on("GET", "uid", server.html(502), server.reply({"uid": "1"}))
    await rest.account.uid()
    first, second = (asked.query for asked in server.asked if asked.path.endswith("uid"))
    assert int(second["timestamp"]) - int(first["timestamp"]) == 250
    assert first["signature"] != second["signature"]


async def test_requests_follow_the_exchanges_clock(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    server.server_ahead_ms = 42_000
    server.on("GET", "uid", server.reply({"code": 700003, "msg": "outside"}, status=400), server.reply({"uid": "1"}))
    await rest.account.uid()
    assert rest.clock_offset_ms == pytest.approx(42_000, abs=1)
    assert int(server.last("GET", "uid").query["timestamp"]) == pytest.approx(manual_clock.wall_ms() + 42_000, abs=2)


async def test_an_order_outside_its_window_is_not_repeated_but_the_clock_is_measured(
    rest: MexcRest, server: Any
) -> None:
    server.json("POST", "order", {"code": 700003, "msg": "outside"}, status=400)
    with pytest.raises(VenueError):
        await rest.trading.place_order(ORDER)
    server.server_ahead_ms = -9_000
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    await rest.trading.place_order(ORDER)
    assert rest.clock_offset_ms == pytest.approx(-9_000, abs=1)
    assert server.count("POST", "order") == 2


async def test_a_clock_that_was_set_is_noticed(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    server.json("GET", "uid", {"uid": "1"})
    manual_clock.wall_offset_ms += 3_600_000
    server.server_ahead_ms = -3_600_000
    await rest.account.uid()
    assert rest.clock_offset_ms == pytest.approx(-3_600_000, abs=1)


async def test_the_breaker_opens_tries_once_and_closes(make_rest: Any, server: Any, manual_clock: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    server.on("GET", "avgPrice", server.html(500))
    for _ in range(5):
        with pytest.raises(VenueError):
            await rest.market.avg_price("MXUSDT")
    assert rest.metrics().breaker == "open"
    with pytest.raises(VenueError) as caught:
        await rest.market.avg_price("MXUSDT")
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.NETWORK, False)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    assert not caught.value.sent
    assert server.count("GET", "avgPrice") == 5
    manual_clock.now += 6
    assert rest.metrics().breaker == "half open"
    with pytest.raises(VenueError):
        await rest.market.avg_price("MXUSDT")
    assert rest.metrics().breaker == "open"
    manual_clock.now += 11
    server.json("GET", "ping", {})
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    assert await rest.trading.place_order(ORDER) == "1"
    assert rest.metrics().breaker == "closed"


async def test_a_host_that_is_not_there_leaves_nothing_sent_and_nothing_open(make_rest: Any) -> None:
    rest = make_rest(base_url="http://127.0.0.1:1", max_attempts=1)
    with pytest.raises(VenueError) as caught:
        await rest.open()
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.NETWORK, False)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    assert not caught.value.sent
    await rest.close()


async def test_a_silent_host_times_out_with_the_outcome_unknown(make_rest: Any, server: Any) -> None:
    rest = make_rest(answer_timeout_s=0.1)
    await rest.open()
    released = asyncio.Event()

    async def hang(_: Any) -> Any:
        await released.wait()
        raise ConnectionResetError

    server.on("POST", "order", hang)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    released.set()
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.OUTCOME_UNKNOWN, True)
    assert server.count("POST", "order") == 1


async def test_a_cancelled_caller_leaves_the_next_one_unharmed(rest: MexcRest, server: Any) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Any) -> Any:
        arrived.set()
        await release.wait()
        return await server.reply({"symbols": [PAIR]})(_)

    server.on("GET", "exchangeInfo", slow)
    first = asyncio.create_task(rest.market.exchange_info())
    second = asyncio.create_task(rest.market.exchange_info())
    await arrived.wait()
    first.cancel()
    release.set()
    assert (await second)[0].symbol == "MXUSDT"
    assert first.cancelled() or first.cancelling()
    assert server.count("GET", "exchangeInfo") == 1


async def test_closing_ends_what_is_being_asked_for_with_a_plain_error(rest: MexcRest, server: Any) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Any) -> Any:
        arrived.set()
        await release.wait()
        raise ConnectionResetError

    server.on("GET", "exchangeInfo", slow)
    asking = asyncio.create_task(rest.market.exchange_info())
    await arrived.wait()
    await rest.close()
    release.set()
    with pytest.raises(VenueError, match="closed"):
        await asking


async def test_an_order_finds_room_while_account_and_data_calls_wait(rest: MexcRest, server: Any) -> None:
    server.json("GET", "myTrades", [])
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    for _ in range(17):
        await rest.trading.my_trades("MXUSDT")
    assert rest.metrics().weight_used == 170 + 3  # with the three readings of the clock at the start
    started = rest._transport.clock.monotonic()
    assert await rest.trading.place_order(ORDER) == "1"
    assert rest._transport.clock.monotonic() == started


async def test_waiting_for_the_budget_does_not_spoil_the_clock(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    rest._transport.budget.weight.record(205, manual_clock.now)
    manual_clock.now += 1
    reading = await rest.sync_clock()
    assert sum(manual_clock.slept) > 8
    assert reading.offset_ms == pytest.approx(0, abs=1)


async def test_the_list_of_pairs_is_kept_for_five_minutes(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    server.json("GET", "exchangeInfo", {"symbols": [PAIR]})
    for _ in range(4):
        await rest.market.exchange_info()
    assert server.count("GET", "exchangeInfo") == 1
    manual_clock.now += 301
    await rest.market.exchange_info()
    assert server.count("GET", "exchangeInfo") == 2
    rate = rest.metrics().cache["exchange info"]
    assert (rate.hits, rate.misses, rate.rate) == (3, 2, 0.6)


async def test_no_tradable_pair_is_an_alarm(rest: MexcRest, server: Any) -> None:
    for rows in ([], [{**PAIR, "isSpotTradingAllowed": None}], [{**PAIR, "status": "ONLINE?"}], [{"symbol": "X"}]):
        server.json("GET", "exchangeInfo", {"symbols": rows})
        with pytest.raises(VenueError, match="none can be traded"):
            await rest.market.exchange_info()


async def test_one_unreadable_pair_does_not_hide_the_others(rest: MexcRest, server: Any) -> None:
    odd = [{**PAIR, "symbol": "A", "quotePrecision": 99}, {**PAIR, "symbol": "B", "baseSizePrecision": "many"}, None]
    server.json("GET", "exchangeInfo", {"symbols": [*odd, {**PAIR, "status": 1, "tradeSideType": "2", "added": {}}]})
    (pair,) = await rest.market.exchange_info()
    assert (pair.symbol, pair.sides.value) == ("MXUSDT", "buy only")
    assert rest.metrics().unreadable_pairs == 3


async def test_finished_orders_are_asked_for_once_and_open_ones_every_time(rest: MexcRest, server: Any) -> None:
    order = {"symbol": "MXUSDT", "orderId": "7", "side": "BUY", "type": "LIMIT", "origQty": "2", "price": "1"}
    server.json("GET", "order", {**order, "status": "NEW"})
    for _ in range(2):
        await rest.trading.order("MXUSDT", order_id="7")
    server.json("GET", "order", {**order, "status": "CANCELED", "executedQty": "0.5"})
    for _ in range(3):
        report = await rest.trading.order("MXUSDT", order_id="7")
        assert report is not None
        assert report.state.value == "partially cancelled"
    assert server.count("GET", "order") == 3


async def test_there_is_no_such_order_only_on_mexcs_word(rest: MexcRest, server: Any) -> None:
    for code in (-2011, -2013):
        server.json("GET", "order", {"code": code, "msg": "Order does not exist."}, status=400)
        assert await rest.trading.order("MXUSDT", client_order_id="x") is None
    for reply in (server.reply({}), server.reply({"code": 30026, "msg": "ids"}, status=400), server.reply(None)):
        server.on("GET", "order", reply)
        with pytest.raises(VenueError):
            await rest.trading.order("MXUSDT", client_order_id="x")


@pytest.mark.parametrize("newest_first", [True, False])
async def test_own_trades_are_paged_without_loss_or_repeat(make_rest: Any, server: Any, newest_first: bool) -> None:
    rest = make_rest(trades_page=3)
    await rest.open()
    base = rest.server_now_ms() - 100_000
    row = {"symbol": "MXUSDT", "orderId": "1", "price": "2", "qty": "1", "commission": "0", "commissionAsset": "MX"}
    times = [0, 1, 1, 2, 3, 3, 4, 7, 8, 8, 9]
    trades = [{**row, "id": f"t{n}", "isBuyer": True, "isMaker": False, "time": base + t} for n, t in enumerate(times)]

    async def page(asked: Any) -> Any:
        start, end = int(asked.query.get("startTime", 0)), int(asked.query.get("endTime", base + 10**9))
        rows = [trade for trade in trades if start <= trade["time"] <= end]
        rows = rows[::-1] if newest_first else rows
        return await server.reply(rows[: int(asked.query["limit"])])(asked)

    server.on("GET", "myTrades", page)
    fills = await rest.trading.my_trades("MXUSDT", since_ms=base + 1)
    assert sorted(fill.trade_id for fill in fills) == sorted(f"t{n}" for n in range(1, 11))
    assert [fill.time_ms for fill in fills] == sorted(fill.time_ms for fill in fills)


@pytest.mark.parametrize("most", [1_000, 3])
async def test_more_own_trades_at_one_time_than_it_gives_is_an_error(make_rest: Any, server: Any, most: int) -> None:
    rest = make_rest(trades_page=3)
    await rest.open()
    row = {"symbol": "MXUSDT", "orderId": "1", "price": "2", "qty": "1", "commission": "0", "commissionAsset": "MX"}

    async def page(asked: Any) -> Any:
        rows = [{**row, "id": str(n), "isBuyer": True, "time": 5} for n in range(2_000)]
        return await server.reply(rows[: min(most, int(asked.query["limit"]))])(asked)

    server.on("GET", "myTrades", page)
    with pytest.raises(VenueError, match="one time"):
        await rest.trading.my_trades("MXUSDT")


async def test_more_than_five_symbols_are_asked_for_as_the_whole_account(rest: MexcRest, server: Any) -> None:
    def asked() -> list[int]:
        found = [item.query.get("symbol", "") for item in server.asked if item.path.endswith("openOrders")]
        server.asked.clear()
        return [len(text.split(",")) if text else 0 for text in found]

    server.json("GET", "openOrders", [])
    for number in (0, 5, 6, 20):
        await rest.trading.open_orders([f"A{n}USDT" for n in range(number)])
    assert asked() == [0, 5, 0, 0]
    needed = server.reply({"code": 700004, "msg": "Param 'symbol' was not sent"}, status=400)
    server.on("GET", "openOrders", needed, server.reply([]))
    await rest.trading.open_orders([f"A{n}USDT" for n in range(7)])
    assert asked() == [0, 5, 2], "an exchange that wants them named"


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "mxusdt"},
        {"symbol": "MX,BTC"},
        {"symbol": ""},
        {"qty": Decimal(0)},
        {"qty": Decimal(-1)},
        {"qty": Decimal("NaN")},
        {"price": Decimal("Infinity")},
        {"price": None},
        {"qty": None},
        {"quote_qty": Decimal(1)},
        {"client_order_id": "x" * 33},
        {"client_order_id": "a b"},
        {"type": OrderType.MARKET},
        {"type": OrderType.MARKET, "price": None, "quote_qty": Decimal(5)},
        {"type": OrderType.MARKET, "price": None, "qty": None},
        {"type": OrderType.MARKET, "price": None, "qty": None, "quote_qty": Decimal(5), "side": Side.SELL},
    ],
)
async def test_an_ambiguous_order_is_refused_before_it_is_sent(
    rest: MexcRest, server: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(msgspec.structs.replace(ORDER, **changes))
    assert (caught.value.sent, caught.value.definite) == (False, True)
    assert server.count("POST", "order") == 0


async def test_fifty_calls_at_once_share_few_connections_and_all_come_back(make_rest: Any, server: Any) -> None:
    rest = make_rest(requests_per_s=1_000, request_burst=1_000, ip_weight_limit=10_000)
    await rest.open()
    server.json("GET", "avgPrice", {"mins": 5, "price": "1"})
    answers = await asyncio.gather(*(rest.market.avg_price("MXUSDT") for _ in range(50)))
    assert {answer.price for answer in answers} == {Decimal(1)}


async def test_failures_are_not_kept(manual_clock: Any) -> None:
    cache = TtlCache(manual_clock)
    calls = 0

    async def load() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("first")
        return calls

    with pytest.raises(ValueError, match="first"):
        await cache.get("n", 1, 60, load)
    assert await cache.get("n", 1, 60, load) == await cache.get("n", 1, 60, load) == 2
    await cache.close()


async def test_an_answer_that_was_dropped_while_it_was_under_way_is_not_kept(manual_clock: Any) -> None:
    cache = TtlCache(manual_clock)
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def slow() -> str:
        return await gate

    async def quick() -> str:
        return "new"

    first = asyncio.create_task(cache.get("n", 1, 60, slow))
    await asyncio.sleep(0)
    cache.forget("n")
    assert await cache.get("n", 1, 60, quick) == "new"
    gate.set_result("old")
    assert await first == "old"
    assert await cache.get("n", 1, 60, slow) == "new"
    await cache.close()
