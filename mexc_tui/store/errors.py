"""Why a journal cannot be used, in words for the person whose orders it holds."""

from __future__ import annotations


class JournalError(OSError):
    """The journal cannot be opened, read or written. The text says what that means for orders."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "the journal cannot be used"


class JournalInUseError(JournalError):
    """Another running terminal holds this journal."""
