from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import OwnTrade, PublicTrade, SimEvent, SimOrder
from mexc_tui.venues.simulator.paper.exchange import PaperExchange

START = 1_800_000_000_000
ABC = Instrument(
    symbol="ABCUSDT",
    base="ABC",
    quote="USDT",
    price_decimals=2,
    qty_decimals=0,
    min_notional=Decimal(1),
    maker_fee=Decimal(0),
    taker_fee=Decimal("0.001"),
)


class Desk:
    """A paper exchange with one mirrored pair: bids 99.00 x 10, 98.00 x 20; asks 101.00 x 10, 102.00 x 20."""

    def __init__(self, delay_ms: int = 0) -> None:
        self.delay_ms = delay_ms
        self.now = START
        self.events: list[SimEvent] = []
        self.exchange = self.fresh()
        self.exchange.core.accounts.deposit("ann", {"USDT": Decimal(100_000), "ABC": Decimal(1_000)})
        self.book()

    def fresh(self) -> PaperExchange:
        exchange = PaperExchange(start_ms=self.now, delay_ms=lambda: self.delay_ms)
        exchange.mirror_pairs([ABC])
        self.events.clear()
        exchange.core.listen(self.events.append)
        return exchange

    def book(self, bids: object = ((9900, 10), (9800, 20)), asks: object = ((10100, 10), (10200, 20))) -> None:
        self.exchange.feed_book("ABCUSDT", bids, asks, self.now)  # type: ignore[arg-type]

    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.exchange.core.advance(self.now)

    def send(self, side: Side, price: str | None, qty: int, kind: str = "LIMIT", arrive: bool = True) -> SimOrder:
        order = self.exchange.core.orders.place(
            "ann",
            symbol="ABCUSDT",
            side=side,
            type=kind,
            qty=Decimal(qty),
            price=None if price is None else Decimal(price),
        )
        if arrive:
            self.pass_time(self.delay_ms + 1)
        return order

    def levels(self, *changes: tuple[Side, int, int]) -> None:
        self.exchange.feed_levels("ABCUSDT", changes, self.now)

    def trade(self, taker: Side, price: int, qty: int) -> None:
        self.exchange.feed_trade("ABCUSDT", taker, price, qty, self.now)

    def state(self, order: SimOrder) -> str:
        return self.exchange.core.orders.find_order("ann", "ABCUSDT", order_id=order.order_id).status

    @property
    def fills(self) -> list[OwnTrade]:
        return [event for event in self.events if isinstance(event, OwnTrade)]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Price and quantity of each fill with its proof."""
        return [(f"{fill.price:f}x{fill.qty:f}", fill.trade_id[-1]) for fill in self.fills]

    @property
    def tape(self) -> list[tuple[str, str]]:
        return [(f"{e.price:f}", f"{e.qty:f}") for e in self.events if isinstance(e, PublicTrade)]

    def shown(self, limit: int = 10) -> tuple[dict[str, str], dict[str, str]]:
        _, bids, asks = self.exchange.core.market.depth("ABCUSDT", limit)
        return {f"{p:f}": f"{q:f}" for p, q in bids}, {f"{p:f}": f"{q:f}" for p, q in asks}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def slow() -> Desk:
    """Orders take 80 ms."""
    return Desk(80)
