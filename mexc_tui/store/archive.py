"""Older rows of a journal, in files beside it that are written once and never changed.

A segment is gzip of one JSON line that names journal, format, first and last row, and one line ``[seq, wall_ms, kind,
body]`` a row. The journal's database holds the SHA-256 of every segment.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import msgspec

from mexc_tui.config.files import decode_json, read_whole, replace_whole, sync_folder, unpacked
from mexc_tui.store.errors import JournalError

_GZIP = 31
_FAST = 1
_NAME = "journal-{}-{}.jsonl.gz"
MOST_PACKED, MOST_UNPACKED = 256 << 20, 1 << 30
"""Bytes of one archive file; 50,000 rows come to about 3 and 20 million."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of a journal as it is stored."""

    seq: int
    wall_ms: int
    kind: str
    body: msgspec.Raw


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One archive file: the rows it holds, its name and its SHA-256."""

    first: int
    last: int
    name: str
    sha256: str


class _Header(msgspec.Struct, frozen=True):
    journal: str
    format: int
    first: int
    last: int


def segments_of(folder: Path, journal: str) -> list[Path]:
    """Return the archive files of a journal that are there, whether it knows them or not."""
    return sorted(folder.glob(_NAME.format(journal, "*")))


def write_segment(folder: Path, journal: str, version: int, rows: Iterable[tuple[int, int, str, str]]) -> Segment:
    """Write consecutive rows to a file of their own, on the disk when this returns.

    Raises:
        OSError: it could not be written.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    packer = zlib.compressobj(_FAST, wbits=_GZIP)
    lines, parts = [], []
    first = last = 0
    for seq, wall_ms, kind, body in rows:
        first, last = first or seq, seq
        lines.append(f'[{seq},{wall_ms},"{kind}",{body}]\n')
        if len(lines) >= 500:
            parts.append(packer.compress("".join(lines).encode()))
            lines.clear()
    parts.append(packer.compress("".join(lines).encode()))
    head = zlib.compressobj(_FAST, wbits=_GZIP)
    header = msgspec.json.encode(_Header(journal, version, first, last)) + b"\n"
    # Two gzip members: the header's figures are known only after the rows have been packed.
    content = head.compress(header) + head.flush() + b"".join(parts) + packer.flush()
    # The journal's id is part of the name, so that a new journal never writes over the archive of one moved away.
    name = _NAME.format(journal, f"{first:010d}-{last:010d}")
    replace_whole(folder / name, content)
    return Segment(first, last, name, hashlib.sha256(content).hexdigest())


def read_segment(folder: Path, journal: str, segment: Segment) -> Iterator[Row]:
    """Return the rows of a segment, after checking that not a byte of it has changed.

    Raises:
        JournalError: it is missing, was changed, or belongs to another journal.
    """
    path = folder / segment.name
    try:
        content = read_whole(path, MOST_PACKED)
    except OSError as error:
        raise JournalError(f"the archive {path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != segment.sha256:
        raise JournalError(f"the archive {path} was changed")
    try:
        lines = b"".join(unpacked(BytesIO(content), MOST_UNPACKED)).splitlines() or [b""]
        header = decode_json(lines[0], _Header)
    except (zlib.error, OSError, ValueError) as error:
        raise JournalError(f"the archive {path} cannot be unpacked ({error})") from None
    if (header.journal, header.first, header.last) != (journal, segment.first, segment.last):
        raise JournalError(f"the archive {path} belongs to another journal")
    return (decode_json(line, Row) for line in lines[1:])
