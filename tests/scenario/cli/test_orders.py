"""Orders from the command line at an exchange in another process, under the cockpit's own rules."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.desks import desk_pids, end_desks
from tests.patience import LIMIT_S, until

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "1"])
    try:
        yield child.ready()
    finally:
        child.close()


def test_an_order_is_placed_seen_and_cancelled(call):
    code, (placed,), _ = call("buy", "BTCUSDT", "$50", "--at", "60000")
    assert (code, placed["state"], placed["price"]) == (0, "working", "60000")
    assert Decimal(placed["qty"]) * 60_000 <= 50
    code, rows, _ = call("orders", "BTCUSDT")
    assert placed["order_id"] in {row["order_id"] for row in rows}
    code, (gone,), _ = call("cancel", placed["client_order_id"])
    assert (code, gone["outcome"], gone["state"]) == (0, "cancelled", "cancelled")
    assert call("orders")[:2] == (0, [])
    code, rows, said = call("cancel", placed["order_id"])
    assert (code, rows) == (1, [])
    assert "No open order" in said


def test_an_order_is_amended_to_another_size_and_price(call):
    _, (placed,), _ = call("buy", "BTCUSDT", "0.001", "--at", "60000")
    code, (amended,), said = call("amend", placed["order_id"], "--size", "0.002", "--at", "59000")
    assert (code, amended["outcome"], amended["qty"], amended["price"]) == (0, "accepted", "0.002", "59000"), said
    _, rows, _ = call("orders", "BTCUSDT")
    assert [(row["order_id"], row["qty"], row["price"]) for row in rows] == [(amended["order_id"], "0.002", "59000")]
    code, (kept,), _ = call("amend", amended["order_id"], "--size", "100000")
    assert (code, kept["outcome"], kept["state"]) == (1, "denied", "working")
    assert call("amend", "nothing", "--at", "1")[0] == 1
    assert call("amend", amended["order_id"])[0] == 2
    assert call("cancel", amended["order_id"])[0] == 0


def placed_elsewhere(
    exchange: Addresses, symbol: str, price: str, qty: str, kind: OrderType = OrderType.LIMIT, side: Side = Side.BUY
) -> str:
    """Place an order with another client of the same account, and return its id."""

    async def place() -> str:
        settings = MexcSettings(
            base_url=exchange.rest, ws_url=exchange.ws, api_key=exchange.api_key, api_secret=exchange.api_secret
        )
        async with MexcRest(settings) as rest:
            request = OrderRequest(
                client_order_id="",
                symbol=symbol,
                side=side,
                type=kind,
                qty=Decimal(qty),
                price=None if kind is OrderType.MARKET else Decimal(price),
            )
            return await rest.trading.place_order(request)

    return asyncio.run(place())


def test_an_order_placed_elsewhere_is_adopted_amended_and_explained_over_restarts(call, exchange, tmp_path):
    order_id = placed_elsewhere(exchange, "BTCUSDT", "60000", "0.001")
    other = placed_elsewhere(exchange, "BTCUSDT", "59000", "0.001")
    _, rows, _ = call("orders", "BTCUSDT")
    assert {row["order_id"]: row["origin"] in ("elsewhere", "asked") for row in rows} == {order_id: True, other: True}
    assert call("amend", order_id, "--at", "59500")[0] == 1
    code, (adopted,), _ = call("adopt", order_id[-9:])
    assert (code, adopted["outcome"], adopted["orders"]) == (0, "adopted", [order_id])
    code, _, said = call("adopt", order_id)
    assert (code, "no open order placed elsewhere" in said) == (1, True)
    code, (left,), _ = call("adopt", "none")
    assert (code, left["orders"]) == (0, [other])
    end_desks(tmp_path / "state")
    _, rows, _ = call("orders", "BTCUSDT")
    assert {row["order_id"]: row["origin"] for row in rows} == {order_id: "adopted", other: "left"}
    code, (amended,), said = call("amend", order_id, "--at", "59500", "--yes")
    assert (code, amended["outcome"], amended["price"]) == (0, "accepted", "59500"), amended["message"]
    _, rows, _ = call("audit", "explain", order_id)
    told = [row["text"] for row in rows]
    (asked,) = [text for text in told if "AdoptOrders" in text]
    assert asked.startswith("adopt")
    assert "(trade) asked" in asked
    assert any("placed elsewhere, adopted" in text for text in told)
    assert call("cancel", "--all")[0] == 0


def test_what_a_holding_cost_is_read_from_trades_made_elsewhere_and_each_counts_once(call, exchange):
    _, rows, _ = call("balances")
    assert "ETH" not in {row["asset"] for row in rows}
    for side, qty in ((Side.BUY, "0.02"), (Side.SELL, "0.005"), (Side.BUY, "0.01")):
        placed_elsewhere(exchange, "ETHUSDT", "", qty, OrderType.MARKET, side)
    code, (read,), said = call("cost", "eth", "--from-history")
    assert (code, read["set"]) == (0, True), read["message"]
    assert "being read for ETH" in said
    assert "of the last month you bought 0.024985 ETH at " in read["message"]
    assert "not known" not in read["message"]
    assert call("cost", "ETH", "--from-history")[0] == 0

    def recorded() -> list[str]:
        return [row["text"] for row in call("audit", "show")[1] if row["kind"] == "cost"]

    texts = until(lambda: found if len(found := recorded()) == 2 else None)
    assert "by own trades: 0.024985 ETH cost" in texts[0]
    assert texts[0] == texts[1]
    assert call("cost", "ETH")[0] == 2
    assert call("cost", "ETH", "5", "--from-history")[0] == 2
    assert call("cost", "NONE", "--from-history")[0] == 1
    assert call("sell", "ETHUSDT", "100%", "--market")[0] == 0


def test_what_a_holding_cost_is_said_once_or_again_for_all_of_it(call):
    call("buy", "BTCUSDT", "$30", "--market")
    code, (said,), _ = call("cost", "btc", "61234.5", "--whole")
    assert (code, said["asset"], said["set"]) == (0, "BTC", True)
    assert "as bought at 61,234.5 USDT each" in said["message"]
    code, (known,), _ = call("cost", "BTC", "1")
    assert (code, known["set"]) == (1, False)
    assert call("cost", "BTC", "much")[0] == 2
    assert call("sell", "BTCUSDT", "100%", "--market")[0] == 0


def test_a_limit_is_tightened_at_once_and_loosened_with_a_reason_after_a_delay(call):
    code, (set_,), _ = call("limits", "set", "max_pair_order_value.ETHUSDT", "20")
    assert (code, set_["taken"]) == (0, True)
    assert call("buy", "ETHUSDT", "$30", "--market")[0] == 1
    assert call("limits", "set", "max_pair_order_value.ETHUSDT", "40")[0] == 1
    code, (waits,), _ = call("limits", "set", "max_pair_order_value.ETHUSDT", "40", "--reason", "a test")
    assert (code, "in 10 minutes: a test" in waits["message"]) == (0, True)
    _, rows, _ = call("limits", "show")
    (row,) = [row for row in rows if row["name"] == "max_pair_order_value.ETHUSDT"]
    assert (row["value"], row["waiting"], row["reason"]) == ("20", "40", "a test")
    assert call("limits", "cancel", "max_pair_order_value.ETHUSDT")[0] == 0
    assert call("limits", "cancel", "max_pair_order_value.ETHUSDT")[0] == 1


def test_a_market_order_waits_for_its_end(call):
    code, (bought,), _ = call("buy", "ETHUSDT", "$30", "--market")
    assert (code, bought["state"], bought["order_type"]) == (0, "filled", "IMMEDIATE_OR_CANCEL")
    assert bought["capped"] is True
    assert 0 < Decimal(bought["filled_quote"]) <= 30
    code, rows, _ = call("balances")
    assert code == 0
    assert "ETH" in {row["asset"] for row in rows}
    code, (sold,), _ = call("sell", "ETHUSDT", "100%", "--market")
    assert (code, sold["state"], sold["reason"]) == (0, "filled", "")


def test_an_order_that_cannot_rest_ends_at_once(call):
    code, (ended,), _ = call("buy", "BTCUSDT", "$20", "--at", "60000", "--ioc")
    assert (code, ended["state"], ended["filled_qty"]) == (0, "cancelled", "0")


def test_the_gate_refuses_with_every_reason(call):
    code, (denied,), _ = call("buy", "BTCUSDT", "50", "--at", "90000")
    assert (code, denied["type"]) == (1, "denied")
    codes = {one["code"] for one in denied["violations"]}
    assert {"FREE_BALANCE", "MAX_ORDER_VALUE", "PRICE_COLLAR_FAR"} <= codes
    assert all(one["message"] for one in denied["violations"])
    assert call("orders")[1] == []


def test_the_limits_of_the_config_apply(call, tmp_path):
    (tmp_path / "config.toml").write_text('[limits]\nmax_order_value = "25"\n')
    code, (denied,), _ = call("buy", "BTCUSDT", "$50", "--at", "60000")
    assert (code, [one["code"] for one in denied["violations"]]) == (1, ["MAX_ORDER_VALUE"])


def test_a_script_keeps_to_limits_of_its_own_and_an_algorithm_to_others(call, tmp_path):
    (tmp_path / "config.toml").write_text("[limits.owner.script]\nmax_order_value = 25\n")
    code, (denied,), _ = call("buy", "BTCUSDT", "$50", "--at", "60000")
    assert (code, [one["code"] for one in denied["violations"]]) == (1, ["AUTOMATION_AUTHORITY"])
    code, (placed,), _ = call("buy", "BTCUSDT", "$50", "--at", "60000", "--owner", "grid-1")
    assert (code, placed["owner"]) == (0, "grid-1")
    _, rows, _ = call("limits", "show")
    assert {"owner.script.max_order_value": "25"}.items() <= {row["name"]: row["value"] for row in rows}.items()
    code, _, said = call("buy", "BTCUSDT", "$20", "--at", "60000", "--owner", "person")
    assert (code, "only a screen" in said) == (2, True)
    assert call("cancel", "--all")[0] == 0


def test_an_override_needs_a_reason_and_a_person(call, tmp_path):
    (tmp_path / "config.toml").write_text('[limits]\nmax_order_value = "25"\n')
    order = ("buy", "BTCUSDT", "$50", "--at", "60000", "--yes")
    assert call(*order, "--override", "MAX_ORDER_VALUE")[0] == 2
    assert call(*order, "--reason", "a test")[0] == 2
    code, (denied,), _ = call(*order, "--override", "MAX_ORDER_VALUE", "--reason", "a test", "--owner", "grid")
    assert (code, [one["code"] for one in denied["violations"]]) == (1, ["OVERRIDE"])


def test_what_the_gate_asks_first_is_answered_with_yes(call, tmp_path):
    (tmp_path / "config.toml").write_text('[limits]\nconfirm_order_value = "25"\n')
    code, (asked,), _ = call("buy", "BTCUSDT", "$50", "--at", "60000")
    assert (code, [one["answer"] for one in asked["violations"]]) == (1, ["confirm"])
    assert call("buy", "BTCUSDT", "$50", "--at", "60000", "--yes")[0] == 0
    assert call("cancel", "--all")[0] == 0


def test_cancel_all_and_by_pair(call):
    for symbol, price in (("BTCUSDT", "60000"), ("ETHUSDT", "3000")):
        assert call("buy", symbol, "$20", "--at", price)[0] == 0
    code, rows, _ = call("cancel", "--symbol", "ETHUSDT")
    assert (code, [row["symbol"] for row in rows]) == (0, ["ETHUSDT"])
    code, rows, _ = call("cancel", "--all")
    assert (code, [row["symbol"] for row in rows]) == (0, ["BTCUSDT"])
    code, rows, said = call("cancel", "--all")
    assert (code, rows) == (0, [])
    assert "no open order" in said


def test_a_journal_in_use_is_said_and_cancelling_works_beside_it(call, tmp_path):
    code, (placed,), _ = call("buy", "BTCUSDT", "$20", "--at", "60000")
    until(lambda: not desk_pids(tmp_path / "state"))
    (lock,) = (tmp_path / "state").rglob("journal.lock")
    holder = os.open(lock, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        code, rows, said = call("buy", "BTCUSDT", "$20", "--at", "60000")
        assert (code, rows) == (1, [])
        assert "trading with this account's journal" in said
        assert call("cancel", placed["order_id"], "--direct")[0] == 0
        assert call("orders", "--direct")[:2] == (0, [])
    finally:
        os.close(holder)


def test_orders_at_once_are_all_placed_whoever_starts_the_desk(call):
    environment = dict(os.environ)
    commands = [("buy", "BTCUSDT", "$20", "--at", price, "--json") for price in ("60000", "59000", "58000")]
    started = [
        subprocess.Popen([sys.executable, "-m", "mexc_tui", *command], env=environment, stdout=subprocess.PIPE)
        for command in commands
    ]
    placed = [json.loads(process.communicate(timeout=LIMIT_S)[0]) for process in started]
    assert [row["state"] for row in placed] == ["working"] * 3
    assert [process.returncode for process in started] == [0] * 3
    code, rows, _ = call("cancel", "--all")
    assert (code, {row["client_order_id"] for row in rows}) == (0, {row["client_order_id"] for row in placed})
    assert len(rows) == 3


def test_halt_resume_and_flatten_tell_their_outcome_in_numbers(call):
    for price in ("60000", "59000"):
        assert call("buy", "BTCUSDT", "$20", "--at", price)[0] == 0
    assert call("buy", "ETHUSDT", "$30", "--market")[0] == 0
    code, (halted,), _ = call("halt", "--reason", "a test")
    assert (code, halted["state"], halted["cancelled"], halted["left"]) == (0, "halted", 2, 0)
    code, (now,), _ = call("status")
    assert (code, now["state"], now["reason"], now["open_orders"]) == (0, "halted", "a test", 0)
    code, (denied,), _ = call("buy", "BTCUSDT", "$20", "--at", "58000")
    assert (code, denied["type"], [one["code"] for one in denied["violations"]]) == (1, "denied", ["TRADING_STATE"])
    code, (flat,), _ = call("flatten", "ETHUSDT")
    assert (code, flat["symbol"], flat["flat"]) == (0, "ETHUSDT", True)
    code, (active,), _ = call("resume")
    assert (code, active["state"], active["was"]) == (0, "active", "halted")


@pytest.mark.parametrize(
    "command", [("buy", "NOPEUSDT", "1", "--market"), ("orders", "NOPEUSDT"), ("book", "NOPEUSDT")]
)
def test_a_pair_that_is_not_traded_is_bad_usage(call, command):
    code, rows, said = call(*command)
    assert (code, rows) == (2, [])
    assert "NOPEUSDT is not traded here" in said


def test_a_lost_acknowledgement_is_looked_up_and_never_sent_again(call, exchange):
    import urllib.request

    def set_faults(profile: str) -> None:
        request = urllib.request.Request(
            f"{exchange.rest}/admin/faults", data=json.dumps({"profile": profile}).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=LIMIT_S).read()

    set_faults("ack_lost:p=1")
    try:
        code, (placed,), _ = call("buy", "BTCUSDT", "$20", "--at", "60000")
    finally:
        set_faults("none")
    assert (code, placed["state"]) == (0, "working")
    code, rows, _ = call("cancel", "--all")
    assert (code, [row["client_order_id"] for row in rows]) == (0, [placed["client_order_id"]])


def test_what_is_asked_is_answered_in_plain_numbers(call):
    code, rows, _ = call("markets", "--quote", "USDT")
    assert code == 0
    assert "0.000000000001" in {row["tick"] for row in rows}
    code, (book,), _ = call("book", "BTCUSDT", "--depth", "3")
    assert (code, len(book["bids"]), len(book["asks"])) == (0, 3, 3)
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    code, rows, _ = call("candles", "BTCUSDT", "--limit", "5")
    assert (code, len(rows)) == (0, 5)
    assert [row["closed"] for row in rows] == [True] * 4 + [False]


def test_doctor_finds_everything_in_order(call, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    code, rows, _ = call("doctor")
    assert code == 0
    assert {row["verdict"] for row in rows if row["check"] not in ("terminal",)} == {"ok"}


def test_doctor_knows_a_wrong_secret(call, monkeypatch):
    monkeypatch.setenv("MEXC_SECRET_KEY", "wrong")
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    code, rows, _ = call("doctor")
    assert code == 1
    (key,) = [row for row in rows if row["check"] == "API key"]
    assert key["verdict"] == "fail"
    assert "secret" in key["remedy"]
