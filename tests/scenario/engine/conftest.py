from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.desk.plan import Plan, PlannedParts
from mexc_tui.domain.commands import CancelOrder, Command, Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import Order, OrderReport, OrderType, Side
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BookState,
    BookView,
    InstrumentsView,
    OrdersView,
    RiskView,
    VenueKind,
    book_topic,
    gate_topic,
)
from mexc_tui.engine.engine import Engine
from tests.patience import LIMIT_S, until

SYMBOL = "MXUSDT"
ACCOUNT = (TOPIC_INSTRUMENTS, TOPIC_ORDERS, TOPIC_POSITIONS, TOPIC_BALANCES, TOPIC_FILLS, TOPIC_RISK)


class Market:
    """An exchange in its own process: its addresses, its faults, and what it says itself of the account."""

    def __init__(self) -> None:
        self.child = ChildExchange(["--seed", "7"])
        self.at: Addresses = self.child.ready()

    def admin(self, method: str, path: str, body: object = None) -> None:
        request = urllib.request.Request(
            self.at.rest + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            assert answer.status == 200

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.at.rest + path, timeout=LIMIT_S) as answer:
            return json.loads(answer.read())

    def fault(self, name: str, **how: object) -> None:
        self.admin("POST", "/admin/faults", {"name": name, **how})

    def orders(self, symbol: str = SYMBOL) -> list[OrderReport]:
        """Every order the exchange has ever taken from the account, whatever became of it."""
        from mexc_tui.venues.mexc.rest.client import MexcRest
        from mexc_tui.venues.mexc.settings import MexcSettings

        async def ask() -> list[OrderReport]:
            settings = MexcSettings(
                base_url=self.at.rest, ws_url=self.at.ws, api_key=self.at.api_key, api_secret=self.at.api_secret
            )
            async with MexcRest(settings) as rest:
                return list(await rest.trading.all_orders(symbol))

        return asyncio.run(ask())


class Terminal:
    """A desk without a screen."""

    def __init__(self, market: Market, folder: Path) -> None:
        at = market.at
        plan = Plan(
            kind=VenueKind.DEMO,
            base_url=at.rest,
            ws_url=at.ws,
            credentials=Credentials(api_key=Secret(at.api_key), secret_key=Secret(at.api_secret)),
            limits=Limits(),
            folder=folder,
            armed_at_start=True,
        )
        self.engine: Engine = Engine(PlannedParts(plan))
        self.client = self.engine.client("terminal")
        self.engine.start()
        assert self.engine.settled.wait(LIMIT_S)
        assert self.engine.failure is None
        self.look_at(SYMBOL)
        until(lambda: self.client.view("instruments"), what="instruments")
        until(lambda: self.live() and self.ready(), what="a live book and a reconciled account")

    def look_at(self, symbol: str) -> None:
        """Look at a book and at everything of the account."""
        self.client.look(Interest(topics=frozenset({book_topic(symbol), gate_topic(symbol), *ACCOUNT})))

    def close(self) -> None:
        self.engine.stop()
        assert self.engine.join(LIMIT_S)

    def submit(self, command: Command) -> None:
        self.client.submit(command)

    def book(self) -> BookView:
        view = self.client.view(book_topic(SYMBOL))
        assert isinstance(view, BookView)
        return view

    def live(self) -> bool:
        view = self.client.view(book_topic(SYMBOL))
        return isinstance(view, BookView) and view.state is BookState.LIVE

    def ready(self) -> bool:
        risk, listed = self.client.view(TOPIC_RISK), self.client.view("instruments")
        known = isinstance(listed, InstrumentsView) and SYMBOL in listed.by_symbol
        return known and isinstance(risk, RiskView) and risk.ready

    def open(self) -> tuple[Order, ...]:
        view = self.client.view(TOPIC_ORDERS)
        return view.open if isinstance(view, OrdersView) else ()

    def recent(self) -> tuple[Order, ...]:
        view = self.client.view(TOPIC_ORDERS)
        return view.recent if isinstance(view, OrdersView) else ()

    def facts(self, kind: str) -> list[Fact]:
        return [fact for fact in self.client.facts(0) if fact.kind == kind]

    def place(self, *, far: bool = True, qty: str = "20", kind: OrderType = OrderType.LIMIT, times: int = 1) -> str:
        """Buy: far below the market, where it rests, or at the ask."""
        book = self.book()
        instruments = self.client.view("instruments")
        assert isinstance(instruments, InstrumentsView)
        bid = unscaled(book.bids[0][0], book.price_decimals)
        ask = unscaled(book.asks[0][0], book.price_decimals)
        tick = instruments.by_symbol[SYMBOL].tick
        price = (bid * Decimal("0.8") // tick) * tick if far else ask
        command = PlaceOrder(
            command_id=uuid.uuid4().hex,
            draft=Draft(symbol=SYMBOL, side=Side.BUY, type=kind, qty=Decimal(qty), price=price),
            seen_version=book.version,
            seen_bid=bid,
            seen_ask=ask,
        )
        for _ in range(times):
            self.submit(command)
        return command.command_id

    def cancel(self, order: Order) -> None:
        self.submit(CancelOrder(command_id=uuid.uuid4().hex, client_order_id=order.client_order_id))


@pytest.fixture(scope="module")
def shared_market() -> Iterator[Market]:
    market = Market()
    yield market
    market.child.close()


@pytest.fixture
def market(shared_market: Market) -> Iterator[Market]:
    yield shared_market
    shared_market.admin("DELETE", "/admin/faults")


@pytest.fixture
def terminal(market: Market, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(market, tmp_path / "desk")
    yield made
    for order in made.open():
        made.cancel(order)
    until(lambda: not made.open(), what="every order cancelled at the end")
    made.close()


@pytest.fixture
def another_terminal(market: Market) -> Callable[[Path], Terminal]:
    return lambda folder: Terminal(market, folder)
