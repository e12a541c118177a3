"""Every REST call of the client against the local exchange: same endpoints, same weights, same refusals."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.venues.mexc.rest import endpoints
from mexc_tui.venues.mexc.rest.account_calls import AccountCalls
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.endpoints import Endpoint
from mexc_tui.venues.mexc.rest.market_calls import MarketCalls
from mexc_tui.venues.mexc.rest.models import SelfTrade
from mexc_tui.venues.mexc.rest.trading_calls import TradingCalls
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue
from mexc_tui.venues.simulator.server import STRICT, Server
from mexc_tui.venues.simulator.server.faults import make_fault
from mexc_tui.venues.simulator.server.gate import ORDER_ACTIONS
from mexc_tui.venues.simulator.server.rest_account import AccountApi
from mexc_tui.venues.simulator.server.rest_public import PublicApi
from mexc_tui.venues.simulator.server.rest_signed import OrderApi

PAIR = "BTCUSDT"
D = Decimal


def order(name: str, **changes: Any) -> OrderRequest:
    values = {"symbol": PAIR, "side": Side.BUY, "type": OrderType.LIMIT, "qty": D("0.001"), "price": D(60_000)}
    return OrderRequest(client_order_id=name, **{**values, **changes})


async def kind_of(call: Any) -> tuple[ErrorKind, int | None, bool]:
    with pytest.raises(VenueError) as caught:
        await call
    assert caught.value.remedy
    return caught.value.kind, caught.value.code, caught.value.definite


@pytest.fixture
def settings(here: dict[str, Any]) -> MexcSettings:
    return MexcSettings(**here).unpaced()


@pytest.fixture
async def rest(settings: MexcSettings, local: Server) -> AsyncIterator[MexcRest]:
    local.limiter.rules = type(STRICT)(
        name="none", ip_weight_10s=10**9, uid_weight_10s=10**9, order_actions_1s=10**6, batches_1s=10**6
    )
    async with MexcRest(settings) as opened:
        yield opened


def served(server: Server) -> dict[tuple[str, str], Any]:
    apis: tuple[Any, ...] = (PublicApi, OrderApi, AccountApi)
    routes = [end.route for api in apis for end in api(server._context).endpoints()]
    return {(route.method, route.path): route for route in routes}


def test_every_endpoint_of_the_client_is_served_and_it_counts_no_less_for_it(local: Server) -> None:
    there = served(local)
    here = {(end.method, end.path): end for end in vars(endpoints).values() if isinstance(end, Endpoint)}
    assert here.keys() <= there.keys()
    for key, end in here.items():
        assert end.cost.weight >= there[key].weight, key
        assert end.signed == bool(there[key].permission), key
        assert end.cost.order_action >= (there[key] in ORDER_ACTIONS), key


async def test_every_call_is_answered_as_its_type_says(rest: MexcRest, local: Server) -> None:
    called: set[str] = set()

    async def call(name: str, *args: Any, **named: Any) -> Any:
        called.add(name)
        (part,) = (part for part in (rest.market, rest.trading, rest.account) if hasattr(part, name))
        return await getattr(part, name)(*args, **named)

    await call("ping")
    now = await call("server_time")
    assert PAIR in await call("default_symbols")
    (pair,) = await call("exchange_info")
    assert (await call("exchange_info", PAIR)) == (pair,)
    book = await call("depth", PAIR, 5)
    assert len(book.bids) == 5
    assert await call("trades", PAIR)
    assert await call("agg_trades", PAIR, start_ms=now - 60_000, end_ms=now)
    assert len(await call("klines", PAIR, Interval.M1, 3)) == 3
    assert (await call("avg_price", PAIR)).price > 0
    for name in ("ticker_24h", "ticker_price", "book_ticker"):
        assert await call(name, PAIR) is not None
        assert len(await call(name)) == 1
    assert await call("symbol_offline") == ()
    assert isinstance(await call("announcements"), tuple)
    assert (await kind_of(call("etf_info", PAIR)))[1] == -1121

    placed = await call("place_order", order("a-1"), self_trade=SelfTrade.CANCEL_TAKER)
    await call("test_order", order("a-2"))
    first, second = await call("batch_orders", [order("a-3"), order("a-4", qty=D("0.000001"))])
    assert (first.error, second.error.code) == (None, 30002)
    report = await call("order", PAIR, client_order_id="a-1")
    assert (report.order_id, report.state) == (placed, OrderState.WORKING)
    assert {found.client_order_id for found in await call("open_orders")} == {"a-1", "a-3"}
    await call("cancel_order", PAIR, client_order_id="a-1")
    assert (await kind_of(rest.trading.cancel_order(PAIR, order_id=placed)))[0] is ErrorKind.ORDER_NOT_FOUND
    assert await call("cancel_open_orders", [PAIR]) == (first.order_id,)
    await call("cancel_all")
    assert [found.state for found in await call("all_orders", PAIR)] == [OrderState.CANCELLED] * 2
    await rest.trading.place_order(order("a-5", type=OrderType.MARKET, price=None, qty=None, quote_qty=D(100)))
    assert sum(fill.quote_qty for fill in await call("my_trades", PAIR)) > 90

    assert {balance.asset for balance in await call("balances")} == {"USDT", "BTC"}
    assert (await call("info")).can_trade
    assert (await call("trade_fee", PAIR)).taker == pair.taker_fee
    assert PAIR in await call("self_symbols")
    before = await call("mx_deduct")
    assert await call("set_mx_deduct", not before) is not before
    assert await call("kyc_status") in (1, 2, 3, 4)
    assert (await call("uid")).isdigit()
    assert "SPOT_DEAL_WRITE" in (await call("api_key_info")).permissions
    assert await call("change_api_key", note="mine", ip_white_list=("127.0.0.1",)) == ("127.0.0.1",)
    assert {coin.coin for coin in await call("capital_config")} >= {"BTC", "USDT"}
    group = await call("create_strategy_group", "mine")
    uid = await rest.account.uid()
    assert uid in (await call("add_to_strategy_group", group.group_id, (uid,))).uids
    assert [found.name for found in await call("strategy_groups", "mine")] == ["mine"]
    assert await call("remove_from_strategy_group", group.group_id, (uid,))
    assert await call("delete_strategy_group", group.group_id)
    key = await call("listen_key_create")
    await call("listen_key_extend", key)
    assert key in (await call("listen_key_list")).keys
    await call("listen_key_close", key)

    calls = [item for part in (MarketCalls, TradingCalls, AccountCalls) for item in vars(part).items()]
    assert called == {name for name, value in calls if name[0] != "_" and inspect.iscoroutinefunction(value)}


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"qty": D("0.000001")}, ErrorKind.BAD_PARAMETER, 30002),
        ({"qty": D(100)}, ErrorKind.BAD_PARAMETER, 30003),
        ({"qty": D("0.0000001")}, ErrorKind.BAD_PARAMETER, 10096),
        ({"price": D("60000.001")}, ErrorKind.BAD_PARAMETER, 30010),
        ({"price": D(1_000_000)}, ErrorKind.BAD_PARAMETER, 30087),
        ({"qty": D("1.9")}, ErrorKind.INSUFFICIENT_BALANCE, 10101),
        ({"side": Side.SELL}, ErrorKind.INSUFFICIENT_BALANCE, 30004),
        ({"symbol": "NOPEUSDT"}, ErrorKind.BAD_PARAMETER, -1121),
    ],
)
async def test_refusals_of_the_exchange_have_a_kind(
    rest: MexcRest, local: Server, changes: dict[str, Any], kind: ErrorKind, code: int
) -> None:
    last = local.exchange.market.ticker(PAIR).last
    assert last is not None
    named = {"price": (last * D("0.999")).quantize(D("0.01")), **changes}
    if code in (30002, 10101, 30003):
        named["price"] = D(60_000)
    assert await kind_of(rest.trading.place_order(order("r-1", **named))) == (kind, code, True)
    assert local.exchange.orders.open_orders("ann") == []


async def test_refusals_of_keys_have_a_kind(settings: MexcSettings, local: Server) -> None:
    def key(**named: Any) -> dict[str, str]:
        made = local.keys.create("ann", created_ms=local.now_ms, **named)
        return {"api_key": made.access, "api_secret": made.secret}

    good = key()
    cases: list[tuple[dict[str, str], Callable[[MexcRest], Any], tuple[ErrorKind, int]]] = [
        ({**good, "api_secret": "0" * 32}, lambda r: r.account.balances(), (ErrorKind.AUTHENTICATION, 700002)),
        ({**good, "api_key": "mx0nobody"}, lambda r: r.account.balances(), (ErrorKind.AUTHENTICATION, 10072)),
        ({**good, "api_key": "nobody"}, lambda r: r.account.balances(), (ErrorKind.AUTHENTICATION, 700001)),
        (key(ips=frozenset({"10.1.2.3"})), lambda r: r.account.balances(), (ErrorKind.AUTHENTICATION, 700006)),
        (
            key(permissions=frozenset({"SPOT_ACCOUNT_READ"})),
            lambda r: r.trading.place_order(order("k-1")),
            (ErrorKind.PERMISSION, 700007),
        ),
        (
            key(symbols=frozenset({"MXUSDT"})),
            lambda r: r.trading.place_order(order("k-2")),
            (ErrorKind.PERMISSION, 70011),
        ),
    ]
    for changes, call, expected in cases:
        async with MexcRest(msgspec.structs.replace(settings, **changes)) as rest:
            assert (await kind_of(call(rest)))[:2] == expected


@pytest.mark.parametrize("skew_ms", [-10_000, 10_000])
async def test_a_clock_that_is_ten_seconds_off_costs_one_refusal_at_most(
    rest: MexcRest, local: Server, skew_ms: int
) -> None:
    """It is found out by the refusal, measured, and allowed for; orders are never repeated by themselves."""
    local.plan.set(make_fault("clock_skew", {"ms": str(skew_ms)}))
    assert await kind_of(rest.trading.place_order(order("s-1"))) == (ErrorKind.CLOCK, 700003, True)
    placed = await rest.trading.place_order(order("s-1"))
    await rest.trading.cancel_order(PAIR, order_id=placed)
    assert rest.clock_offset_ms == pytest.approx(skew_ms, abs=200)
    assert len(local.exchange.orders.all_orders("ann", PAIR, None, None, 10)) == 1
    local.plan.clear("clock_skew")
    await rest.account.balances()
    assert rest.clock_offset_ms == pytest.approx(0, abs=200)


async def test_an_exchange_in_maintenance_or_with_a_paused_pair(rest: MexcRest, local: Server) -> None:
    local.exchange.symbols.set_paused(PAIR, True)
    assert await kind_of(rest.trading.place_order(order("m-1"))) == (ErrorKind.TRADING_DISABLED, 30000, True)
    local.exchange.symbols.set_paused(PAIR, False)
    local.plan.set(make_fault("maintenance"))
    assert (await kind_of(rest.trading.place_order(order("m-2"))))[::2] == (ErrorKind.OUTCOME_UNKNOWN, False)
    local.plan.clear("maintenance")
    assert await rest.trading.order(PAIR, client_order_id="m-2") is None


async def test_a_client_that_goes_on_after_429_is_banned_and_stops(here: dict[str, Any], local: Server) -> None:
    """The budget of the client is larger than that of the exchange here."""
    local.limiter.rules = msgspec.structs.replace(STRICT, ip_weight_10s=5, strikes=2)
    settings = msgspec.structs.replace(MexcSettings(**here).unpaced(), max_attempts=1, data_max_wait_s=0.1)
    rest = MexcRest(settings)
    await rest.open()
    outcomes = []
    for _ in range(8):
        with pytest.raises(VenueError) as caught:
            await rest.market.depth(PAIR)
        outcomes.append((caught.value.http_status, caught.value.sent))
        if caught.value.http_status == 429:
            rest._transport.pauses._until = 0.0
    assert outcomes[:2] == [(429, True), (418, True)]
    assert set(outcomes[2:]) == {(None, False)}
    assert rest.metrics().held == "MEXC has banned this address"
    assert 110 < rest.metrics().held_s <= 120
    await rest.close()


async def test_pairs_that_the_key_may_not_trade_are_known(settings: MexcSettings, local: Server) -> None:
    def venue(**named: Any) -> MexcVenue:
        made = local.keys.create("ann", created_ms=local.now_ms, **named)
        return MexcVenue(
            msgspec.structs.replace(settings, api_key=made.access, api_secret=made.secret), VenueKind.LOCAL
        )

    pair = msgspec.structs.replace(local.exchange.symbols.instrument(PAIR), symbol="NEWUSDT", base="NEW")
    local.exchange.symbols.list_symbol(pair)
    both = {PAIR, "NEWUSDT"}
    for limited, expected in (
        (venue(), both),
        (venue(symbols=frozenset({PAIR})), {PAIR}),
        (venue(permissions=frozenset({"SPOT_DEAL_READ"})), both),
        (MexcVenue(msgspec.structs.replace(settings, api_key="", api_secret=""), VenueKind.LOCAL), both),
    ):
        async with limited.rest:
            assert await limited.api_symbols() == expected


@pytest.mark.parametrize("note", ["a (b) c,d/e", "!*~-_.", "50% + 1 = ?", "üñ 币安人生", "a&b=c#d", "[1]{2}|^"])
async def test_whatever_is_in_a_parameter_its_signature_is_accepted(rest: MexcRest, local: Server, note: str) -> None:
    await rest.account.change_api_key(note=note, ip_white_list=())
    assert {key.note for key in local.keys.all()} == {note}


async def test_the_health_of_the_link_tells_why_no_request_goes_out(settings: MexcSettings, local: Server) -> None:
    venue = MexcVenue(msgspec.structs.replace(settings, max_attempts=1, breaker_open_s=60.0), VenueKind.LOCAL)
    async with venue.rest:
        assert (venue.health().breaker, venue.health().held) == ("closed", "")
        local.plan.set(make_fault("server_5xx", {"p": "1"}))
        for _ in range(5):
            await kind_of(venue.rest.market.ping())
        health = venue.health()
        assert health.breaker == "open"
        assert "has failed 5 times in a row" in health.held
        assert 50 < health.held_s <= 60
        local.plan.clear("server_5xx")
        assert (await kind_of(venue.place(order("h-1"))))[0] is ErrorKind.NETWORK
        assert (await kind_of(venue.cancel(PAIR, client_order_id="h-1")))[0] is ErrorKind.ORDER_NOT_FOUND
        assert venue.health().held == ""
        await venue.cancel(PAIR, order_id=await venue.place(order("h-2")))
