"""What is known here and what the exchange says differ: said in seconds, and nothing new until they agree again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.commands import CancelOrder, Resume
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import (
    BalanceReported,
    LinkChanged,
    LinkState,
    Reconciled,
)
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import Balance, Fill, Order, OrderReport, OrderState, Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.effects import FetchAccount
from tests.unit.kernel_orders.conftest import SYMBOL, Bench

D = Decimal


def held(asset: str, total: Decimal) -> Balance:
    return Balance(asset=asset, free=total, locked=D(0))


class Watched:
    """A desk whose questions are answered at once with what the account holds."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.usdt, self.btc = D(100_000), D(2)
        self.listed: tuple[OrderReport, ...] = ()
        self.fills: tuple[Fill, ...] = ()
        bench.do(LinkChanged(True, LinkState.CONNECTED))
        bench.market([("59990.00", "1000")], [("60000.00", "1000")])
        bench.account(str(self.usdt), str(self.btc))
        self.wait(70)

    def wait(self, seconds: float, *, answered: bool = True) -> None:
        for _ in range(int(seconds * 4)):
            for question in [effect for effect in self.bench.tick() if isinstance(effect, FetchAccount)]:
                if answered:
                    self.answer(question)

    def answer(self, question: FetchAccount) -> None:
        wanted = [question]
        while wanted:
            one = wanted.pop()
            balances = (held("USDT", self.usdt), held("BTC", self.btc))
            fills = tuple(fill for fill in self.fills if fill.symbol in one.fills_of)
            symbols, fills_of = frozenset(one.symbols), frozenset(one.fills_of)
            item = Reconciled(self.listed, balances, fills, self.bench.mono_ns, symbols, fills_of)
            wanted += [effect for effect in self.bench.do(item) if isinstance(effect, FetchAccount)]

    def working(self) -> Order:
        """Place an order that rests there, and let some seconds pass."""
        self.bench.place(price="59000")
        order = self.bench.order
        self.bench.report(order, OrderState.WORKING)
        self.list(order)
        self.wait(8)
        return self.bench.order

    def list(self, order: Order) -> None:
        self.listed = (
            OrderReport(
                symbol=SYMBOL,
                order_id="X1",
                client_order_id=order.client_order_id,
                side=order.side,
                type=order.type,
                state=OrderState.WORKING,
                price=order.price or D(1),
                qty=order.qty,
                quote_qty=None,
                filled_qty=D(0),
                filled_quote=D(0),
                created_ms=order.created_ms,
                updated_ms=order.created_ms,
            ),
        )

    def elsewhere(self) -> Fill:
        """Let another program buy 1 BTC, and return the execution."""
        self.usdt, self.btc = self.usdt - 60_000, self.btc + 1
        return Fill(
            trade_id="S1",
            order_id="S1",
            client_order_id="",
            symbol=SYMBOL,
            side=Side.BUY,
            price=D(60_000),
            qty=D(1),
            quote_qty=D(60_000),
            fee=D(0),
            fee_asset="USDT",
            is_maker=False,
            time_ms=self.bench.wall_ms,
        )

    @property
    def alarms(self) -> list[Fact]:
        return [fact for fact in self.bench.facts if fact.kind == "break"]

    @property
    def state(self) -> TradingState:
        found: TradingState = self.bench.view(TOPIC_RISK).state
        return found


@pytest.fixture
def watched(bench: Bench) -> Watched:
    return Watched(bench)


def until(watched: Watched, seconds: float) -> float:
    """Return after how many seconds there is an alarm."""
    before, start = len(watched.alarms), watched.bench.mono_ns
    while len(watched.alarms) == before and watched.bench.mono_ns - start < seconds * 1e9:
        watched.wait(0.25)
    assert len(watched.alarms) > before, "no alarm"
    return (watched.bench.mono_ns - start) / 1e9


def test_a_quiet_account_is_compared_all_the_time_and_nothing_is_wrong(watched):
    watched.working()
    for _ in range(30):
        watched.wait(6)
        assert watched.bench.mono_ns - watched.bench.view(TOPIC_RISK).compared_ns < 16e9
    assert watched.alarms == []
    assert watched.state is TradingState.ACTIVE


@pytest.mark.parametrize(("usdt", "btc"), [(-500, 0), (0, D("0.5"))])
def test_money_that_moves_without_a_word_is_an_alarm_within_five_seconds_and_holds_new_exposure(watched, usdt, btc):
    watched.usdt, watched.btc = watched.usdt + usdt, watched.btc + btc
    assert until(watched, 30) <= 16 + 5, "the answer that shows it comes within sixteen"
    (alarm,) = watched.alarms
    assert alarm.level is Level.BAD
    assert ("500 less" if usdt else "0.5 more") in alarm.message
    assert watched.state is TradingState.REDUCING
    watched.bench.place()
    assert "REDUCING" in [violation.code for violation in watched.bench.facts[-1].violations]
    watched.wait(12)
    assert watched.state is TradingState.ACTIVE, "counted as a transfer, a later comparison agrees"
    assert "agreed with the exchange again" in [f for f in watched.bench.facts if f.kind == "reconciled"][-1].message
    watched.wait(60)
    assert len(watched.alarms) == 1


def test_a_transfer_that_is_told_is_no_break(watched):
    watched.btc += D("0.5")
    watched.bench.do(BalanceReported(held("BTC", watched.btc), "DEPOSIT", watched.bench.wall_ms))
    watched.wait(40)
    assert watched.alarms == []
    assert [fact.level for fact in watched.bench.facts if fact.kind == "transfer"] == [Level.INFO]


@pytest.mark.parametrize("told", [1.0, 9.0])
def test_a_trade_of_another_program_is_a_break_until_its_execution_is_told(watched, told: float):
    fill = watched.elsewhere()
    while not watched.bench.desk._breaks.suspected:
        watched.wait(0.25)
    watched.wait(told)
    assert len(watched.alarms) == (2 if told > 4 else 0), "USDT and BTC"
    watched.fills = (fill,)
    watched.wait(12)
    assert watched.state is TradingState.ACTIVE
    assert len(watched.alarms) == (2 if told > 4 else 0)


def test_an_order_that_the_exchange_does_not_list_and_does_not_explain_is_a_break(watched):
    order = watched.working()
    watched.listed = ()
    assert until(watched, 30) <= 16 + 5
    (alarm,) = watched.alarms
    assert alarm.order.client_order_id == order.client_order_id
    assert watched.state is TradingState.REDUCING
    watched.list(order)
    watched.wait(12)
    assert watched.state is TradingState.ACTIVE


def test_an_order_cancelled_elsewhere_is_told_as_what_it_is(watched):
    order = watched.working()
    watched.listed = ()
    while not watched.bench.desk._breaks.suspected:
        watched.wait(0.25)
    watched.bench.report(order, OrderState.CANCELLED)
    watched.wait(10)
    assert watched.alarms == []
    assert "was ended by the exchange" in [f for f in watched.bench.facts if f.kind == "cancelled"][-1].message


def test_an_order_that_is_over_here_and_listed_there_is_a_break_and_one_that_just_ended_is_none(watched):
    order = watched.working()
    watched.bench.do(CancelOrder(command_id="x", client_order_id=order.client_order_id))
    watched.bench.report(order, OrderState.CANCELLED)
    watched.bench.account(str(watched.usdt), str(watched.btc), watched.listed)
    watched.wait(3)
    assert watched.alarms == []
    assert until(watched, 30) <= 16 + 5
    watched.listed = ()
    watched.wait(12)
    assert watched.state is TradingState.ACTIVE
    assert len(watched.alarms) == 1


def test_without_a_second_answer_the_alarm_comes_all_the_same_and_a_person_can_resume(watched):
    watched.working()
    watched.listed = ()
    while not watched.bench.desk._breaks.suspected:
        watched.wait(0.25)
    watched.wait(4.25, answered=False)
    assert len(watched.alarms) == 1
    assert watched.state is TradingState.REDUCING
    watched.bench.do(Resume(command_id="r"))
    assert watched.state is TradingState.ACTIVE
    assert watched.bench.facts[-1].command_id == "r"
    watched.wait(30)
    assert len(watched.alarms) == 1
    assert watched.state is TradingState.ACTIVE


def test_executions_that_never_come_are_a_break_until_they_do(watched):
    order = watched.working()
    watched.listed = ()
    watched.btc += D("0.01")
    watched.usdt -= 590
    watched.bench.report(order, OrderState.FILLED, "0.01")
    watched.wait(100)
    assert any("its trades add up to 0" in fact.message for fact in watched.alarms)
    watched.bench.fill(order, "0.01", "59000")
    watched.wait(12)
    assert watched.state is TradingState.ACTIVE
