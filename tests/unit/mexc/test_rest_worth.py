"""Who gets the requests when there are not enough of them for everybody."""

from __future__ import annotations

import asyncio
from collections import Counter

from mexc_tui.venues.mexc.rest.budget import Budget, Cost
from mexc_tui.venues.mexc.rest.pauses import Pauses
from mexc_tui.venues.mexc.rest.queue import Duty
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.scenario.market.conftest import HandClock

WEIGHT = {Duty.REST: 5, Duty.ACCOUNT: 10, Duty.BOOK: 3, Duty.LOOKUP: 2}
"""Recent trades, own trades, a book, an order."""


async def spent(seconds: int, *duties: Duty) -> Counter[Duty]:
    """Let requests of these kinds ask without end; return the weight of each; cancels never wait."""
    clock = HandClock()
    budget = Budget(MexcSettings(), clock, clock.sleep, Pauses(clock.monotonic, lambda: False))
    used: Counter[Duty] = Counter()

    async def ask(duty: Duty) -> None:
        while True:
            await budget.acquire(Cost(duty, WEIGHT[duty]))
            used[duty] += WEIGHT[duty]
            budget.done()

    tasks = [asyncio.create_task(ask(duty)) for duty in duties]
    for _ in range(seconds * 20):
        clock.advance(50)
        for _ in range(8):
            await asyncio.sleep(0)
    cancel = asyncio.create_task(budget.acquire(Cost(Duty.CANCEL)))
    await asyncio.sleep(0)
    at_once = cancel.done()
    for task in (*tasks, cancel):
        task.cancel()
    await asyncio.gather(*tasks, cancel, return_exceptions=True)
    assert at_once, "a cancel waited"
    return used


async def test_nobody_starves_and_books_get_the_most() -> None:
    used = await spent(60, *WEIGHT)
    assert used[Duty.BOOK] == max(used.values())
    assert used[Duty.BOOK] > 0.35 * used.total()
    assert min(used.values()) > 0.1 * used.total()


async def test_whoever_asks_alone_gets_what_is_not_kept_for_others() -> None:
    for duty, share in ((Duty.REST, 0.56), (Duty.ACCOUNT, 0.6)):
        used = await spent(60, duty)
        assert used[duty] > 0.95 * share * 300 * 6


async def test_measuring_the_clock_takes_nothing_of_what_is_kept_for_orders() -> None:
    clock = HandClock()
    budget = Budget(MexcSettings(), clock, clock.sleep, Pauses(clock.monotonic, lambda: False))
    for _ in range(6):
        assert budget.take_now(Cost(Duty.PLACE))
        budget.done()
    while budget.take_now(Cost(Duty.BOOK, 3)):
        budget.done()
    order = Cost(Duty.PLACE, order_action=True)
    for _ in range(4):
        assert budget.take_now(order), "books have used up what is kept for orders"
        budget.done()
