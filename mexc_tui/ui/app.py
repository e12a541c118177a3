"""The cockpit: wires the engine's views to panes and keys to commands, and does nothing else."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from textual.events import Key
from textual.widgets import Input

from mexc_tui.domain.client import DeskClient
from mexc_tui.domain.commands import RemoveAlert
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import TOPIC_LINK, LinkView
from mexc_tui.ui.actions import BY_ID, COMMANDING, ORDERS, RISK, TABS
from mexc_tui.ui.alerts.screen import AlertsScreen
from mexc_tui.ui.commandline.grammar import GoIntent, Intent, OrderIntent, SimpleIntent
from mexc_tui.ui.commandline.resolve import plain_command
from mexc_tui.ui.commandline.widget import CommandLine
from mexc_tui.ui.controls.navigation import Navigation
from mexc_tui.ui.controls.trading import Trading
from mexc_tui.ui.frame_clock import FrameClock, Framed
from mexc_tui.ui.help.screen import HelpScreen
from mexc_tui.ui.keymap import resolve, show_key
from mexc_tui.ui.keys_in_order import KeysInOrder
from mexc_tui.ui.leaving import Leave, LeaveScreen, OnQuit
from mexc_tui.ui.options import UiOptions
from mexc_tui.ui.palette import Hit, PaletteScreen
from mexc_tui.ui.panes.ladder.widget import LadderPane
from mexc_tui.ui.panes.watchlist.widget import WatchlistPane
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.text import clean
from mexc_tui.ui.screens.tabs import TabBar
from mexc_tui.ui.screens.trade import TradeScreen
from mexc_tui.ui.state import DeskState, Selection
from mexc_tui.ui.textual_compat import (
    AFTER_ESCAPE,
    AppTerminal,
    TerminalAnswered,
    guard_input,
    has_shell,
    key_name,
    mark_escapes,
)
from mexc_tui.ui.themes import DEFAULT_THEME, FALLBACK, Palette, load_themes


def new_command_id() -> str:
    """Return an id that no command has had."""
    return uuid.uuid4().hex


QUIET_LOOK_S, QUIET_LIMIT_S = 0.02, 3.0
"""How often, and for how long at most, a terminal is waited for before it is given up."""
SEND_FIRST_S = 0.012
"""How long the screen waits after a key that sends something."""


class CockpitApp(KeysInOrder[Leave]):
    """The terminal's one app. Everything it knows of the market and the account comes from ``client``."""

    TITLE = "mexc-tui"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(
        self,
        client: DeskClient,
        options: UiOptions | None = None,
        new_id: Callable[[], str] = new_command_id,
        *,
        on_quit: Callable[[], OnQuit] = lambda: "ask",
        refused: Callable[[], str] = str,
    ) -> None:
        """``on_quit`` tells, within half a second, what leaving this screen now does to the desk.

        ``refused`` gives the next sentence about a command that did not reach the desk, empty where there is none.
        """
        guard_input()
        mark_escapes()
        super().__init__()
        self.options = options or UiOptions()
        self.client = client
        self.keymap = resolve(self.options.keys)
        self.desk_state = DeskState(_first_selection(self.options))
        self._terminal = AppTerminal(self)
        self._venue = ""
        self._rung = -1
        """Number of the latest fact that was looked at for alerts; -1 before the first look."""
        self._answers = True
        self._going = False
        """The terminal is being given up: keys that come now are for nothing but the halt."""
        self.frame_clock = FrameClock(
            client,
            self.desk_state,
            fps=self.options.frames_per_second,
            terminal=self._terminal,
            on_fault=self._pane_failed if self.options.timer else None,
        )
        self.navigation = Navigation(client, self.desk_state, lambda: self.size.height)
        self.navigation.announce()
        self.trading = Trading(
            client,
            self.desk_state,
            self.navigation,
            new_id,
            glass=self.frame_clock.glass,
            instant=self.options.instant,
        )
        self._new_id = new_id
        self._on_quit = on_quit
        self._refused = refused
        self._themes, theme_notices = load_themes(self.options.theme_folder)
        self._notices = [*self.options.notices, *self.keymap.problems, *theme_notices]
        self._handlers = self._make_handlers()
        for theme in self._themes.values():
            self.register_theme(theme.textual)
        self._choose_theme(self.options.theme)
        self.animation_level = "none"

    @property
    def palette(self) -> Palette:
        """The styles of the theme in force."""
        theme = self._themes.get(self.theme)
        return FALLBACK if theme is None else theme.palette

    def on_mount(self) -> None:
        """Show the trade screen and start to draw."""
        self.frame_clock.attach(self.trading)
        self.frame_clock.attach(self.navigation)
        self.push_screen(TradeScreen(self.keymap))
        if self._notices:
            self.navigation.say("; ".join(self._notices))
        if self.options.timer:
            self.frame_clock.begin()
            self.app_resume_signal.subscribe(self, self._resumed)
            self.set_interval(1 / self.frame_clock.fps, self._tick)

    def on_unmount(self) -> None:
        """Give the window its name back."""
        self._terminal.title("")

    def _tell_venue(self) -> None:
        """Name the window after the venue that the desk reports, where a terminal has one."""
        link = self.client.view(TOPIC_LINK)
        venue = f"{link.kind.value.upper()} {clean(link.venue)}" if isinstance(link, LinkView) else ""
        if venue != self._venue and not self.options.ascii_only:
            self._venue = venue
            self._terminal.title(f"{venue} - mexc-tui")

    def _ring(self) -> None:
        """Ring the terminal's bell for alerts since the last look."""
        fresh = self.client.facts(max(0, self._rung))
        if self._rung >= 0 and self.options.bell and any(fact.kind == "alert" for fact in fresh):
            self.bell()
        self._rung = fresh[-1].seq if fresh else max(0, self._rung)

    def _tick(self) -> None:
        self._tell_venue()
        self._ring()
        if sentence := self._refused():
            self.navigation.say(sentence, "bad@alert")
        self.frame_clock.advance()
        if self._answers and not self.frame_clock.glass().known:
            self.navigation.say("this terminal answers no queries: how old its picture is cannot be told", "dim@band")
        self._answers = self.frame_clock.glass().known
        if self.options.frames is not None and self.frame_clock.frames >= self.options.frames:
            self._leave()

    def _pane_failed(self, pane: Framed, problem: Exception) -> None:
        """Say which pane has stopped, and blank it: an old picture that looks alive is worse than none."""
        name = type(pane).__name__
        logging.getLogger(__name__).error("%s failed", name, exc_info=problem)
        self.navigation.say(
            f"{name} failed and is blank now ({problem}); orders go on; restart to get it back", "bad@alert"
        )
        if isinstance(pane, LinePane):
            if pane.has_focus:
                # Else Textual gives the keyboard to what is beside it: to the ticket, where keys are text.
                self.screen.set_focus(None)
            pane.visible = False

    # -- actions ----------------------------------------------------------------------------------------------------

    def action_do(self, action_id: str) -> None:
        """Do what an action of the catalogue says, and show the answer without waiting for the next frame."""
        if self.desk_state.selection.notice is not None:
            self.desk_state.change(notice=None)
        self._handlers[action_id]()
        if BY_ID[action_id].group in (ORDERS, RISK):
            self._tell_if_ended()
        if self.options.timer and (action_id == "send" or BY_ID[action_id].reduces):
            self.frame_clock.hold(SEND_FIRST_S)
            self.set_timer(SEND_FIRST_S, self.frame_clock.advance)
        else:
            self.frame_clock.advance()

    def go(self, symbol: str) -> None:
        """Look at a pair."""
        self.navigation.go(symbol)
        self.frame_clock.advance()

    def _make_handlers(self) -> dict[str, Callable[[], object]]:
        look, trade = self.navigation, self.trading
        handlers: dict[str, Callable[[], object]] = {
            "cursor_down": lambda: look.move(-1),
            "cursor_up": lambda: look.move(1),
            "cursor_down_10": lambda: look.move(-10),
            "cursor_up_10": lambda: look.move(10),
            "nudge_down": lambda: look.nudge(-1),
            "nudge_up": lambda: look.nudge(1),
            "cursor_mid": look.mid,
            "recentre": look.recentre,
            "group_finer": lambda: look.group(-1),
            "group_coarser": lambda: look.group(1),
            "symbol_next": lambda: look.symbol(1),
            "symbol_previous": lambda: look.symbol(-1),
            "interval_shorter": lambda: look.interval(-1),
            "interval_longer": lambda: look.interval(1),
            "zoom_in": lambda: look.zoom(-1),
            "zoom_out": lambda: look.zoom(1),
            "pan_back": lambda: look.pan(1),
            "pan_forward": lambda: look.pan(-1),
            "crosshair": look.crosshair,
            "ghost_buy": lambda: trade.ghost(Side.BUY),
            "ghost_sell": lambda: trade.ghost(Side.SELL),
            "take_buy": lambda: trade.take(Side.BUY),
            "take_sell": lambda: trade.take(Side.SELL),
            "send": trade.send,
            "drop": self._drop,
            "size_up": lambda: trade.nudge_size(1),
            "size_down": lambda: trade.nudge_size(-1),
            "size_position": trade.size_from_position,
            "arm": self._arm,
            "cancel_here": trade.cancel_here,
            "cancel_row": self._cancel_row,
            "cancel_side": trade.cancel_side,
            "cancel_symbol": lambda: trade.cancel_all(everywhere=False),
            "cancel_all": lambda: trade.cancel_all(everywhere=True),
            "flatten": lambda: trade.flatten(everywhere=False),
            "flatten_all": lambda: trade.flatten(everywhere=True),
            "halt": trade.halt,
        }
        handlers.update({f"size_{n}": partial(trade.preset, n - 1) for n in range(1, 6)})
        if self.options.view_only:
            handlers.update(dict.fromkeys(handlers.keys() & COMMANDING, self._only_looks))
        return {**handlers, **self._screen_handlers()}

    def _screen_handlers(self) -> dict[str, Callable[[], object]]:
        handlers: dict[str, Callable[[], object]] = {
            "ticket": lambda: self._on_desk(TradeScreen.focus_ticket),
            "command": lambda: self._on_desk(lambda desk: desk.open_command("")),
            "symbol_search": lambda: self._on_desk(lambda desk: desk.open_command("symbol ")),
            "row_down": lambda: self._on_desk(lambda desk: desk.move_rows(1)),
            "row_up": lambda: self._on_desk(lambda desk: desk.move_rows(-1)),
            "row_down_10": lambda: self._on_desk(lambda desk: desk.move_rows(10)),
            "row_up_10": lambda: self._on_desk(lambda desk: desk.move_rows(-10)),
            "palette": lambda: self.push_screen(PaletteScreen(self.keymap), self._found),
            "theme": self._next_theme,
            "help": lambda: self.push_screen(HelpScreen(self.keymap)),
            "alerts": lambda: self.push_screen(AlertsScreen(self.keymap, self._remove_alert)),
            "suspend": self._suspend,
            "quit": self._leave,
        }
        if self.options.view_only:
            handlers["ticket"] = self._only_looks
        handlers.update({f"tab_{name}": partial(self._show_tab, name) for name in TABS})
        return handlers

    async def action_quit(self) -> None:
        """Leave as the key of the catalogue does: Textual binds ctrl+q by itself, before anything else."""
        self._leave()

    def exit(self, result: Leave | None = None, return_code: int = 0, message: Any = None) -> None:
        """Leave as soon as the terminal has answered: answers that come later would stand behind the shell's prompt."""
        self._when_quiet(partial(super().exit, result, return_code, message))

    def _when_quiet(self, go: Callable[[], object]) -> None:
        """Give the terminal up once nothing is on its way from it; in the end also where it says nothing any more."""
        if self._going:
            return
        self._going = True
        deadline = monotonic() + QUIET_LIMIT_S

        def look() -> None:
            if not self.is_running or self.frame_clock.end() or monotonic() >= deadline:
                go()
            else:
                self.set_timer(QUIET_LOOK_S, look)

        look()

    def _suspend(self) -> None:
        """Stop until the shell goes on with this screen; the desk and its orders go on."""
        if not has_shell():
            leave = self.keymap.shown("quit")
            self.navigation.say(f"there is no shell here to go back to; {leave} leaves, and the desk may go on")
            return
        # What was prepared is not to be sent by a key pressed much later, at another market.
        self.trading.drop()
        self.frame_clock.advance()
        self._when_quiet(self._stop)

    def _stop(self) -> None:
        self.action_suspend_process()
        self._going = False
        self.frame_clock.begin()

    def _resumed(self, _: object) -> None:
        self.frame_clock.begin()
        self.frame_clock.advance()
        self.refresh(layout=True)
        self.navigation.say("back again: what happened meanwhile is in the events", "dim@band")

    def _leave(self) -> None:
        """End the screen; what becomes of the desk is asked where nothing says it."""
        policy: OnQuit = "keep" if self.options.view_only or self.client.died() else self._on_quit()
        if policy == "keep":
            self.exit(Leave.KEEP)
        elif policy == "stop":
            self.exit(Leave.STOP)
        elif not isinstance(self.screen, LeaveScreen):
            self.push_screen(LeaveScreen(self.keymap), self._left)

    def _left(self, answer: str | None) -> None:
        if answer:
            self.exit(Leave(answer))

    def read_key(self, event: Key) -> Key | None:
        """Halt while text is typed, too; read Esc and a key that came in one piece as Esc alone, and say so."""
        second = event.key.removeprefix(AFTER_ESCAPE)
        halts = second in {key_name(key) for key in self.keymap.keys["halt"]}
        if self._going and not halts:
            return None
        if isinstance(self.focused, Input) and halts and not (event.character or "").isalnum():
            self.action_do("halt")
            return None
        if second == event.key:
            return event
        if halts:
            self._drop()
            return Key(second, None)
        if not isinstance(self.screen, TradeScreen):
            return Key("escape", "\x1b")
        if not self.screen.clear_command():
            self._drop()
            self.navigation.say(f"Esc and {show_key(second)} came as one key: read as Esc; nothing was sent")
        self.frame_clock.advance()
        return None

    def _found(self, hit: Hit | None) -> None:
        """Do what was chosen in the palette."""
        if hit is not None and hit.symbol:
            self.go(hit.symbol)
        elif hit is not None:
            self.action_do(hit.action)

    def on_paste(self) -> None:
        """Say what becomes of text that was pasted where nothing takes text."""
        self.navigation.say("pasted text presses no keys: open the command line or the ticket first", "dim@band")
        self.frame_clock.advance()

    def _remove_alert(self, number: int) -> None:
        if self.options.view_only:
            self._only_looks()
        else:
            self.client.submit(RemoveAlert(command_id=self._new_id(), number=number))
            self._tell_if_ended()

    def _only_looks(self) -> None:
        self.navigation.say("this screen can only look (--role view): nothing was sent; orders need another screen")

    def _on_desk(self, deed: Callable[[TradeScreen], object]) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, TradeScreen):
                deed(screen)
                return

    def _show_tab(self, name: str) -> None:
        self.desk_state.change(tab=name)
        self.navigation.announce()
        self._on_desk(lambda desk: desk.show_tab(name))

    def _drop(self) -> None:
        self.trading.drop()
        self._on_desk(TradeScreen.focus_ladder)

    def _arm(self) -> None:
        if not self.trading.arm():
            self._on_desk(lambda desk: desk.open_command("arm "))

    def _cancel_row(self) -> None:
        def cancel(desk: TradeScreen) -> None:
            if desk.marked_order:
                self.trading.cancel_order(desk.marked_order)

        self._on_desk(cancel)

    def on_terminal_answered(self, event: TerminalAnswered) -> None:
        """Know that the terminal shows what was written before the query."""
        self.frame_clock.answered(event.query)

    # -- messages of panes --------------------------------------------------------------------------------------------

    def on_ladder_pane_picked(self, event: LadderPane.Picked) -> None:
        """Put the cursor where the ladder was clicked."""
        self.navigation.pick(event.price)
        self.frame_clock.advance()

    def on_watchlist_pane_picked(self, event: WatchlistPane.Picked) -> None:
        """Go to the pair that was clicked."""
        self.go(event.symbol)

    def on_tab_bar_picked(self, event: TabBar.Picked) -> None:
        """Show the tab that was clicked."""
        self._show_tab(event.tab)
        self.frame_clock.advance()

    def on_command_line_closed(self) -> None:
        """Give the keyboard back to the ladder."""
        self._on_desk(TradeScreen.focus_ladder)

    def on_command_line_entered(self, event: CommandLine.Entered) -> None:
        """Carry out a complete line."""
        self._on_desk(TradeScreen.focus_ladder)
        if isinstance(event.intent, OrderIntent):
            if self.options.view_only:
                self._only_looks()
            elif event.draft is not None:
                self.trading.place(event.draft)
                self._tell_if_ended()
        else:
            self._carry_out(event.intent)
        self.frame_clock.advance()

    def _tell_if_ended(self) -> None:
        """Say that a command reached nobody: an engine that has stopped takes none."""
        if self.client.died():
            leave = self.keymap.shown("quit")
            self.navigation.say(f"nothing was sent: there is no desk; orders stay at the exchange; {leave} leaves")

    def _carry_out(self, intent: Intent) -> None:
        if isinstance(intent, GoIntent):
            if intent.symbol is not None:
                self.navigation.go(intent.symbol)
            if intent.interval is not None:
                self.navigation.show_interval(intent.interval)
            return
        command = plain_command(intent, self._new_id(), self.desk_state.selection.symbol)
        if command is not None and self.options.view_only:
            self._only_looks()
        elif command is not None:
            self.client.submit(command)
            self._tell_if_ended()
        elif isinstance(intent, SimpleIntent) and intent.name == "theme":
            self._choose_theme(intent.argument)
        elif isinstance(intent, SimpleIntent) and intent.name in self._handlers:
            self._handlers[intent.name]()

    # -- themes -------------------------------------------------------------------------------------------------------

    def _choose_theme(self, name: str) -> None:
        """Take a theme; one that is not there leaves the present one, and says so."""
        if name in self._themes:
            self.theme = name
            return
        if self.theme not in self._themes:
            self.theme = DEFAULT_THEME
        sentence = f"there is no theme {name!r}: {self.theme} is shown; there are {', '.join(self._themes)}"
        self._notices.append(sentence)
        if self.is_running:
            self.navigation.say(sentence)

    def _next_theme(self) -> None:
        names = list(self._themes)
        at = names.index(self.theme) if self.theme in names else -1
        self._choose_theme(names[(at + 1) % len(names)])


def _first_selection(options: UiOptions) -> Selection:
    return Selection(
        symbol=options.symbol,
        interval=options.interval,
        watchlist=options.watchlist,
        presets=options.sizes,
        size=options.sizes[0] if options.sizes else None,
        slow=options.ssh,
        ascii_only=options.ascii_only,
        view_only=options.view_only,
    )
