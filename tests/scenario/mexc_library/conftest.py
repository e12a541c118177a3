"""The local exchange in this process, on real time, with a funded account."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui import MexcExchange
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import STRICT, Server, ServerSettings


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def local() -> AsyncIterator[Server]:
    exchange = demo_exchange(start_ms=wall_ms(), markets=default_markets()[:1])
    exchange.accounts.deposit("ann", {"USDT": Decimal(100_000)})
    server = Server(exchange, wall_ms, ServerSettings(seed=1, limits=STRICT))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def here(local: Server) -> dict[str, Any]:
    """Settings that reach the local exchange."""
    key = local.keys.create("ann", created_ms=wall_ms())
    return {
        "api_key": key.access,
        "api_secret": key.secret,
        "base_url": local.rest_url,
        "ws_url": local.ws_url,
    }


@pytest.fixture
def mexc(here: dict[str, Any]) -> MexcExchange:
    return MexcExchange(**here)
