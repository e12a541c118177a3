"""Self-trade prevention across the accounts of a group."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import OrderChanged, SimError
from mexc_tui.venues.simulator.core.groups import uid_of
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.state import ExchangeState

D = Decimal
S = "ABCUSDT"


@pytest.fixture
def group(exchange):
    made = exchange.groups.create("ann", "desk", exchange.now_ms)
    exchange.groups.add("ann", made.ident, [uid_of("ann"), uid_of("bob")], exchange.now_ms)
    return made


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("", ("FILLED", ""), ("FILLED", "")),
        ("cancel_taker", ("NEW", ""), ("CANCELED", "stp_cancel")),
        ("cancel_maker", ("CANCELED", "stp_cancel"), ("NEW", "")),
        ("cancel_both", ("CANCELED", "stp_cancel"), ("CANCELED", "stp_cancel")),
    ],
)
def test_the_takers_mode_decides_between_accounts_of_a_group(exchange, limit, money, group, events, mode, maker, taker):
    first = limit("bob", Side.SELL, "100", "1", stp_mode="cancel_taker")
    second = limit("ann", Side.BUY, "100", "1", stp_mode=mode)
    states = [exchange.orders.find_order(o.account_id, S, order_id=o.order_id) for o in (first, second)]
    assert [(o.status, o.cancel_reason) for o in states] == [maker, taker]
    assert bool(exchange.orders.own_trades("bob", S)) is (mode == "")
    for order in states:
        told = [e.order.status for e in events if isinstance(e, OrderChanged) and e.order.order_id == order.order_id]
        assert told[-1] == order.status
        if not order.open:
            assert money(order.account_id, "USDT" if order.side is Side.BUY else "ABC")[1] == 0


def test_accounts_outside_trade_as_ever(exchange, limit, group):
    exchange.accounts.deposit("cid", {"USDT": D(1_000)})
    limit("bob", Side.SELL, "100", "1")
    assert limit("cid", Side.BUY, "100", "1", stp_mode="cancel_both").status == "FILLED"


def test_what_stands_before_the_group_fills_and_the_rest_is_cancelled(exchange, limit, group):
    exchange.accounts.deposit("cid", {"ABC": D(10)})
    limit("cid", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "100", "1")
    limit("cid", Side.SELL, "100", "1")
    order = limit("ann", Side.BUY, "100", "3", stp_mode="cancel_taker")
    assert (order.status, order.filled_qty, order.cancel_reason) == ("PARTIALLY_CANCELED", D(1), "stp_cancel")
    assert exchange.market.depth(S, 5)[2] == [(D(100), D(2))]


def test_a_taker_that_never_reaches_the_group_fills(exchange, limit, group):
    exchange.accounts.deposit("cid", {"ABC": D(10)})
    limit("cid", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "100", "1")
    assert limit("ann", Side.BUY, "100", "1", stp_mode="cancel_taker").status == "FILLED"


@pytest.mark.parametrize("mode", ["cancel_taker", "cancel_both"])
def test_fill_or_kill_is_killed_whole_where_the_group_stands_in_between(exchange, limit, group, mode):
    exchange.accounts.deposit("cid", {"ABC": D(10)})
    limit("cid", Side.SELL, "100", "1")
    limit("bob", Side.SELL, "100", "1")
    limit("cid", Side.SELL, "101", "5")
    order = limit("ann", Side.BUY, "101", "2", "FILL_OR_KILL", mode)
    assert (order.status, order.filled_qty) == ("CANCELED", D(0))
    assert exchange.market.depth(S, 5)[2] == [(D(100), D(2)), (D(101), D(5))]


def test_fill_or_kill_passes_makers_that_it_cancels(exchange, limit, group):
    exchange.accounts.deposit("cid", {"ABC": D(10)})
    limit("bob", Side.SELL, "100", "1")
    limit("cid", Side.SELL, "101", "5")
    assert limit("ann", Side.BUY, "101", "5", "FILL_OR_KILL", "cancel_maker").status == "FILLED"
    assert exchange.orders.open_orders("bob") == []


def test_leaving_or_deleting_a_group_ends_it(exchange, limit, group):
    exchange.groups.remove("ann", group.ident, [uid_of("bob")], exchange.now_ms)
    limit("bob", Side.SELL, "100", "2")
    assert limit("ann", Side.BUY, "100", "1", stp_mode="cancel_taker").status == "FILLED"
    exchange.groups.add("ann", group.ident, [uid_of("bob")], exchange.now_ms)
    assert limit("ann", Side.BUY, "100", "1", stp_mode="cancel_taker").status == "CANCELED"
    exchange.groups.delete("ann", group.ident)
    assert limit("ann", Side.BUY, "100", "1", stp_mode="cancel_taker").status == "FILLED"


def test_a_group_belongs_to_who_made_it(exchange, group):
    for act in (exchange.groups.get, exchange.groups.delete):
        with pytest.raises(SimError) as refused:
            act("bob", group.ident)
        assert refused.value.code == 22222
    with pytest.raises(SimError) as twice:
        exchange.groups.create("ann", "desk", exchange.now_ms)
    assert twice.value.code == 730002
    assert exchange.groups.create("bob", "desk", exchange.now_ms).ident != group.ident


def test_a_restart_keeps_groups(exchange, group):
    again = Exchange(start_ms=exchange.now_ms)
    ExchangeState(again).restore(json.loads(json.dumps(ExchangeState(exchange).dump())))
    assert again.groups.together("ann", "bob")
    assert not again.groups.together("ann", "cid")
