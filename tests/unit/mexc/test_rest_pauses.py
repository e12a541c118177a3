"""What waits while the exchange asks for quiet, blocks this address or fails, and what tries all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest

ORDER = OrderRequest(
    client_order_id="mtui-a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)
BOOK = {"lastUpdateId": 1, "bids": [], "asks": []}
DONE = {"symbol": "MXUSDT", "orderId": "1"}
NOON = 1_767_268_800

Refusal = Callable[[Any], Any]
TROUBLE: dict[str, Refusal] = {
    "a firewall page": lambda server: server.html(403),
    "429 for a minute": lambda server: server.reply(b"", status=429, Retry_After="60"),
    "a ban of ten minutes": lambda server: server.reply(b"", status=418, Retry_After="600"),
    "maintenance": lambda server: server.reply({"code": 503, "msg": "later"}, status=503),
}


@pytest.fixture
async def troubled(make_rest: Any, server: Any, request: pytest.FixtureRequest) -> MexcRest:
    """A client that has met trouble while it read books; cancels and open orders meet the same."""
    rest: MexcRest = make_rest(max_attempts=1)
    await rest.open()
    for method, path in (("GET", "depth"), ("DELETE", "order"), ("DELETE", "openOrders"), ("GET", "openOrders")):
        server.on(method, path, TROUBLE[request.param](server))
    for _ in range(5):
        with pytest.raises(VenueError):
            await rest.market.depth("MXUSDT")
    assert rest.metrics().held_s > 0
    return rest


async def kind_of(call: Any) -> ErrorKind | None:
    try:
        await call
    except VenueError as error:
        return error.kind
    return None


def every(*troubles: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("troubled", troubles or tuple(TROUBLE), indirect=True)


@every()
async def test_whatever_is_asked_for_the_exchange_sees_few_requests(
    troubled: MexcRest, server: Any, manual_clock: Any
) -> None:
    """A halt that asks again and again for a minute, with data and orders besides, must not worsen a ban."""
    begun, seen = manual_clock.now, len(server.asked)
    first_at = 0.0
    while manual_clock.now < begun + 60:
        await asyncio.gather(
            *(kind_of(troubled.trading.cancel_order("MXUSDT", order_id=str(n))) for n in range(20)),
            kind_of(troubled.trading.open_orders(urgent=True)),
            kind_of(troubled.trading.cancel_open_orders(["MXUSDT"])),
            kind_of(troubled.trading.place_order(ORDER)),
        )
        first_at = first_at or manual_clock.now
        manual_clock.now += 0.25
    asked = server.asked[seen:]
    assert 10 <= len(asked) <= 20
    assert not [item for item in asked if (item.method, item.path) == ("POST", "/api/v3/order")]


@every()
async def test_what_reduces_goes_out_at_once_and_on_while_it_is_answered(
    troubled: MexcRest, server: Any, manual_clock: Any
) -> None:
    server.json("DELETE", "order", DONE)
    server.json("DELETE", "openOrders", [])
    server.json("GET", "openOrders", [])
    begun = manual_clock.now
    await troubled.trading.cancel_open_orders(["MXUSDT"])
    await troubled.trading.open_orders(urgent=True)
    for number in range(40):
        await troubled.trading.cancel_order("MXUSDT", order_id=str(number))
    assert manual_clock.now - begun < 5, "at the pace of orders in general"


@every("a firewall page", "429 for a minute", "a ban of ten minutes")
async def test_everything_else_waits_even_if_cancels_pass(troubled: MexcRest, server: Any) -> None:
    server.json("DELETE", "order", DONE)
    server.json("POST", "order", DONE)
    await troubled.trading.cancel_order("MXUSDT", order_id="1")
    asked = len(server.asked)
    with pytest.raises(VenueError) as caught:
        await troubled.trading.place_order(ORDER)
    assert (caught.value.kind, caught.value.sent) == (ErrorKind.RATE_LIMIT, False)
    assert len(server.asked) == asked


async def test_a_pause_that_is_named_is_kept_by_what_reads(rest: MexcRest, server: Any, manual_clock: Any) -> None:
    limited = server.reply({"code": 429, "msg": "Too Many Requests"}, status=429, Retry_After="7")
    server.on("GET", "depth", limited, server.reply(BOOK))
    started = manual_clock.now
    await rest.market.depth("MXUSDT")
    assert manual_clock.now - started >= 7


async def test_a_firewall_page_pauses_longer_only_while_it_comes_back(
    rest: MexcRest, server: Any, manual_clock: Any
) -> None:
    server.on("GET", "depth", server.html(403))
    pauses = []
    for _ in range(6):
        with pytest.raises(VenueError) as caught:
            await rest.market.depth("MXUSDT")
        assert caught.value.kind is ErrorKind.EDGE_BLOCK
        pauses.append(round(rest.metrics().cool_down_s))
        manual_clock.now += pauses[-1] + 1
    assert pauses == [8, 16, 32, 64, 90, 90]
    server.json("GET", "depth", BOOK)
    await rest.market.depth("MXUSDT")
    server.on("GET", "depth", server.html(403))
    with pytest.raises(VenueError):
        await rest.market.depth("MXUSDT")
    assert rest.metrics().cool_down_s == pytest.approx(8, abs=0.1)


async def test_after_a_pause_one_request_goes_ahead_of_the_others(
    rest: MexcRest, server: Any, manual_clock: Any
) -> None:
    server.on("GET", "depth", server.html(403))
    assert await kind_of(rest.market.depth("MXUSDT")) is ErrorKind.EDGE_BLOCK
    manual_clock.now += 9
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow(asked: Any) -> Any:
        arrived.set()
        await release.wait()
        return await server.html(403)(asked)

    server.on("GET", "depth", slow)
    ahead = asyncio.create_task(kind_of(rest.market.depth("MXUSDT")))
    await arrived.wait()
    server.json("POST", "order", DONE)
    assert await kind_of(rest.trading.place_order(ORDER)) is ErrorKind.RATE_LIMIT
    assert server.count("POST", "order") == 0
    release.set()
    assert await ahead is ErrorKind.EDGE_BLOCK
    assert rest.metrics().cool_down_s > 8


async def test_why_requests_do_not_go_out_is_told_in_words(make_rest: Any, server: Any, manual_clock: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    assert (rest.metrics().held, rest.metrics().held_s) == ("", 0.0)
    server.on("GET", "avgPrice", server.html(500))
    for _ in range(5):
        with pytest.raises(VenueError):
            await rest.market.avg_price("MXUSDT")
    assert rest.metrics().held == f"{rest.settings.host} has failed 5 times in a row"
    assert rest.metrics().held_s == pytest.approx(5)
    manual_clock.now += 6
    assert (rest.metrics().breaker, rest.metrics().held_s) == ("half open", 0.0)
    assert "has failed" in rest.metrics().held
    server.on("GET", "avgPrice", server.reply(b"", status=418, Retry_After="60"))
    with pytest.raises(VenueError):
        await rest.market.avg_price("MXUSDT")
    assert (rest.metrics().breaker, rest.metrics().held) == ("closed", "MEXC has banned this address")
    manual_clock.now += 61
    assert rest.metrics().held == ""


async def test_cancels_try_through_an_open_breaker(make_rest: Any, server: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    server.on("GET", "avgPrice", server.hang_up())
    for _ in range(5):
        with pytest.raises(VenueError):
            await rest.market.avg_price("MXUSDT")
    server.json("DELETE", "order", DONE)
    await rest.trading.cancel_order("MXUSDT", order_id="1")
    assert rest.metrics().breaker == "closed"


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry_After": "7"}, 7),
        (429, {"Retry_After": "0"}, 1),
        (429, {"Retry_After": "1.5"}, 1.5),
        (429, {"Retry_After": formatdate(NOON + 40, usegmt=True), "Date": formatdate(NOON, usegmt=True)}, 40),
        (429, {"Retry_After": formatdate(NOON - 40, usegmt=True), "Date": formatdate(NOON, usegmt=True)}, 1),
        (429, {"Retry_After": "Thu, 01 Jan 2026 12:00:40", "Date": formatdate(NOON, usegmt=True)}, 40),
        (429, {"Retry_After": "soon"}, 10),
        (429, {"Retry_After": "-5"}, 10),
        (429, {"Retry_After": "7, 9"}, 10),
        (429, {"Retry_After": "9" * 400}, 259_200),
        (429, {"Retry_After": "Thu, 99 Foo 2026 12:00:00 GMT"}, 10),
        (429, {}, 10),
        (418, {}, 120),
        (418, {"Retry_After": "in a while"}, 120),
        (418, {"Retry_After": "600"}, 600),
        (403, {}, 8),
        (403, {"Retry_After": "300"}, 300),
        (403, {"Retry_After": "5"}, 8),
    ],
)
async def test_pauses_that_are_asked_for(
    make_rest: Any, server: Any, status: int, headers: dict[str, str], seconds: float
) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    server.on("GET", "depth", server.reply(b"<html>no</html>", status=status, **headers))
    with pytest.raises(VenueError):
        await rest.market.depth("MXUSDT")
    assert rest.metrics().cool_down_s == pytest.approx(seconds, abs=0.1)
    assert rest.metrics().breaker == "closed"


async def test_a_ban_is_called_a_ban(make_rest: Any, server: Any) -> None:
    rest = make_rest()
    await rest.open()
    server.on("GET", "depth", server.reply(b"", status=418, Retry_After="600"))
    for _ in range(2):
        with pytest.raises(VenueError, match="banned this address"):
            await rest.market.depth("MXUSDT")
