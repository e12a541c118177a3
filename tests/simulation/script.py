"""What happens in a run: a list of steps drawn from a seed, so that a failing one can be made shorter."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from tests.simulation.line import CALL_FAULTS, CALLS, PUSH_FAULTS, PUSHES

STEPS = 60


class Step(msgspec.Struct, frozen=True):
    """After a pause, one thing with its arguments. Fractions pick from what there is when the step comes."""

    pause_ms: int
    name: str
    args: tuple[Any, ...] = ()


def _place(rng: Random) -> tuple[Any, ...]:
    kind = rng.choices(("LIMIT", "MARKET", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"), (10, 3, 2, 2, 1))[0]
    value = round(40 * 60 ** rng.random(), 2)
    away = rng.choice((-0.004, 0.0, 0.0002, 0.001, 0.004, 0.02, 0.04))
    return (rng.randrange(4), rng.choice(("BUY", "BUY", "SELL")), kind, value, away, rng.random() < 0.3)


def _fault(rng: Random) -> tuple[Any, ...]:
    what = rng.choice((*CALLS, "place", "place", "cancel", "order", "any"))
    return (what, rng.choice(CALL_FAULTS), rng.choice((1, 1, 1, 2, 3, 6)))


def _push_fault(rng: Random) -> tuple[Any, ...]:
    return (rng.choice(PUSHES), rng.choice(PUSH_FAULTS), rng.choice((1, 1, 2, 5)))


USER: dict[str, tuple[int, Callable[[Random], tuple[Any, ...]]]] = {
    "place": (30, _place),
    "again": (3, lambda rng: ()),
    "repeat": (3, lambda rng: (rng.random(),)),
    "amend": (5, lambda rng: (rng.random(), rng.choice((0.5, 1.0, 1.5)), rng.choice((0.99, 0.999, 1.0, 1.001)))),
    "cancel": (8, lambda rng: (rng.random(),)),
    "cancel_all": (2, lambda rng: (rng.randrange(8),)),
    "halt": (2, lambda rng: ()),
    "resume": (4, lambda rng: ()),
    "flatten": (2, lambda rng: (rng.randrange(6),)),
    "arm": (1, lambda rng: (rng.random() < 0.7,)),
    "wait": (6, lambda rng: (rng.choice((1_000, 3_000, 8_000)),)),
    "nudge": (2, lambda rng: (rng.randrange(4), rng.choice((-0.03, -0.01, 0.01, 0.03)))),
}
TROUBLE: dict[str, tuple[int, Callable[[Random], tuple[Any, ...]]]] = {
    "fault": (12, _fault),
    "push_fault": (6, _push_fault),
    "cut": (2, lambda rng: (rng.random() < 0.6, rng.choice((200, 2_000, 9_000)))),
    "hide": (3, lambda rng: (rng.choice((500, 2_000, 4_000)), rng.choice((1, 2, 3)))),
    "late_order": (2, lambda rng: (rng.choice((1_000, 4_000, 7_000)),)),
    "kill": (2, lambda rng: (rng.choice((0, 0, 1, 2, 3, 5, 12)), rng.choice((200, 1_500)))),
    "die_in_effects": (2, lambda rng: (rng.randrange(4), rng.choice((200, 1_500)))),
    "full_disk": (1, lambda rng: (rng.choice((300, 3_000, 9_000)),)),
    "slow_disk": (1, lambda rng: (rng.choice((50, 700)), rng.choice((1_000, 5_000)))),
    "elsewhere": (3, lambda rng: (rng.randrange(4), rng.choice(("BUY", "SELL")), rng.choice((50, 300)), rng.random())),
    "cancel_elsewhere": (1, lambda rng: (rng.random(),)),
    "deposit": (1, lambda rng: (rng.choice(("USDT", "BTC", "ETH")), rng.choice((0.1, 0.5)))),
    "withdraw": (1, lambda rng: (rng.choice(("USDT", "BTC", "ETH")), rng.choice((0.1, 0.5)))),
    "die": (1, lambda rng: (rng.choice((4_000, 7_000, 9_000, 20_000)),)),
    "stop": (1, lambda rng: (rng.choice((300, 20_000)),)),
    "clock": (1, lambda rng: (rng.choice((-7_200_000, -400_000, -31_000, -900, 900, 31_000, 400_000, 7_200_000)),)),
    "exchange_clock": (1, lambda rng: (rng.choice((700, 4_000, 40_000)),)),
    "outage": (1, lambda rng: (rng.choice((300, 4_000, 30_000)),)),
    "sleep": (1, lambda rng: (rng.choice((4_000, 60_000, 400_000)),)),
    "freeze": (2, lambda rng: (rng.choice((800, 7_000, 40_000)),)),
    "twice": (2, lambda rng: (rng.choice((1, 3)),)),
}
"""What can be asked of a run, how often it is drawn, and its arguments."""


def script(seed: int, steps: int = STEPS) -> list[Step]:
    """Return the steps of a seed; every third has no trouble or one kind of it, so that faults are met alone too."""
    rng = Random(f"{seed}/script")
    menu = dict(USER)
    if seed % 3 == 0:
        menu |= {name: TROUBLE[name] for name in rng.sample(sorted(TROUBLE), rng.randrange(2))}
    else:
        menu |= TROUBLE
    names, weights = list(menu), [weight for weight, _ in menu.values()]
    drawn = []
    for _ in range(steps):
        name = rng.choices(names, weights)[0]
        pause = rng.choice((0, 1, 4, 15, 60, 250, 900))
        drawn.append(Step(pause, name, menu[name][1](rng)))
    return drawn
