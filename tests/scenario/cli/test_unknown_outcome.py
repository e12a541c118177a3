"""An order of which nobody can say what became of it: exit code 4, sent once, found again afterwards."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mexc_tui.cli import placing
from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.account_calls import AccountCalls
from mexc_tui.venues.mexc.rest.trading_calls import TradingCalls

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "1", "--faults", "ack_lost:p=1,count=1,match=order;missing_push:p=1"])
    try:
        yield child.ready()
    finally:
        child.close()


def go_silent_once_sent(patch: pytest.MonkeyPatch) -> list[str]:
    """From the first order on every question about orders fails; return the names of what was called."""
    asked: list[str] = []
    place = TradingCalls.place_order

    async def placed(self: TradingCalls, request: Any) -> str:
        asked.append("place")
        return await place(self, request)

    patch.setattr(TradingCalls, "place_order", placed)
    for name in ("order", "open_orders", "my_trades"):
        patch.setattr(TradingCalls, name, _lost(name, getattr(TradingCalls, name), asked))
    patch.setattr(AccountCalls, "balances", _lost("balances", AccountCalls.balances, asked))
    return asked


def _lost(name: str, answered: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    async def call(self: TradingCalls | AccountCalls, *args: Any, **kwargs: Any) -> Any:
        if "place" not in asked:
            return await answered(self, *args, **kwargs)
        asked.append(name)
        raise VenueError("The line is dead.", kind=ErrorKind.NETWORK, remedy="")

    return call


def test_an_order_that_nobody_can_find_is_4_and_is_found_later(call, monkeypatch):
    monkeypatch.setattr(placing, "OUTCOME_LIMIT_S", 0.7)
    with monkeypatch.context() as patch:
        asked = go_silent_once_sent(patch)
        code, (row,), said = call("buy", "BTCUSDT", "$20", "--at", "60000")
    assert (code, row["state"], row["order_id"]) == (4, "unknown", None)
    assert asked.count("place") == 1
    assert "order" in asked
    assert row["client_order_id"] in said
    assert "may be live" in said
    code, (found,), _ = call("orders")
    assert found["client_order_id"] == row["client_order_id"]
    code, (gone,), _ = call("cancel", row["client_order_id"])
    assert (code, gone["outcome"]) == (0, "cancelled")


def test_the_next_order_settles_what_was_left_unknown_and_sends_nothing_again(call, exchange, monkeypatch):
    monkeypatch.setattr(placing, "OUTCOME_LIMIT_S", 0.7)
    with monkeypatch.context() as patch:
        go_silent_once_sent(patch)
        assert call("buy", "BTCUSDT", "$20", "--at", "60000")[0] == 4
    request = urllib.request.Request(
        f"{exchange.rest}/admin/faults", data=json.dumps({"profile": "none"}).encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=5).read()
    code, (second,), _ = call("buy", "BTCUSDT", "$20", "--at", "59000")
    assert (code, second["state"]) == (0, "working")
    assert len(call("orders")[1]) == 2
    assert call("cancel", "--all")[0] == 0


def test_a_cancel_of_which_nothing_can_be_learnt_is_4(call, monkeypatch):
    code, (placed,), _ = call("buy", "ETHUSDT", "$20", "--at", "2000")
    assert code == 0
    cancel = TradingCalls.cancel_order
    gone: list[str] = []

    async def cut(self: TradingCalls, *args: Any, **kwargs: Any) -> None:
        await cancel(self, *args, **kwargs)
        gone.append("place")
        raise VenueError("The outcome of the cancel is unknown.", kind=ErrorKind.OUTCOME_UNKNOWN, remedy="Look.")

    with monkeypatch.context() as patch:
        patch.setattr(TradingCalls, "cancel_order", cut)
        for name in ("order", "open_orders"):
            patch.setattr(TradingCalls, name, _lost(name, getattr(TradingCalls, name), gone))
        code, (row,), said = call("cancel", "--all")
    assert (code, row["outcome"], row["client_order_id"]) == (4, "unknown", placed["client_order_id"])
    assert "could not be read" in said
    assert call("orders")[:2] == (0, [])
