"""What the desk says while requests do not reach the exchange."""

from __future__ import annotations

from typing import Any

from mexc_tui.domain.views import TOPIC_LINK
from tests.unit.kernel_orders.conftest import health


def told(bench: Any) -> list[str]:
    return [fact.message for fact in bench.facts if fact.kind == "link"]


def test_it_is_said_once_when_requests_stop_and_once_when_they_go_out_again(bench: Any) -> None:
    bench.do(health())
    before = told(bench)
    why = "the exchange has failed 5 times in a row"
    for seconds, state in ((5.0, "open"), (4.0, "open"), (0.0, "half open"), (9.0, "open")):
        bench.do(health(held=why, held_s=seconds, breaker=state))
    (stopped,) = told(bench)[len(before) :]
    assert why in stopped
    assert "Orders are refused here for 5 s; cancels are tried all the same" in stopped
    link = bench.view(TOPIC_LINK)
    assert (link.breaker, link.held, link.held_s) == ("open", why, 9.0)
    bench.do(health())
    assert "again" in told(bench)[-1]
    assert len(told(bench)) == len(before) + 2
    assert bench.view(TOPIC_LINK).held == ""


def test_messages_that_are_not_known_are_told_once_each(bench: Any) -> None:
    for drift in ("", "fields wrapper.999", "fields wrapper.999", "fields wrapper.999 and messages of a new kind"):
        bench.do(health(drift=drift))
    found = [fact.message for fact in bench.facts if fact.kind == "drift"]
    assert len(found) == 2
    assert "fields wrapper.999" in found[0]
    assert bench.view(TOPIC_LINK).drift == "fields wrapper.999 and messages of a new kind"
