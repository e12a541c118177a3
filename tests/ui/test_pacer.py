"""The age of what the terminal shows is known from its answers, and kept small on lines that hide how slow they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mexc_tui.ui.pacer import Pacer
from mexc_tui.ui.terminal_input import PLACE_QUERY, STATUS_QUERY

TICK_S = 0.05
S = 1_000_000_000


class Line:
    """A line that takes everything at once, as ssh does, and brings it on at some rate after some delay."""

    def __init__(self, rate: float, delay_s: float = 0.0, *, answers: bool = True) -> None:
        self.rate, self.delay_s, self.answering = rate, delay_s, answers
        self.answers = True
        self.now_s = 1.0
        self.free_s = 1.0
        self.total = 0
        self.coming: list[tuple[float, str, int]] = []
        """When the other end has the bytes before a query (or a frame), the query, and the frame's moment."""
        self.shown_ns = 0
        self.losing = False

    def backlog(self) -> int:
        return 0

    def written(self) -> int:
        return self.total

    def write(self, size: int, query: str = "", moment_ns: int = 0) -> None:
        self.total += size
        self.free_s = max(self.free_s, self.now_s) + size / self.rate
        self.coming.append((self.free_s + self.delay_s, query, moment_ns))

    def query(self, text: str) -> None:
        self.write(len(text), "" if self.losing else text)

    def when_painted(self, done: Callable[[], None]) -> None:
        done()

    def now_ns(self) -> int:
        return int(self.now_s * S)

    def arrived(self, pacer: Pacer) -> None:
        while self.coming and self.coming[0][0] <= self.now_s:
            _, query, moment = self.coming.pop(0)
            self.shown_ns = max(self.shown_ns, moment)
            if query and self.answering:
                pacer.answered(query, self.now_ns())


def run(pacer: Pacer, line: Line, seconds: float, size: int = 2_000) -> tuple[list[float], int]:
    """Draw for a while; returns how old the picture really was at each tick, and the frames drawn."""
    ages, drawn = [], 0
    for _ in range(round(seconds / TICK_S)):
        line.now_s += TICK_S
        line.arrived(pacer)
        now = line.now_ns()
        if pacer.may_draw(now):
            line.write(size, moment_ns=now)
            pacer.drawn(now, line.now_ns)
            drawn += 1
        ages.append((now - line.shown_ns) / S)
        if pacer.glass(now).known:
            assert pacer.glass(now).shown_ns <= line.shown_ns, "never said to be younger than it is"
    return ages, drawn


@pytest.mark.parametrize(("rate", "delay_s"), [(4_000, 0.1), (20_000, 0.1), (100_000, 0.3)])
def test_a_slow_line_shows_young_pictures_and_is_used(rate: int, delay_s: float) -> None:
    line = Line(rate, delay_s)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    line.write(15_000)
    run(pacer, line, 10)
    ages, drawn = run(pacer, line, 30)
    assert max(ages) < 4 * (2_000 / rate + delay_s + TICK_S)
    assert drawn > 0.4 * min(30 * rate / 2_000, 30 / TICK_S, 30 / (delay_s + TICK_S))


def test_a_fast_terminal_gets_every_frame_and_the_age_is_that_of_the_frame() -> None:
    line = Line(50_000_000)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    _, drawn = run(pacer, line, 5)
    assert drawn == 100
    assert line.now_ns() - pacer.glass(line.now_ns()).shown_ns <= 2 * TICK_S * S


def test_a_busy_machine_is_not_taken_for_a_slow_line() -> None:
    line = Line(50_000_000)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    for _ in range(20):
        run(pacer, line, 1)
        line.free_s = line.now_s + 0.9
        run(pacer, line, 1)
    _, drawn = run(pacer, line, 5)
    assert drawn == 100


def test_a_line_that_stands_still_is_drawn_to_once_in_a_while_and_its_age_grows() -> None:
    line = Line(50_000_000)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    run(pacer, line, 5)
    line.free_s = line.now_s + 27
    _, drawn = run(pacer, line, 26)
    assert drawn <= 2 + 26 / 5
    glass = pacer.glass(line.now_ns())
    assert line.now_ns() - glass.shown_ns > 25 * S
    assert glass.lag_ns > 20 * S
    run(pacer, line, 2)
    assert pacer.glass(line.now_ns()).lag_ns < S


def test_lost_answers_are_made_up_for() -> None:
    line = Line(50_000_000)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    run(pacer, line, 2)
    line.losing = True
    run(pacer, line, 1)
    line.losing = False
    run(pacer, line, 8)
    _, drawn = run(pacer, line, 2)
    assert drawn == 40
    assert line.now_ns() - pacer.glass(line.now_ns()).shown_ns <= 3 * TICK_S * S


def test_a_terminal_that_answers_nothing_is_drawn_to_and_its_age_is_not_known() -> None:
    line = Line(50_000_000, answers=False)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    run(pacer, line, 5)
    _, drawn = run(pacer, line, 5)
    assert drawn == 100
    assert not pacer.glass(line.now_ns()).known
    line.answering = True
    pacer.answered(STATUS_QUERY, line.now_ns())
    assert pacer.glass(line.now_ns()).known, "an answer that came late is an answer"


def test_an_answer_that_was_not_asked_for_says_nothing() -> None:
    line = Line(1_000)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    run(pacer, line, 1)
    before = pacer.glass(line.now_ns()).shown_ns
    pacer.answered(PLACE_QUERY, line.now_ns())
    assert pacer.glass(line.now_ns()).shown_ns == before


def test_a_terminal_that_is_given_up_is_asked_nothing_more_and_its_last_answer_is_waited_for() -> None:
    line = Line(20_000, 0.2)
    pacer = Pacer(line)
    pacer.begin(line.now_ns())
    run(pacer, line, 3)
    pacer.end()
    assert not pacer.quiet
    _, drawn = run(pacer, line, 1)
    assert drawn == 0
    assert pacer.quiet
    pacer.begin(line.now_ns())
    assert run(pacer, line, 1)[1] > 0
