"""What reduces is sent also while the account cannot be read, and says what it does not know."""

from __future__ import annotations

import argparse
import contextlib
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mexc_tui.cli import acting
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, ExitError
from mexc_tui.desk.protocol import Answer, Outcome
from mexc_tui.domain.commands import CancelAll, CancelOrder, Flatten
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    InstrumentsView,
    OrdersView,
    PositionsView,
    RiskView,
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

    def __init__(self, *, reads: int) -> None:
        self.sent = []
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
        return ()

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


def test_flatten_is_sent_while_the_account_cannot_be_read(act):
    client = Client(reads=-1)
    assert act(client, lambda arguments: acting.flatten(arguments, "MXUSDT")) == UNKNOWN
    assert [type(command) for command in client.sent] == [Flatten]
