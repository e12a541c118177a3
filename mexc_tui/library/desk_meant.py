"""Which desk a program trades through: one that runs, or the configured one, started for as long as it is needed."""

from __future__ import annotations

from mexc_tui.config.loading import load
from mexc_tui.config.paths import config_file
from mexc_tui.desk.choice import configured_choice
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.errors import DeskError
from mexc_tui.desk.launch import Caller, Start, attach_to, meant
from mexc_tui.desk.starting import Lifetime


def running(desk: str, caller: Caller) -> SocketClient:
    """Attach to the desk of this name, or the only one that runs.

    Raises:
        DeskError: there is none, several run and none was named, or it does not let this client in.
    """
    entry = meant(desk or None, None)
    if entry is None:
        raise DeskError("No desk runs, so there is nothing to trade through. Nothing was sent.")
    return attach_to(entry, caller)


def configured(caller: Caller) -> SocketClient:
    """Attach to the desk that a command without ``--desk`` means; where none runs, to one that is started.

    Raises:
        ConfigError: config file or environment cannot be used.
        DeskError: several run and none of them is meant, there is no key, or it could not be started.
    """
    choice = configured_choice(load(config_file()))
    entry = meant(None, choice, starts=True)
    if entry is not None and entry.desk_id != choice.desk_id:
        return attach_to(entry, caller)
    if not choice.has_account:
        raise DeskError("Trading needs a key: set MEXC_API_KEY and MEXC_SECRET_KEY. Nothing was sent.")
    return Start(choice, lifetime=Lifetime.MOMENT, armed=True).attach(caller)
