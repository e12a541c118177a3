"""The journal as evidence: every part of an order's life told, exported without formulas, saved and brought back."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import sqlite3
import sys
import tarfile
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mexc_tui.cli.main import main
from mexc_tui.config.paths import vault_file
from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.config.vault import Account, Vault
from mexc_tui.desk import audit
from mexc_tui.desk.errors import DeskError
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.records import (
    CommandRecord,
    CostRecord,
    DenialRecord,
    FillRecord,
    Heard,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    Record,
    StateRecord,
    Way,
)
from mexc_tui.store.accounts import known_folder, remember_key
from mexc_tui.store.archive import write_segment
from mexc_tui.store.database import Database
from mexc_tui.store.lock import journal_lock
from mexc_tui.store.upgrade import ARCHIVE


def order(number: int, state: OrderState, **changes: object) -> Order:
    return Order(
        client_order_id=f"mtui-a-{number}",
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=state,
        created_ms=1,
        updated_ms=1,
        qty=Decimal("0.5"),
        price=Decimal(60_000),
        **changes,
    )


FILL = Fill(
    trade_id="=HYPERLINK(1)",
    order_id="X-1",
    client_order_id="mtui-a-1",
    symbol="BTCUSDT",
    side=Side.BUY,
    price=Decimal(60_000),
    qty=Decimal("0.5"),
    quote_qty=Decimal(30_000),
    fee=Decimal("0.0001"),
    fee_asset="BTC",
    is_maker=True,
    time_ms=1_700_000_000_123,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "account" / "journal.db"
    path.parent.mkdir()
    records = (
        StateRecord(name="trading_state", value="active", wall_ms=1),
        CommandRecord(command_id="c1", name="PlaceOrder", details="{}", client="screen-7", role="trade", wall_ms=2),
        IntentRecord(order=order(1, OrderState.PENDING, owner="script"), command_id="c1", wall_ms=3),
        DenialRecord(
            order=order(2, OrderState.DENIED), codes=("ARMED",), messages=("It is locked.",), book_version=9, wall_ms=4
        ),
        OrderRecord(order=order(1, OrderState.WORKING, order_id="X-1"), wall_ms=5),
        CommandRecord(
            command_id="c2",
            name="CancelOrder",
            details='{"client_order_id":"mtui-a-1"}',
            client="cli",
            role="trade",
            wall_ms=6,
        ),
        FillRecord(fill=FILL, base="BTC", quote="USDT", fee_quote=None, wall_ms=7),
        OrderRecord(order=order(1, OrderState.FILLED, order_id="X-1", filled_qty=Decimal("0.5")), wall_ms=8),
    )
    with contextlib.closing(Database(path)) as journal:
        journal.append(records)
        journal.add_segment(write_segment(path.parent / ARCHIVE, journal.journal_id, 3, journal.rows(1, 3)))
        journal.drop_archived(9)
    return path


def test_one_order_is_told_from_the_command_to_its_end(path: Path) -> None:
    for name in ("mtui-a-1", "X-1", "a-1"):
        assert [one.seq for one in audit.explain(path, name)] == [1, 2, 3, 5, 6, 7, 8]
    assert [one.kind for one in audit.explain(path, "a-2")] == ["denial"]
    told = "\n".join(one.text for one in audit.explain(path, "a-1"))
    assert "(mtui-a-1), of a script" in told
    assert "screen-7 (trade) asked: PlaceOrder" in told
    assert "buy 0.5 BTCUSDT at 60000, maker, fee 0.0001 BTC" in told


def journal_of(folder: Path, *records: Record) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(Database(folder / "journal.db")) as journal:
        journal.append(records)
    return folder / "journal.db"


def asked(command_id: str, name: str, at: int, order: str = "") -> CommandRecord:
    details = json.dumps({"client_order_id": order} if order else {})
    return CommandRecord(command_id=command_id, name=name, details=details, client="bot", role="trade", wall_ms=at)


def test_an_order_is_told_with_what_the_exchange_said_how_and_when_up_to_the_comparison(tmp_path: Path) -> None:
    day = 1_700_000_000_000
    path = journal_of(
        tmp_path,
        asked("c1", "PlaceOrder", day),
        IntentRecord(order=order(1, OrderState.PENDING), command_id="c1", wall_ms=day),
        OrderRecord(order=order(1, OrderState.WORKING, order_id="X-1"), wall_ms=day + 1, heard=Heard(Way.ANSWER)),
        OrderRecord(
            order=order(1, OrderState.WORKING, order_id="X-1"),
            wall_ms=day + 2,
            heard=Heard(Way.ANSWER, said="code 700: not now"),
        ),
        FillRecord(fill=FILL, base="BTC", quote="USDT", fee_quote=None, wall_ms=day + 200, way=Way.PUSH),
        OrderRecord(
            order=replace(order(1, OrderState.FILLED, order_id="X-1"), updated_ms=day + 150),
            wall_ms=day + 201,
            heard=Heard(Way.LOOK_UP, day + 150),
        ),
        StateRecord(name="compared", value=str(day + 149), wall_ms=day + 300),
        HoldingRecord(asset="ETH", total=Decimal(1), wall_ms=day + 400, since_ms=day + 390, time_ms=day + 400),
        HoldingRecord(asset="BTC", total=Decimal("0.5"), wall_ms=day + 401, since_ms=day + 390, time_ms=day + 400),
        StateRecord(name="compared", value=str(day + 1_000), wall_ms=day + 400_000),
        HoldingRecord(asset="BTC", total=Decimal(2), wall_ms=day + 400_001, since_ms=day + 2_000, time_ms=day + 3_000),
    )
    told = audit.explain(path, "a-1")
    assert [one.seq for one in told] == [1, 2, 3, 4, 5, 6, 9, 10]
    assert told[2].text.endswith("[the exchange's answer]")
    assert told[3].text.endswith("[the exchange's answer: code 700: not now]")
    assert told[4].text.endswith("[pushed by the exchange, dated 2023-11-14T22:13:20.123Z]")
    assert told[5].text.endswith("[looked up at the exchange, dated 2023-11-14T22:13:20.150Z]")
    assert "agree with the exchange's up to 2023-11-14T22:13:21.000Z" in told[7].text


def test_an_amended_order_names_what_it_became_and_what_it_was(tmp_path: Path) -> None:
    path = journal_of(
        tmp_path,
        asked("c1", "PlaceOrder", 1),
        IntentRecord(order=order(1, OrderState.PENDING), command_id="c1", wall_ms=2),
        OrderRecord(order=order(1, OrderState.WORKING, order_id="X-1"), wall_ms=3),
        asked("c2", "AmendOrder", 4, "mtui-a-1"),
        DenialRecord(
            order=order(1, OrderState.WORKING, order_id="X-1"),
            codes=("MAX_ORDER_VALUE",),
            messages=("Too large.",),
            book_version=9,
            wall_ms=5,
            command_id="c2",
        ),
        asked("c3", "AmendOrder", 6, "mtui-a-1"),
        OrderRecord(order=order(1, OrderState.CANCELLED, order_id="X-1"), wall_ms=7),
        IntentRecord(order=order(2, OrderState.PENDING), command_id="c3", wall_ms=8),
        OrderRecord(order=order(2, OrderState.WORKING, order_id="X-2"), wall_ms=9),
    )
    first, second = audit.explain(path, "mtui-a-1"), audit.explain(path, "mtui-a-2")
    assert [one.seq for one in first] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert "amendment refused, it works on" in first[4].text
    assert "goes on as another order" in first[-1].text
    assert "mtui-a-2" in first[-1].text
    assert [one.seq for one in second] == [6, 8, 9]
    assert "in place of mtui-a-1" in second[1].text


def test_a_refused_order_is_told_with_who_asked_for_it(tmp_path: Path) -> None:
    path = journal_of(
        tmp_path,
        asked("c1", "PlaceOrder", 1),
        DenialRecord(
            order=order(1, OrderState.DENIED),
            codes=("ARMED",),
            messages=("It is locked.",),
            book_version=9,
            wall_ms=2,
            command_id="c1",
        ),
    )
    assert [one.seq for one in audit.explain(path, "a-1")] == [1, 2]


@pytest.mark.parametrize("name", ["mtui-a", "", "nothing"])
def test_a_name_that_means_no_order_or_several_is_refused(path: Path, name: str) -> None:
    with pytest.raises(DeskError, match="called"):
        audit.explain(path, name)


def test_verify_says_the_head_and_knows_earlier_ones(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(("audit", "verify", "--journal", str(path), "--json")) == 0
    row = json.loads(capfd.readouterr().out)
    assert row["records"] == 8
    with contextlib.closing(Database(path)) as journal:
        journal.append([StateRecord(name="n", value="", wall_ms=9)])
    assert main(("audit", "verify", "--journal", str(path), "--head", row["head"])) == 0
    assert main(("audit", "verify", "--journal", str(path), "--head", "00" * 16)) == 1
    assert main(("audit", "verify", "--journal", str(path), "--head", "no")) == 2


def test_fills_are_exported_exactly_and_never_as_formulas(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(("audit", "export", "--journal", str(path))) == 0
    (row,) = csv.DictReader(io.StringIO(capfd.readouterr().out))
    assert row["time"] == "2023-11-14T22:13:20.123Z"
    assert (row["qty"], row["price"], row["amount"]) == ("0.5", "60000", "30000")
    assert (row["fee"], row["fee_asset"], row["fee_in_quote"]) == ("0.0001", "BTC", "")
    assert row["trade_id"] == "'=HYPERLINK(1)"


def execution(
    trade: str, side: Side, qty: str, price: str, at: int, fee: str, fee_asset: str, **more: object
) -> Record:
    fill = replace(
        FILL,
        trade_id=trade,
        side=side,
        qty=Decimal(qty),
        price=Decimal(price),
        quote_qty=Decimal(qty) * Decimal(price),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        time_ms=at,
        symbol=str(more.pop("symbol", "BTCUSDT")),
    )
    usual: dict[str, object] = {"base": "BTC", "quote": "USDT", "fee_quote": None, "wall_ms": 1, "currency": "USDT"}
    return FillRecord(fill=fill, **(usual | more))  # type: ignore[arg-type]


def test_the_tax_file_tells_costs_results_and_fees_where_they_are_known(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fee = {"fee_quote": Decimal(1)}
    late = execution("T1", Side.BUY, "1", "100", 1, "1", "USDT", **fee)
    path = journal_of(
        tmp_path,
        execution("T2", Side.SELL, "0.5", "200", 2, "1", "USDT", **fee),
        late,
        late,
        execution("T3", Side.SELL, "1", "200", 3, "1", "USDT", **fee),
        execution("T4", Side.BUY, "1", "100", 4, "0.1", "MX"),
        execution(
            "T5",
            *(Side.BUY, "2", "0.05", 5, "0.001", "BTC"),
            **{"symbol": "ETHBTC", "base": "ETH", "quote": "BTC"},
            **{"fee_quote": Decimal("0.001"), "quote_price": Decimal(300)},
        ),
        execution("T6", Side.BUY, "1", "100", 6, "1", "USDT", fee_quote=Decimal(1), currency=""),
        CostRecord(
            symbol="XUSDT",
            base="X",
            quote="USDT",
            qty=Decimal(2),
            cost=Decimal(8),
            whole=True,
            time_ms=6,
            wall_ms=6,
        ),
        execution("T7", Side.SELL, "1", "5", 7, "0", "USDT", symbol="XUSDT", base="X", fee_quote=Decimal(0)),
        execution("T8", Side.BUY, "1", "5", 8, "1", "USDT", symbol="GONE", base="", quote="", currency=""),
    )
    assert main(("audit", "export", "--journal", str(path))) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    named = [(row["trade_id"], row["cost_in_quote"], row["result_in_quote"], row["fee_in_currency"]) for row in rows]
    assert named == [
        ("T1", "101", "", "1"),
        ("T2", "50.5", "48.5", "1"),  # 100 less a fee of 1, less half of what 101 bought
        ("T3", "", "", "1"),  # half of it was never bought here
        ("T4", "", "", ""),  # the fee has no value
        ("T5", "0.101", "", "0.3"),
        ("T6", "101", "", ""),  # the account's currency was not recorded yet
        ("T7", "4", "1", "0"),
        ("T8", "", "", ""),
    ]
    assert [row["currency"] for row in rows] == ["USDT"] * 5 + ["", "USDT", ""]
    assert rows[0]["time"] == "1970-01-01T00:00:00.001Z"


def test_the_journal_of_an_account_of_the_vault_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("mexc_tui.cli.main.start_last_resort", lambda: None)
    keys = {"api_key": Secret("mx0abc"), "secret_key": Secret("s3cret")}
    here = {"base_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
    accounts = {name: Account(name=name, **keys, **here) for name in ("main", "new")}  # type: ignore[arg-type]
    accounts["new"] = replace(accounts["new"], api_key=Secret("mx0other"))
    vault = Vault.create(vault_file(), Secret("correct horse"), cost=4)
    for account in accounts.values():
        vault.put(account)
    remember_key(here["base_url"], Credentials(**keys), "77")
    folder = known_folder(VenueKind.LOCAL, here["base_url"], Credentials(**keys))
    assert folder is not None
    journal_of(folder, StateRecord(name="trading_state", value="active", wall_ms=1))

    def run(name: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"correct horse\n")))
        return main(("audit", "verify", "--account", name, "--json"))

    assert run("main") == 0
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["records"] == 1
    assert run("new") == 2
    assert "no journal yet" in capfd.readouterr().err
    assert run("nobody") == 2


@pytest.mark.parametrize(("form", "lines"), [("json", 8), ("csv", 9)])
def test_every_record_is_exported_to_a_new_private_file(path: Path, tmp_path: Path, form: str, lines: int) -> None:
    to = tmp_path / "out"
    assert main(("audit", "export", "--journal", str(path), "--format", form, "--to", str(to))) == 0
    assert len(to.read_text().splitlines()) == lines
    assert to.stat().st_mode & 0o777 == 0o600
    assert main(("audit", "export", "--journal", str(path), "--to", str(to))) == 1


def test_show_prints_the_last_of_a_kind(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(("audit", "show", "--journal", str(path), "--kind", "order", "-n", "1", "--json")) == 0
    assert json.loads(capfd.readouterr().out)["seq"] == 8
    assert main(("audit", "show", "--journal", str(path), "--kind", "nonsense")) == 2


def test_a_backup_beside_a_writer_is_restored_whole(path: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar.gz"
    with contextlib.closing(Database(path)) as journal:
        found = audit.back_up(path, saved)
        journal.append([StateRecord(name="later", value="", wall_ms=9)])
    assert saved.stat().st_mode & 0o777 == 0o600
    assert audit.restore(saved, path) == found
    assert audit.check(path) == found
    (aside,) = path.parent.glob("before-restore-*")
    assert audit.check(aside / "journal.db").records == 9
    assert sorted(one.name for one in tmp_path.iterdir()) == ["account", "saved.tar.gz"]


def test_a_backup_names_the_head_it_holds_and_a_failed_one_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(Database(path)) as journal:
        segments = Database.segments

        def later(self: Database) -> object:
            journal.append([StateRecord(name="later", value="", wall_ms=9)])
            return segments(self)

        monkeypatch.setattr(Database, "segments", later)
        found = audit.back_up(path, tmp_path / "saved")
        monkeypatch.undo()
    assert audit.restore(tmp_path / "saved", path) == found

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "add", full)
    with pytest.raises(DeskError, match="No space left"):
        audit.back_up(path, tmp_path / "second")
    with pytest.raises(DeskError, match="exists"):
        audit.back_up(path, tmp_path / "saved")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["account", "saved"]


def test_nothing_is_restored_under_a_desk(path: Path, tmp_path: Path) -> None:
    audit.back_up(path, tmp_path / "saved")
    lock = journal_lock(path.with_suffix(".lock"))
    with pytest.raises(DeskError, match="Another desk"):
        audit.restore(tmp_path / "saved", path)
    lock.release()


def test_a_backup_that_was_changed_or_is_none_replaces_nothing(path: Path, tmp_path: Path) -> None:
    before = audit.check(path)
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "journal.db").write_bytes(path.read_bytes())
    with contextlib.closing(sqlite3.connect(changed / "journal.db")) as connection:
        connection.executescript("DROP TRIGGER journal_keeps_words; UPDATE journal SET wall_ms = 0 WHERE seq = 5")
    for number, names in enumerate((["../journal.db"], ["journal.db"], [], ["archive/../../x", "journal.db"])):
        saved = tmp_path / f"{number}.tar.gz"
        with tarfile.open(saved, "w:gz") as tar:
            for name in names:
                tar.add(changed / "journal.db", name)
        with pytest.raises(DeskError):
            audit.restore(saved, path)
        assert audit.check(path) == before
    (tmp_path / "text").write_text("text")
    with pytest.raises(DeskError):
        audit.restore(tmp_path / "text", path)
    assert audit.check(path) == before
