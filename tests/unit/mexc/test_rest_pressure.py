"""Many calls at once, slow answers, tasks that are cancelled, a client that is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.queue import Duty, RequestQueue
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.patience import LIMIT_S, eventually
from tests.unit.mexc.conftest import ManualClock

KEY, SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
ORDER = OrderRequest(
    client_order_id="mtui-a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)
Slow = Callable[[str, str], asyncio.Event]


@pytest.fixture
async def real(server: Any) -> AsyncIterator[MexcRest]:
    """A client that runs by the machine's own clock."""
    async with MexcRest(MexcSettings(base_url=server.base_url, api_key=KEY, api_secret=SECRET).unpaced()) as rest:
        yield rest


@pytest.fixture
async def slow(server: Any) -> AsyncIterator[Slow]:
    """Let an endpoint give no answer; the event is set when it is first asked."""
    release = asyncio.Event()

    def hold(method: str, path: str) -> asyncio.Event:
        arrived = asyncio.Event()

        async def answer(_: Any) -> Any:
            arrived.set()
            await release.wait()
            raise ConnectionResetError

        server.on(method, path, answer)
        return arrived

    yield hold
    release.set()


class Standing(ManualClock):
    """No time passes: whoever waits for the budget waits for ever."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def ended(tasks: list[asyncio.Task[Any]]) -> list[Any]:
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_orders_and_cancels_do_not_wait_behind_slow_answers(real: MexcRest, server: Any, slow: Slow) -> None:
    slow("GET", "depth")
    slow("GET", "account")
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})
    server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
    calls = [asyncio.create_task(real.market.depth("MXUSDT")) for _ in range(500)]
    calls += [asyncio.create_task(real.account.balances()) for _ in range(500)]
    await eventually(lambda: server.count("GET", "depth") + server.count("GET", "account") >= 12)
    assert await real.trading.place_order(ORDER) == "1"
    await real.trading.cancel_order("MXUSDT", order_id="1")
    assert not any(task.done() for task in calls), "it waited for one of them"
    await ended(calls)


async def test_cancels_do_not_wait_behind_orders_without_an_answer(real: MexcRest, server: Any, slow: Slow) -> None:
    slow("POST", "order")
    server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
    orders = [asyncio.create_task(real.trading.place_order(ORDER)) for _ in range(200)]
    await eventually(lambda: server.count("POST", "order") >= 14)
    await real.trading.cancel_order("MXUSDT", order_id="1")
    await eventually(lambda: sum(task.done() for task in orders) == 200 - 14)
    errors = [task.exception() for task in orders if task.done()]
    assert {(error.kind, error.sent) for error in errors if isinstance(error, VenueError)} == {
        (ErrorKind.RATE_LIMIT, False)
    }
    assert server.count("POST", "order") == 14
    await ended(orders)


async def test_a_call_that_is_cancelled_gives_its_connection_back(real: MexcRest, server: Any, slow: Slow) -> None:
    slow("GET", "depth")
    for _ in range(5):
        seen = server.count("GET", "depth")
        calls = [asyncio.create_task(real.market.depth("MXUSDT")) for _ in range(40)]
        await eventually(lambda: server.count("GET", "depth") >= seen + 5)  # noqa: B023
        assert all(isinstance(result, asyncio.CancelledError) for result in await ended(calls))
    assert real._transport.budget._queue.busy == 0
    server.json("GET", "depth", {"lastUpdateId": 1, "bids": [], "asks": []})
    books = await asyncio.gather(*(real.market.depth("MXUSDT") for _ in range(40)))
    assert len(books) == 40
    connector = real._transport._session.connector
    assert len(connector._acquired) == 0


async def test_what_left_before_its_task_was_cancelled_stays_counted(rest: MexcRest, server: Any, slow: Slow) -> None:
    arrived = slow("GET", "myTrades")
    before = rest.metrics().weight_used
    task = asyncio.create_task(rest.trading.my_trades("MXUSDT"))
    await arrived.wait()
    await ended([task])
    assert rest.metrics().weight_used == before + 10


async def test_what_waits_for_the_budget_is_not_counted_when_its_task_is_cancelled(server: Any) -> None:
    settings = MexcSettings(base_url=server.base_url, api_key=KEY, api_secret=SECRET)
    server.json("GET", "myTrades", [])
    async with MexcRest(settings, Standing()) as rest:
        calls = [asyncio.create_task(rest.trading.my_trades("MXUSDT")) for _ in range(1_000)]
        await eventually(lambda: server.count("GET", "myTrades") >= 17)
        used = rest.metrics().weight_used
        server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
        async with asyncio.timeout(LIMIT_S):
            for _ in range(8):
                await rest.trading.cancel_order("MXUSDT", order_id="1")
        await ended(calls)
        assert rest.metrics().weight_used == used + 8
        assert server.count("GET", "myTrades") == 17


async def test_closing_answers_everybody_at_once(server: Any, slow: Slow) -> None:
    """In flight, in the queue for the budget, between two attempts, waiting for a connection."""
    settings = MexcSettings(
        base_url=server.base_url, api_key=KEY, api_secret=SECRET, backoff_base_s=30, backoff_max_s=30
    )
    server.json("GET", "myTrades", [])
    server.on("GET", "uid", server.html(502))
    slow("GET", "depth")
    arrived = slow("POST", "order")
    rest = MexcRest(settings)
    await rest.open()
    order = asyncio.create_task(rest.trading.place_order(ORDER))
    await arrived.wait()
    waiting = [asyncio.create_task(rest.account.uid())]
    waiting += [asyncio.create_task(rest.trading.my_trades("MXUSDT")) for _ in range(50)]
    waiting += [asyncio.create_task(rest.market.depth("MXUSDT")) for _ in range(30)]
    await eventually(lambda: server.count("GET", "uid") == 1 and server.count("GET", "depth") >= 1)
    await rest.close()
    done, late = await asyncio.wait((order, *waiting), timeout=20)
    assert not late
    errors = [task.exception() for task in done]
    assert all(isinstance(error, VenueError) for error in errors if error is not None)
    unknown = order.exception()
    assert isinstance(unknown, VenueError)
    assert (unknown.kind, unknown.sent) == (ErrorKind.OUTCOME_UNKNOWN, True)
    assert server.count("POST", "order") == 1
    with pytest.raises(VenueError, match="closed"):
        await rest.market.ping()
    assert server.count("GET", "ping") == 0


async def test_closing_while_the_clock_is_measured_is_no_cancellation(real: MexcRest, server: Any, slow: Slow) -> None:
    real._transport.time.doubt()
    arrived = slow("GET", "time")
    asking = asyncio.create_task(real.account.uid())
    await arrived.wait()
    await real.close()
    with pytest.raises(VenueError, match=r"closed|connection"):
        await asking


async def test_an_order_is_not_kept_until_a_slow_clock_answers(server: Any, slow: Slow) -> None:
    settings = MexcSettings(base_url=server.base_url, api_key=KEY, api_secret=SECRET, prepare_max_s=0.05)
    async with MexcRest(settings) as rest:
        rest._transport.time.doubt()
        slow("GET", "time")
        server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
        with pytest.raises(VenueError, match="The order was not sent") as caught:
            await rest.trading.place_order(ORDER)
        assert not caught.value.sent
        await rest.trading.cancel_order("MXUSDT", order_id="1")
        assert server.count("POST", "order") == 0


async def test_lanes_serve_the_urgent_first_and_lose_nobody() -> None:
    lanes = RequestQueue(8)
    for _ in range(8):
        assert lanes.enter_now(Duty.CANCEL)
    order: list[Duty] = []

    async def come(duty: Duty) -> None:
        await lanes.enter(duty)
        order.append(duty)
        lanes.leave()

    tasks = [asyncio.create_task(come(duty)) for duty in (*Duty, *Duty)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    for _ in range(8):
        lanes.leave()
    await asyncio.wait(tasks)
    assert order[:4] == [Duty.SWEEP, Duty.SWEEP, Duty.CANCEL, Duty.CANCEL]
    assert sorted(order) == sorted((*Duty, *Duty)[1:])
    assert lanes.busy == 0
