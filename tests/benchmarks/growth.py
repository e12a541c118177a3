"""What a desk and its screen keep for good: traced bytes of a run on a clock that is moved by hand, extrapolated."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import tracemalloc
from decimal import Decimal
from functools import _lru_cache_wrapper

from mexc_tui.domain.commands import CancelOrder, Command, Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    OrderReported,
    PlaceAccepted,
    Reconciled,
    Tick,
    TickersSeen,
    Timestamp,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.market import Ticker, Trade
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind, View
from mexc_tui.engine.hub import ViewHub
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import Effect, EmitFact, SendOrder
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.valuation import CURVE_POINTS
from mexc_tui.ui.app import CockpitApp
from mexc_tui.ui.options import UiOptions
from mexc_tui.ui.primitives.pane import LinePane

SYMBOLS = tuple(f"LOAD{n}USDT" for n in range(8))
SIZE = (120, 40)
FRAME_MS = 50
FIRST_FRAMES, FRAMES = 300, 600
"""Until what is bounded is full, and in each of the two spans that are compared"""
FIRST_ORDERS, ORDERS = 2_211, 1_005
"""Until the executions that are kept are full, and multiples of 201: as many recent orders are kept before as after."""
TRADES = 5_000
"""So many fill a tape."""
LIMITS = Limits(
    max_order_value=Decimal(10**6),
    max_position_value=Decimal(10**9),
    max_gross_exposure=Decimal(10**9),
    orders_per_second=1_000,
    duplicate_max=1_000,
)


class DeskByHand:
    """A desk without thread, loop and line: ``DeskClient`` for a screen, and exchange for the desk."""

    def __init__(self) -> None:
        self.hub = ViewHub()
        self._client = self.hub.join()
        self.moment = Timestamp(1_700_000_000_000, 1_000_000_000)
        self.desk = Desk(
            "bench",
            LIMITS,
            VenueInfo(name="bench", kind=VenueKind.DEMO, can_trade=True),
            currency="USDT",
            armed_at_start=True,
        )
        self.sent: list[OrderRequest] = []
        self.version = 1
        self.numbers = self.trades = 0
        self._chance = random.Random(5)
        self._run(self.desk.start(self.moment))
        pairs = tuple(
            Instrument(symbol=s, base=s[:-4], quote="USDT", price_decimals=2, qty_decimals=3) for s in SYMBOLS
        )
        self.do(InstrumentsLoaded(pairs))
        self.reconcile()

    # --- for the screen

    def submit(self, command: Command) -> None:
        self.do(command)

    def look(self, interest: Interest) -> None:
        self.hub.look(self._client, interest)
        self.do(InterestChanged(interest))

    def close(self) -> None:
        self.hub.leave(self._client)

    def view(self, topic: str) -> View | None:
        return self.hub.view(topic)

    def facts(self, after: int) -> tuple[Fact, ...]:
        return self.hub.facts(after)

    def now(self) -> Timestamp:
        return self.moment

    def died(self) -> str:
        return ""

    # --- by hand

    def do(self, item: Input | Command) -> None:
        self._run(self.desk.handle(item, self.moment))

    def pass_time(self, milliseconds: int) -> None:
        self.moment = Timestamp(self.moment.wall_ms + milliseconds, self.moment.mono_ns + milliseconds * 1_000_000)

    def publish(self) -> None:
        self.hub.publish(self.desk.views(self.moment, self.hub.looked_at()))

    def reconcile(self) -> None:
        held = (("USDT", 10**7), (SYMBOLS[0][:-4], 1_000))
        balances = tuple(Balance(asset=asset, free=Decimal(total), locked=Decimal(0)) for asset, total in held)
        self.do(Reconciled((), balances, (), self.moment.mono_ns, frozenset(SYMBOLS), frozenset(SYMBOLS)))

    def open_books(self) -> None:
        """Show the books of the symbols that are followed."""
        for symbol in SYMBOLS:
            bids = [(f"{1000 - n / 100:.2f}", "1.5") for n in range(1, 100)]
            asks = [(f"{1000 + n / 100:.2f}", "1.5") for n in range(1, 100)]
            self.do(BookDelta(symbol, 1, 1, [], [], self.moment.wall_ms, self.moment.mono_ns))
            self.do(BookSnapshot(symbol, 1, bids, asks, self.moment.mono_ns, 1_000))
            self.do(TradesSeen(symbol, tuple(self._trade() for _ in range(TRADES)), self.moment.mono_ns))

    def move_market(self) -> None:
        """Change what a busy market changes from one frame to the next."""
        at, chance = self.moment, self._chance
        self.version += 1
        for symbol in SYMBOLS:
            bids, asks = (
                [
                    (f"{1000 + way * chance.randrange(1, 30) / 100:.2f}", f"{chance.uniform(0.001, 9):.3f}")
                    for _ in "123"
                ]
                for way in (-1, 1)
            )
            self.do(BookDelta(symbol, self.version, self.version, bids, asks, at.wall_ms, at.mono_ns))
        self.do(TradesSeen(SYMBOLS[0], (self._trade(),), at.mono_ns))
        if self.version % 2 == 0:
            last = unscaled(chance.randrange(99_000, 101_000), 2)
            self.do(TickersSeen(tuple(Ticker(symbol=s, last=last) for s in SYMBOLS), at.mono_ns))
            rest, stream = chance.uniform(1, 9), chance.uniform(1, 9)
            self.do(VenueHealth(rest, stream, 0.0, 9 * self.version, 0, chance.randrange(100), 500, 5.0, 5))
        if self.version % 5 == 0:
            self.do(Tick())

    def _trade(self) -> Trade:
        self.trades += 1
        return Trade(
            trade_id=f"T{10**9 + self.trades}",
            price=unscaled(100_000, 2),
            qty=unscaled(self._chance.randrange(1, 9_999), 3),
            taker=self._chance.choice((Side.BUY, Side.SELL)),
            time_ms=self.moment.wall_ms,
        )

    def trade(self) -> None:
        """Place an order and see it filled or cancelled."""
        self.pass_time(400)
        self.move_market()
        self.numbers += 1
        number = self.numbers
        side, price = (Side.BUY, Decimal(990)) if number % 4 < 2 else (Side.SELL, Decimal(1_010))
        draft = Draft(symbol=SYMBOLS[0], side=side, type=OrderType.LIMIT, qty=Decimal("0.1"), price=price)
        self.do(PlaceOrder(command_id=f"{number:032x}", draft=draft))
        request = self.sent.pop()
        there = f"C02__{10**15 + number}"
        self.do(PlaceAccepted(request.client_order_id, there))
        if number % 2:
            self.do(FillReported(self._fill(request, there, price)))
        else:
            self.do(CancelOrder(command_id=f"{-number:032x}", client_order_id=request.client_order_id))
        self.do(OrderReported(self._report(request, there, price, filled=bool(number % 2))))
        if number % 10 == 0:
            self.reconcile()

    def _fill(self, request: OrderRequest, there: str, price: Decimal) -> Fill:
        return Fill(
            trade_id=f"{10**12 + self.numbers}X1",
            order_id=there,
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            price=price,
            qty=Decimal("0.1"),
            quote_qty=price / 10,
            fee=Decimal(0),
            fee_asset="USDT",
            is_maker=True,
            time_ms=self.moment.wall_ms,
        )

    def _report(self, request: OrderRequest, there: str, price: Decimal, *, filled: bool) -> OrderReport:
        return OrderReport(
            symbol=request.symbol,
            order_id=there,
            client_order_id=request.client_order_id,
            side=request.side,
            type=request.type,
            state=OrderState.FILLED if filled else OrderState.CANCELLED,
            price=price,
            qty=request.qty,
            quote_qty=None,
            filled_qty=Decimal("0.1") if filled else Decimal(0),
            filled_quote=price / 10 if filled else Decimal(0),
            created_ms=self.moment.wall_ms,
            updated_ms=self.moment.wall_ms,
        )

    def _run(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, EmitFact):
                self.hub.append(effect.fact)
            elif isinstance(effect, SendOrder):
                self.sent.append(effect.request)


async def frames() -> float:
    """Return by how many megabytes 100,000 painted frames grow a cockpit and its desk."""
    client = DeskByHand()
    app = CockpitApp(client, UiOptions(timer=False, symbol=SYMBOLS[0], watchlist=SYMBOLS))
    tracemalloc.start()
    try:
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            client.open_books()
            for _ in range(CURVE_POINTS):
                client.pass_time(1_000)
                client.do(Tick())
            await _paint(app, client, FIRST_FRAMES)
            early, at_first = await _paint(app, client, FRAMES)
            late, at_last = await _paint(app, client, FRAMES)
    finally:
        tracemalloc.stop()
    return ((at_last - at_first) / FRAMES * 100_000 + max(0, late - early)) / 1e6


async def _paint(app: CockpitApp, client: DeskByHand, count: int) -> tuple[int, int]:
    """Paint frames as fast as it goes; returns the most bytes held, and those held with every bounded cache empty.

    Bounded caches fill and are emptied at times of their own, which extrapolated would look like growth.
    """
    most = 0
    for number in range(count):
        client.pass_time(FRAME_MS)
        client.move_market()
        client.publish()
        app.frame_clock.advance()
        for _ in range(8):
            await asyncio.sleep(0)
        app.screen._on_timer_update()
        if number % 2:
            gc.collect(1)
            most = max(most, tracemalloc.get_traced_memory()[0])
    for cache in [held for held in gc.get_objects() if isinstance(held, _lru_cache_wrapper)]:
        if cache.cache_parameters()["maxsize"] is not None:
            cache.cache_clear()
    for pane in app.screen.query(LinePane):
        pane.notify_style_update()
    return most, _held()


def orders() -> float:
    """Return by how many megabytes 1,000 orders, half of them filled, grow a desk."""
    client = DeskByHand()
    topics = {f"{kind}:{symbol}" for kind in ("book", "tape", "gate") for symbol in SYMBOLS}
    client.look(Interest(topics=frozenset(topics | {"orders", "fills", "positions", "risk"})))
    client.open_books()
    tracemalloc.start()
    try:
        for _ in range(FIRST_ORDERS):
            client.trade()
        before = _held()
        for _ in range(ORDERS):
            client.trade()
        return (_held() - before) / ORDERS * 1_000 / 1e6
    finally:
        tracemalloc.stop()


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


if __name__ == "__main__":
    print(json.dumps({"frames_mb": asyncio.run(frames()), "orders_mb": orders()}))
