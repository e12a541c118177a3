"""Sending orders: what goes out, what counts as accepted, and that nothing is ever sent twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest import signing
from mexc_tui.venues.mexc.rest.client import MexcRest

SECRET = "45d0b3c26f2644f19bfb98b07741b2f5"


def limit_buy(**changes: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "client_order_id": "mtui-a-1",
        "symbol": "MXUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "qty": Decimal("50"),
        "price": Decimal("0.10"),
    }
    return OrderRequest(**{**values, **changes})


async def test_an_order_goes_out_signed_as_sent_with_an_empty_body(rest: MexcRest, server: Any) -> None:
    server.json("POST", "order", {"symbol": "币安人生USDT", "orderId": "C02__1"})
    assert await rest.trading.place_order(limit_buy(symbol="币安人生USDT")) == "C02__1"
    asked = server.last("POST", "order")
    text, _, signature = asked.raw_query.rpartition("&signature=")
    assert signature == signing.signature(SECRET, text)
    assert text.startswith("symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&side=BUY&type=LIMIT&quantity=50&price=0.1&")
    assert asked.body == b""
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["X-MEXC-APIKEY"].startswith("mx0")
    assert set(asked.query) == {
        "symbol", "side", "type", "quantity", "price", "newClientOrderId", "recvWindow", "timestamp", "signature"
    }  # fmt: skip


@pytest.mark.parametrize(
    "reply",
    [
        lambda server: server.hang_up(),
        lambda server: server.reply({"code": 503, "msg": "unavailable"}, status=503),
        lambda server: server.reply({"code": 30004, "msg": "Insufficient position"}, status=502),
        lambda server: server.html(502),
        lambda server: server.html(200),
        lambda server: server.reply(b""),
        lambda server: server.reply(b"{"),
        lambda server: server.reply({}),
        lambda server: server.reply([]),
        lambda server: server.reply({"symbol": "MXUSDT", "orderId": None}),
        lambda server: server.reply({"code": 987654, "msg": "never heard of"}),
        lambda server: server.reply({"code": "??", "msg": "odd"}),
    ],
)
async def test_an_order_without_a_clear_answer_is_unknown_and_sent_once(
    rest: MexcRest, server: Any, reply: Any
) -> None:
    server.on("POST", "order", reply(server))
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(limit_buy())
    assert caught.value.kind is ErrorKind.OUTCOME_UNKNOWN
    assert caught.value.sent
    assert not caught.value.definite
    assert "may be live" in caught.value.message
    assert server.count("POST", "order") == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (30004, ErrorKind.INSUFFICIENT_BALANCE),
        (30002, ErrorKind.BAD_PARAMETER),
        (10007, ErrorKind.TRADING_DISABLED),
        (700003, ErrorKind.CLOCK),
        (700007, ErrorKind.PERMISSION),
    ],
)
async def test_a_refused_order_is_definite_and_sent_once(
    rest: MexcRest, server: Any, code: int, kind: ErrorKind
) -> None:
    server.json("POST", "order", {"code": code, "msg": "no", "_extend": None}, status=400)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(limit_buy())
    assert (caught.value.kind, caught.value.definite, caught.value.code) == (kind, True, code)
    assert "No order was placed" in caught.value.message
    assert server.count("POST", "order") == 1
