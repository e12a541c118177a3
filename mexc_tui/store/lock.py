"""One journal, one desk."""

from __future__ import annotations

from pathlib import Path

from mexc_tui.config.locks import FileLock, HeldError
from mexc_tui.store.errors import JournalError, JournalInUseError


def journal_lock(path: Path) -> FileLock:
    """Take the lock of a journal.

    Raises:
        JournalInUseError: another process holds it.
        JournalError: the file cannot be made.
    """
    try:
        return FileLock(path)
    except HeldError as error:
        raise JournalInUseError(
            f"Another desk{error.holder} is trading with this account's journal in {path.parent}. Two on one journal "
            "could send an order twice, so nothing was started; `mexc-tui desk stop` ends the other one."
        ) from None
    except OSError as error:
        raise JournalError(f"The journal's lock {path} cannot be made: {error.strerror}.") from error
