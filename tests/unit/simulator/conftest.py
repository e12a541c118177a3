"""An exchange with one pair on which only accounts trade, and what it announced."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimEvent, SimOrder
from mexc_tui.venues.simulator.exchange import Exchange

START_MS = 1_800_000_000_000


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        symbol="ABCUSDT",
        base="ABC",
        quote="USDT",
        price_decimals=2,
        qty_decimals=3,
        min_qty=Decimal("0.01"),
        min_notional=Decimal(1),
        min_notional_market=Decimal(1),
        max_notional=Decimal(100_000),
        max_notional_market=Decimal(50_000),
        taker_fee=Decimal("0.0005"),
        bid_multiplier_up=Decimal("0.2"),
        ask_multiplier_down=Decimal("0.2"),
    )


@pytest.fixture
def exchange(instrument: Instrument) -> Exchange:
    exchange = Exchange(start_ms=START_MS, seed=1)
    exchange.symbols.list_symbol(instrument)
    for account in ("ann", "bob"):
        exchange.accounts.deposit(account, {"USDT": Decimal(10_000), "ABC": Decimal(100)})
    return exchange


@pytest.fixture
def events(exchange: Exchange) -> list[SimEvent]:
    seen: list[SimEvent] = []
    exchange.listen(seen.append)
    return seen


@pytest.fixture
def limit(exchange: Exchange) -> Callable[..., SimOrder]:
    """Place an order as ``limit("ann", Side.BUY, "100", "1")``."""

    def place(account: str, side: Side, price: str, qty: str, kind: str = "LIMIT", stp_mode: str = "") -> SimOrder:
        return exchange.orders.place(
            account,
            symbol="ABCUSDT",
            side=side,
            type=kind,
            price=Decimal(price),
            qty=Decimal(qty),
            stp_mode=stp_mode,
        )

    return place


@pytest.fixture
def money(exchange: Exchange) -> Callable[[str, str], tuple[Decimal, Decimal]]:
    """Return free and locked of an asset."""

    def read(account: str, asset: str) -> tuple[Decimal, Decimal]:
        for balance in exchange.accounts.balances(account):
            if balance.asset == asset:
                return balance.free, balance.locked
        return Decimal(0), Decimal(0)

    return read
