"""A terminal for trading on MEXC; ``MexcExchange`` is its client for use by other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mexc_tui.library.exchange import MexcExchange
    from mexc_tui.venues.mexc.stream import channels

__all__ = ["MexcExchange", "channels"]


def __getattr__(name: str) -> object:
    """Load the client only when it is asked for, so that importing the package costs nothing."""
    if name == "MexcExchange":
        from mexc_tui.library.exchange import MexcExchange

        return MexcExchange
    if name == "channels":
        from mexc_tui.venues.mexc.stream import channels

        return channels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
