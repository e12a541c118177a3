"""Orders and account changes reach nothing but this machine; keys never show."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from yarl import URL

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.transport import refuse_orders_elsewhere
from mexc_tui.venues.mexc.settings import MexcSettings, is_loopback

KEY, SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
ORDER = OrderRequest(
    client_order_id="mtui-a-1",
    symbol="MXUSDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    qty=Decimal(1),
    price=Decimal(1),
)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8700", "http://127.9.8.7", "http://[::1]:1", "http://localhost:80"])
def test_addresses_of_this_machine(url: str) -> None:
    assert is_loopback(URL(url))
    assert MexcSettings(base_url=url).orders_allowed


@pytest.mark.parametrize(
    "url",
    [
        "https://api.mexc.com",
        "https://127.0.0.1.mexc.com",
        "https://localhost.mexc.com",
        "https://10.0.0.1",
        "https://[::2]",
        "https://2130706433",
        "https://127.1",
        "https://[::ffff:1.2.3.4]",
    ],
)
def test_addresses_elsewhere(url: str) -> None:
    assert not MexcSettings(base_url=url).orders_allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://api.mexc.com"},
        {"ws_url": "ws://wbs-api.mexc.com/ws"},
        {"base_url": "https://127.0.0.1@api.mexc.com"},
        {"base_url": "api.mexc.com"},
        {"base_url": "ftp://127.0.0.1"},
        {"recv_window_ms": 60_001},
        {"api_key": "mx0only"},
        {"reserve_share": 1.0},
        {"order_actions_per_s": 13},
        {"ip_weight_limit": 501},
        {"endpoint_limits": False},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        MexcSettings(**changes)


def test_budgets_for_load_tests_are_for_this_machine_only() -> None:
    assert MexcSettings(base_url="http://127.0.0.1:1").unpaced().order_actions_per_s > 1_000
    with pytest.raises(ValueError, match="only for an exchange on this machine"):
        MexcSettings().unpaced()


@pytest.mark.parametrize(
    "call",
    [
        lambda rest: rest.trading.place_order(ORDER),
        lambda rest: rest.trading.test_order(ORDER),
        lambda rest: rest.trading.batch_orders([ORDER]),
        lambda rest: rest.trading.cancel_order("MXUSDT", order_id="1"),
        lambda rest: rest.trading.cancel_open_orders(["MXUSDT"]),
        lambda rest: rest.trading.cancel_all(),
        lambda rest: rest.account.set_mx_deduct(True),
        lambda rest: rest.account.change_api_key(note="n", ip_white_list=()),
        lambda rest: rest.account.create_strategy_group("g"),
        lambda rest: rest.account.delete_strategy_group("1"),
        lambda rest: rest.account.add_to_strategy_group("1", ("2",)),
        lambda rest: rest.account.remove_from_strategy_group("1", ("2",)),
    ],
)
async def test_nothing_that_changes_an_account_is_built_for_another_host(call: Any, manual_clock: Any) -> None:
    rest = MexcRest(MexcSettings(api_key=KEY, api_secret=SECRET), manual_clock)
    with pytest.raises(VenueError) as caught:
        await call(rest)
    assert caught.value.kind is ErrorKind.REFUSED_HERE
    assert (caught.value.sent, caught.value.definite) == (False, True)
    assert rest.metrics().requests == 0


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "post"])
def test_the_lowest_level_refuses_whatever_asks(method: str) -> None:
    for path in ("order", "order/test", "batchOrders", "capital/withdraw", "userDataStream/../order", "unheard/of"):
        with pytest.raises(VenueError, match="Refused here"):
            refuse_orders_elsewhere(method, URL(f"https://api.mexc.com/api/v3/{path}"))


async def test_a_redirect_is_not_followed(rest: MexcRest, server: Any) -> None:
    server.json("POST", "order", b"", status=307, Location="https://api.mexc.com/api/v3/order")
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    assert caught.value.kind is ErrorKind.OUTCOME_UNKNOWN


async def test_without_keys_nothing_signed_is_sent(make_rest: Any, server: Any) -> None:
    rest = make_rest(api_key="", api_secret="")
    await rest.open()
    with pytest.raises(VenueError, match="No API key"):
        await rest.account.balances()
    assert server.count("GET", "account") == 0


def test_keys_are_in_no_text_made_of_the_settings() -> None:
    settings = MexcSettings(api_key=KEY, api_secret=SECRET)
    out = io.StringIO()
    print(settings, repr(settings), [settings], f"{settings}", settings.__rich_repr__(), file=out)
    assert KEY not in out.getvalue()
    assert SECRET not in out.getvalue()


async def test_keys_and_signatures_are_in_no_error(make_rest: Any, server: Any) -> None:
    rest = make_rest(max_attempts=1)
    await rest.open()
    replies = [
        server.hang_up(),
        server.html(403),
        server.html(500),
        server.reply({"code": 700002, "msg": "Signature for this request is not valid."}, status=400),
        server.reply(b"\x00\x01"),
    ]
    for reply in replies:
        server.on("GET", "account", reply)
        server.on("POST", "order", reply)
        for call in (rest.account.balances, lambda: rest.trading.place_order(ORDER)):
            with pytest.raises(VenueError) as caught:
                await call()
            manual_text = f"{caught.value!r} {caught.value.message} {caught.value.remedy} {caught.value.__cause__!r}"
            assert KEY not in manual_text
            assert SECRET not in manual_text
            assert "signature=" not in manual_text
        rest._transport.clock.now += 100.0


async def test_controls_in_mexcs_words_do_not_reach_the_terminal(rest: MexcRest, server: Any) -> None:
    server.json("POST", "order", {"code": 30004, "msg": "no\x1b]0;owned\x07 [bold]money\n" + "x" * 5_000}, status=400)
    with pytest.raises(VenueError) as caught:
        await rest.trading.place_order(ORDER)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500
