"""Every fault of the exchange against a whole desk: no order lost, none sent twice, the unknown shown and cleared."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import OrderState
from mexc_tui.venues.simulator.server.faults import DEFAULTS
from tests.patience import until

STREAM = {
    "drop": {"p": 0.5},
    "duplicate": {"p": 0.5},
    "reorder": {"p": 0.5},
    "gap": {"p": 0.3},
    "garbage": {"p": 0.3},
    "truncated": {"p": 0.3},
    "disconnect": {"p": 0.3, "count": 2, "match": "depth"},
}
"""Faults of the market's stream, strong enough to strike at once."""

REFUSED = {
    "rate_limit_429": {"p": 1, "count": 1, "ms": 1000},
    "edge_403_html": {"p": 1, "count": 1},
}
"""Faults that stop an order before the exchange has seen it, and say so."""

BROKEN = {
    "maintenance": {"p": 1, "count": 1, "match": "POST /api/v3/order"},
    "server_5xx": {"p": 1, "count": 2, "status": 502, "match": "GET /api/v3/order"},
}
"""The order meets the one, and whoever looks for it then meets the other."""

TAKEN = [
    {"latency": {"ms": 120}, "jitter": {"ms": 120}},
    {"late_push": {"p": 1, "ms": 300}, "duplicate": {"p": 1, "match": "private"}},
    {"missing_push": {"p": 1}, "ack_lost": {"p": 1, "count": 1, "mode": "504"}},
    {"listen_key_death": {"p": 1, "count": 1}},
]
"""Faults under which the order is taken."""

CLOCK = {"clock_skew": {"ms": 30_000}}

ELSEWHERE = {"half_open"}
"""Found by silence, which takes seconds of real time; ``market/test_any_fault`` has it on a clock of its own."""


def test_every_fault_is_used():
    taken = {name for faults in TAKEN for name in faults}
    assert STREAM.keys() | REFUSED.keys() | BROKEN.keys() | taken | CLOCK.keys() | ELSEWHERE == DEFAULTS.keys()


class Placed:
    """An order that was just placed: what the desk tells of it, and what the exchange says."""

    def __init__(self, terminal, market, qty="20"):
        self.terminal = terminal
        self.market = market
        self._before = self._known()
        self._name = ""
        terminal.place(qty=qty)

    def _known(self):
        return {order.client_order_id for order in (*self.terminal.open(), *self.terminal.recent())}

    @property
    def order(self):
        """The order as the desk knows it; None before it does."""
        orders = {order.client_order_id: order for order in (*self.terminal.open(), *self.terminal.recent())}
        if not self._name:
            self._name = next(iter(orders.keys() - self._before), "")
        return orders.get(self._name)

    def is_in(self, *states):
        """Whether the desk has it in one of these states."""
        return self.order is not None and self.order.state in states

    @property
    def told(self):
        """The kinds of facts that were told of it."""
        facts = [fact for fact in self.terminal.client.facts(0) if fact.order is not None]
        return [fact.kind for fact in facts if fact.order.client_order_id == self.order.client_order_id]

    def taken(self):
        """The state of every order that the exchange took under its id: one, or none."""
        name = self.order.client_order_id
        return [report.state for report in self.market.orders() if report.client_order_id == name]


@pytest.mark.parametrize("faults", TAKEN, ids=" ".join)
def test_an_order_that_was_taken_is_neither_lost_nor_sent_twice(terminal, market, faults):
    for name, how in faults.items():
        market.fault(name, **how)
    placed = Placed(terminal, market)
    until(lambda: placed.is_in(OrderState.WORKING))
    assert ("unknown" in placed.told) == ("ack_lost" in faults)
    assert placed.taken() == [OrderState.WORKING]
    terminal.cancel(placed.order)
    until(lambda: placed.is_in(OrderState.CANCELLED), what="the cancel is seen")
    assert placed.taken() == [OrderState.CANCELLED]


@pytest.mark.parametrize("name", REFUSED)
def test_an_order_that_was_refused_on_the_way_is_over(terminal, market, name):
    market.fault(name, **REFUSED[name], match="POST /api/v3/order")
    placed = Placed(terminal, market)
    until(lambda: placed.is_in(OrderState.REJECTED))
    assert "unknown" not in placed.told
    assert placed.taken() == []


def test_an_order_that_broke_on_the_way_is_unknown_then_known_not_to_be_there(terminal, market, monkeypatch):
    # Half a second in which an order may still appear at the exchange is enough on one machine.
    monkeypatch.setattr("mexc_tui.kernel.orders.GRACE_NS", 500_000_000)
    for name, how in BROKEN.items():
        market.fault(name, **how)
    placed = Placed(terminal, market)
    until(lambda: placed.is_in(OrderState.UNKNOWN), what="the order is shown as unknown")
    other = Placed(terminal, market, qty="21")
    until(lambda: terminal.facts("denied"), what="no new exposure while it is")
    until(lambda: placed.is_in(OrderState.REJECTED), what="the order's end")
    assert all(fault["struck"] for fault in market.ask("/admin/faults")["active"])
    assert placed.taken() == []
    assert len(terminal.facts("unknown")) == 1
    assert other.order is None or other.taken() == []


def test_a_skewed_clock_refuses_one_order_at_most(terminal, market):
    market.fault("clock_skew", **CLOCK["clock_skew"])
    first = Placed(terminal, market)
    until(lambda: first.is_in(OrderState.REJECTED))
    second = Placed(terminal, market, qty="21")
    until(lambda: second.is_in(OrderState.WORKING))
    market.admin("DELETE", "/admin/faults")
    assert (first.taken(), second.taken()) == ([], [OrderState.WORKING])


def test_broken_streams_leave_an_exact_book_or_say_that_it_is_not_live(terminal, market):
    for name, how in STREAM.items():
        market.fault(name, **how)
    until(lambda: all(fault["struck"] for fault in market.ask("/admin/faults")["active"]), what="every fault strikes")
    market.admin("DELETE", "/admin/faults")
    version = market.ask("/api/v3/depth?symbol=MXUSDT&limit=5")["lastUpdateId"]
    until(lambda: terminal.live() and terminal.book().version > version, what="the book lives again")
    until(lambda: same_book(terminal, market), what="the book equals the exchange's at some version")


def same_book(terminal, market):
    """Whether the desk's book and the exchange's were seen at one version; then they must be equal."""
    told = market.ask("/api/v3/depth?symbol=MXUSDT&limit=20")
    if not terminal.live() or terminal.book().version != told["lastUpdateId"]:
        return False
    book = terminal.book()
    for side, levels in ((book.bids, told["bids"]), (book.asks, told["asks"])):
        shown = [(unscaled(p, book.price_decimals), unscaled(q, book.qty_decimals)) for p, q in side[:20]]
        assert shown == [(Decimal(price), Decimal(qty)) for price, qty in levels]
    return True
