"""From a journal of an earlier format to today's, step by step, with the old file kept beside the new one.

A kill at any moment leaves the old journal or the new one under the journal's name: the new file is written whole
under another name, the old one gets a second name, and then the new one takes the first. A new format adds one entry
to ``_STEPS``; the steps before it stay as they are.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mexc_tui.config.files import sync_file, sync_folder
from mexc_tui.store.archive import Segment, read_segment, segments_of, write_segment
from mexc_tui.store.chain import genesis, link
from mexc_tui.store.errors import JournalError, damaged, reason_of
from mexc_tui.store.schema import FORMAT

APPLICATION_ID = 0x6D747569
"""Marks the file as ours (``mtui``)."""
ARCHIVE = "archive"
SEGMENT_ROWS = 50_000
BUSY_SECONDS = 2.0
_DRAFT = ".upgrading"

_Row = tuple[int, int, str, str]
_Step = Callable[[str, str], str]
"""Takes kind and body of a row and returns its body in the next format."""

_SCHEMA = f"""
BEGIN;
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    wall_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TABLE segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal
    WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM segments)
    BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_keeps_words BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER segments_stay BEFORE DELETE ON segments BEGIN SELECT RAISE(ABORT, 'the archive only grows'); END;
CREATE TRIGGER segments_keep BEFORE UPDATE ON segments BEGIN SELECT RAISE(ABORT, 'the archive only grows'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
INSERT INTO about VALUES ('journal', '%s');
COMMIT;
"""


def create(connection: sqlite3.Connection, journal_id: str) -> None:
    """Make the tables of a new journal."""
    connection.executescript(_SCHEMA % journal_id)


def upgrade(path: Path) -> None:
    """Bring the journal at ``path`` to today's format.

    Raises:
        JournalError: it is of a later format, damaged, in use, or there is no room; it is as it was.
    """
    version = _version(path)
    if version == FORMAT:
        return
    if not 1 <= version <= len(_STEPS):
        raise JournalError(
            f"The journal {path} was written by another version of this program (format {version}, "
            f"this one reads up to {FORMAT}). Use that version, or move the file away."
        )
    journal_id = secrets.token_hex(8)
    draft = path.with_name(f"{path.name}.{journal_id}{_DRAFT}")
    try:
        _discard_drafts(path)
        _write_draft(path, draft, version, journal_id)
        _keep(path, path.with_name(f"{path.stem}.v{version}{path.suffix}"))
        # What is written anew has a chain of its own.
        path.with_suffix(".head").unlink(missing_ok=True)
        os.replace(draft, path)
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            _discard_drafts(path)
        if isinstance(error, JournalError):
            raise
        raise JournalError(
            f"The journal {path} is of an earlier format and could not be upgraded ({reason_of(error)}). It is as it "
            "was; nothing was started."
        ) from error


def _discard_drafts(path: Path) -> None:
    """Remove what an upgrade that came to no end has written: its draft, which names the journal, and its archive."""
    for draft in path.parent.glob(f"{path.name}*{_DRAFT}"):
        journal_id = draft.name[len(path.name) + 1 : -len(_DRAFT)]
        for segment in segments_of(path.parent / ARCHIVE, journal_id):
            segment.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)


def _version(path: Path) -> int:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def _write_draft(path: Path, draft: Path, version: int, journal_id: str) -> None:
    old = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Everything must be in the one file that is kept, none of it in a log beside it.
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        old.execute("PRAGMA journal_mode = DELETE")
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        new = sqlite3.connect(draft, isolation_level=None)
        try:
            new.execute("PRAGMA journal_mode = OFF")
            new.execute("PRAGMA synchronous = OFF")
            _convert(path, old, new, version, journal_id)
        finally:
            new.close()
    finally:
        old.close()
    sync_file(draft)


def _convert(path: Path, old: sqlite3.Connection, new: sqlite3.Connection, version: int, new_id: str) -> None:
    """Write every row to the new file with its link of the chain.

    A journal that has an archive keeps it and its id; of one from before there were archives, whole segments of old
    rows become one.
    """
    folder = path.parent / ARCHIVE
    has_archive = version >= 2
    about = dict(old.execute("SELECT name, value FROM about")) if has_archive else {"journal": new_id}
    journal_id = str(about["journal"])
    create(new, journal_id)
    head, after = genesis(journal_id), 0
    new.execute("BEGIN")
    new.executemany("INSERT OR REPLACE INTO about (name, value) VALUES (?, ?)", about.items())
    for segment in [Segment(*row) for row in old.execute(_SEGMENTS)] if has_archive else []:
        for row in read_segment(folder, journal_id, segment):
            head = link(head, row.seq, row.wall_ms, row.kind, bytes(row.body))
        add_segment(new, segment, head)
        after = segment.last
    rows = _rows(path, old, [step(old) for step in _STEPS[version - 1 :]], after)
    left = int(old.execute("SELECT count(*) FROM journal WHERE seq > ?", (after,)).fetchone()[0])
    while left >= 2 * SEGMENT_ROWS and not has_archive:
        page = list(itertools.islice(rows, SEGMENT_ROWS))
        head = functools.reduce(lambda before, row: link(before, *row), page, head)
        add_segment(new, write_segment(folder, journal_id, FORMAT, page), head)
        left -= SEGMENT_ROWS
    new.executemany("INSERT INTO journal (seq, wall_ms, kind, body, chain) VALUES (?, ?, ?, ?, ?)", _linked(rows, head))
    new.execute("COMMIT")


def _linked(rows: Iterator[_Row], head: bytes) -> Iterator[tuple[int, int, str, str, bytes]]:
    for row in rows:
        head = link(head, *row)
        yield (*row, head)


def add_segment(connection: sqlite3.Connection, segment: Segment, chain: bytes) -> None:
    """Note in a journal that rows of it are in the archive; ``chain`` is the link of the last of them."""
    row = (segment.first, segment.last, segment.name, segment.sha256, chain)
    connection.execute("INSERT INTO segments (first, last, name, sha256, chain) VALUES (?, ?, ?, ?, ?)", row)


def _rows(path: Path, old: sqlite3.Connection, steps: list[_Step], after: int) -> Iterator[_Row]:
    found = old.execute("SELECT seq, wall_ms, kind, body FROM journal WHERE seq > ? ORDER BY seq", (after,))
    for due, (seq, wall_ms, kind, body) in enumerate(found, start=after + 1):
        if seq != due:
            raise damaged(path, f"entry {due} is missing")
        try:
            for step in steps:
                body = step(kind, body)
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, f"entry {due} cannot be read: {error}") from error
        yield seq, wall_ms, kind, body


def _keep(path: Path, kept: Path) -> None:
    """Give the old journal a second name; one kept before stays."""
    for number in itertools.count(2):
        if not kept.exists():
            break
        if kept.samefile(path):
            return
        kept = path.with_name(f"{kept.stem.split('-')[0]}-{number}{path.suffix}")
    try:
        os.link(path, kept)
    except OSError:
        # Not every file system has a second name for a file.
        copy = kept.with_name(f"{kept.name}.new")
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        sync_file(copy)
        os.replace(copy, kept)
    sync_folder(path.parent)


# --- from format 1 to format 2

_QUOTES = ("USDT", "USDC", "USDE", "USD1", "EUR", "BRL", "TRY", "BTC", "ETH", "MX")


def _from_1(old: sqlite3.Connection) -> _Step:
    """Give fills the assets of their pair, and the start of a day its currency.

    Format 1 named neither. Which assets a symbol is made of is told by the assets of fees and holdings, and by the
    quotes MEXC has; where nothing fits both stay empty, and the fill's cost counts in the symbol alone.
    """
    assets = {
        str(row[0])
        for row in old.execute(
            "SELECT DISTINCT json_extract(body, '$.asset') FROM journal WHERE kind = 'holding'"
            " UNION SELECT DISTINCT json_extract(body, '$.fill.fee_asset') FROM journal WHERE kind = 'fill'"
        )
    }

    def step(kind: str, body: str) -> str:
        if kind == "fill":
            return _fill_with_pair(body, assets)
        if kind == "state":
            return _day_with_currency(body)
        return body

    return step


def _fill_with_pair(body: str, assets: set[str]) -> str:
    row: dict[str, Any] = msgspec.json.decode(body)
    fill = row["fill"]
    base, quote = _assets_of(fill["symbol"], assets)
    fee = row["fee_quote"]
    if fee is None and quote and fill["fee_asset"] == quote:
        fee = fill["fee"]
    return msgspec.json.encode({**row, "base": base, "quote": quote, "fee_quote": fee}).decode()


def _assets_of(symbol: str, assets: set[str]) -> tuple[str, str]:
    splits = [(symbol.removesuffix(quote), quote) for quote in {*assets, *_QUOTES} if symbol.endswith(quote)]

    def fit(split: tuple[str, str]) -> tuple[bool, bool, bool, int]:
        base, quote = split
        return (base in assets and quote in assets, quote in _QUOTES, base in assets, len(quote))

    return max((split for split in splits if split[0]), key=fit, default=("", ""))


def _day_with_currency(body: str) -> str:
    row: dict[str, Any] = msgspec.json.decode(body)
    parts = str(row["value"]).split(" ")
    if row["name"] != "day_start" or len(parts) != 4:
        return body
    return msgspec.json.encode({**row, "value": " ".join((*parts[:2], "USDT", *parts[2:]))}).decode()


# --- from format 2 to format 3: the same bodies, and the chain over them


def _from_2(old: sqlite3.Connection) -> _Step:
    return lambda kind, body: body


_STEPS: tuple[Callable[[sqlite3.Connection], _Step], ...] = (_from_1, _from_2)
"""From format 1 on, one for each. A step that changes bodies has to write the archive anew."""
_SEGMENTS = "SELECT first, last, name, sha256 FROM segments ORDER BY first"
