"""The journal as evidence: every part of an order's life told, exported without formulas, saved and brought back."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import sqlite3
import tarfile
from decimal import Decimal
from pathlib import Path

import pytest

from mexc_tui.cli.main import main
from mexc_tui.desk import audit
from mexc_tui.desk.errors import DeskError
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Side
from mexc_tui.kernel.records import CommandRecord, DenialRecord, FillRecord, IntentRecord, OrderRecord, StateRecord
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
        IntentRecord(order=order(1, OrderState.PENDING), command_id="c1", wall_ms=3),
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
    assert "screen-7 (trade) asked: PlaceOrder" in told
    assert "buy 0.5 BTCUSDT at 60000, maker, fee 0.0001 BTC" in told


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
