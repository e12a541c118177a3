"""Everything a key, the palette or the help can name: one catalogue, from which all of them are made."""

from __future__ import annotations

from typing import Literal

import msgspec

Context = Literal["desk", "table"]
"""Where an action is live: anywhere on the trade screen, or only while a table has the keyboard (and then first)."""


class Action(msgspec.Struct, frozen=True, gc=False):
    """One thing a user can do. ``keys`` are defaults that the config may replace by ``id``."""

    id: str
    label: str
    """A few words for the palette and the help."""
    keys: tuple[str, ...]
    group: str
    help: str = ""
    """One sentence more, where the label does not say it all."""
    hint: str = ""
    """A word for the row of hints; empty leaves the action out of it."""
    context: Context = "desk"
    reduces: bool = False
    """Only ever takes risk away: works in every mode, at once, without asking."""


LADDER, ORDERS, RISK, MARKET, VIEW = "Ladder", "Orders", "Cancel and stop", "Market", "Screen"

TABS = ("orders", "positions", "balances", "fills", "depth", "equity", "risk", "events")
"""Names of the tabs, in order; the function keys follow it."""


def _tab(place: int, name: str, *letters: str) -> Action:
    return Action(
        f"tab_{name}",
        f"show {name}",
        (f"f{place}", *letters),
        VIEW,
        "Once more gives it the keyboard; Esc gives it back to the ladder.",
    )


CATALOGUE: tuple[Action, ...] = (
    Action("cursor_down", "cursor down", ("j", "down"), LADDER, "A ghost order moves with it.", "move"),
    Action("cursor_up", "cursor up", ("k", "up"), LADDER, "A ghost order moves with it."),
    Action("cursor_down_10", "cursor down ten rows", ("J", "pagedown"), LADDER),
    Action("cursor_up_10", "cursor up ten rows", ("K", "pageup"), LADDER),
    Action("nudge_down", "cursor or ghost down one tick", ("left",), LADDER, "One tick, whatever the grouping."),
    Action("nudge_up", "cursor or ghost up one tick", ("right",), LADDER, "One tick, whatever the grouping."),
    Action("cursor_mid", "cursor to the middle", ("g",), LADDER),
    Action("recentre", "recentre the ladder", ("space",), LADDER, hint="centre"),
    Action("group_finer", "finer price steps", ("[",), LADDER),
    Action("group_coarser", "coarser price steps", ("]",), LADDER, hint="group"),
    Action("ghost_buy", "prepare a buy at the cursor", ("b",), ORDERS, "Shown as a ghost; Enter sends it.", "buy"),
    Action("ghost_sell", "prepare a sell at the cursor", ("s",), ORDERS, "Shown as a ghost; Enter sends it.", "sell"),
    Action("take_buy", "prepare a buy at the best ask", ("B",), ORDERS, "Immediate or cancel, capped at that price."),
    Action("take_sell", "prepare a sell at the best bid", ("S",), ORDERS, "Immediate or cancel, capped at that price."),
    Action("send", "send the prepared order", ("enter",), ORDERS, "Sends once, through the risk gate.", "send"),
    Action("drop", "drop the prepared order", ("escape",), ORDERS, "Also gives the keyboard back to the ladder."),
    *(Action(f"size_{n}", f"order size {n}", (str(n),), ORDERS) for n in range(1, 6)),
    Action("size_up", "larger order size", ("+", "="), ORDERS),
    Action("size_down", "smaller order size", ("-",), ORDERS),
    Action("size_position", "order size from the position", ("0",), ORDERS, "Everything held of this symbol."),
    Action("ticket", "fill in the ticket", ("t",), ORDERS, hint="ticket"),
    Action(
        "arm", "arm or lock the ticket", ("a",), ORDERS, "Locked, nothing is sent but cancels and flattening.", "arm"
    ),
    Action("cancel_here", "cancel orders at the cursor", ("x",), RISK, hint="cancel", reduces=True),
    Action(
        "cancel_side", "cancel the cursor's side", ("X",), RISK, "Buys below the middle, sells above.", reduces=True
    ),
    Action("cancel_symbol", "cancel orders of this symbol", ("c",), RISK, reduces=True),
    Action("cancel_all", "cancel every order", ("C",), RISK, reduces=True),
    Action(
        "flatten", "flatten this symbol", ("f",), RISK, "Cancels, then sells what is held.", "flatten", reduces=True
    ),
    Action("flatten_all", "flatten everything", ("F",), RISK, reduces=True),
    Action(
        "halt",
        "halt everything",
        ("!",),
        RISK,
        "Cancels all and refuses new exposure; again, it cancels again. Only `:resume` ends it.",
        "halt",
        reduces=True,
    ),
    Action("symbol_next", "next symbol of the watchlist", ("w", "tab"), MARKET),
    Action("symbol_previous", "previous symbol of the watchlist", ("W", "shift+tab"), MARKET),
    Action("symbol_search", "go to a symbol", ("/",), MARKET, hint="symbol"),
    Action("interval_shorter", "shorter candles", ("comma",), MARKET),
    Action("interval_longer", "longer candles", ("full_stop",), MARKET),
    Action("zoom_in", "zoom the chart in", ("z",), MARKET),
    Action("zoom_out", "zoom the chart out", ("Z",), MARKET),
    Action("pan_back", "older candles", ("h",), MARKET, "Moves the crosshair while it is on."),
    Action("pan_forward", "newer candles", ("l",), MARKET, "Moves the crosshair while it is on."),
    Action("crosshair", "crosshair on the chart", ("v",), MARKET, "h and l then move it."),
    Action("alerts", "alerts", ("A",), MARKET, "Those that stand; `:alert btc above 70k` sets one."),
    _tab(1, "orders", "o"),
    _tab(2, "positions", "p"),
    _tab(3, "balances"),
    _tab(4, "fills"),
    _tab(5, "depth", "d"),
    _tab(6, "equity"),
    _tab(7, "risk", "r"),
    _tab(8, "events", "e"),
    Action("command", "command line", (":",), VIEW, hint="command"),
    Action("palette", "find any action", ("ctrl+p",), VIEW),
    Action("theme", "next colour theme", ("T",), VIEW),
    Action("help", "all keys", ("?",), VIEW, hint="help"),
    Action("suspend", "back to the shell", ("ctrl+z",), VIEW, "`fg` returns; desk and orders go on meanwhile."),
    Action("quit", "leave", ("ctrl+q",), VIEW, "Asks what becomes of the desk; working orders stay where they are."),
    Action("row_down", "next row", ("j", "down"), "Table", hint="move", context="table"),
    Action("row_up", "previous row", ("k", "up"), "Table", context="table"),
    Action("row_down_10", "ten rows on", ("J", "pagedown"), "Table", context="table"),
    Action("row_up_10", "ten rows back", ("K", "pageup"), "Table", context="table"),
    Action(
        "cancel_row", "cancel the marked order", ("x",), "Table", "On the orders tab.", "cancel", "table", reduces=True
    ),
)

BY_ID: dict[str, Action] = {action.id: action for action in CATALOGUE}

DESK_HINTS = (
    *("ghost_buy", "ghost_sell", "send", "cancel_here", "flatten", "halt", "help", "command", "ticket"),
    *("symbol_search", "arm", "recentre", "group_coarser", "cursor_down"),
)
"""Actions in the row of hints, the most needed first."""

COMMANDING = frozenset(
    {action.id for action in CATALOGUE if action.group in (ORDERS, RISK)} - {"drop"} | {"cancel_row"}
)
"""What asks something of the desk, or prepares it: not for a screen that can only look."""

TABLE_HINTS = ("row_down", "cancel_row")
TICKET_HINTS = ("send", "halt")
"""What is a key, not text, while the ticket is typed into."""
