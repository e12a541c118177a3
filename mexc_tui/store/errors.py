"""Why a journal cannot be used, in words for the user whose orders it holds."""

from __future__ import annotations


class JournalError(OSError):
    """The journal cannot be opened, read or written. The text says what that means for orders."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "the journal cannot be used"


class JournalInUseError(JournalError):
    """Another running terminal holds this journal."""


def reason_of(error: Exception) -> str:
    """Return the system's own words for an error."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def damaged(path: object, why: str) -> JournalError:
    """Return the error for a journal that holds something else than was written."""
    return JournalError(
        f"The journal {path} is damaged: {why}. Your orders at the exchange are not touched; move the file "
        "away to start a new journal, and check open orders on the exchange."
    )


def not_a_journal(path: object, error: Exception) -> JournalError:
    """Return the error for a file that SQLite cannot read as a journal."""
    return JournalError(
        f"The journal {path} is damaged or not a journal ({reason_of(error)}). Your orders at the exchange are "
        "not touched; move the file away to start a new journal, and check open orders on the exchange."
    )
