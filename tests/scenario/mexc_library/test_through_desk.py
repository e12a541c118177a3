"""Programs trade through a desk of its own process: its gate, its journal, its halt, and one outcome for every call."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui import DeskSession, Fact, MexcExchange, OrderType, VenueError
from mexc_tui.cli.main import main
from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.domain.errors import ErrorKind
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import OrderState
from tests.desks import desks, end_desks, frozen, gone, only_desk, program, rows, runtime_folder
from tests.patience import LIMIT_S

PAIR = "BTCUSDT"
ROOT = Path(__file__).parents[3]
STUCK = Path(__file__).with_name("stuck_desk.py")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Addresses]:
    child = ChildExchange(["--seed", "1"])
    try:
        yield child.ready()
    finally:
        child.close()


@pytest.fixture
def account(exchange: Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any) -> Iterator[None]:
    """The exchange's account, without a desk yet."""
    monkeypatch.setenv("MEXC_BASE_URL", exchange.rest)
    monkeypatch.setenv("MEXC_WS_URL", exchange.ws)
    monkeypatch.setenv("MEXC_API_KEY", exchange.api_key)
    monkeypatch.setenv("MEXC_SECRET_KEY", exchange.api_secret)
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with runtime_folder() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield
        main(["cancel", "--all"])
        end_desks(tmp_path / "state")
        capfd.readouterr()


@pytest.fixture
def desk(account: None) -> None:
    start()


def start() -> None:
    assert main(["desk", "start", "--armed"]) == 0


@pytest.fixture
def stuck(account: None, tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Start a desk that stands still in the middle of its first order; returns its process."""
    started: list[subprocess.Popen[bytes]] = []

    def run(where: str) -> int:
        process = subprocess.Popen([sys.executable, str(STUCK), where, str(tmp_path / "mark")], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert b'"ready":true' in process.stdout.readline()
        return process.pid

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT_S)


async def far_below(session: DeskSession) -> Decimal:
    return session.order_book(PAIR).bids[0].price * 9 // 10


def at_exchange() -> int:
    """How many orders the exchange itself lists."""
    done = subprocess.run(
        [sys.executable, "-m", "mexc_tui", "orders", "--direct", "--json"], capture_output=True, check=True
    )
    return len(done.stdout.splitlines())


async def refused(call: Any) -> VenueError:
    with pytest.raises(VenueError) as caught:
        await call
    return caught.value


async def test_orders_live_their_whole_life_through_the_desk(desk: None) -> None:
    async with MexcExchange.through_desk(symbols=[PAIR], name="my bot") as session:
        price = await far_below(session)
        placed = await session.place_limit_order(PAIR, "buy", "0.001", price, type=OrderType.POST_ONLY)
        assert (placed.state, placed.price, bool(placed.order_id)) == (OrderState.WORKING, price, True)
        new = await session.amend_order(placed.order_id, price=price - 1)
        assert (new.state, new.price, new.qty) == (OrderState.WORKING, price - 1, Decimal("0.001"))
        assert [order.client_order_id for order in session.open_orders] == [new.client_order_id]
        ended = await session.cancel_order(new.client_order_id)
        assert ended.state is OrderState.CANCELLED
        assert (await refused(session.cancel_order(new.client_order_id))).kind is ErrorKind.ORDER_NOT_FOUND
        several = [await session.place_limit_order(PAIR, "BUY", "0.001", price - at) for at in (2, 3)]
        gone = await session.cancel_all()
        assert {order.client_order_id for order in gone} == {order.client_order_id for order in several}
        assert session.open_orders == ()
        bought = await session.place_market_order(PAIR, "BUY", quote_qty=100)
        assert (await session.wait_finished(bought.client_order_id)).state is OrderState.FILLED
        facts: list[Fact] = []
        async with asyncio.timeout(LIMIT_S):
            async for fact in session.facts():
                facts.append(fact)
                if fact.fill is not None and sum(one.fill.qty for one in facts if one.fill) == bought.qty:
                    break
        assert [fact.seq for fact in facts] == list(range(facts[0].seq, facts[0].seq + len(facts)))
        assert {fact.command_id for fact in facts if fact.fill is not None} == {bought.command_id}
        await session._link.wait(lambda: bool(session.positions), 20)
        assert {position.asset for position in session.positions} == {"BTC"}
        assert {balance.asset for balance in session.balances} == {"BTC", "USDT"}
        (status,) = desks(os.environ)
        assert status["screens"] == 0
        asked = rows(program(os.environ, "audit", "show", "--kind", "command", "--json"))
        assert {row["client"] for row in asked if row["name"] != "Arm"} == {"program my bot"}


async def test_the_desks_gate_stands_before_every_order(desk: None) -> None:
    async with MexcExchange.through_desk(symbols=[PAIR]) as session:
        price = await far_below(session)
        error = await refused(session.place_limit_order(PAIR, "BUY", "1", price))
        assert (error.kind, error.sent, error.definite) == (ErrorKind.REFUSED_HERE, False, True)
        assert "MAX_ORDER_VALUE" in {violation.code for violation in error.violations}
        assert all(violation.message in str(error) for violation in error.violations)
        asked = await refused(session.place_limit_order(PAIR, "BUY", "0.04", price))
        assert {violation.code for violation in asked.violations} == {"CONFIRM_ORDER_VALUE"}
        placed = await session.place_limit_order(PAIR, "BUY", "0.001", price)
        error = await refused(session.amend_order(placed.client_order_id, qty=1))
        assert "MAX_ORDER_VALUE" in {violation.code for violation in error.violations}
        assert session.order(placed.client_order_id) == placed
        with pytest.raises(TypeError, match="float"):
            await session.place_limit_order(PAIR, "BUY", 0.001, price)  # type: ignore[arg-type]
        error = await refused(session.place_limit_order("NOPEUSDT", "BUY", 1, 1))
        assert "INSTRUMENT_KNOWN" in {violation.code for violation in error.violations}
    assert at_exchange() == 1


async def test_a_halted_desk_refuses_until_it_is_resumed(desk: None) -> None:
    async with MexcExchange.through_desk(symbols=[PAIR]) as session:
        price = await far_below(session)
        await session.place_limit_order(PAIR, "BUY", "0.001", price)
        swept = await session.halt("the bot sees ghosts")
        assert (swept.confirmed, swept.left, swept.verified) == (1, 0, True)
        assert session.risk is not None
        assert session.risk.state is TradingState.HALTED
        error = await refused(session.place_limit_order(PAIR, "BUY", "0.001", price))
        assert "TRADING_STATE" in {violation.code for violation in error.violations}
        assert at_exchange() == 0
        await session.resume()
        placed = await session.place_limit_order(PAIR, "BUY", "0.001", price - 1)
        assert placed.state is OrderState.WORKING


async def test_a_repeated_call_gives_the_first_outcome_and_sends_nothing_again(desk: None) -> None:
    async with MexcExchange.through_desk(symbols=[PAIR]) as session:
        price = await far_below(session)
        first = await session.place_limit_order(PAIR, "BUY", "0.001", price, command_id="bot-1")
        again = await session.place_limit_order(PAIR, "BUY", "0.001", price, command_id="bot-1")
        assert again.client_order_id == first.client_order_id
        denied = await refused(session.place_limit_order(PAIR, "BUY", "1", price, command_id="bot-2"))
        repeated = await refused(session.place_limit_order(PAIR, "BUY", "1", price, command_id="bot-2"))
        assert repeated.violations == denied.violations
        kill(session)
        start()
        await session._link.wait(lambda: not session._link.cut and session._ready(), LIMIT_S)
        after = await session.place_limit_order(PAIR, "BUY", "0.001", price, command_id="bot-1")
        assert after.client_order_id == first.client_order_id
    assert at_exchange() == 1


def kill(session: DeskSession) -> None:
    pid = session._link.info.pid
    os.kill(pid, signal.SIGKILL)
    gone(pid)


async def test_a_desk_killed_after_sending_ends_in_the_order_that_stands_there(stuck: Any, tmp_path: Path) -> None:
    pid = stuck("after")
    async with MexcExchange.through_desk(symbols=[PAIR]) as session:
        placing = asyncio.create_task(session.place_limit_order(PAIR, "BUY", "0.001", await far_below(session)))
        await marked(tmp_path)
        os.kill(pid, signal.SIGKILL)
        await session._link.wait(lambda: not session.connected, LIMIT_S)
        await asyncio.to_thread(start)
        placed = await placing
        assert placed.state is OrderState.WORKING
        assert at_exchange() == 1
        assert (await session.cancel_order(placed.order_id)).state is OrderState.CANCELLED


async def test_a_desk_killed_before_sending_ends_unknown_and_is_not_sent_by_the_next(
    stuck: Any, tmp_path: Path
) -> None:
    pid = stuck("before")
    async with MexcExchange.through_desk(symbols=[PAIR], outcome_within_s=1.0) as session:
        price = await far_below(session)
        placing = asyncio.create_task(session.place_limit_order(PAIR, "BUY", "0.001", price, command_id="bot-1"))
        await marked(tmp_path)
        error = await refused(placing)
        assert (error.kind, error.sent, error.definite) == (ErrorKind.OUTCOME_UNKNOWN, True, False)
        assert any("bot-1" in note for note in error.__notes__)
        os.kill(pid, signal.SIGKILL)
        await session._link.wait(lambda: not session.connected, LIMIT_S)
        await asyncio.to_thread(start)
        await session._link.wait(lambda: session.connected and session._ready(), LIMIT_S)
        error = await refused(session.place_limit_order(PAIR, "BUY", "0.001", price, command_id="bot-1"))
        assert error.kind is ErrorKind.OUTCOME_UNKNOWN
        assert at_exchange() == 0


async def test_what_a_desk_never_read_was_not_sent(desk: None) -> None:
    async with MexcExchange.through_desk(symbols=[PAIR]) as session:
        price = await far_below(session)
        pid = only_desk(os.environ)["pid"]
        with frozen(pid):
            placing = asyncio.create_task(session.place_limit_order(PAIR, "BUY", "0.001", price))
            await session._link.wait(lambda: bool(session._link._client._open), LIMIT_S)  # type: ignore[union-attr]
            os.kill(pid, signal.SIGKILL)
        await session._link.wait(lambda: not session.connected, LIMIT_S)
        assert (await refused(session.place_limit_order(PAIR, "BUY", "0.001", price))).sent is False
        with pytest.raises(VenueError, match="cannot be said"):
            session.open_orders  # noqa: B018
        await asyncio.to_thread(start)
        error = await refused(placing)
        assert (error.sent, error.definite) == (False, True)
        assert "before it recorded" in str(error)
        assert at_exchange() == 0


async def test_the_configured_desk_is_started_for_the_moment_with_the_limits_of_the_config_file(
    account: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("[limits]\nmax_order_value = 70\nconfirm_order_value = 60\n")
    assert desks(os.environ) == []
    async with MexcExchange.through_desk(symbols=[PAIR], start=True) as session:
        price = await far_below(session)
        error = await refused(session.place_limit_order(PAIR, "BUY", "0.01", price))
        assert "MAX_ORDER_VALUE" in {violation.code for violation in error.violations}
        placed = await session.place_limit_order(PAIR, "BUY", "0.001", price)
        async with MexcExchange.through_desk() as other:
            assert [order.order_id for order in other.open_orders] == [placed.order_id]
        assert (await session.cancel_order(placed.order_id)).state is OrderState.CANCELLED
    with monkeypatch.context() as without_key:
        without_key.delenv("MEXC_API_KEY")
        without_key.delenv("MEXC_SECRET_KEY")
        with pytest.raises(VenueError, match="needs a key"):
            async with MexcExchange.through_desk(start=True):
                pytest.fail("it must not open")


async def test_without_a_desk_nothing_is_placed_and_it_says_how_to_start_one(account: None) -> None:
    with pytest.raises(VenueError, match="No desk runs") as caught:
        async with MexcExchange.through_desk():
            pytest.fail("it must not open")
    assert "mexc-tui desk start" in caught.value.remedy
    assert not caught.value.sent


def test_the_program_of_the_readme_runs_as_it_stands(desk: None, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (text,) = [block for block in blocks if "through_desk" in block]
    (tmp_path / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(tmp_path / "program.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    # On a busy machine the loop tells of steps that took long.
    said = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, said) == (0, [])
    printed = done.stdout.splitlines()
    assert printed[0] == "cancelled"
    assert "nothing of it was filled" in printed[-1]


async def marked(folder: Path) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not (folder / "mark").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
