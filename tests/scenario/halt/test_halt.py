"""Halt with 200 working orders, on a good line and on bad ones: the exchange has none left, soon, and it is known."""

from __future__ import annotations

import pytest

from mexc_tui.domain.commands import CancelAll, Halt, Resume
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.views import TOPIC_RISK

LINES = {
    "healthy": ({}, 0.5),
    "one HTML 403": ({"edge_403_html": {"p": 1, "count": 1}}, 3),
    "every second DELETE fails": ({"server_5xx": {"p": 0.5, "match": "DELETE"}}, 10),
    "asked to slow down": ({"rate_limit_429": {"p": 1, "count": 1, "ms": 20_000}}, 5),
    "lost pushes": ({"missing_push": {"p": 1}}, 0.5),
    "slow": ({"latency": {"ms": 300}, "jitter": {"ms": 700}}, 5),
    "a clock that is 31 s off": ({"clock_skew": {"ms": 31_000}}, 3),
    "a clock that is 31 s off the other way": ({"clock_skew": {"ms": -31_000}}, 3),
}
"""Faults, and within how many seconds the exchange has no order left and the screen shows none."""


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("command", [Halt, CancelAll])
async def test_nothing_is_left_soon_and_three_numbers_say_so(halting, line, command):
    faults, within_s = LINES[line]
    for name, how in faults.items():
        halting.fault(name, **how)
    halting.make_orders(3)  # the desk has not heard of them yet, and may never
    requests = halting.venue.rest.metrics().requests
    halting.feed(command(command_id="stop"))
    await halting.until(lambda: not halting.left(), "no order at the exchange", within_s)
    await halting.until(lambda: not halting.shown() and halting.sweep.verified, "nothing shown, and verified", 5)
    assert (halting.sweep.confirmed, halting.sweep.sent, halting.sweep.left) == (203, 203, 0)
    assert "swept" in halting.facts
    assert halting.venue.rest.metrics().requests - requests < 40


async def test_it_goes_on_through_a_maintenance_without_hammering_and_ends_soon_after(halting):
    halting.fault("maintenance")
    requests = halting.venue.rest.metrics().requests
    halting.feed(Halt(command_id="stop"))
    for _ in range(200):
        await halting.turn()
    assert halting.left() == 200
    assert (halting.sweep.confirmed, halting.sweep.left, halting.sweep.verified) == (0, 200, False)
    assert "problem" in halting.facts
    assert halting.venue.rest.metrics().requests - requests < 40
    halting.server.plan.clear()
    await halting.until(lambda: not halting.left() and not halting.shown(), "nothing left after the maintenance", 6)


async def test_a_delete_that_cancels_only_some_is_repeated_until_nothing_is_left(halting, monkeypatch):
    orders = halting.exchange.orders
    monkeypatch.setattr(
        orders,
        "cancel_all",
        lambda account, symbol=None: [
            orders.cancel(account, order.symbol, order_id=order.order_id)
            for order in orders.open_orders(account, symbol)[:4]
        ],
    )
    halting.feed(Halt(command_id="stop"))
    await halting.until(lambda: not halting.left() and halting.sweep.verified, "nothing left", 10)


async def test_while_halted_whatever_turns_up_is_cancelled_also_after_a_restart(halting):
    halting.feed(Halt(command_id="stop"))
    await halting.until(lambda: halting.sweep.verified, "all cancelled")
    halting.make_orders(1)
    await halting.until(lambda: not halting.left(), "one that was pushed", 2)
    halting.fault("missing_push", p=1)
    halting.make_orders(1)
    await halting.until(lambda: not halting.left(), "one whose push was lost", 20)
    await halting.stop()
    halting.make_orders(5)
    await halting.start()
    assert halting.view(TOPIC_RISK).state is TradingState.HALTED
    await halting.until(lambda: not halting.left() and halting.sweep.verified, "those of the time between", 2)
    halting.feed(Resume(command_id="go"))
    await halting.turn()
    halting.server.plan.clear()
    halting.make_orders(2)
    for _ in range(400):
        await halting.turn()
    assert halting.left() == halting.shown() == 2
