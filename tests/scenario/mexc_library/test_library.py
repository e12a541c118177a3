"""The client as other programs use it, against the local exchange."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui import MexcExchange
from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import FillReported
from mexc_tui.domain.orders import OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.store.accounts import account_folder
from mexc_tui.store.latch import LATCH, LatchFile
from mexc_tui.venues.simulator.server import Server
from mexc_tui.venues.simulator.server.faults import make_fault
from tests.patience import LIMIT_S, eventually

PAIR = "BTCUSDT"


def left_running() -> list[str]:
    """What the client still has running on the loop."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return [repr(coroutine) for coroutine in coroutines if "venues/mexc/" in coroutine.cr_code.co_filename]


async def settled(session: Any) -> None:
    """Wait for the pushes that follow a fill; their order is not fixed."""
    await eventually(lambda: session.fills and session.balance("BTC"))


async def test_a_session_follows_the_book_places_cancels_and_fills(mexc: MexcExchange, local: Any) -> None:
    heard: list[Any] = []
    async with mexc.session([PAIR], ungated=True) as session:
        session.listen(heard.append)
        book = session.order_book(PAIR)
        assert book.live
        assert book.bids[0].price < book.asks[0].price
        resting = await session.place_limit_order(PAIR, "BUY", "0.01", book.bids[-1].price - 100)
        await session.cancel_order(PAIR, order_id=resting.order_id)
        report = await session.wait_finished(resting.order_id)
        assert (report.state, report.client_order_id) == (OrderState.CANCELLED, resting.client_order_id)
        bought = await session.place_market_order(PAIR, "buy", quote_qty=500)
        report = await session.wait_finished(bought.order_id)
        assert report.state is OrderState.FILLED
        await settled(session)
        held = session.balance("BTC")
        assert held is not None
        assert held.free == sum(fill.qty for fill in session.fills) - sum(fill.fee for fill in session.fills)
        assert any(isinstance(item, FillReported) for item in heard)
        assert session.open_orders == ()
        metrics = session.metrics()
        assert metrics.books == {PAIR: "live"}
        assert metrics.account_link == metrics.market_link == "connected"
        assert metrics.rest.breaker == "closed"
        assert left_running()
    assert left_running() == []


async def test_the_book_of_a_session_equals_the_exchanges_own(mexc: MexcExchange, local: Any) -> None:
    async with mexc.session([PAIR], ungated=True) as session:
        matched = 0
        async with asyncio.timeout(LIMIT_S):
            while matched < 5:
                version, bids, asks = local.exchange.market.depth(PAIR, 20)
                book = session.order_book(PAIR)
                assert book.live
                if book.version == version:
                    assert [tuple(level) for level in map(_pair, book.bids)] == bids
                    assert [tuple(level) for level in map(_pair, book.asks)] == asks
                    matched += 1
                await asyncio.sleep(0.003)


def _pair(level: Any) -> tuple[Decimal, Decimal]:
    return level.price, level.qty


async def test_a_lost_acknowledgement_is_unknown_until_it_is_looked_up(mexc: MexcExchange, local: Any) -> None:
    async with mexc.session([PAIR], ungated=True) as session:
        price = session.order_book(PAIR).bids[0].price - 1_000
        local.plan.set(make_fault("ack_lost", {"p": "1", "count": "1"}))
        name = session.new_client_order_id()
        with pytest.raises(VenueError) as caught:
            await session.place_limit_order(PAIR, "BUY", "0.01", price, client_order_id=name)
        assert caught.value.kind is ErrorKind.OUTCOME_UNKNOWN
        assert name in caught.value.__notes__[0]
        assert session.unknown_orders == {name: PAIR}
        found = await session.look_up(PAIR, name)
        assert found is not None
        assert found.state is OrderState.WORKING
        assert session.unknown_orders == {}
        assert len(local.exchange.orders.open_orders("ann")) == 1
        await session.cancel_all([PAIR])
        assert local.exchange.orders.open_orders("ann") == []


async def test_orders_that_cannot_be_right_never_leave(mexc: MexcExchange, local: Any) -> None:
    async with mexc.session([PAIR], ungated=True) as session:
        before = session.metrics().rest.requests
        for qty, price, side in (("0.01", "100.001", "BUY"), ("0.0000001", "100", "BUY"), ("1", "1", "HOLD")):
            with pytest.raises(VenueError) as caught:
                await session.place_limit_order(PAIR, side, qty, price)
            assert not caught.value.sent
        for sizes in ({"qty": "0.0000001"}, {"quote_qty": "50.001"}):
            with pytest.raises(VenueError, match="is not on the pair's") as caught:
                await session.place_market_order(PAIR, "BUY", **sizes)
            assert not caught.value.sent
        with pytest.raises(TypeError, match="float"):
            await session.place_limit_order(PAIR, "BUY", 0.01, "100")  # type: ignore[arg-type]
        assert session.metrics().rest.requests == before
        with pytest.raises(VenueError, match="not among"):
            session.order_book("ETHUSDT")


async def test_a_post_only_order_that_would_take_is_cancelled_and_seen_so(mexc: MexcExchange) -> None:
    async with mexc.session([PAIR], ungated=True) as session:
        price = session.order_book(PAIR).asks[0].price + 10
        placed = await session.place_limit_order(PAIR, "BUY", "0.01", price, type=OrderType.POST_ONLY)
        report = await session.wait_finished(placed.order_id)
        assert (report.state, report.filled_qty) == (OrderState.CANCELLED, 0)


async def test_a_failed_start_leaves_nothing_behind(here: dict[str, Any]) -> None:
    for changes, pairs, error in (
        ({"base_url": "http://127.0.0.1:1", "max_attempts": 1}, [PAIR], ErrorKind.NETWORK),
        ({"api_secret": "0" * 32}, [PAIR], ErrorKind.AUTHENTICATION),
        ({}, ["NOPEUSDT"], ErrorKind.BAD_PARAMETER),
    ):
        with pytest.raises(VenueError) as caught:
            async with MexcExchange(**{**here, **changes}).session(pairs):
                pytest.fail("it must not start")
        assert caught.value.kind is error
        await asyncio.sleep(0)
        assert left_running() == []


async def test_a_start_can_be_cancelled(mexc: MexcExchange, local: Any) -> None:
    local.plan.set(make_fault("latency", {"ms": "60000"}))

    async def run() -> None:
        async with mexc.session([PAIR]):
            pytest.fail("it must not start")

    task = asyncio.create_task(run())
    await eventually(lambda: any(fault.struck for fault in local.plan.active()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_running() == []


async def test_without_keys_there_is_market_data_only(here: dict[str, Any]) -> None:
    exchange = MexcExchange(base_url=here["base_url"], ws_url=here["ws_url"])
    async with exchange.session([PAIR], ungated=True) as session:
        assert session.order_book(PAIR).live
        with pytest.raises(VenueError) as caught:
            await session.place_limit_order(PAIR, "BUY", "0.01", "100")
        assert not caught.value.sent
        assert session.unknown_orders == {}


async def test_a_dropped_stream_resumes_with_the_account_read_again(mexc: MexcExchange, local: Any) -> None:
    async with mexc.session([PAIR], ungated=True) as session:
        price = session.order_book(PAIR).bids[0].price - 1_000
        placed = await session.place_limit_order(PAIR, "BUY", "0.01", price)
        local.hub.drop()
        local.exchange.orders.cancel("ann", PAIR, order_id=placed.order_id)
        report = await session.wait_finished(placed.order_id, 20)
        assert report.state is OrderState.CANCELLED
        assert (await session.wait_live(PAIR, 20)).live


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(TypeError):
        MexcExchange(base_uri="http://127.0.0.1:1")
    with pytest.raises(TypeError, match="list of pairs"):
        MexcExchange().session("BTCUSDT")


def test_it_loads_without_the_terminal_framework() -> None:
    code = (
        "import sys, mexc_tui\n"
        "assert 'aiohttp' not in sys.modules, 'importing the package must be cheap'\n"
        "from mexc_tui import MexcExchange\n"
        "MexcExchange().session(['BTCUSDT'])\n"
        "loaded = {'textual', 'rich', 'plotext'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_without_a_word_no_order_leaves_by_any_way(mexc: MexcExchange) -> None:
    order = OrderRequest(
        client_order_id="o-1", symbol=PAIR, side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1)
    )
    async with mexc.session([PAIR]) as session:
        for attempt in (
            session.place_limit_order(PAIR, "BUY", "0.001", "20000"),
            session.place_market_order(PAIR, "BUY", quote_qty="10"),
            session.rest.trading.place_order(order),
            session.rest.trading.batch_orders([order]),
        ):
            with pytest.raises(VenueError, match="no risk gate") as refused:
                await attempt
            assert (refused.value.definite, refused.value.sent) == (True, False)
        assert session.unknown_orders == {}
        assert await session.rest.trading.open_orders([PAIR]) == ()


async def test_a_halted_account_takes_no_order_with_any_of_its_keys(
    local: Server, here: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    keys = Credentials(api_key=Secret(here["api_key"]), secret_key=Secret(here["api_secret"]))
    other = local.keys.create("ann", created_ms=time.time_ns() // 1_000_000)
    async with MexcExchange(**{**here, "api_key": other.access, "api_secret": other.secret}).session(
        [PAIR], ungated=True
    ) as session:
        folder = await account_folder(VenueKind.LOCAL, here["base_url"], keys, session.rest.account.uid)
        folder.mkdir(parents=True)
        latch = LatchFile(folder / LATCH)
        latch.write("halted: by hand")
        with pytest.raises(VenueError, match="halted on this machine: by hand"):
            await session.place_limit_order(PAIR, "SELL", "0.001", "20000")
        latch.write("reducing: the day's loss")
        with pytest.raises(VenueError, match="reducing"):
            await session.place_limit_order(PAIR, "BUY", "0.001", "20000")
        latch.write("active")
        placed = await session.place_limit_order(PAIR, "BUY", "0.001", "20000")
        latch.write("halted: by hand")
        await session.cancel_order(PAIR, order_id=placed.order_id)
    assert "without a risk gate" in caplog.text
