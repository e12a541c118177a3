"""What was brought in or taken out is no result of the day, however the desk learns of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.commands import SetCost
from mexc_tui.domain.inputs import BalanceReported, FillReported, LinkChanged, LinkState
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Balance, Fill, Side
from mexc_tui.domain.views import TOPIC_POSITIONS, TOPIC_RISK
from mexc_tui.kernel.effects import FetchAccount
from mexc_tui.kernel.history import Fold
from tests.unit.kernel_orders.conftest import Bench, build

D = Decimal
MARK = D(59_990)


class World:
    """An account that a desk watches; BTC can always be sold at the mark."""

    def __init__(self) -> None:
        self.usdt, self.btc = D(10_000_000), D(20)
        self.result = D(0)
        self.trades = 0
        self.records: list[Any] = []
        self.bench = self._desk(1)
        self.look()

    def _desk(self, run: int) -> Bench:
        bench = build(resumed=tuple(self.records), run=f"r{run}")
        bench.market([("59990.00", "1000")], [("60000.00", "1000")])
        bench.do(LinkChanged(True, LinkState.CONNECTED))
        return bench

    def look(self) -> None:
        self.bench.later(15)
        self.bench.account(usdt=str(self.usdt), btc=str(self.btc))
        self.bench.tick()

    def restart(self) -> None:
        before = self.bench
        self.records += before.records
        self.bench = self._desk(self.trades + 2)
        self.bench.wall_ms, self.bench.mono_ns = before.wall_ms, before.mono_ns

    def cut(self, state: LinkState = LinkState.RECONNECTING) -> None:
        self.bench.do(LinkChanged(True, state))

    def move(self, usdt: int = 0, btc: int = 0, *, told: bool = False) -> None:
        self.usdt, self.btc = self.usdt + usdt, self.btc + btc
        if told:
            self.push("DEPOSIT" if usdt + btc > 0 else "WITHDRAW")

    def push(self, change: str) -> None:
        for asset, total in (("USDT", self.usdt), ("BTC", self.btc)):
            balance = Balance(asset=asset, free=total, locked=D(0))
            self.bench.do(BalanceReported(balance, change, self.bench.wall_ms))

    def trade(self, side: Side, price: int) -> Fill:
        sign = 1 if side is Side.BUY else -1
        self.trades += 1
        self.usdt, self.btc = self.usdt - sign * price - 1, self.btc + sign
        self.result += sign * (MARK - price) - 1
        return Fill(
            trade_id=str(self.trades),
            order_id=f"E{self.trades}",
            client_order_id="",
            symbol="BTCUSDT",
            side=side,
            price=D(price),
            qty=D(1),
            quote_qty=D(price),
            fee=D(1),
            fee_asset="USDT",
            is_maker=False,
            time_ms=self.bench.wall_ms,
        )

    @property
    def pnl(self) -> Decimal | None:
        self.bench.tick()
        return self.bench.view(TOPIC_RISK).day_pnl


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("usdt", "btc"), [(5_000, 0), (-5_000, 0), (0, 1), (0, -1), (700, 3)])
@pytest.mark.parametrize("when", ["told", "untold", "gap", "stopped"])
def test_a_transfer_is_no_result_whether_it_is_told_or_found(world, usdt: int, btc: int, when: str):
    if when == "gap":
        world.cut()
    world.move(usdt, btc, told=when == "told")
    if when == "told":
        assert world.pnl is None, "not known until the balances have been compared"
        assert isinstance(world.bench.effects[-1], FetchAccount), "which is asked for at once"
    if when == "stopped":
        world.restart()
    if when == "gap":
        world.cut(LinkState.CONNECTED)
    world.look()
    assert world.pnl == 0
    said = [fact.message for fact in world.bench.facts if fact.kind == "transfer"]
    assert len(said) == bool(usdt) + bool(btc)
    assert all("without a trade" in text for text in said)


def test_what_may_be_a_trade_nobody_told_is_not_guessed(world):
    hidden = world.trade(Side.BUY, 50_000)
    before = len(world.bench.effects)
    world.look()
    assert world.pnl is None
    asked = [e for e in world.bench.effects[before:] if isinstance(e, FetchAccount)]
    assert any("BTCUSDT" in effect.symbols for effect in asked), "its fills are asked for"
    world.bench.do(FillReported(hidden))
    world.look()
    assert world.pnl == world.result
    assert [fact for fact in world.bench.facts if fact.kind == "transfer"] == []


@pytest.mark.parametrize("restart", ["none", "records", "snapshot"])
def test_a_trade_from_before_the_first_start_is_part_of_the_first_balances(restart: str):
    world = World.__new__(World)
    world.usdt, world.btc, world.result, world.trades, world.records = D(10_000_000), D(20), D(0), 0, []
    world.bench = world._desk(1)
    before = world.trade(Side.BUY, 50_000)
    world.bench.later(60)
    world.look()
    if restart == "records":
        world.restart()
    elif restart == "snapshot":
        fold = Fold("USDT")
        fold.add(world.bench.records)
        now = world.bench
        world.bench = build(snapshot=fold.snapshot(), run="r2")
        world.bench.wall_ms, world.bench.mono_ns = now.wall_ms, now.mono_ns
        world.bench.market([("59990.00", "1000")], [("60000.00", "1000")])
        world.bench.do(LinkChanged(True, LinkState.CONNECTED))
    world.bench.do(FillReported(before))
    for _ in range(3):
        world.look()
    assert world.pnl == 0, "nothing was earned since the desk first looked"
    assert not [fact for fact in world.bench.facts if fact.kind in ("transfer", "break")]
    later = world.trade(Side.SELL, 61_000)
    world.bench.do(FillReported(later))
    world.look()
    assert world.pnl == D(61_000) - 1 - MARK


def test_both_ways_at_once_without_a_fill_are_transfers(world):
    world.move(btc=1)
    world.move(usdt=-5_000)
    world.look()
    assert world.pnl is None
    world.look()
    assert world.pnl == 0


_EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["trade", "late trade"]), st.sampled_from(Side), st.sampled_from([58_000, 59_000, 61_000])
        ),
        st.tuples(st.sampled_from(["told", "untold", "gap"]), st.sampled_from([-700, 0, 500]), st.sampled_from([0, 1])),
        st.tuples(st.sampled_from(["look", "restart", "hear", "push"])),
    ),
    max_size=10,
)


@given(_EVENTS)
def test_the_result_of_the_day_is_what_trading_made(events):
    """Whenever nothing is left to be heard of, it is exact, or said to be unknown."""
    world, late = World(), []
    for kind, *what in events:
        if kind == "trade":
            world.bench.do(FillReported(world.trade(*what)))
        elif kind == "late trade":
            late.append(world.trade(*what))
        elif kind in ("told", "untold", "gap"):
            if kind == "gap":
                world.cut()
            world.move(*what, told=kind == "told")
            if kind == "gap":
                world.cut(LinkState.CONNECTED)
            if not late:
                world.look()
        elif kind == "look":
            world.look()
        elif kind == "restart":
            world.restart()
        elif kind == "hear" and late:
            world.bench.do(FillReported(late.pop()))
        elif kind == "push":
            world.push("ENTRUST")
    for fill in late:
        world.bench.do(FillReported(fill))
    for _ in range(3):
        world.look()
    assert world.pnl == world.result


def position(bench: Bench) -> Any:
    (found,) = [row for row in bench.view(TOPIC_POSITIONS).positions if row.symbol == "BTCUSDT"]
    return found


def test_a_cost_that_is_said_counts_for_what_has_none_and_survives_a_restart(world):
    assert position(world.bench).average is None
    world.bench.do(FillReported(world.trade(Side.BUY, 50_000)))
    world.look()
    world.bench.do(SetCost(command_id="c1", asset="BTC", price=D(40_000)))
    assert "20 BTC now count as bought at 40,000 USDT each" in world.bench.facts[-1].message
    known = position(world.bench)
    assert (known.known_qty, known.average) == (D(21), divide(20 * D(40_000) + 50_001, D(21), 24)), "fees included"
    world.bench.do(SetCost(command_id="c2", asset="BTC", price=D(1)))
    assert "the cost of all that is held is known" in world.bench.facts[-1].message
    world.bench.do(SetCost(command_id="c3", asset="BTC", price=D(30_000), whole=True))
    assert position(world.bench).average == D(30_000)
    world.restart()
    world.look()
    assert (position(world.bench).known_qty, position(world.bench).average) == (D(21), D(30_000))


@pytest.mark.parametrize(
    ("asset", "price"), [("USDT", D(1)), ("NONE", D(1)), ("BTC", D(0)), ("BTC", D("NaN")), ("BTC", D("-Infinity"))]
)
def test_a_cost_that_means_nothing_is_refused(world, asset: str, price: Decimal):
    world.bench.do(SetCost(command_id="c", asset=asset, price=price))
    assert (world.bench.facts[-1].kind, world.bench.facts[-1].command_id) == ("problem", "c")
    assert position(world.bench).average is None
