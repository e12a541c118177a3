"""What reduces is sent also while the account cannot be read, and says what it does not know."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from decimal import Decimal
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from mexc_tui.cli import acting, placing
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, ExitError
from mexc_tui.desk.errors import BarredDeskError, SilentDeskError
from mexc_tui.desk.protocol import Answer, Outcome
from mexc_tui.domain.commands import CancelAll, CancelOrder, Draft, Flatten
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.sizing import parse_size
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    InstrumentsView,
    OrdersView,
    PositionsView,
    RiskView,
    VenueKind,
)

DOWN = "the account stream is down"


def order(name: str, state: OrderState = OrderState.WORKING) -> Order:
    return Order(
        client_order_id=name,
        symbol="MXUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=state,
        created_ms=1,
        updated_ms=1,
        qty=Decimal(1),
        price=Decimal(1),
    )


class Client:
    """Cancels at once what is open; the account is read when ``reads`` more waits have passed."""

    seen = 0
    info = SimpleNamespace(name="demo", kind=VenueKind.DEMO, account="paper money")

    def __init__(self, *, reads: int) -> None:
        self.sent = []
        self.told = ()
        self._reads = reads
        risk = {"state": TradingState.ACTIVE, "reason": "", "armed": True, "ready": False, "ready_reason": DOWN}
        sums = {"equity": None, "day_pnl": None, "exposure": None, "in_flight": 0, "unknown": 0}
        pair = Instrument(symbol="MXUSDT", base="MX", quote="USDT", price_decimals=4, qty_decimals=2)
        self.views = {
            TOPIC_RISK: RiskView(limits=Limits(), headroom=(), **risk, **sums),
            TOPIC_ORDERS: OrdersView(open=(order("one"),), recent=()),
            TOPIC_POSITIONS: PositionsView(positions=()),
            TOPIC_INSTRUMENTS: InstrumentsView(by_symbol={"MXUSDT": pair}),
        }

    def look(self, interest):
        pass

    def view(self, topic):
        return self.views.get(topic)

    def died(self):
        return ""

    def facts(self, after):
        return self.told

    def answer(self, command_id):
        return Answer(command_id=command_id, outcome=Outcome.TAKEN)

    def submit(self, command):
        self.sent.append(command)
        ended = tuple(replace(one, state=OrderState.CANCELLED) for one in self.views[TOPIC_ORDERS].open)
        self.views[TOPIC_ORDERS] = OrdersView(open=(), recent=ended)

    def wait(self, predicate, limit_s):
        self._reads -= 1
        if self._reads == 0:
            self.views[TOPIC_RISK] = replace(self.views[TOPIC_RISK], ready=True)
        return predicate()


@pytest.fixture
def act(monkeypatch):
    def run(client, call, **named):
        values = {"symbol": None, "order": None, "json": False, "desk": None} | named
        monkeypatch.setattr(acting, "desk_client", lambda *_, **__: contextlib.nullcontext(client))
        return call(argparse.Namespace(**values))

    return run


def test_cancel_all_is_sent_while_the_account_cannot_be_read(act, capsys):
    client = Client(reads=-1)
    assert act(client, acting.cancel) == UNKNOWN
    assert [type(command) for command in client.sent] == [CancelAll]
    said = capsys.readouterr()
    assert "cancelled" in said.out
    assert DOWN in said.err
    assert "no open order" not in said.err


def test_an_account_that_is_read_meanwhile_leaves_no_doubt(act):
    client = Client(reads=4)
    assert act(client, acting.cancel) == OK
    assert [type(command) for command in client.sent] == [CancelAll]


def test_a_known_order_is_cancelled_and_an_unknown_one_is_said_not_to_be_known(act):
    client = Client(reads=-1)
    assert act(client, acting.cancel, order="one") == OK
    assert [type(command) for command in client.sent] == [CancelOrder]
    with pytest.raises(ExitError, match="is known") as refused:
        act(Client(reads=-1), acting.cancel, order="two")
    assert refused.value.code == FAILURE


def test_status_counts_one_order_as_one(act, capsys):
    assert act(Client(reads=1), acting.status) == OK
    assert "\n1 open order, 0 of unknown outcome" in capsys.readouterr().out


def test_a_resume_that_cannot_be_recorded_says_why_and_is_none(act):
    client = Client(reads=1)
    client.views[TOPIC_RISK] = replace(client.views[TOPIC_RISK], state=TradingState.HALTED)
    full = {"kind": "problem", "level": Level.BAD, "message": "Trading stays halted: the disk is full."}

    def submit(command):
        client.told = (Fact(seq=1, time_ms=1, command_id=command.command_id, **full),)

    client.submit = submit
    with pytest.raises(ExitError, match="the disk is full") as refused:
        act(client, acting.resume)
    assert refused.value.code == FAILURE


@pytest.mark.parametrize(
    ("error", "when"), [(SilentDeskError, "as soon as it goes on"), (BarredDeskError, "now, if it can")]
)
def test_a_halt_is_left_with_a_desk_that_does_not_answer_or_is_of_another_build(monkeypatch, error, when):
    sent = []

    def unreached(*_, **__):
        raise error(4711, "The desk runs and that is all.")

    monkeypatch.setattr(acting, "desk_client", unreached)
    monkeypatch.setattr(os, "kill", lambda *signalled: sent.append(signalled))
    with pytest.raises(ExitError, match=f"halts and cancels {when}") as refused:
        acting.halt(argparse.Namespace(reason="", json=False, desk=None))
    assert refused.value.code == UNKNOWN
    assert sent == [(4711, signal.SIGUSR1)]


def test_what_a_fact_says_of_an_order_that_ended_counts_before_an_older_view(capsys):
    client = Client(reads=-1)
    client.views[TOPIC_ORDERS] = OrdersView(open=(order("one", OrderState.PENDING),), recent=())
    asked = placing.OrderArguments(
        symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT, size=parse_size("1"), price=Decimal(1), wait_s=0
    )
    one = placing.Placing(client, asked, as_json=False)
    said = {"kind": "denied", "level": Level.BAD, "message": "It was not sent: the disk is full."}
    ended = order("one", OrderState.DENIED)
    client.told = (Fact(seq=1, time_ms=1, command_id=one._command_id, order=ended, **said),)
    assert one._follow(Draft(symbol="MXUSDT", side=Side.BUY, type=OrderType.LIMIT)) == FAILURE
    assert "the disk is full" in capsys.readouterr().out


def test_flatten_is_sent_while_the_account_cannot_be_read(act):
    client = Client(reads=-1)
    assert act(client, lambda arguments: acting.flatten(arguments, "MXUSDT")) == UNKNOWN
    assert [type(command) for command in client.sent] == [Flatten]
