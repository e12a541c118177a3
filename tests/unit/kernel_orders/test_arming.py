"""A live ticket: unlocked by the account's name only, and locked again by any break in what is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mexc_tui.domain.commands import Arm, CancelAll, Flatten, Halt
from mexc_tui.domain.inputs import LinkChanged, LinkState, PlaceAccepted
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import TOPIC_RISK
from mexc_tui.kernel.effects import SendCancel, SendCancelAll
from tests.unit.kernel_orders.conftest import Bench

ACCOUNT, MARKET = True, False


@pytest.fixture
def live(make: Callable[..., Bench]) -> Bench:
    """A desk of the account main, ready and armed, with a working order."""
    bench = make(arm_name="main", armed=False)
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    bench.do(LinkChanged(MARKET, LinkState.CONNECTED))
    bench.do(LinkChanged(ACCOUNT, LinkState.CONNECTED))
    bench.account(btc="1")
    arm(bench, "main")
    bench.place(price="59000")
    bench.do(PlaceAccepted(bench.order.client_order_id, "X1"))
    return bench


def arm(bench: Bench, name: str) -> bool:
    arm.count = getattr(arm, "count", 0) + 1
    bench.do(Arm(command_id=f"arm{arm.count}", armed=True, name=name))
    return armed(bench)


def armed(bench: Bench) -> bool:
    return bool(bench.view(TOPIC_RISK).armed)


@pytest.mark.parametrize("name", ["", "Main", "mai", "main2"])
def test_only_the_accounts_name_unlocks_it(make: Callable[..., Bench], name: str) -> None:
    bench = make(arm_name="main", armed=False)
    assert not arm(bench, name)
    assert "type the name of the account, which is main" in bench.facts[-1].message
    assert arm(bench, " main ")


def old_book(bench: Bench) -> None:
    bench.do(LinkChanged(MARKET, LinkState.CONNECTED, "", frozenset({"BTCUSDT"})))
    bench.wait(6)


BREAKS: dict[str, Callable[[Bench], object]] = {
    "the account stream was interrupted": lambda b: b.do(LinkChanged(ACCOUNT, LinkState.RECONNECTING)),
    "the market stream was interrupted": lambda b: b.do(LinkChanged(MARKET, LinkState.RECONNECTING)),
    "the book of BTCUSDT, which you trade": old_book,
    "no command came for 60 minutes": lambda b: b.tick(3_600),
}


@pytest.mark.parametrize("why", BREAKS)
def test_a_break_locks_it_says_why_and_stands_before_nothing_that_reduces(live: Bench, why: str) -> None:
    assert armed(live)
    BREAKS[why](live)
    assert not armed(live)
    (fact,) = [fact for fact in live.facts if fact.kind == "locked"]
    assert why in fact.message
    assert "until you unlock it" in fact.message
    assert not live.sent(live.place(price="59000"))
    asked = live.do(CancelAll(command_id="all")) + live.do(Halt(command_id="halt"))
    assert any(isinstance(effect, SendCancel | SendCancelAll) for effect in asked)
    assert live.view(TOPIC_RISK).state is TradingState.HALTED


def test_a_locked_ticket_flattens(make: Callable[..., Bench]) -> None:
    bench = make(arm_name="main", armed=False)
    bench.market([("59990.00", "5")], [("60000.00", "1")])
    bench.account(btc="0.02")
    bench.do(Flatten(command_id="flat", symbol="BTCUSDT"))
    bench.wait(2)
    assert [order.request.side for order in bench.sent()] == [Side.SELL]


def test_it_stays_locked_while_a_stream_is_down_and_after_it_is_back(live: Bench) -> None:
    live.do(LinkChanged(ACCOUNT, LinkState.RECONNECTING))
    assert not arm(live, "main")
    assert "a stream is down" in live.facts[-1].message
    live.do(LinkChanged(ACCOUNT, LinkState.CONNECTED))
    assert not armed(live)
    assert arm(live, "main")


def test_a_new_connection_for_another_pair_locks_nothing(live: Bench) -> None:
    live.do(LinkChanged(MARKET, LinkState.CONNECTING))
    live.do(LinkChanged(MARKET, LinkState.CONNECTED))
    assert armed(live)


def test_paper_money_is_not_locked_by_a_break(bench: Bench) -> None:
    bench.do(LinkChanged(ACCOUNT, LinkState.RECONNECTING))
    assert armed(bench)
