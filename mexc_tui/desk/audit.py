"""A journal as evidence: checked, read beside a desk that runs, told order by order, saved and brought back."""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mexc_tui.config.environment import credentials
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.desk.choice import configured_choice
from mexc_tui.desk.errors import USAGE, DeskError
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Order, Origin
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.records import (
    CommandRecord,
    CostRecord,
    DenialRecord,
    FillRecord,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    Record,
    StateRecord,
)
from mexc_tui.store.accounts import JOURNAL, LOCK, known_folder, paper_folder
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalError
from mexc_tui.store.head import HEAD
from mexc_tui.store.lock import journal_lock
from mexc_tui.store.upgrade import ARCHIVE

MOST_RESTORED = 4 << 30
"""Bytes that a backup may unpack to."""
_KINDS: dict[type[Record], str] = {
    CommandRecord: "command",
    IntentRecord: "intent",
    OrderRecord: "order",
    DenialRecord: "denial",
    FillRecord: "fill",
    StateRecord: "state",
    HoldingRecord: "holding",
    CostRecord: "cost",
}
KINDS = tuple(_KINDS.values())
_ORIGINS = {
    Origin.HERE: "",
    Origin.ELSEWHERE: ", placed elsewhere",
    Origin.ASKED: ", placed elsewhere, asked whether to adopt it",
    Origin.LEFT: ", placed elsewhere, left so",
    Origin.ADOPTED: ", placed elsewhere, adopted",
}
_TOUCH_ALL = ("CancelAll", "Flatten", "Halt")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a journal, told."""

    seq: int
    wall_ms: int
    kind: str
    text: str
    record: Record


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole journal comes to. ``head`` is the link that covers all its records."""

    path: Path
    records: int
    head: str


def account_journal(file: SettingsFile, *, paper: bool) -> Path:
    """Return the journal of the configured account, or of the paper account.

    Raises:
        ConfigError: settings or keys cannot be used.
        DeskError: there is none yet.
    """
    choice = configured_choice(file)
    if paper or choice.kind is VenueKind.PAPER:
        folder: Path | None = paper_folder(choice.upstream)
    else:
        folder = known_folder(choice.kind, choice.upstream, credentials(os.environ))
    if folder is None or not (folder / JOURNAL).exists():
        raise DeskError("This account has no journal yet: nothing has been traded with it here.", USAGE)
    return folder / JOURNAL


def demo_journal() -> Path:
    """Return the journal of the latest demo.

    Raises:
        DeskError: there is none.
    """
    found = (state_folder() / VenueKind.DEMO.value).glob(f"*/{JOURNAL}")
    latest = max(found, key=lambda path: path.stat().st_mtime, default=None)
    if latest is None:
        raise DeskError("There is no journal of a demo.", USAGE)
    return latest


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Database]:
    if not path.is_file():
        raise DeskError(f"There is no journal at {path}.", USAGE)
    try:
        database = Database(path, reading=True)
        try:
            yield database
        finally:
            database.close()
    except JournalError as error:
        raise DeskError(str(error)) from None


def check(path: Path, noted: str = "") -> Checked:
    """Check every record and every link of the chain; the journal may be in use. ``noted`` is a head it had once.

    Raises:
        DeskError: it is not as it was written, naming the first entry that is not; or it never had that head.
    """
    with _opened(path) as journal:
        try:
            head = bytes.fromhex(noted)
        except ValueError:
            raise DeskError(f"{noted[:64]!r} is not the head of a journal.", USAGE) from None
        if not journal.verify(head) and noted:
            raise DeskError(f"{path} never had the head {noted[:64]}: records that it covered are not there.")
        for _ in journal.replay():
            pass
        return Checked(path=path, records=journal.last, head=journal.head.hex())


def entries(path: Path) -> Iterator[Entry]:
    """Give every record, oldest first; the journal may be in use.

    Raises:
        DeskError: it cannot be read.
    """
    with _opened(path) as journal:
        for seq, record in enumerate(journal.replay(), start=1):
            yield Entry(seq=seq, wall_ms=record.wall_ms, kind=_KINDS[type(record)], text=_told(record), record=record)


FILL_COLUMNS = (
    *("time", "symbol", "base", "quote", "side", "qty", "price", "amount", "fee", "fee_asset", "fee_in_quote"),
    *("maker", "order_id", "client_order_id", "trade_id"),
)


def fill_rows(path: Path) -> Iterator[tuple[str, ...]]:
    """Give every execution as texts of ``FILL_COLUMNS``, in the order of the journal; what is not known is empty.

    Raises:
        DeskError: the journal cannot be read.
    """
    for entry in entries(path):
        record = entry.record
        if isinstance(record, FillRecord):
            fill = record.fill
            yield (
                utc(fill.time_ms),
                fill.symbol,
                record.base,
                record.quote,
                fill.side.value.lower(),
                plain(fill.qty),
                plain(fill.price),
                plain(fill.quote_qty),
                plain(fill.fee),
                fill.fee_asset,
                "" if record.fee_quote is None else plain(record.fee_quote),
                "yes" if fill.is_maker else "no",
                fill.order_id,
                fill.client_order_id,
                fill.trade_id,
            )


def utc(time_ms: int) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def explain(path: Path, name: str) -> list[Entry]:
    """Return everything about one order, oldest first: who asked for it, the verdict, each change, each fill.

    ``name`` is its client order id, the exchange's id, or the end of one of them that only it has.

    Raises:
        DeskError: no order, or several, are called so.
    """
    found: dict[str, None] = {}
    for entry in entries(path):
        order = _order_of(entry.record)
        if order is not None and (order.client_order_id.endswith(name) or order.order_id.endswith(name)):
            found[order.client_order_id] = None
    exact = [one for one in found if one == name] or list(found)
    if len(exact) != 1:
        what = f"{len(exact)} orders are" if exact else "No order is"
        raise DeskError(f"{what} called {name[:60]!r} in {path}.", USAGE)
    return _life(path, exact[0])


def _life(path: Path, client_order_id: str) -> list[Entry]:
    """Return what was recorded of an order, and while it was live whatever may have touched it."""
    named = msgspec.json.encode(client_order_id).decode()
    ids: set[str] = set()
    live, last_state, life = False, None, []
    commands: dict[str, Entry] = {}
    for entry in entries(path):
        match entry.record:
            case CommandRecord(command_id=given, name=name, details=details):
                commands[given] = entry
                if live and (name in _TOUCH_ALL or named in details):
                    life.append(entry)
            case IntentRecord(order=order, command_id=given) if order.client_order_id == client_order_id:
                live = True
                life += [one for one in (last_state, commands.get(given)) if one is not None] + [entry]
            case DenialRecord(order=order) | OrderRecord(order=order) if order.client_order_id == client_order_id:
                ids.add(order.order_id)
                live = order.state.may_be_live
                life.append(entry)
            case FillRecord(fill=fill) if fill.client_order_id == client_order_id or fill.order_id in ids - {""}:
                life.append(entry)
            case StateRecord(name="trading_state"):
                last_state = entry
                life += [entry] if live else []
    return life


def _order_of(record: Record) -> Order | None:
    return record.order if isinstance(record, IntentRecord | OrderRecord | DenialRecord) else None


def _told(record: Record) -> str:
    match record:
        case CommandRecord():
            return f"{record.client} ({record.role}) asked: {record.name} {record.details}"
        case IntentRecord():
            return f"recorded before sending: {_words(record.order)}"
        case DenialRecord():
            return f"refused: {_words(record.order)}: {' '.join(record.messages)} [{', '.join(record.codes)}]"
        case OrderRecord():
            order = record.order
            why = f": {order.reason}" if order.reason else ""
            return (
                f"{order.state.value}, {plain(order.filled_qty)} filled: {_words(order)}{_ORIGINS[order.origin]}{why}"
            )
        case FillRecord():
            fill = record.fill
            how = "maker" if fill.is_maker else "taker"
            return (
                f"{fill.side.value.lower()} {plain(fill.qty)} {fill.symbol} at {plain(fill.price)}, {how}, fee "
                f"{plain(fill.fee)} {fill.fee_asset}, trade {fill.trade_id}, order {fill.order_id}"
            )
        case StateRecord():
            return f"{record.name}: {record.value}"
        case HoldingRecord():
            return f"held after a comparison: {plain(record.total)} {record.asset}"
        case CostRecord():
            part = "all that is held" if record.whole else "a holding of unknown cost"
            money = f"{plain(record.cost)} {record.quote}"
            return f"said of {part}: {plain(record.qty)} {record.base} cost {money}"


def _words(order: Order) -> str:
    size = f"{plain(order.quote_qty)} worth of" if order.quote_qty is not None else plain(order.qty or order.filled_qty)
    price = "" if order.price is None else f" at {plain(order.price)}"
    name = f"{order.client_order_id}{f', {order.order_id}' if order.order_id else ''}"
    return f"{order.type.word} {order.side.value.lower()} {size} {order.symbol}{price} ({name})"


def back_up(path: Path, target: Path) -> Checked:
    """Write journal and archive into one new file, readable by its owner only; the journal may be in use.

    Raises:
        DeskError: the journal is not sound, or the file exists or cannot be written; nothing half written is left.
    """
    copy = target.with_name(f"{target.name}.journal")
    begun = False
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        begun = True
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as to:
                source.backup(to)
            tar.add(copy, JOURNAL)
            with _opened(copy) as journal:
                found = Checked(path=path, records=journal.last, head=journal.head.hex())
                for segment in journal.segments():
                    tar.add(path.parent / ARCHIVE / segment.name, f"{ARCHIVE}/{segment.name}")
        check(path, found.head if found.records else "")
        begun = False
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise DeskError(f"The backup {target} could not be written: {error}. The journal is as it was.") from None
    finally:
        copy.unlink(missing_ok=True)
        if begun:
            target.unlink(missing_ok=True)
    return found


def restore(source: Path, path: Path) -> Checked:
    """Put a backup in place of an account's journal, which is moved aside; the account's desk must not run.

    Raises:
        DeskError: the desk runs, or the backup is not sound or cannot be put there; the journal is as it was.
    """
    folder = private_folder(path.parent)
    try:
        lock = journal_lock(folder / LOCK)
    except JournalError as error:
        raise DeskError(str(error)) from None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    beside = private_folder(folder.with_name(f"{folder.name}.restoring"))
    try:
        _unpack(source, beside)
        found = check(beside / JOURNAL)
        aside = private_folder(folder / f"before-restore-{stamp}")
        for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", "journal.snapshot", HEAD, ARCHIVE):
            if (folder / name).exists():
                (folder / name).rename(aside / name)
        for name in (ARCHIVE, JOURNAL):
            if (beside / name).exists():
                (beside / name).rename(folder / name)
        return msgspec.structs.replace(found, path=path)
    except (OSError, tarfile.TarError) as error:
        raise DeskError(f"The backup {source} could not be restored: {error}.") from None
    finally:
        for left in sorted(beside.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() else left.unlink()
        beside.rmdir()
        lock.release()


def _unpack(source: Path, folder: Path) -> None:
    """Take the journal and its archive out of a backup, and nothing else that may be in it."""
    private_folder(folder / ARCHIVE)
    room = MOST_RESTORED
    with tarfile.open(source, "r:gz") as tar:
        for member in tar:
            parts = Path(member.name).parts
            known = parts == (JOURNAL,) or (len(parts) == 2 and parts[0] == ARCHIVE and parts[1] not in (".", ".."))
            content = tar.extractfile(member) if known and member.isfile() else None
            room -= member.size
            if content is None or room < 0:
                raise DeskError(f"{source} is not a backup of a journal.", USAGE)
            with contextlib.closing(content), open(folder / Path(*parts), "xb", opener=_private) as file:
                while piece := content.read(io.DEFAULT_BUFFER_SIZE * 16):
                    file.write(piece)
    if not (folder / JOURNAL).exists():
        raise DeskError(f"{source} is not a backup of a journal.", USAGE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
