"""The queue model against a queue that is known order by order."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import OwnTrade, SimEvent
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from tests.examples import examples

START = 1_800_000_000_000
PRICE = 10_000
OWN = 30


@dataclass
class Truth:
    """A level's foreign orders, oldest first, and what of them stands before a phantom order."""

    queue: list[list[int]] = field(default_factory=list)
    ahead: int | None = None
    reached: int = 0
    reached_by: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(qty for qty, _ in self.queue)

    def enter(self) -> None:
        for entry in self.queue:
            entry[1] = 1
        self.ahead = self.total

    def add(self, qty: int) -> None:
        self.queue.append([qty, 0])

    def cancel(self, place: int, qty: int) -> None:
        entry = self.queue[place % len(self.queue)]
        cut = min(qty, entry[0])
        entry[0] -= cut
        if self.ahead is not None and entry[1]:
            self.ahead -= cut
        self.queue = [entry for entry in self.queue if entry[0]]

    def trade(self, qty: int, at: int) -> int:
        left = qty = min(qty, self.total)
        while left:
            cut = min(left, self.queue[0][0])
            self.queue[0][0] -= cut
            left -= cut
            if not self.queue[0][0]:
                self.queue.pop(0)
        if self.ahead is not None:
            self.reached += max(0, qty - self.ahead)
            self.ahead = max(0, self.ahead - qty)
        self.reached_by[at] = self.reached
        return qty


def exchange_with(price_ticks: int) -> tuple[PaperExchange, list[OwnTrade]]:
    exchange = PaperExchange(start_ms=START)
    exchange.mirror_pairs(
        [
            Instrument(
                symbol="ABCUSDT", base="ABC", quote="USDT", price_decimals=2, qty_decimals=0, min_notional=Decimal(1)
            )
        ]
    )
    exchange.core.accounts.deposit("ann", {"USDT": Decimal(1_000_000)})
    fills: list[OwnTrade] = []

    def keep(event: SimEvent) -> None:
        if isinstance(event, OwnTrade):
            fills.append(event)

    exchange.core.listen(keep)
    return exchange, fills


def deliveries(rng: Random, truth: Truth) -> tuple[list[tuple[int, int, str, tuple[int, int]]], int]:
    """Let the level live for a while; return what is delivered when, and how often the order could enter."""
    sent: list[tuple[int, int, str, tuple[int, int]]] = []
    clock = {"push": 0, "trade": 0}
    slow = {"push": rng.choice((5, 200, 900)), "trade": rng.choice((5, 200, 900))}

    def deliver(kind: str, at: int, what: tuple[int, int]) -> None:
        clock[kind] = max(clock[kind], at + rng.randrange(slow[kind]))
        sent.append((clock[kind], len(sent), kind, what))

    enter_at = 100 * rng.randrange(1, 8)
    for _ in range(rng.randrange(4)):
        truth.add(rng.randrange(1, 20))
    for now in range(1, 3_001):
        dice = rng.random()
        if dice < 0.01:
            truth.add(rng.randrange(1, 15))
        elif dice < 0.02 and truth.queue:
            truth.cancel(rng.randrange(20), rng.randrange(1, 15))
        elif dice < 0.03 and truth.queue:
            qty = truth.trade(rng.randrange(1, 25), now)
            deliver("trade", now, (qty, now))
        if now % 100 == 0:
            label = now - rng.randrange(90)
            if now == enter_at:
                truth.enter()
                deliver("push", now, (truth.total, -label))
            else:
                deliver("push", now, (truth.total, label))
    return sorted(sent), enter_at


@examples(150)
@given(st.integers(0, 2**32))
def test_an_order_is_never_filled_before_its_turn_nor_by_more_than_was_traded(seed: int) -> None:
    rng = Random(seed)
    truth = Truth()
    events, _ = deliveries(rng, truth)
    exchange, fills = exchange_with(PRICE)
    exchange.feed_book("ABCUSDT", [(PRICE - 5, 100)], [(PRICE + 5, 100)], START)
    entered = False
    traded_since = 0
    for at, _, kind, what in events:
        exchange.core.advance(START + at)
        if kind == "push":
            total, label = what
            exchange.feed_levels("ABCUSDT", [(Side.BUY, PRICE, total)], START + abs(label))
            if label < 0:
                exchange.core.orders.place(
                    "ann", symbol="ABCUSDT", side=Side.BUY, type="LIMIT", qty=Decimal(OWN), price=Decimal("100.00")
                )
                exchange.core.advance(START + at + 1)
                entered = True
            continue
        qty, traded_at = what
        before = sum(fill.qty for fill in fills)
        exchange.feed_trade("ABCUSDT", Side.SELL, PRICE, qty, START + traded_at)
        filled = sum(fill.qty for fill in fills)
        if entered:
            traded_since += qty
        assert filled - before <= qty
        assert filled <= truth.reached_by[traded_at], "filled before its turn"
        assert filled <= min(OWN, traded_since)
    assert all(fill.trade_id.endswith("C") and fill.is_maker and fill.price == 100 for fill in fills)
    assert not exchange.core.accounts.unaccounted()


@given(st.integers(0, 2**32))
def test_with_pushes_in_time_and_cancels_behind_it_the_order_is_filled_exactly_in_its_turn(seed: int) -> None:
    """No pessimism is left where nothing is ambiguous: a pause of two skews between pushes and trades."""
    rng = Random(seed)
    exchange, fills = exchange_with(PRICE)
    ahead = rng.randrange(0, 50)
    exchange.feed_book("ABCUSDT", [(PRICE, ahead)] if ahead else [(PRICE - 5, 100)], [(PRICE + 5, 100)], START)
    exchange.core.advance(START + 1)
    exchange.core.orders.place(
        "ann", symbol="ABCUSDT", side=Side.BUY, type="LIMIT", qty=Decimal(OWN), price=Decimal("100.00")
    )
    exchange.core.advance(START + 2)
    total, reached, now = ahead, 0, START
    for _ in range(30):
        now += 250
        exchange.core.advance(now)
        if rng.random() < 0.5:
            total += rng.randrange(1, 20)
        elif total > ahead:
            total -= rng.randrange(1, total - ahead + 1)
        exchange.feed_levels("ABCUSDT", [(Side.BUY, PRICE, total)], now)
        now += 250
        qty = rng.randrange(1, 12)
        exchange.feed_trade("ABCUSDT", Side.SELL, PRICE, qty, now)
        reached += max(0, qty - ahead)
        ahead, total = max(0, ahead - qty), max(0, total - qty)
        exchange.feed_levels("ABCUSDT", [(Side.BUY, PRICE, total)], now + 20)
        assert sum(fill.qty for fill in fills) == min(OWN, reached)
