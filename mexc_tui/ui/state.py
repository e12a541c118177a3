"""What the user is looking at and about to do: the one object that panes share."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.market import Interval

NOTICE_NS = 6_000_000_000
"""How long a sentence to the user stands."""
GROUPINGS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Ticks per ladder row."""

ZOOMS = 6
"""How many steps of zoom the chart has."""


class Selection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state as of one frame, for panes to draw from."""

    symbol: str
    interval: Interval = Interval.M1
    watchlist: tuple[str, ...] = ()
    cursor: Decimal | None = None
    """Price under the ladder's cursor; None follows the middle of the book."""
    cursor_lost: bool = False
    """The view has left the cursor behind: nothing is prepared before the user has put it somewhere again."""
    ladder_shown: bool = True
    """Whether the ladder is on the screen: without it nothing is prepared."""
    group: int = 0
    """Ticks per ladder row; zero until the first book shows what suits it."""
    recentred: int = 0
    """Counts requests to recentre the ladder."""
    draft: Draft | None = None
    """The ghost: an order drawn on the ladder and in the ticket, not sent."""
    size: Decimal | None = None
    """Order size in quote that presets and nudges have set."""
    size_base: Decimal | None = None
    """Order size in base, which then wins: everything that is held."""
    preset: int = 0
    """Which size preset is chosen, from zero; -1 after a nudge."""
    presets: tuple[Decimal, ...] = ()
    zoom: int = 3
    """Chart: from 0 (widest candles) to ``ZOOMS - 1``."""
    pan: int = 0
    """Chart: candles hidden at the right end; zero follows the newest."""
    crosshair: int | None = None
    """Chart: candles from the right end to the crosshair; None while it is off."""
    tab: str = "orders"
    """Name of the tab that is shown."""
    typed: str = ""
    """Another symbol that the command line names an order for; empty while there is none."""
    notice: tuple[str, str, int] | None = None
    """A sentence for the user, its style, and the monotonic time until which it stands."""
    slow: bool = False
    """Over a slow link: draw so that little has to be sent."""
    ascii_only: bool = False
    """Draw bars and glyphs with ASCII."""
    view_only: bool = False
    """The desk takes no command from this screen."""


class DeskState:
    """Holds the current Selection; every change goes through ``change`` so that nothing is half done."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    @property
    def selection(self) -> Selection:
        """The state as of now."""
        return self._selection

    def change(self, **fields: object) -> Selection:
        """Replace fields of the selection and return the new one."""
        self._selection = msgspec.structs.replace(self._selection, **fields)
        return self._selection
