"""One journal, one desk."""

from __future__ import annotations

from pathlib import Path

from mexc_tui.config.locks import FileLock, FolderLock, HeldError
from mexc_tui.store.errors import JournalError, JournalInUseError


class JournalLock(FileLock):
    """The lock file, which names its holder, and the folder: who removes the file does not get the journal."""

    _folder: FolderLock | None = None

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._folder = FolderLock(path.parent)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let go; idempotent."""
        super().release()
        if self._folder is not None:
            self._folder.release()


def journal_lock(path: Path) -> JournalLock:
    """Take the lock of a journal.

    Raises:
        JournalInUseError: another process holds it.
        JournalError: the file cannot be made.
    """
    try:
        return JournalLock(path)
    except HeldError as error:
        raise JournalInUseError(
            f"Another desk{error.holder} is trading with this account's journal in {path.parent}. Two on one journal "
            "could send an order twice, so nothing was started; `mexc-tui desk stop` ends the other one."
        ) from None
    except OSError as error:
        raise JournalError(f"The journal's lock {path} cannot be made: {error.strerror}.") from error
