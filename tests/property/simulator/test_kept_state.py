"""What is kept on disk after every step is what the exchange holds, wherever it is cut off."""

from __future__ import annotations

import contextlib
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.desk.exchange.state_file import StateFile
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.state import ExchangeState
from tests.examples import examples

S = "ABCUSDT"
PAIR = Instrument(symbol=S, base="ABC", quote="USDT", price_decimals=1, qty_decimals=2, taker_fee=Decimal("0.0005"))
ACCOUNTS = ("ann", "bob")

sides = st.sampled_from([Side.BUY, Side.SELL])
ticks = st.integers(990, 1010)
steps = st.integers(1, 300)
place = st.tuples(
    st.just("place"),
    st.sampled_from(ACCOUNTS),
    sides,
    st.sampled_from(["LIMIT", "LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET"]),
    ticks,
    steps,
)
spend = st.tuples(st.just("spend"), st.sampled_from(ACCOUNTS), sides, steps)
cancel = st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS), st.integers(0, 5))
fund = st.tuples(st.just("fund"), st.sampled_from(ACCOUNTS), st.sampled_from(["USDT", "ABC", "MX"]), steps)
foreign = st.tuples(st.sampled_from(["rest", "take"]), sides, ticks, steps)
save = st.tuples(st.sampled_from(["save", "failed save"]))
actions = st.lists(st.one_of(place, place, place, spend, cancel, fund, foreign, foreign, save), max_size=40)


def act(exchange: Exchange, action: tuple) -> None:
    pair = exchange.symbols.pair(S)
    match action:
        case ("place", account, side, kind, price, qty):
            at = None if kind == "MARKET" else Decimal(price) / 10
            exchange.orders.place(account, symbol=S, side=side, type=kind, price=at, qty=Decimal(qty) / 100)
        case ("spend", account, side, qty):
            exchange.orders.place(
                account, symbol=S, side=side, type="MARKET", quote_qty=Decimal(qty) + Decimal("0.123")
            )
        case ("cancel", account, which):
            standing = exchange.orders.open_orders(account, S)
            if standing:
                exchange.orders.cancel(account, S, order_id=standing[which % len(standing)].order_id)
        case ("fund", account, asset, qty):
            exchange.accounts.deposit(account, {asset: Decimal(qty)})
        case ("rest", side, price, qty):
            if not pair.crosses(side, price):
                pair.add(side, price, qty)
        case ("take", side, price, qty):
            pair.foreign_take(side, price, qty)


def fresh() -> Exchange:
    exchange = Exchange(start_ms=1_700_000_000_000, seed=1)
    exchange.symbols.list_symbol(PAIR)
    return exchange


def content(exchange: Exchange) -> dict:
    told = ExchangeState(exchange).dump()
    # Time passes and levels change without anybody's account being concerned.
    del told["now_ms"], told["pairs"]
    return told


@examples(150)
@given(actions)
def test_after_a_kill_everything_that_was_told_of_is_there(steps_taken):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        exchange = fresh()
        state = StateFile(path, exchange)
        state.load()
        for name in ACCOUNTS:
            exchange.accounts.deposit(name, {"USDT": Decimal(100_000), "ABC": Decimal(1_000)})
        state.save()
        for action in steps_taken:
            exchange.advance(exchange.now_ms + 7)
            match action:
                case ("save",):
                    state.save()
                case ("failed save",):
                    state._content()  # killed between the content and the file
                case _:
                    with contextlib.suppress(SimError):
                        act(exchange, action)
            state.persist()
        held = content(exchange)
        again = fresh()
        StateFile(path, again).load()
        found = content(again)
        assert found.pop("trade_counter") > held.pop("trade_counter"), "trade ids would be given twice"
        assert found == held
        assert again.accounts.unaccounted() == {}
