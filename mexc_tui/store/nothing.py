"""The journal of a terminal that only watches: there is nothing to recover, so nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.kernel.records import Record, Resumed, StateRecord
from mexc_tui.store.errors import JournalError


class NoJournal:
    """``JournalPort`` that keeps nothing and promises nothing."""

    async def append(self, records: Sequence[Record], *, durable: bool) -> None:
        """Forget the records; refuse what must not be forgotten.

        Raises:
            JournalError: the records were to be durable.
        """
        if durable:
            raise JournalError("This terminal only watches and keeps no journal, so no order can be sent from it.")

    async def latch(self, record: StateRecord) -> None:
        """Forget it: nothing is ever sent from here."""

    async def resume(self) -> Resumed:
        """Return nothing."""
        return Resumed()

    async def close(self) -> None:
        """Do nothing."""
