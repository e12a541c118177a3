"""A desk without a screen, killed with SIGKILL at a chosen point of an order's life. Run by test_kill.py.

Arguments: folder, rest, ws, key, secret, point. Points: ``before-intent``, ``after-intent``, ``after-ack``,
``working``, ``filled``, ``wait`` (place and wait to be killed), ``recover`` (start again and report).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path

from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.desk.plan import Plan, PlannedParts
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.domain.views import BookState, VenueKind
from mexc_tui.engine.engine import Engine, EngineClient
from mexc_tui.kernel.records import IntentRecord

SYMBOL = "MXUSDT"
LIMIT_S = 180.0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killing:
    """Passes everything on and dies at its point."""

    def __init__(self, inner, point: str) -> None:
        self._inner = inner
        self._point = point

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    async def append(self, records, *, durable: bool) -> None:
        intent = any(isinstance(record, IntentRecord) for record in records)
        if intent and self._point == "before-intent":
            die()
        await self._inner.append(records, durable=durable)
        if intent and self._point == "after-intent":
            die()

    async def place(self, request) -> str:
        answer = await self._inner.place(request)
        if self._point == "after-ack":
            die()
        return answer


class KillingParts(PlannedParts):
    def __init__(self, plan: Plan, point: str) -> None:
        super().__init__(plan)
        self._point = point

    async def journal(self, venue):
        return Killing(await super().journal(venue), self._point)

    def venue(self):
        return Killing(super().venue(), self._point)


def until(condition) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            sys.exit("did not happen")
        time.sleep(0.002)


def place(client: EngineClient, point: str) -> None:
    book = client.view(f"book:{SYMBOL}")
    bid, ask = (unscaled(side[0][0], book.price_decimals) for side in (book.bids, book.asks))
    tick = client.view("instruments").by_symbol[SYMBOL].tick
    fills = point == "filled"
    client.submit(
        PlaceOrder(
            command_id=uuid.uuid4().hex,
            draft=Draft(
                symbol=SYMBOL,
                side=Side.BUY,
                type=OrderType.IOC if fills else OrderType.LIMIT,
                qty=Decimal(20),
                price=ask if fills else (bid * Decimal("0.8") // tick) * tick,
            ),
            seen_version=book.version,
            seen_bid=bid,
            seen_ask=ask,
        )
    )


def report(client: EngineClient) -> None:
    """Wait until nothing is open to doubt, then say what the desk believes."""
    settled = (OrderState.PENDING, OrderState.UNKNOWN)
    until(lambda: client.view("orders") is not None)
    until(lambda: not any(order.state in settled for order in client.view("orders").open))
    until(lambda: client.view("risk").ready)
    orders = client.view("orders")
    told = [
        {"id": order.client_order_id, "state": order.state.value, "filled": str(order.filled_qty)}
        for order in (*orders.open, *orders.recent)
        if not order.elsewhere
    ]
    fills = [str(fill.qty) for fill in client.view("fills").fills]
    sys.stdout.write(json.dumps({"orders": told, "fills": fills}) + "\n")


def main() -> None:
    folder, rest, ws, key, secret, point = sys.argv[1:]
    plan = Plan(
        kind=VenueKind.DEMO,
        base_url=rest,
        ws_url=ws,
        credentials=Credentials(api_key=Secret(key), secret_key=Secret(secret)),
        limits=Limits(),
        folder=Path(folder),
        armed_at_start=True,
    )
    engine = Engine(KillingParts(plan, point))
    client = engine.client("headless")
    engine.start()
    topics = {f"book:{SYMBOL}", f"gate:{SYMBOL}", "instruments", "orders", "fills", "risk"}
    client.look(Interest(topics=frozenset(topics)))
    until(lambda: engine.settled.is_set() and client.view("risk") and client.view("risk").ready)
    until(lambda: SYMBOL in client.view("instruments").by_symbol)
    until(lambda: client.view(f"book:{SYMBOL}") and client.view(f"book:{SYMBOL}").state is BookState.LIVE)
    if point == "recover":
        report(client)
        engine.stop()
        engine.join(LIMIT_S)
        return
    place(client, point)
    if point == "working":
        until(lambda: any(order.state is OrderState.WORKING for order in client.view("orders").open))
        die()
    if point == "filled":
        until(lambda: any(fact.kind == "filled" for fact in client.facts(0)))
        die()
    signal.pause()


if __name__ == "__main__":
    main()
