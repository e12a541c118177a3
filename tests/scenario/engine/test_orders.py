"""A whole desk without a screen against an exchange in another process, over MEXC's wire."""

from __future__ import annotations

from mexc_tui.domain.commands import CancelAll, Halt, Resume
from mexc_tui.domain.orders import OrderState, OrderType
from mexc_tui.domain.views import TOPIC_FILLS, FillsView
from tests.patience import until

SYMBOL = "MXUSDT"


def test_an_order_rests_at_the_exchange_and_is_cancelled(terminal, market):
    terminal.place()
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()))
    order = terminal.open()[-1]
    at_exchange = [report for report in market.orders() if report.client_order_id == order.client_order_id]
    assert [report.order_id for report in at_exchange] == [order.order_id]
    terminal.cancel(order)
    until(lambda: any(done.client_order_id == order.client_order_id for done in terminal.recent()))
    assert terminal.recent()[0].state is OrderState.CANCELLED


def test_an_order_fills_and_the_fill_is_told_once(terminal):
    terminal.place(far=False, kind=OrderType.IOC)
    until(lambda: terminal.facts("filled"))
    until(lambda: isinstance(terminal.client.view(TOPIC_FILLS), FillsView) and terminal.client.view(TOPIC_FILLS).fills)
    keys = [fill.key for fill in terminal.client.view(TOPIC_FILLS).fills]
    assert len(keys) == len(set(keys))


def test_a_command_that_arrives_three_times_is_sent_once(terminal, market):
    before = len(market.orders())
    terminal.place(times=3)
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()))
    terminal.cancel(terminal.open()[0])
    until(lambda: not terminal.open())
    assert len(market.orders()) == before + 1


def test_a_lost_acknowledgement_is_unknown_until_looked_up_and_never_sent_again(terminal, market):
    before = len(market.orders())
    market.fault("missing_push", p=1.0)
    market.fault("ack_lost", p=1.0, count=1)
    terminal.place()
    until(lambda: terminal.facts("unknown"), what="the order is shown as unknown")
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()), what="it is found")
    assert len(market.orders()) == before + 1


def test_a_gateway_error_after_acceptance_is_not_a_refusal(terminal, market):
    before = len(market.orders())
    market.fault("ack_lost", p=1.0, count=1, mode="504")
    terminal.place()
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()), what="it is found")
    assert not terminal.facts("rejected")
    assert len(market.orders()) == before + 1


def test_cut_sockets_come_back_with_an_exact_book_and_a_reconciled_account(terminal, market):
    terminal.place()
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()))
    version = terminal.book().version
    market.admin("POST", "/admin/drop", {})
    until(lambda: terminal.facts("link"), what="the loss is told")
    until(lambda: terminal.live() and terminal.book().version > version, what="the book lives again")
    until(terminal.ready, what="the account is reconciled")
    assert [order.state for order in terminal.open()] == [OrderState.WORKING]


def test_a_dead_listen_key_loses_nothing(terminal, market):
    terminal.place()
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()))
    order = terminal.open()[-1]
    market.admin("POST", "/admin/kill-listen-keys", {})
    until(lambda: terminal.facts("gap"), what="the loss of the account stream is told")
    terminal.submit(CancelAll(command_id="all-of-it"))
    until(lambda: any(done.client_order_id == order.client_order_id for done in terminal.recent()))
    until(terminal.ready, what="the account is reconciled")


def test_halt_cancels_and_refuses_until_resumed(terminal):
    terminal.place()
    until(lambda: any(order.state is OrderState.WORKING for order in terminal.open()))
    terminal.submit(Halt(command_id="stop"))
    until(lambda: not terminal.open(), what="everything is cancelled")
    terminal.place()
    until(lambda: terminal.facts("denied"))
    terminal.submit(Resume(command_id="go"))
    until(lambda: terminal.facts("resumed"))


def test_a_restart_finds_the_order_again(market, another_terminal, tmp_path):
    first = another_terminal(tmp_path / "desk")
    first.place()
    until(lambda: any(order.state is OrderState.WORKING for order in first.open()))
    order = first.open()[0]
    count = len(market.orders())
    first.close()
    second = another_terminal(tmp_path / "desk")
    assert [again.client_order_id for again in second.open()] == [order.client_order_id]
    assert not second.open()[0].elsewhere
    assert len(market.orders()) == count
    second.cancel(second.open()[0])
    until(lambda: not second.open())
    second.close()
