"""The last row of a journal, noted beside it: what shows after a kill that rows at its end are gone.

SQLite takes a write-ahead log only as far as its sums hold, and says nothing of what it left out. The note costs no
flush: after a kill it is as young as the last row, after a power cut it may be older, and then shows less.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from mexc_tui.config.files import TooLargeError, decode_json, read_whole

HEAD = "journal.head"
SIZE = 256
_SUM = 64


class Noted(msgspec.Struct, frozen=True):
    """A row that was on the disk, and its link of the chain in hex; of which journal."""

    journal: str
    seq: int
    link: str


class HeadFile:
    """Holds one ``Noted`` behind its SHA-256, overwritten in place. Not safe across threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def read(self) -> Noted | None:
        """Return what was noted; None where nothing was, also by a power cut before it came to the disk.

        Raises:
            ValueError: the file is damaged.
            OSError: it cannot be read.
        """
        try:
            raw = read_whole(self._path, SIZE)
        except FileNotFoundError:
            return None
        except TooLargeError:
            raise ValueError("it is damaged") from None
        if not raw.strip(b"\0"):
            return None
        if len(raw) != SIZE or raw[:_SUM] != _sum(raw[_SUM:]):
            raise ValueError("it is damaged")
        return decode_json(raw[_SUM:], Noted)

    def note(self, journal: str, seq: int, link: bytes) -> None:
        """Note the last row. A note that cannot be written leaves an older one, which shows less."""
        body = msgspec.json.encode(Noted(journal, seq, link.hex())).ljust(SIZE - _SUM)
        with contextlib.suppress(OSError):
            if self._handle < 0:
                self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
                os.ftruncate(self._handle, SIZE)
            os.pwrite(self._handle, _sum(body) + body, 0)

    def close(self) -> None:
        """Release the file; idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
