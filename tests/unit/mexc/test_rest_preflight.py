"""What fails before an order leaves is told as not sent; what may have left is never told as not sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side

ORDER = OrderRequest(
    client_order_id="mtui-a-1", symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
)


FAILURES: dict[str, Any] = {
    "502": lambda server: server.html(502),
    "hang up": lambda server: server.hang_up(),
    "a page": lambda server: server.html(200),
    "429": lambda server: server.reply({"code": 429, "msg": "x"}, status=429),
}


async def refused(call: Any) -> VenueError:
    with pytest.raises(VenueError) as caught:
        await call
    return caught.value


async def opened(make_rest: Any, **changes: Any) -> Any:
    rest = make_rest(**changes)
    await rest.open()
    return rest


async def broken(rest: Any, server: Any) -> None:
    """Open the breaker."""
    server.on("GET", "avgPrice", server.html(502))
    for _ in range(5):
        await refused(rest.market.avg_price("MXUSDT"))
    assert rest.metrics().breaker == "open"


@pytest.mark.parametrize("answer", FAILURES)
async def test_an_order_held_back_by_a_failed_try_was_not_sent(
    make_rest: Any, server: Any, manual_clock: Any, answer: str
) -> None:
    rest = await opened(make_rest, max_attempts=1)
    await broken(rest, server)
    manual_clock.now += 6
    server.on("GET", "ping", FAILURES[answer](server))
    error = await refused(rest.trading.place_order(ORDER))
    assert (error.sent, error.kind) != (True, ErrorKind.OUTCOME_UNKNOWN)
    assert not error.sent
    assert "The order was not sent" in error.message
    assert server.count("POST", "order") == 0


@pytest.mark.parametrize("answer", FAILURES)
async def test_an_order_whose_clock_cannot_be_measured_was_not_sent(make_rest: Any, server: Any, answer: str) -> None:
    rest = await opened(make_rest)
    server.json("POST", "order", {"code": 700003, "msg": "outside"}, status=400)
    await refused(rest.trading.place_order(ORDER))
    server.on("GET", "time", FAILURES[answer](server))
    error = await refused(rest.trading.place_order(ORDER))
    assert not error.sent
    assert "The order was not sent" in error.message
    assert server.count("POST", "order") == 1
    server.json("DELETE", "order", {"symbol": "MXUSDT", "orderId": "1"})
    if answer == "429":  # which holds everything up
        return
    await rest.trading.cancel_order("MXUSDT", order_id="1")


@pytest.mark.parametrize(
    ("status", "kind"), [(429, ErrorKind.RATE_LIMIT), (418, ErrorKind.RATE_LIMIT), (403, ErrorKind.EDGE_BLOCK)]
)
async def test_a_door_that_is_shut_is_told_at_once(
    make_rest: Any, server: Any, manual_clock: Any, status: int, kind: ErrorKind
) -> None:
    server.on("GET", "time", server.reply(b"<html>no</html>", status=status, Retry_After="20"))
    error = await refused(make_rest().open())
    assert error.kind is kind
    assert server.count("GET", "time") == 1
    assert sum(manual_clock.slept) == 0


async def test_one_lost_reading_of_the_clock_does_not_stop_orders(
    make_rest: Any, server: Any, manual_clock: Any
) -> None:
    rest = await opened(make_rest)
    server.json("POST", "order", {"code": 700003, "msg": "outside"}, status=400)
    await refused(rest.trading.place_order(ORDER))
    server.json("POST", "order", {"symbol": "MXUSDT", "orderId": "1"})

    async def fresh(asked: Any) -> Any:
        return await server.reply({"serverTime": manual_clock.wall_ms() + 4_000})(asked)

    server.on("GET", "time", server.html(502), fresh)
    assert await rest.trading.place_order(ORDER) == "1"
    assert rest.clock_offset_ms == pytest.approx(4_000, abs=1)


async def test_a_page_where_the_exchange_should_be_opens_the_breaker(
    make_rest: Any, server: Any, manual_clock: Any
) -> None:
    """A log-in page of a network in between, or a front without its exchange: no order is sent into it."""
    rest = await opened(make_rest, max_attempts=1)
    for _ in range(4):
        server.on("GET", "avgPrice", server.html(200))
        await refused(rest.market.avg_price("MXUSDT"))
    server.on("POST", "order", server.html(200))
    assert (await refused(rest.trading.place_order(ORDER))).kind is ErrorKind.OUTCOME_UNKNOWN
    assert rest.metrics().breaker == "open"
    manual_clock.now += 6
    server.on("GET", "ping", server.html(200))
    assert not (await refused(rest.trading.place_order(ORDER))).sent
    assert rest.metrics().breaker == "open"
    assert server.count("POST", "order") == 1


async def test_a_refusal_in_json_is_a_sign_of_life(make_rest: Any, server: Any) -> None:
    rest = await opened(make_rest, max_attempts=1)
    server.json("POST", "order", {"code": 987654, "msg": "never heard of"})
    for _ in range(6):
        assert (await refused(rest.trading.place_order(ORDER))).kind is ErrorKind.OUTCOME_UNKNOWN
    assert rest.metrics().breaker == "closed"


async def test_a_cancel_that_may_have_left_is_not_told_as_unsent(make_rest: Any, server: Any) -> None:
    """Its repeat meets a shut connection or a spent budget; the first try may have worked all the same."""
    rest = await opened(make_rest)

    async def last_words(_: Any) -> Any:
        rest._transport.budget.weight.record(300, rest._transport.clock.monotonic())
        raise ConnectionResetError

    server.on("DELETE", "order", last_words)
    error = await refused(rest.trading.cancel_order("MXUSDT", order_id="1"))
    assert (error.kind, error.sent, error.definite) == (ErrorKind.OUTCOME_UNKNOWN, True, False)
    assert server.count("DELETE", "order") == 1


async def test_every_group_of_pairs_is_cancelled_though_one_fails(make_rest: Any, server: Any) -> None:
    rest = await opened(make_rest)
    gone = [{"symbol": "F", "orderId": "9"}]
    server.on("DELETE", "openOrders", server.html(502), server.html(502), server.reply(gone))
    error = await refused(rest.trading.cancel_open_orders([f"A{n}USDT" for n in range(7)]))
    assert error.kind is ErrorKind.OUTCOME_UNKNOWN
    assert "A0USDT, A1USDT, A2USDT, A3USDT, A4USDT" in "".join((error.message, *getattr(error, "__notes__", ())))
    assert server.last("DELETE", "openOrders").query["symbol"] == "A5USDT,A6USDT"


@pytest.mark.parametrize("row", [{}, {"symbol": "MXUSDT"}, None, {"code": 30000, "msg": "paused"}, {"orderId": None}])
async def test_an_unreadable_list_of_cancelled_orders_is_an_unknown_outcome(rest: Any, server: Any, row: Any) -> None:
    server.json("DELETE", "openOrders", [{"symbol": "MXUSDT", "orderId": "1"}, row])
    error = await refused(rest.trading.cancel_open_orders(["MXUSDT"]))
    assert (error.kind, error.sent, error.definite) == (ErrorKind.OUTCOME_UNKNOWN, True, False)
    assert "Nothing was taken" not in error.message


@pytest.mark.parametrize("body", [{}, {"code": 200, "msg": "success"}])
async def test_a_stream_key_is_extended_or_ended_only_on_mexcs_word(rest: Any, server: Any, body: Any) -> None:
    server.json("PUT", "userDataStream", body)
    server.json("DELETE", "userDataStream", body)
    assert not (await refused(rest.account.listen_key_extend("k"))).definite
    assert not (await refused(rest.account.listen_key_close("k"))).definite


async def _raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    while (await reader.readline()).strip():
        pass
    writer.write(answer)
    await writer.drain()
    writer.close()


CUT = {
    "in the body": b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"symbol":"MXUSDT","or',
    "in a chunk": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"symbol":"MX',
    "in the headers": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "in the status": b"HTTP/1.",
    "at once": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "after a whole object": b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"symbol":"MXUSDT","orderId":"1"}',
    "not the gzip it says": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
}


@pytest.mark.parametrize("where", CUT)
async def test_an_answer_that_is_cut_leaves_the_order_unknown(make_rest: Any, server: Any, where: str) -> None:
    rest = await opened(make_rest)
    listener = await asyncio.start_server(lambda r, w: _raw(r, w, CUT[where]), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    rest._transport._host = ("http", f"127.0.0.1:{port}")
    error = await refused(rest.trading.place_order(ORDER))
    assert (error.kind, error.sent, error.definite) == (ErrorKind.OUTCOME_UNKNOWN, True, False)
    assert "may be live" in error.message
    listener.close()
