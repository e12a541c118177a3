"""A desk on a bench: one pair, a live book, a funded account, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.commands import Command, Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    LatchAnswered,
    OrderReported,
    Reconciled,
    Tick,
    Timestamp,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Balance, Fill, Order, OrderReport, OrderState, OrderType, Side
from mexc_tui.domain.views import TOPIC_ORDERS, VenueKind, gate_topic
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import Effect, EmitFact, FetchAccount, Journal, SaveLatch, SendOrder
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import DeskSnapshot, Record, Resumed

D = Decimal
SYMBOL = "BTCUSDT"
PAIR = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    price_decimals=2,
    qty_decimals=6,
    min_qty=D("0.000001"),
    min_notional=D(1),
    min_notional_market=D(1),
    maker_fee=D(0),
    taker_fee=D("0.0005"),
)
PAIRS = frozenset({SYMBOL})
START_MS = 1_790_000_000_000


def health(**figures: Any) -> VenueHealth:
    """The link as it is on a quiet day, but for these figures."""
    usual: dict[str, Any] = {
        "rest_ms": None,
        "stream_ms": None,
        "clock_offset_ms": 0.0,
        "frames": 0,
        "unknown_frames": 0,
        "weight_used": 0,
        "weight_limit": 300,
        "order_tokens": 12.0,
        "order_limit": 12,
    }
    return VenueHealth(**usual | figures)


class Bench:
    """Drives a desk and keeps every effect it gave."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.mono_ns = 1_000_000_000
        self.wall_ms = START_MS
        self.effects: list[Effect] = []
        self.disk_problem = ""
        """Why the trading state cannot be recorded; empty: it can."""
        self.version = 100
        self._commands = 0

    def at(self) -> Timestamp:
        return Timestamp(self.wall_ms, self.mono_ns)

    def later(self, seconds: float) -> None:
        self.mono_ns += int(seconds * 1_000_000_000)
        self.wall_ms += int(seconds * 1_000)

    def do(self, item: Input | Command) -> list[Effect]:
        made = self.desk.handle(item, self.at())
        for latch in [effect for effect in made if isinstance(effect, SaveLatch)]:
            made += self.desk.handle(LatchAnswered(latch.attempt, self.disk_problem), self.at())
        self.effects += made
        return made

    def tick(self, seconds: float = 0.25) -> list[Effect]:
        self.later(seconds)
        return self.do(Tick())

    def wait(self, seconds: float) -> list[Effect]:
        made: list[Effect] = []
        for _ in range(int(seconds * 4)):
            made += self.tick()
        return made

    def begin(self) -> list[Effect]:
        made = self.desk.start(self.at())
        self.effects += made
        return made

    def market(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
        """Show a book by its first push and a snapshot."""
        self.version += 1
        self.do(BookDelta(SYMBOL, self.version, self.version, [], [], self.wall_ms, self.mono_ns))
        self.do(BookSnapshot(SYMBOL, self.version, bids, asks, self.mono_ns, 1_000))

    def level(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
        """Change levels of the book."""
        self.version += 1
        self.do(BookDelta(SYMBOL, self.version, self.version, bids, asks, self.wall_ms, self.mono_ns))

    def account(
        self,
        usdt: str = "100000",
        btc: str = "0",
        orders: tuple[OrderReport, ...] = (),
        fills: tuple[Fill, ...] = (),
        asked_ns: int | None = None,
    ) -> list[Effect]:
        balances = tuple(
            Balance(asset=asset, free=D(text), locked=D(0)) for asset, text in (("USDT", usdt), ("BTC", btc)) if D(text)
        )
        asked = self.mono_ns if asked_ns is None else asked_ns
        return self.do(Reconciled(orders, balances, fills, asked, PAIRS, PAIRS))

    def place(
        self,
        side: Side = Side.BUY,
        qty: str | None = "0.01",
        price: str | None = "60000",
        kind: OrderType = OrderType.LIMIT,
        command_id: str = "",
        confirmed: tuple[str, ...] = (),
        **seen: Any,
    ) -> list[Effect]:
        self._commands += 1
        draft = Draft(
            symbol=SYMBOL,
            side=side,
            type=kind,
            qty=None if qty is None else D(qty),
            price=None if price is None else D(price),
            confirmed=confirmed,
        )
        return self.do(PlaceOrder(command_id=command_id or f"c{self._commands}", draft=draft, **seen))

    def report(self, order: Order, state: OrderState, filled: str = "0", order_id: str = "X1") -> list[Effect]:
        price = order.price or D(60_000)
        return self.do(
            OrderReported(
                OrderReport(
                    symbol=order.symbol,
                    order_id=order_id,
                    client_order_id=order.client_order_id,
                    side=order.side,
                    type=order.type,
                    state=state,
                    price=price,
                    qty=order.qty,
                    quote_qty=None,
                    filled_qty=D(filled),
                    filled_quote=D(filled) * price,
                    created_ms=self.wall_ms,
                    updated_ms=self.wall_ms,
                )
            )
        )

    def fill(
        self,
        order: Order,
        qty: str,
        price: str = "60000",
        trade_id: str = "T1",
        fee: str = "0",
        fee_asset: str = "USDT",
        order_id: str = "X1",
    ) -> list[Effect]:
        return self.do(FillReported(self.execution(order, qty, price, trade_id, fee, fee_asset, order_id)))

    def execution(
        self,
        order: Order,
        qty: str,
        price: str = "60000",
        trade_id: str = "T1",
        fee: str = "0",
        fee_asset: str = "USDT",
        order_id: str = "X1",
    ) -> Fill:
        return Fill(
            trade_id=trade_id,
            order_id=order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=D(price),
            qty=D(qty),
            quote_qty=D(qty) * D(price),
            fee=D(fee),
            fee_asset=fee_asset,
            is_maker=False,
            time_ms=self.wall_ms,
        )

    def balance(self, asset: str, free: str, locked: str = "0") -> None:
        self.do(BalanceReported(Balance(asset=asset, free=D(free), locked=D(locked)), "ENTRUST", self.wall_ms))

    @property
    def orders(self) -> list[Order]:
        view: Any = self.desk.views(self.at(), frozenset({TOPIC_ORDERS}))[TOPIC_ORDERS]
        return [*view.open, *view.recent]

    @property
    def order(self) -> Order:
        """The newest order."""
        return max(self.orders, key=lambda order: order.client_order_id)

    def view(self, topic: str) -> Any:
        return self.desk.views(self.at(), frozenset({topic}))[topic]

    @property
    def facts(self) -> list[Fact]:
        return [effect.fact for effect in self.effects if isinstance(effect, EmitFact)]

    @property
    def records(self) -> tuple[Record, ...]:
        found: list[Record] = []
        for effect in self.effects:
            if isinstance(effect, Journal):
                found += effect.records
            elif isinstance(effect, SaveLatch):
                found.append(effect.record)
        return tuple(found)

    def sent(self, effects: list[Effect] | None = None) -> list[SendOrder]:
        return [e for e in (self.effects if effects is None else effects) if isinstance(e, SendOrder)]


def build(
    *,
    limits: Limits | None = None,
    resumed: tuple[Record, ...] = (),
    snapshot: DeskSnapshot | None = None,
    run: str = "r1",
    armed: bool = True,
    pair: Instrument = PAIR,
    listed: bool = True,
    latch: str = "",
    arm_name: str = "",
) -> Bench:
    desk = Desk(
        run,
        limits or Limits(orders_per_second=100, max_in_flight=100, duplicate_max=100),
        VenueInfo(name="bench", kind=VenueKind.DEMO, can_trade=True),
        currency="USDT",
        resumed=Resumed(snapshot=snapshot, records=resumed, latch=latch),
        armed_at_start=armed,
        arm_name=arm_name,
    )
    bench = Bench(desk)
    bench.begin()
    bench.do(health())
    if listed:
        bench.do(InstrumentsLoaded((pair,)))
    bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(pair.symbol)}))))
    return bench


@pytest.fixture
def pair() -> Instrument:
    """The pair of the bench."""
    return PAIR


@pytest.fixture
def make() -> Callable[..., Bench]:
    """Build a desk that has not been told anything of the account yet."""
    return build


@pytest.fixture
def bench() -> Bench:
    """A desk that is ready: live book around 60,000, 100,000 USDT, no BTC."""
    ready = build()
    ready.market([("59990.00", "1"), ("59980.00", "5")], [("60000.00", "1"), ("60010.00", "5")])
    ready.account()
    return ready


__all__ = ["FetchAccount", "msgspec"]
