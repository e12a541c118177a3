"""A terminal for trading on MEXC; ``MexcExchange`` is its client for use by other programs.

Every type that it takes or gives can be imported from here as well (``mexc_tui.library.types`` lists them).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mexc_tui.library.desk_session import DeskSession
    from mexc_tui.library.exchange import MexcExchange, MexcSession
    from mexc_tui.library.subscriptions import Subscription
    from mexc_tui.library.types import *  # noqa: F403
    from mexc_tui.venues.mexc.stream import channels

_HOMES = {
    "DeskSession": "mexc_tui.library.desk_session",
    "MexcExchange": "mexc_tui.library.exchange",
    "MexcSession": "mexc_tui.library.exchange",
    "Subscription": "mexc_tui.library.subscriptions",
}

__all__ = ["DeskSession", "MexcExchange", "MexcSession", "Subscription", "channels"]


def __getattr__(name: str) -> object:
    """Load the client only when it is asked for, so that importing the package costs nothing."""
    if name == "channels":
        return import_module("mexc_tui.venues.mexc.stream.channels")
    if name[:1].isupper():  # a type; every other name is a package and loads by itself
        home = import_module(_HOMES.get(name, "mexc_tui.library.types"))
        if name in _HOMES or name in home.__all__:
            return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
