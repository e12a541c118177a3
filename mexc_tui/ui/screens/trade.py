"""The trade screen: which panes there are and where, by the size of the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from mexc_tui.ui.actions import BY_ID, DESK_HINTS, TABLE_HINTS, TICKET_HINTS
from mexc_tui.ui.commandline.widget import CommandLine
from mexc_tui.ui.host import Host
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.panes.blotter.widget import BalancesPane, FillsPane, OrdersPane, PositionsPane
from mexc_tui.ui.panes.chart.widget import ChartPane
from mexc_tui.ui.panes.depthchart.widget import DepthPane
from mexc_tui.ui.panes.equity.widget import EquityPane
from mexc_tui.ui.panes.events.widget import EventsPane
from mexc_tui.ui.panes.ladder.widget import LadderPane
from mexc_tui.ui.panes.risk.widget import ControlsPane, RiskPane
from mexc_tui.ui.panes.status.widget import HintPane, StatusPane
from mexc_tui.ui.panes.tape.widget import TapePane
from mexc_tui.ui.panes.ticket.widget import TicketPane
from mexc_tui.ui.panes.watchlist.widget import WatchlistPane
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.table import LineTable
from mexc_tui.ui.screens.tabs import TabBar
from mexc_tui.ui.textual_compat import key_name, set_bindings

LEAST_WIDTH, LEAST_HEIGHT = 60, 15


class Divider(Widget):
    """A line between columns; a widget of its own, so that it is not sent again with every row beside it."""

    DEFAULT_CSS = "Divider { width: 1; height: 1fr; }"

    def render_line(self, y: int) -> Strip:
        """Return one cell of the line."""
        app = self.app
        if not isinstance(app, Host):
            return Strip([Segment(" ")], 1)
        line = "|" if app.desk_state.selection.ascii_only else "│"
        return Strip([Segment(line, app.palette.rich("faint"))], 1)


class TradeScreen(Screen[None]):
    """Everything a trader looks at; wide terminals show more of it at once."""

    AUTO_FOCUS = "LadderPane"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-too-narrow"),
        (LEAST_WIDTH, "-narrow"),
        (104, "-medium"),
        (180, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-too-low"),
        (LEAST_HEIGHT, "-low"),
        (34, "-mid"),
        (50, "-tall"),
    ]
    DEFAULT_CSS = """
    TradeScreen { layout: vertical; layers: base over; background: $background; }
    #desk { height: 1fr; margin-bottom: 1; }
    #bottom { layer: over; dock: bottom; height: auto; }
    #left { width: 31; }
    #centre { width: 1fr; }
    #right { width: 44; }
    WatchlistPane { height: 11; }
    #left RiskPane { height: 18; display: none; }
    TicketPane { height: 12; }
    #tables { height: 12; }
    #tabs { height: 1fr; }
    #too-small { display: none; width: 100%; height: 100%; content-align: center middle; text-align: center;
        margin-bottom: 1; }

    TradeScreen.-wide #left { width: 58; }
    TradeScreen.-wide #right { width: 60; }
    TradeScreen.-wide.-tall #left RiskPane { display: block; }
    TradeScreen.-tall #tables { height: 20; }
    TradeScreen.-tall TicketPane { height: 15; }
    TradeScreen.-tall WatchlistPane { height: 16; }

    TradeScreen.-narrow #left, TradeScreen.-narrow #left-line { display: none; }
    TradeScreen.-narrow #right { width: 40; }
    TradeScreen.-low TicketPane { height: 8; }
    TradeScreen.-low #tables { height: 8; }

    TradeScreen.-too-narrow #desk, TradeScreen.-too-low #desk { display: none; }
    TradeScreen.-too-narrow #too-small, TradeScreen.-too-low #too-small { display: block; height: 1fr; }
    """

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap
        set_bindings(self, keymap.bindings("desk"))

    def compose(self) -> ComposeResult:
        yield StatusPane(id="status")
        with Horizontal(id="desk"):
            with Vertical(id="left"):
                yield WatchlistPane(id="watchlist")
                yield TapePane(id="tape")
                yield RiskPane(id="risk-beside")
            yield Divider(id="left-line")
            with Vertical(id="centre"):
                yield ChartPane(id="chart")
                with Vertical(id="tables"):
                    yield TabBar(lambda name: self._keymap.shown(f"tab_{name}"), id="tab-bar")
                    with ContentSwitcher(id="tabs", initial="tab-orders"):
                        yield from self._tab_panes()
            yield Divider()
            with Vertical(id="right"):
                yield LadderPane(id="ladder")
                yield TicketPane(stop_keys=frozenset(map(key_name, self._keymap.keys["halt"])), id="ticket")
        yield Static(
            f"This terminal is too small to trade in: {LEAST_WIDTH} × {LEAST_HEIGHT} at least.\n"
            "Nothing has stopped: orders and the link go on. Enlarge it, or leave with Ctrl+Q.",
            id="too-small",
            markup=False,
        )
        with Vertical(id="bottom"):
            yield HintPane(self._hints, self._where_events_are(), id="hints")
            yield CommandLine(id="command-line")

    def _tab_panes(self) -> Iterator[Widget]:
        yield OrdersPane(id="tab-orders")
        yield PositionsPane(id="tab-positions")
        yield BalancesPane(id="tab-balances")
        yield FillsPane(id="tab-fills")
        yield DepthPane(id="tab-depth")
        yield EquityPane(id="tab-equity")
        yield ControlsPane(id="tab-risk")
        yield EventsPane(id="tab-events")

    def _where_events_are(self) -> str:
        key = self._keymap.shown("tab_events")
        return f"{key}: all" if key else ""

    def on_mount(self) -> None:
        """Give tables their keys; they come before those of the desk."""
        for pane in self.query("LineTable, EventsPane, ControlsPane"):
            set_bindings(pane, self._keymap.bindings("table"))

    def show_tab(self, name: str) -> bool:
        """Show a tab; if it is shown already, give it the keyboard. Returns whether it has got it."""
        switcher = self.query_one(ContentSwitcher)
        wanted = f"tab-{name}"
        if switcher.current == wanted:
            self.set_focus(self.query_one(f"#{wanted}"))
            return True
        if self.focused is not None and self.focused.id != "ladder":
            self.focus_ladder()
        switcher.current = wanted
        return False

    def focus_ladder(self) -> None:
        """Give the keyboard back to the ladder."""
        self.set_focus(self.query_one(LadderPane))

    def focus_ticket(self) -> None:
        """Give the keyboard to the ticket."""
        ticket = self.query_one(TicketPane)
        self.set_focus(ticket)
        ticket.begin()

    def open_command(self, text: str) -> None:
        """Open the command line with some text in it."""
        self.query_one(CommandLine).open(text)

    def clear_command(self) -> bool:
        """Empty the command line, if it is open; returns whether it is."""
        return self.query_one(CommandLine).clear_line()

    def move_rows(self, rows: int) -> None:
        """Move the cursor of the table that has the keyboard."""
        pane = self.focused
        if isinstance(pane, LineTable | EventsPane | ControlsPane):
            pane.move(rows)

    @property
    def marked_order(self) -> str:
        """Client order id under the cursor of the orders table, if that has the keyboard."""
        pane = self.focused
        return pane.cursor_key if isinstance(pane, OrdersPane) else ""

    def redraw(self) -> None:
        """Draw every pane anew, as after a change of theme."""
        for pane in self.query(LinePane):
            pane.redraw()

    def _hints(self) -> tuple[tuple[str, str], ...]:
        """Keys for the row of hints: of what has the keyboard first, then those of the desk that matter most."""
        in_table = isinstance(self.focused, LineTable | EventsPane | ControlsPane)
        in_ticket = isinstance(self.focused, TicketPane)
        back = (("Esc", "ladder"),) if in_table or in_ticket else ()
        if in_ticket:
            back = (("Tab", "next field"), ("←→", "choose"), *back)
        names = (*TABLE_HINTS, *DESK_HINTS) if in_table else TICKET_HINTS if in_ticket else DESK_HINTS
        words: dict[str, str] = {}
        for name in names:
            if self._keymap.keys.get(name):
                words.setdefault(self._keymap.shown(name), BY_ID[name].hint)
        return (*back, *words.items())
