"""What the records up to some row add up to, in a file beside the journal, so that opening need not read them all.

It holds nothing that the records do not: one that is missing, damaged, of another journal or of another build of the
program is left alone and made anew from the records.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from pathlib import Path

import msgspec

from mexc_tui.config.files import decode_json, read_whole, replace_whole
from mexc_tui.kernel.records import DeskSnapshot

MOST_BYTES = 256 << 20

_log = logging.getLogger(__name__)

MEANING = 4
"""Raised when records add up to something else although the fields of a snapshot are the same."""


class _Header(msgspec.Struct, frozen=True):
    journal: str
    fields: str
    through: int
    sha256: str


@functools.cache
def _fields() -> str:
    """Return a name for the exact fields of a snapshot in this build."""
    text = msgspec.json.encode(msgspec.json.schema(DeskSnapshot), order="sorted")
    return f"{MEANING}-{hashlib.sha256(text).hexdigest()[:16]}"


class SnapshotFile:
    """The snapshot of one journal."""

    def __init__(self, path: Path, journal: str, currency: str) -> None:
        self._path = path
        self._journal = journal
        self.currency = currency

    def read(self) -> tuple[int, DeskSnapshot | None]:
        """Return the last row the snapshot covers, and the snapshot; zero and None where there is none to use."""
        try:
            head, _, body = read_whole(self._path, MOST_BYTES).partition(b"\n")
            header = decode_json(head, _Header)
            if header.journal != self._journal or header.fields != _fields():
                return 0, None
            if hashlib.sha256(body).hexdigest() != header.sha256:
                _log.warning("the snapshot %s is damaged and is made anew", self._path)
                return 0, None
            saved = decode_json(body, DeskSnapshot)
        except FileNotFoundError:
            return 0, None
        except (OSError, ValueError) as error:
            _log.warning("the snapshot %s cannot be read and is made anew: %s", self._path, error)
            return 0, None
        return (header.through, saved) if saved.currency == self.currency else (0, None)

    def write(self, through: int, saved: DeskSnapshot) -> None:
        """Put a newer snapshot in place, on the disk when this returns.

        Raises:
            OSError: it could not be written; the old one stands.
        """
        body = msgspec.json.encode(saved)
        header = _Header(self._journal, _fields(), through, hashlib.sha256(body).hexdigest())
        replace_whole(self._path, msgspec.json.encode(header) + b"\n" + body)
