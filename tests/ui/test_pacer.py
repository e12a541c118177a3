"""A slow terminal shows young pictures: proven on a pipe that holds 21 kB and drains at a given rate."""

from __future__ import annotations

import pytest

from mexc_tui.ui.pacer import Pacer

TICK_NS = 50_000_000
PIPE = 21_000


class Pipe:
    """A pseudo terminal read at a fixed rate; what does not fit waits in the writer's queue."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.inside = 0.0
        self.queue: list[float] = []
        self.total = 0

    def backlog(self) -> int:
        return max(0, len(self.queue) - 1)

    def written(self) -> int:
        return self.total

    def write(self, size: int) -> None:
        self.total += size
        self.queue.append(size)
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        self.inside = max(0.0, self.inside - self.rate * seconds)
        while self.queue and self.inside < PIPE:
            taken = min(self.queue[0], PIPE - self.inside)
            self.inside += taken
            self.queue[0] -= taken
            if self.queue[0] <= 0:
                self.queue.pop(0)

    @property
    def age_s(self) -> float:
        """How long the last byte written will take to be seen."""
        return (self.inside + sum(self.queue)) / self.rate


def run(pacer: Pacer, pipe: Pipe, seconds: float, start_ns: int = TICK_NS) -> tuple[list[float], int, int]:
    """Draw for a while; returns the ages, the frames drawn, and the time."""
    ages, drawn, now = [], 0, start_ns
    since = 0
    for _ in range(int(seconds / 0.05)):
        now += TICK_NS
        pipe.pass_time(0.05)
        since += 1
        if pacer.may_draw(now):
            pipe.write(300)
            pipe.write(min(9_000, 2_500 + 700 * since))
            pipe.write(8)
            drawn += 1
            since = 0
        ages.append(pipe.age_s)
    return ages, drawn, now


@pytest.mark.parametrize("rate", [10_000, 20_000, 50_000])
def test_a_slow_link_is_soon_drawn_to_at_its_own_pace(rate: int) -> None:
    pipe = Pipe(rate)
    pacer = Pacer(pipe)
    _, _, now = run(pacer, pipe, 20)
    ages, drawn, _ = run(pacer, pipe, 12, now)
    assert 0.5 * rate < pacer.rate < 1.5 * rate
    assert sorted(ages)[len(ages) // 2] < 0.3 + 9_000 / rate
    assert drawn >= 8


def test_a_fast_link_is_never_paced() -> None:
    pipe = Pipe(5_000_000)
    pacer = Pacer(pipe)
    _, drawn, _ = run(pacer, pipe, 5)
    assert drawn == 100
    assert pacer.rate == 0


def test_a_link_that_becomes_fast_is_found_out() -> None:
    pipe = Pipe(20_000)
    pacer = Pacer(pipe)
    _, slow, now = run(pacer, pipe, 20)
    pipe.rate = 5_000_000
    _, _, now = run(pacer, pipe, 120, now)
    _, fast, _ = run(pacer, pipe, 20, now)
    assert fast > 4 * slow
