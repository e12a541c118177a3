"""What was filled and what the balances show of it: never taken for shown too early, and at once when it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.commands import Flatten
from mexc_tui.domain.inputs import BalanceReported
from mexc_tui.domain.orders import Balance, OrderState, OrderType, Side
from mexc_tui.domain.views import gate_topic
from tests.unit.kernel_orders.conftest import SYMBOL, Bench

D = Decimal
LATER_MS = (0, 40, 999)
"""How much later than the fills the exchange may date the pushes of the balance."""


def held(bench: Bench) -> tuple[Decimal, Decimal]:
    """Return the most that may be held of the base, and what the whole account is worth at worst."""
    gate = bench.view(gate_topic(SYMBOL))
    return gate.base_total, gate.gross_exposure


def bought(bench: Bench, *sizes: str) -> None:
    """Buy, filled in parts that all happen in one millisecond and are told before any balance."""
    total = sum(map(D, sizes))
    bench.place(qty=str(total), kind=OrderType.IOC)
    order = bench.order
    for number, size in enumerate(sizes):
        bench.fill(order, size, trade_id=f"T{number}")
    bench.report(order, OrderState.FILLED, str(total))


@pytest.mark.parametrize("late_ms", LATER_MS)
def test_the_first_of_several_balances_does_not_stand_for_fills_it_does_not_show(bench: Bench, late_ms: int) -> None:
    bought(bench, "0.01", "0.02", "0.03")
    bench.wall_ms += late_ms
    for free in ("0.01", "0.03"):
        bench.balance("BTC", free)
        bench.tick(0)
        assert held(bench)[0] >= D("0.06")
        assert held(bench)[1] >= D("0.06") * 59_990
    bench.balance("BTC", "0.06")
    assert held(bench)[0] == D("0.06")


@pytest.mark.parametrize("late_ms", LATER_MS)
def test_flatten_sells_with_the_balance_that_shows_everything(bench: Bench, late_ms: int) -> None:
    bought(bench, "0.01", "0.02", "0.03")
    bench.do(Flatten(command_id="f", symbol=SYMBOL))
    bench.wall_ms += late_ms
    for free in ("0.01", "0.03"):
        assert not [one for one in bench.sent() if one.request.side is Side.SELL]
        bench.balance("BTC", free)
        bench.tick(0)
    bench.balance("BTC", "0.06")
    bench.tick(0)
    (sale,) = (one.request for one in bench.sent() if one.request.side is Side.SELL)
    assert sale.qty == D("0.06")


def test_a_transfer_of_the_size_of_a_fill_is_not_taken_for_the_fill(bench: Bench) -> None:
    bench.wait(11)
    bench.account()
    bench.do(BalanceReported(Balance(asset="BTC", free=D("0.02"), locked=D(0)), "DEPOSIT", bench.wall_ms))
    bench.tick()
    bought(bench, "0.01", "0.02")
    bench.balance("BTC", "0.03")
    assert held(bench)[0] >= D("0.05")
    bench.balance("BTC", "0.05")
    bench.tick()
    bench.account(btc="0.05")
    assert held(bench)[0] == D("0.05")


def test_a_balance_of_a_second_later_shows_what_was_filled_whatever_else_moved(bench: Bench) -> None:
    bought(bench, "0.01")
    bench.wall_ms += 1_000
    bench.do(BalanceReported(Balance(asset="BTC", free=D("0.5"), locked=D(0)), "DEPOSIT", bench.wall_ms))
    assert held(bench)[0] == D("0.5")


def test_a_fill_that_is_told_after_its_balance_counts_once(bench: Bench) -> None:
    bench.place(qty="0.01", kind=OrderType.IOC)
    bench.balance("BTC", "0.01")
    bench.report(bench.order, OrderState.FILLED, "0.01")
    assert held(bench)[0] == D("0.01")
    bench.fill(bench.order, "0.01")
    assert held(bench)[0] == D("0.01")
