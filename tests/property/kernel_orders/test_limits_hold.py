"""Limits on money against an account in several pairs, added up independently: in one currency, by asset and in all.

Nothing that is sent may exceed a limit even if everything that works fills, however late the desk hears of it; and once
it has heard everything, it refuses for a limit exactly what would exceed one.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    OrderReported,
    PlaceAccepted,
    Reconciled,
    Timestamp,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind, gate_topic
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import EmitFact, SendOrder
from mexc_tui.kernel.ports import VenueInfo
from tests.examples import scaled

D = Decimal
ZERO = D(0)
BOOKS = {  # symbol: base, quote, decimals of price and quantity, bid, ask
    "BTCUSDT": ("BTC", "USDT", 2, 6, "59990", "60000"),
    "BTCUSDC": ("BTC", "USDC", 2, 6, "59980", "60010"),
    "ETHUSDT": ("ETH", "USDT", 2, 4, "2999", "3000"),
    "ETHBTC": ("ETH", "BTC", 6, 4, "0.0499", "0.05"),
    "USDCUSDT": ("USDC", "USDT", 4, 2, "0.9999", "1.0001"),
}
COST = {"USDT": D(1), "BTC": D(60_000), "ETH": D(3_000), "USDC": D("1.0001")}
LIMITS = Limits(
    max_order_value=D(3_000),
    max_position_value=D(5_000),
    max_gross_exposure=D(9_000),
    max_open_orders=10**6,
    max_in_flight=10**6,
    orders_per_second=10**6,
    duplicate_max=10**6,
    max_book_age_ms=10**9,
    max_slippage=D("0.5"),
    confirm_slippage=D(1),
    confirm_order_value=D(10**9),
    confirm_usual_times=10**6,
    collar_far=D("0.05"),
)
BY_MONEY = {"MAX_ORDER_VALUE", "MAX_POSITION", "MAX_GROSS_EXPOSURE"}


class World:
    """An exchange that is believed to the letter, and a desk that hears of it bit by bit."""

    def __init__(self) -> None:
        venue = VenueInfo(name="model", kind=VenueKind.LOCAL, can_trade=True)
        self.desk = Desk("r1", LIMITS, venue, currency="USDT", armed_at_start=True)
        self.ns = 10**9
        self.held = {"USDT": D(50_000), "USDC": D(2_500), "BTC": D("0.03"), "ETH": D("0.4")}
        self.locked = dict.fromkeys(self.held, ZERO)
        self.working: dict[str, OrderReport] = {}
        self.channels: dict[str, deque[Input]] = {name: deque() for name in ("answers", "orders", "fills", "balances")}
        self.commands = 0
        self.desk.start(self.at())
        pairs = [
            Instrument(symbol=symbol, base=base, quote=quote, price_decimals=price, qty_decimals=qty)
            for symbol, (base, quote, price, qty, _, _) in BOOKS.items()
        ]
        self.feed(InstrumentsLoaded(tuple(pairs)))
        self.feed(VenueHealth(None, None, 0.0, 0, 0, 0, 500, 5.0, 5))
        self.feed(InterestChanged(Interest(topics=frozenset(gate_topic(symbol) for symbol in BOOKS))))
        for symbol, (_, _, _, _, bid, ask) in BOOKS.items():
            self.feed(BookDelta(symbol, 1, 1, [], [], 0, self.ns))
            self.feed(BookSnapshot(symbol, 1, [(bid, "1000")], [(ask, "1000")], self.ns, 100))
        balances = tuple(Balance(asset=asset, free=qty, locked=ZERO) for asset, qty in self.held.items())
        self.feed(Reconciled((), balances, (), self.ns, frozenset(BOOKS), frozenset(BOOKS)))

    def at(self) -> Timestamp:
        return Timestamp(self.ns // 10**6, self.ns)

    def feed(self, item: Any) -> list[Any]:
        self.ns += 10**6
        effects = self.desk.handle(item, self.at())
        for effect in effects:
            if isinstance(effect, SendOrder):
                self.arrive(effect.request)
        return effects

    # --- what the orders come to, added up by the book

    def exceeded(self, extra: tuple[str, Side, Decimal, Decimal], *, exchanges: bool = False) -> set[str]:
        """Return the limits that would be exceeded if one more order worked and everything filled.

        With ``exchanges`` what works to exchange one asset for another counts as if both were held.
        """
        symbol, side, price, qty = extra
        assets = {asset: self.held[asset] * COST[asset] for asset in self.held if asset != "USDT"}
        gross = sum(assets.values(), ZERO)
        for order in (*self.working.values(), extra):
            name, way, at, left = order if isinstance(order, tuple) else (*_left(order),)
            base, quote = BOOKS[name][:2]
            brings, spends = (base, quote) if way is Side.BUY else (quote, base)
            if brings == "USDT":
                continue
            value = left * at * COST[quote]
            if way is Side.SELL:
                value = max(value, left * COST[base])
            assets[brings] += value
            gross += value if spends == "USDT" or exchanges else ZERO
        base, quote = BOOKS[symbol][:2]
        brings, spends = (base, quote) if side is Side.BUY else (quote, base)
        found = set()
        if brings != "USDT":
            found |= {"MAX_ORDER_VALUE"} if qty * price * COST[quote] > LIMITS.max_order_value else set()
            found |= {"MAX_POSITION"} if assets[brings] > LIMITS.max_position_value else set()
        if brings != "USDT" and spends == "USDT":
            found |= {"MAX_GROSS_EXPOSURE"} if gross > LIMITS.max_gross_exposure else set()
        return found

    # --- the exchange

    def arrive(self, request: OrderRequest) -> None:
        assert request.price is not None
        assert request.qty is not None
        extra = (request.symbol, request.side, request.price, request.qty)
        exceeded = self.exceeded(extra)
        assert not exceeded, f"{extra} exceeds {exceeded}"
        base, quote = BOOKS[request.symbol][:2]
        spends, amount = (quote, request.price * request.qty) if request.side is Side.BUY else (base, request.qty)
        assert self.held[spends] - self.locked[spends] >= amount
        self.locked[spends] += amount
        self.say(
            OrderReport(
                symbol=request.symbol,
                order_id=f"E{request.client_order_id}",
                client_order_id=request.client_order_id,
                side=request.side,
                type=request.type,
                state=OrderState.WORKING,
                price=request.price,
                qty=request.qty,
                quote_qty=None,
                filled_qty=ZERO,
                filled_quote=ZERO,
                created_ms=self.ns // 10**6,
                updated_ms=self.ns // 10**6,
            ),
            (spends,),
        )
        self.channels["answers"].append(PlaceAccepted(request.client_order_id, f"E{request.client_order_id}"))

    def say(self, order: OrderReport, assets: tuple[str, ...]) -> None:
        self.ns += 10**6
        order = msgspec.structs.replace(order, updated_ms=self.ns // 10**6)
        self.working[order.client_order_id] = order
        if order.state.final:
            del self.working[order.client_order_id]
        self.channels["orders"].append(OrderReported(order))
        for asset in assets:
            locked = self.locked[asset]
            balance = Balance(asset=asset, free=self.held[asset] - locked, locked=locked)
            self.channels["balances"].append(BalanceReported(balance, "ENTRUST", self.ns // 10**6))

    def move(self, which: int, part: str) -> None:
        """Fill part of an order that works, or cancel it."""
        if not self.working:
            return
        order = list(self.working.values())[which % len(self.working)]
        assert order.qty is not None
        base, quote = BOOKS[order.symbol][:2]
        spends, brings = (quote, base) if order.side is Side.BUY else (base, quote)
        left = order.qty - order.filled_qty
        unit = order.price if order.side is Side.BUY else D(1)
        if part == "cancel":
            self.locked[spends] -= left * unit
            state = OrderState.PARTIALLY_CANCELLED if order.filled_qty else OrderState.CANCELLED
            self.say(msgspec.structs.replace(order, state=state), (spends,))
            return
        qty = left if part == "all" else (left / 2).quantize(D(1).scaleb(-BOOKS[order.symbol][3]))
        if not qty:
            return
        value = qty * order.price
        self.locked[spends] -= qty * unit
        self.held[spends] -= qty * unit
        self.held[brings] += qty if order.side is Side.BUY else value
        filled = order.filled_qty + qty
        after = msgspec.structs.replace(
            order,
            filled_qty=filled,
            filled_quote=order.filled_quote + value,
            state=OrderState.FILLED if filled == order.qty else OrderState.PARTIAL,
        )
        self.say(after, (spends, brings))
        fill = Fill(
            trade_id=f"T{self.ns}",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=order.price,
            qty=qty,
            quote_qty=value,
            fee=ZERO,
            fee_asset=quote,
            is_maker=True,
            time_ms=self.ns // 10**6,
        )
        self.channels["fills"].append(FillReported(fill))

    def hear(self, channel: str) -> None:
        if self.channels[channel]:
            self.feed(self.channels[channel].popleft())

    # --- the user

    def place(self, symbol: str, side: Side, offset: int, worth: int) -> set[str]:
        """Order something worth about so much and return the codes of a refusal."""
        _, quote, decimals, qty_decimals, bid, ask = BOOKS[symbol]
        away = D(100 - offset if side is Side.BUY else 100 + offset) / 100
        price = (D(bid if side is Side.BUY else ask) * away).quantize(D(1).scaleb(-decimals))
        qty = (worth / (price * COST[quote])).quantize(D(1).scaleb(-qty_decimals))
        self.commands += 1
        expected = self.exceeded((symbol, side, price, qty), exchanges=True)
        draft = Draft(symbol=symbol, side=side, type=OrderType.LIMIT, qty=qty, price=price)
        effects = self.feed(PlaceOrder(command_id=f"c{self.commands}", draft=draft))
        denied = [effect.fact for effect in effects if isinstance(effect, EmitFact) and effect.fact.kind == "denied"]
        codes = {violation.code for fact in denied for violation in fact.violations}
        if not any(self.channels.values()):
            assert codes & BY_MONEY == expected
        return codes


def _left(order: OrderReport) -> tuple[str, Side, Decimal, Decimal]:
    assert order.qty is not None
    return order.symbol, order.side, order.price, order.qty - order.filled_qty


def step(world: World, rng: Random) -> None:
    """Do one of what people and exchanges do."""
    match rng.choice(("place", "place", "place", "move", "move", "hear", "hear", "hear all")):
        case "place":
            side = rng.choice((Side.BUY, Side.BUY, Side.SELL))
            worth = rng.choice((150, 700, 1_500, 2_400, 2_990, 3_100, 30_000))
            world.place(rng.choice(sorted(BOOKS)), side, rng.randint(0, 3), worth)
        case "move":
            world.move(rng.randrange(6), rng.choice(("all", "half", "cancel")))
        case "hear":
            world.hear(rng.choice(sorted(world.channels)))
        case _:
            for channel in world.channels:
                while world.channels[channel]:
                    world.hear(channel)


@settings(max_examples=scaled(25), deadline=None)
@given(st.integers(0, 10**9))
def test_no_limit_is_exceeded_though_everything_that_works_fills(seed: int) -> None:
    world, rng = World(), Random(seed)
    for _ in range(150):
        step(world, rng)


def test_fifty_bitcoin_are_no_order_of_fifty_dollars() -> None:
    world = World()
    assert "MAX_ORDER_VALUE" in world.place("ETHBTC", Side.BUY, 0, 3_000_000)


def test_two_pairs_of_one_asset_share_its_limit() -> None:
    world = World()
    assert not world.place("BTCUSDT", Side.BUY, 1, 1_700)
    assert "MAX_POSITION" in world.place("BTCUSDC", Side.BUY, 1, 1_700)


def test_a_sale_for_an_asset_counts_as_a_purchase_of_it() -> None:
    world = World()
    assert not world.place("BTCUSDT", Side.BUY, 1, 2_900)
    assert "MAX_POSITION" in world.place("ETHBTC", Side.SELL, 0, 700)


def test_what_a_sale_brought_counts_until_its_own_balance_shows_it() -> None:
    world = World()
    assert not world.place("ETHBTC", Side.SELL, 0, 700)
    world.move(0, "all")
    for channel, count in {"answers": 1, "orders": 2, "fills": 1, "balances": 2}.items():
        for _ in range(count):
            world.hear(channel)
    assert len(world.channels["balances"]) == 1
    assert "MAX_POSITION" in world.place("BTCUSDT", Side.BUY, 1, 2_900)
