from __future__ import annotations

import pytest

from mexc_tui.desk.pace import BURST, PER_SECOND, Pace, cost_of
from mexc_tui.desk.protocol import Ack, Ask, Look, Submit
from mexc_tui.domain.commands import CancelAll, CancelOrder, Reconcile
from mexc_tui.domain.interest import Interest


def test_what_comes_at_a_human_speed_never_waits():
    pace = Pace(0.0)
    assert all(pace.spend(5.0, second) == 0.0 for second in range(1_000))


def test_a_burst_is_taken_at_once_and_what_follows_waits_until_it_is_paid():
    pace = Pace(10.0)
    assert [pace.spend(BURST / 10, 10.0) for _ in range(10)] == [0.0] * 10
    assert pace.spend(PER_SECOND / 2, 10.0) == pytest.approx(0.5)
    assert pace.spend(0.0, 10.5) == 0.0


def test_a_long_rest_saves_up_no_more_than_one_burst():
    pace = Pace(0.0)
    assert pace.spend(BURST + PER_SECOND, 1_000_000.0) == pytest.approx(1.0)


def test_a_clock_that_goes_back_gives_nothing():
    pace = Pace(10.0)
    pace.spend(BURST, 10.0)
    assert pace.spend(PER_SECOND, 5.0) == pytest.approx(1.0)


def test_what_asks_the_exchange_for_more_costs_more():
    order = cost_of(Submit(command=CancelOrder(command_id="a", client_order_id="b")), frozenset())
    assert cost_of(Ack(n=1), frozenset()) == 0.0
    assert 0.0 < cost_of(Ask(request_id=1, what="status"), frozenset()) <= order
    for command in (CancelAll(command_id="a"), Reconcile(command_id="a")):
        assert cost_of(Submit(command=command), frozenset()) > order
    look = Look(interest=Interest(topics=frozenset({"book:A", "book:B", "risk"})))
    assert cost_of(look, frozenset({"risk"})) == cost_of(look, look.interest.topics) + 2
