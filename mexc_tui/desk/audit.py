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
from msgspec.structs import replace

from mexc_tui.config.environment import credentials
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.config.settings import Credentials
from mexc_tui.config.vault import Account
from mexc_tui.desk.choice import configured_choice
from mexc_tui.desk.errors import USAGE, DeskError
from mexc_tui.desk.plan import is_local
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Order, Origin
from mexc_tui.domain.owners import told
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.history import COMPARED
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
_WAYS = {
    Way.ANSWER: "the exchange's answer",
    Way.PUSH: "pushed by the exchange",
    Way.LOOK_UP: "looked up at the exchange",
    Way.RECONCILE: "found in a comparison with the exchange",
    Way.FILL: "by its execution",
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


def vault_journal(account: Account) -> Path:
    """Return the journal of an account of the vault.

    Raises:
        DeskError: there is none yet.
    """
    local = is_local(account.base_url)
    kind = VenueKind.LOCAL if local and account.mode != "live" else VenueKind.LIVE
    keys = Credentials(api_key=account.api_key, secret_key=account.secret_key)
    folder = known_folder(kind, account.base_url, keys)
    if folder is None or not (folder / JOURNAL).exists():
        raise DeskError(f"The account {account.name} has no journal yet: nothing has been traded with it here.", USAGE)
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
    life = _Life(client_order_id)
    for entry in entries(path):
        life.take(entry)
    return life.entries


class _Life:
    """One order, put together while records pass by in their order."""

    def __init__(self, client_order_id: str) -> None:
        self.entries: list[Entry] = []
        self._name = client_order_id
        self._ids: set[str] = set()
        self._assets: set[str] = set()
        """Of which its end is not yet part of what was compared."""
        self._live = False
        self._ended_ms: int | None = None
        """When the exchange dates its end; None while it is not over, and once a comparison beyond it was recorded."""
        self._state: Entry | None = None
        self._commands: dict[str, Entry] = {}
        self._amends: set[str] = set()
        """Commands that were to amend this order."""

    def take(self, entry: Entry) -> None:
        """Take in the next record of the journal."""
        match entry.record:
            case CommandRecord():
                self._command(entry, entry.record)
            case IntentRecord():
                self._intent(entry, entry.record)
            case DenialRecord(order=order, command_id=given) if order.client_order_id == self._name:
                asked = self._commands.get(given)
                self.entries += [one for one in (asked,) if one is not None and one not in self.entries] + [entry]
            case OrderRecord(order=order) if order.client_order_id == self._name:
                self._ids.add(order.order_id)
                self._live = order.state.may_be_live
                self._ended_ms = None if self._live else order.updated_ms
                self.entries.append(entry)
            case FillRecord(fill=fill) if fill.client_order_id == self._name or fill.order_id in self._ids - {""}:
                self._assets |= {entry.record.base, entry.record.quote} - {""}
                self.entries.append(entry)
            case StateRecord(name="trading_state"):
                self._state = entry
                self.entries += [entry] if self._live else []
            case StateRecord() | HoldingRecord() as record:
                self._compared(entry, record)

    def _command(self, entry: Entry, record: CommandRecord) -> None:
        self._commands[record.command_id] = entry
        named = f'"{self._name}"' in record.details
        if named and record.name == "AmendOrder":
            self._amends.add(record.command_id)
        if self._live and (named or record.name in _TOUCH_ALL):
            self.entries.append(entry)

    def _intent(self, entry: Entry, record: IntentRecord) -> None:
        asked = self._commands.get(record.command_id)
        if record.command_id in self._amends:
            text = f"amended: what had not filled goes on as another order, {entry.text}"
            self.entries.append(replace(entry, text=text))
        elif record.order.client_order_id == self._name:
            self._live = True
            before = "" if asked is None else _amended_by(asked.record)
            text = f"in place of {before}, {entry.text}" if before else entry.text
            self.entries += [one for one in (self._state, asked) if one is not None] + [replace(entry, text=text)]

    def _compared(self, entry: Entry, record: StateRecord | HoldingRecord) -> None:
        """Take in the first comparisons with the exchange that cover what the order did."""
        if self._ended_ms is None:
            return
        if isinstance(record, HoldingRecord):
            if record.asset in self._assets and (record.since_ms or record.wall_ms) >= self._ended_ms:
                self._assets.discard(record.asset)
                self.entries.append(entry)
        elif record.name == COMPARED and record.value.isdecimal() and int(record.value) >= self._ended_ms:
            self._ended_ms = None
            text = f"orders and executions agree with the exchange's up to {utc(int(record.value))}"
            self.entries.append(replace(entry, text=text))


def _amended_by(record: Record) -> str:
    """Return the client order id of the order that a command amends; empty for any other command."""
    if not isinstance(record, CommandRecord) or record.name != "AmendOrder":
        return ""
    try:
        return msgspec.json.decode(record.details, type=_Amends).client_order_id
    except msgspec.MsgspecError:
        return ""


class _Amends(msgspec.Struct):
    client_order_id: str = ""


def _order_of(record: Record) -> Order | None:
    return record.order if isinstance(record, IntentRecord | OrderRecord | DenialRecord) else None


def _told(record: Record) -> str:
    match record:
        case CommandRecord():
            return f"{record.client} ({record.role}) asked: {record.name} {record.details}"
        case IntentRecord():
            return f"recorded before sending: {_words(record.order)}"
        case DenialRecord():
            what = "refused" if record.order.state.final else "amendment refused, it works on"
            return f"{what}: {_words(record.order)}: {' '.join(record.messages)} [{', '.join(record.codes)}]"
        case OrderRecord():
            order = record.order
            why = f": {order.reason}" if order.reason else ""
            what = f"{order.state.value}, {plain(order.filled_qty)} filled: {_words(order)}"
            return f"{what}{_ORIGINS[order.origin]}{why}{_how(record.heard)}"
        case FillRecord():
            fill = record.fill
            how = "maker" if fill.is_maker else "taker"
            return (
                f"{fill.side.value.lower()} {plain(fill.qty)} {fill.symbol} at {plain(fill.price)}, {how}, fee "
                f"{plain(fill.fee)} {fill.fee_asset}, trade {fill.trade_id}, order {fill.order_id}"
                f"{_how(Heard(record.way, fill.time_ms))}"
            )
        case StateRecord():
            return f"{record.name}: {record.value}"
        case HoldingRecord():
            return f"held after a comparison: {plain(record.total)} {record.asset}"
        case CostRecord():
            part = "all that is held" if record.whole else "a holding of unknown cost"
            money = f"{plain(record.cost)} {record.quote}"
            if not record.trades:
                return f"said of {part}: {plain(record.qty)} {record.base} cost {money}"
            proof = "; ".join(
                f"{one.count} in {one.symbol}, from {one.first_id} at {utc(one.first_ms)} "
                f"to {one.last_id} at {utc(one.last_ms)}"
                for one in record.trades
            )
            return f"by own trades: {plain(record.qty)} {record.base} cost {money} ({proof})"


def _how(heard: Heard) -> str:
    """Say how the exchange told it, and when by its own clock; nothing where that is not recorded."""
    dated = f", dated {utc(heard.time_ms)}" if heard.time_ms else ""
    said = f": {heard.said}" if heard.said else ""
    return f" [{_WAYS[heard.way]}{dated}{said}]" if heard.way is not Way.HERE else ""


def _words(order: Order) -> str:
    size = f"{plain(order.quote_qty)} worth of" if order.quote_qty is not None else plain(order.qty or order.filled_qty)
    price = "" if order.price is None else f" at {plain(order.price)}"
    name = f"{order.client_order_id}{f', {order.order_id}' if order.order_id else ''}"
    whose = f", of {told(order.owner)}" if order.owner else ""
    return f"{order.type.word} {order.side.value.lower()} {size} {order.symbol}{price} ({name}){whose}"


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
        return replace(found, path=path)
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
