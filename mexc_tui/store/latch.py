"""The trading state in a small file of its own, so that a halt does not depend on the journal alone."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mexc_tui.config.files import read_whole, sync_folder
from mexc_tui.domain.limits import TradingState

LATCH = "journal.latch"
SIZE = 512
"""One sector: it is there from the start and overwritten in place, which works on a full disk too."""
_SUM = 64
_CORRUPT = (
    "the file that keeps a halt beside the journal is damaged or cannot be read, so trading is taken for halted;"
    " look at your orders and holdings, then resume, which writes it anew"
)


class LatchFile:
    """Holds one value behind its SHA-256. Not safe across threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Make the file where there is none, saying nothing.

        Raises:
            OSError: it could not be made.
        """
        if not self._path.exists():
            self.write("")

    def read(self) -> str:
        """Return the value, empty where nothing was ever written; a damaged file says halted."""
        try:
            raw = read_whole(self._path, SIZE)
        except FileNotFoundError:
            return ""
        except OSError:
            raw = b""
        total, body = raw[:_SUM], raw[_SUM:]
        if len(raw) != SIZE or total != _sum(body):
            return f"{TradingState.HALTED.value}: {_CORRUPT}"
        return body.decode(errors="replace").rstrip()

    def write(self, value: str) -> None:
        """Put a value on the disk, cut where it is too long.

        Raises:
            OSError: it could not be written.
        """
        body = value.encode()[: SIZE - _SUM].ljust(SIZE - _SUM)
        fresh = not self._path.exists()
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            os.pwrite(handle, _sum(body) + body, 0)
            os.ftruncate(handle, SIZE)
            os.fsync(handle)
        finally:
            os.close(handle)
        if fresh:
            sync_folder(self._path.parent)


def trading_state(folder: Path) -> tuple[TradingState, str]:
    """Return the trading state of the account of a folder, and why it is not active; what cannot be read is halted."""
    value, _, reason = LatchFile(folder / LATCH).read().partition(": ")
    try:
        return TradingState(value or TradingState.ACTIVE), reason
    except ValueError:
        return TradingState.HALTED, "the file that keeps the trading state says something unknown"


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
