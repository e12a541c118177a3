"""The paper account of a desk: kept from one day to the next, begun anew when that is asked for."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

from mexc_tui.config.environment import credentials
from mexc_tui.desk.child import ChildExchange
from mexc_tui.desk.choice import DeskChoice
from mexc_tui.desk.errors import USAGE, DeskError
from mexc_tui.store.accounts import paper_folder
from mexc_tui.store.errors import JournalError

ACCOUNT = "account.json"
LOST = "The paper account is kept with all that was acknowledged; start mexc-tui again to go on."
KEYS_UNUSED = (
    "Live trading is locked in this version: this is paper money on MEXC's public market. The API keys that are set "
    "are not used, and no order leaves this machine."
)


class PaperAccount:
    """Prepared by the constructor. ``close`` puts an old account back where the new one never began."""

    def __init__(self, choice: DeskChoice, *, fresh: bool) -> None:
        """Make the folder; with ``fresh`` the account in it is moved aside.

        Raises:
            ConfigError: the folder cannot be made.
            RequestError: another program trades with the account, or it cannot be moved.
        """
        try:
            self.folder = paper_folder(choice.upstream)
        except JournalError as error:
            raise DeskError(str(error)) from None
        self._aside = _move_aside(self.folder) if fresh else None
        self._begun = False
        notices = [KEYS_UNUSED] if credentials(os.environ) else []
        if self._aside is not None:
            notices.append(
                f"This is a new paper account. The one before, with its orders and fills, is in {self._aside}."
            )
        self.notices = tuple(notices)

    def start_exchange(self) -> ChildExchange:
        """Start the exchange that holds the account."""
        return ChildExchange(["--mirror", "--state", str(self.folder / ACCOUNT)], lost=LOST)

    def begun(self) -> None:
        """Note that the account has its market: from now on it stays where it is."""
        self._begun = True

    def close(self) -> None:
        """Put the old account back where nothing took its place."""
        if self._aside is not None and not self._begun and not (self.folder / ACCOUNT).exists():
            shutil.rmtree(self.folder)
            self._aside.rename(self.folder)


def _move_aside(folder: Path) -> Path | None:
    """Give the folder of a paper account another name; returns it, None where there was no account."""
    from mexc_tui.desk.exchange.state_file import lock_state

    account = folder / ACCOUNT
    if not account.exists():
        return None
    try:
        with lock_state(account):
            aside = folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}")
            if aside.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            folder.rename(aside)
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise DeskError(
            f"The paper account in {folder} could not be moved aside ({error.strerror}); nothing was started.", USAGE
        ) from None
    return aside
