"""Names that are not resolved, certificates that are refused, a machine that sleeps: shown, survived, nothing twice."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import aiohttp
import pytest

from mexc_tui.domain.commands import Halt
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.venues.mexc.resolving import Resolver
from mexc_tui.venues.simulator.core.events import OrderChanged
from tests.scenario.disturbed.conftest import SYMBOLS, Trading

SHOWN_S = 8
"""Within so long every book is shown as not live, and nothing new is taken."""
BACK_S = 40
"""Within so long of a storm's end every book is live, the account is compared and a halt has ended."""


@contextmanager
def no_names(patch: pytest.MonkeyPatch) -> Iterator[None]:
    async def resolve(self: Resolver, host: str, port: int = 0, family: int = 0) -> Any:
        raise OSError(-3, "Temporary failure in name resolution")

    with patch.context() as storm:
        storm.setattr(Resolver, "resolve", resolve)
        yield


@contextmanager
def no_trust(patch: pytest.MonkeyPatch) -> Iterator[None]:
    async def create_connection(*args: Any, **options: Any) -> Any:
        raise ssl.SSLCertVerificationError(1, "certificate verify failed")

    with patch.context() as storm:
        storm.setattr(asyncio.get_running_loop(), "create_connection", create_connection)
        yield


STORMS: dict[str, Callable[[pytest.MonkeyPatch], AbstractContextManager[None]]] = {"DNS": no_names, "TLS": no_trust}


class Taken:
    """Every order that the exchange ever took, by its client order id."""

    def __init__(self, trading: Trading) -> None:
        self.orders: dict[str, str] = {}
        trading.exchange.listen(self._heard)

    def _heard(self, event: object) -> None:
        if isinstance(event, OrderChanged):
            self.orders[event.order.order_id] = event.order.client_order_id or ""

    @property
    def twice(self) -> list[str]:
        return [name for name, count in Counter(self.orders.values()).items() if count > 1]


def cut(trading: Trading) -> None:
    """Break every connection, and forget every address that was looked up."""
    runner = trading.server._runner
    assert runner is not None
    assert runner.server is not None
    for connection in list(runner.server.connections):
        connection.force_close()
    for connector in [one for one in gc.get_objects() if type(one).__mro__.count(aiohttp.TCPConnector)]:
        connector.clear_dns_cache()


def dark(trading: Trading) -> bool:
    return not trading.ready() and not any(map(trading.live, SYMBOLS))


@pytest.fixture
async def taken(trading: Trading) -> AsyncIterator[Taken]:
    made = Taken(trading)
    yield made
    assert made.orders
    assert not made.twice


@pytest.mark.parametrize("storm", STORMS)
async def test_a_host_that_cannot_be_reached_is_shown_and_come_back_from(
    trading: Trading, taken: Taken, monkeypatch: pytest.MonkeyPatch, storm: str
) -> None:
    await trading.trade(2)
    with STORMS[storm](monkeypatch):
        cut(trading)
        trading.place(SYMBOLS[0], far=True)
        await trading.until(lambda: dark(trading), "everything shown as not current", SHOWN_S)
        before = len(taken.orders)
        await trading.trade(10)
        assert dark(trading)
        assert len(taken.orders) == before
        assert any("Orders are refused here" in fact.message for fact in trading.facts)
    await trading.until(lambda: trading.all_live() and trading.ready(), "live books and a compared account", BACK_S)
    await trading.trade(3)
    assert len(taken.orders) > before


@pytest.mark.parametrize("storm", STORMS)
async def test_a_halt_in_a_storm_says_what_is_left_and_ends_when_it_is_over(
    trading: Trading, taken: Taken, monkeypatch: pytest.MonkeyPatch, storm: str
) -> None:
    with STORMS[storm](monkeypatch):
        cut(trading)
        trading.feed(Halt(command_id="stop"))
        told = "Not everything is cancelled yet"
        await trading.until(lambda: any(told in fact.message for fact in trading.facts), "what is left", 20)
        left = len(trading.exchange.orders.open_orders("ann"))
        sweep = trading.desk.views(trading.now(), frozenset({TOPIC_RISK}))[TOPIC_RISK].sweep  # type: ignore[union-attr]
        assert left == sweep.left > 0
        assert not sweep.verified
    await trading.until(lambda: not trading.exchange.orders.open_orders("ann"), "no order left", BACK_S)
    await trading.until(lambda: not trading.open(), "none shown", BACK_S)
    view: Any = trading.desk.views(trading.now(), frozenset({TOPIC_RISK}))[TOPIC_RISK]
    assert view.state is TradingState.HALTED


async def test_a_machine_that_slept_shows_nothing_of_before_as_live(trading: Trading, taken: Taken) -> None:
    await trading.trade(2)
    trading.clock.sleep_machine(1_800_000)
    cut(trading)
    await trading.turn()
    await trading.turn()
    assert not any(map(trading.live, SYMBOLS))
    await trading.until(lambda: trading.all_live() and trading.ready(), "live books and a compared account", BACK_S)
    before = len(taken.orders)
    await trading.trade(3)
    assert len(taken.orders) > before
