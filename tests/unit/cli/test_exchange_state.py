"""The embedded exchange's files: what is read, refused, and told when they cannot be written."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from mexc_tui.desk.exchange.state_file import StateError, StateFile
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.exchange import Exchange
from tests.patience import eventually

PAIR = Instrument(symbol="ABCUSDT", base="ABC", quote="USDT", price_decimals=1, qty_decimals=2)


def fresh() -> Exchange:
    exchange = Exchange(start_ms=1_700_000_000_000, seed=1)
    exchange.symbols.list_symbol(PAIR)
    return exchange


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.json"


@pytest.fixture
def kept(path):
    """An exchange whose account ``ann`` is saved."""
    exchange = fresh()
    state = StateFile(path, exchange)
    state.load()
    exchange.accounts.deposit("ann", {"USDT": Decimal(1_000)})
    state.save()
    return exchange, state


def buy(exchange: Exchange, price: str = "9") -> str:
    order = exchange.orders.place(
        "ann", symbol="ABCUSDT", side=Side.BUY, type="LIMIT", price=Decimal(price), qty=Decimal(1)
    )
    return order.order_id


def loaded(path) -> Exchange:
    exchange = fresh()
    StateFile(path, exchange).load()
    return exchange


def journal(path):
    (found,) = path.parent.glob("*.journal")
    return found


def test_a_journal_that_was_cut_in_its_last_line_counts_up_to_there(kept, path):
    exchange, state = kept
    first = buy(exchange)
    state.persist()
    buy(exchange)
    state.persist()
    file = journal(path)
    file.write_bytes(file.read_bytes()[:-20])
    again = loaded(path)
    assert [order.order_id for order in again.orders.open_orders("ann")] == [first]
    assert again.accounts.unaccounted() == {}


def test_nothing_counts_that_rests_on_a_record_which_a_full_disk_cut(kept, path, monkeypatch):
    exchange, state = kept
    first = buy(exchange)
    state.persist()

    def full(_content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "_replace", full)
    state._journal.write(b'{"now_ms":17')  # all that fitted
    buy(exchange)
    state._changes.drain()
    state.save()
    buy(exchange)
    state.persist()
    assert len(list(path.parent.glob("*.journal"))) == 2
    assert not path.with_name("state.json.new").exists()
    again = loaded(path)
    assert [order.order_id for order in again.orders.open_orders("ann")] == [first]
    assert again.accounts.unaccounted() == {}


def test_a_journal_that_is_damaged_within_is_refused(kept, path):
    exchange, state = kept
    buy(exchange)
    state.persist()
    file = journal(path)
    file.write_bytes(b"{nonsense}\n" + file.read_bytes())
    with pytest.raises(StateError, match=r"journal state\.json\.1\.journal is damaged.*move it away"):
        loaded(path)


def test_a_restart_right_after_a_restart_keeps_the_journal_of_the_first_run(kept, path):
    exchange, state = kept
    first = buy(exchange)
    state.persist()
    second_run = fresh()
    second = StateFile(path, second_run)
    second.load()
    later = buy(second_run)
    second.persist()
    assert [order.order_id for order in loaded(path).orders.open_orders("ann")] == [first, later]


def test_saving_leaves_one_file_that_only_its_owner_may_read(kept, path):
    exchange, state = kept
    buy(exchange)
    state.persist()
    assert journal(path).stat().st_mode & 0o777 == 0o600
    state.close()
    assert [found.name for found in path.parent.iterdir()] == ["state.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_that_cannot_be_written_is_told_once_and_made_up_for(kept, path, monkeypatch):
    exchange, state = kept
    said = []
    state.on_problem = said.append
    full = OSError(28, "No space left on device")

    def no_space(*_, **__):
        raise full

    monkeypatch.setattr("mexc_tui.desk.exchange.state_file.FileIO", no_space)
    monkeypatch.setattr(state, "_replace", no_space)
    first = buy(exchange)
    state.persist()
    buy(exchange)
    state.persist()
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert "is lost when this program ends suddenly" in said[0]
    monkeypatch.undo()
    state.persist()
    state.save()
    assert state.problem == ""
    assert loaded(path).orders.open_orders("ann")[0].order_id == first


async def test_while_it_runs_the_whole_is_written_now_and_then_and_old_journals_go(kept, path, monkeypatch):
    exchange, state = kept
    monkeypatch.setattr("mexc_tui.desk.exchange.state_file.EVERY_S", 0.001)
    keeper = asyncio.create_task(state.keep())
    try:
        first = buy(exchange)
        state.persist()
        await eventually(lambda: not list(path.parent.glob("*.journal")))
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
    assert [order.order_id for order in loaded(path).orders.open_orders("ann")] == [first]
    assert state.problem == ""


@pytest.mark.parametrize("number", ["Infinity", "sNaN"])
def test_a_number_that_is_no_money_is_refused(kept, path, number):
    path.write_text(path.read_text().replace('"1000"', f'"{number}"'))
    with pytest.raises(StateError, match="cannot be used"):
        loaded(path)
