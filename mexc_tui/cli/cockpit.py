"""Opens a screen on a desk and sees it through to its end."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections import deque
from typing import TYPE_CHECKING

from mexc_tui.cli.io.exits import FAILURE, OK, SIGNALLED, USAGE, ExitError
from mexc_tui.cli.io.logs import start_log
from mexc_tui.cli.io.output import narrate
from mexc_tui.cli.io.signals import LeaveOnSignal
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.paths import themes_folder
from mexc_tui.config.settings import UiSettings
from mexc_tui.desk.client import DeskAbsentError, SocketClient
from mexc_tui.desk.launch import Caller, Start, end, wait_for_end
from mexc_tui.desk.memory import keep_memory_small, keep_pauses_short
from mexc_tui.desk.places import entry_of
from mexc_tui.desk.starting import SCREEN, is_screen
from mexc_tui.domain.client import Role
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import TOPIC_INSTRUMENTS, TOPIC_ORDERS, InstrumentsView, VenueKind
from mexc_tui.ui.leaving import Leave, OnQuit, working_orders

if TYPE_CHECKING:
    from mexc_tui.ui.options import UiOptions

BLIND_SIZE = (120, 40)
"""Columns and rows where there is no terminal."""
PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220")
"""Terminals whose fonts have no eighth blocks or braille."""
LIST_LIMIT_S = 5.0
STATUS_LIMIT_S = 0.5
FACTS_LIMIT_S = 1.0
SWITCH_S = 0.0005
"""How long painting may keep the threads waiting that read keys and write to the terminal."""
SMALL = 20
"""An exchange with no more pairs than this is watched whole."""
WELL_KNOWN = tuple(f"{base}USDT" for base in ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "SUI", "LINK", "MX"))
_AGAIN = "`mexc-tui desk status` shows whether one runs; the next start finds the orders again."
_DEMOS = (VenueKind.DEMO, VenueKind.REPLAY)


def open_started(start: Start, file: SettingsFile, arguments: argparse.Namespace, slow: str = "") -> int:
    """Open a screen on a desk that is being started, or runs already; ``slow`` is said when that takes long."""
    keep_memory_small()
    load_screen()
    refusals = Refusals()
    caller = screen_caller(Role(arguments.role), refusals)
    client = start.attach(caller, on_slow=lambda: narrate(slow) if slow else None)
    return open_screen(client, start.choice.desk_id, file, arguments, refusals, started=start.started)


def load_screen() -> None:
    """Import what takes long while the desk starts on another core."""
    import mexc_tui.ui.app  # noqa: F401


class Refusals:
    """What the desk did not take, sentence by sentence; filled from any thread, read by the screen."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=20)

    def note(self, sentence: str) -> None:
        """Keep one sentence for the screen."""
        self._waiting.append(sentence)

    def next(self) -> str:
        """Return the oldest sentence that was not shown yet; empty where there is none."""
        return self._waiting.popleft() if self._waiting else ""


def screen_caller(role: Role, refusals: Refusals) -> Caller:
    """Return how this screen introduces itself: by where it is."""
    try:
        name = f"{SCREEN} {os.ttyname(0).removeprefix('/dev/')}"
    except OSError:
        name = SCREEN
    return Caller(name=name, role=role, on_refused=refusals.note)


def open_screen(
    client: SocketClient,
    desk_id: str,
    file: SettingsFile,
    arguments: argparse.Namespace,
    refusals: Refusals,
    *,
    started: bool = False,
) -> int:
    """Show the desk until the screen is left, then do to the desk what was wanted; returns the exit code."""
    start_log()
    # What happened before is history: the first frame must have it, or it would be shown as news.
    client.wait(lambda: not client.seen or bool(client.facts(client.seen - 1)), FACTS_LIMIT_S)
    try:
        symbol, watchlist = opening(client, arguments.symbol, file.settings.ui)
    except ExitError:
        client.close()
        entry = entry_of(desk_id)
        # By a signal: a screen that can only look may not say it over the socket.
        if started and entry is not None and entry.pid == client.info.pid:
            end(entry)
        raise
    try:
        options = options_of(client, file, symbol, watchlist, arguments.frames)
        left, received = _show(client, options, refusals, file.settings.desk.on_quit)
    except BaseException:
        client.close()
        raise
    if received:
        client.close()
        return SIGNALLED + received
    died = client.died()
    if died:
        client.close()
        raise ExitError(f"{died} {_AGAIN}", FAILURE)
    orders = working_orders(client)
    if left is Leave.STOP:
        _close(client, desk_id, stop=True)
        if client.info.kind not in _DEMOS and orders:
            narrate(f"the desk {client.info.name} has ended; {_counted(orders)} left as they are")
        return OK
    client.close()
    if client.info.kind not in _DEMOS:
        name = client.info.name
        working = f" with {_counted(orders)}" if orders else ""
        narrate(f"the desk {name} goes on{working}; `mexc-tui attach` shows it, `mexc-tui desk stop {name}` ends it")
    return OK


def _counted(orders: int) -> str:
    return f"{orders} working order{'s' if orders > 1 else ''}"


def _close(client: SocketClient, desk_id: str, *, stop: bool) -> None:
    stop = stop and client.role is Role.TRADE
    client.close(stop=stop)
    if stop and not wait_for_end(desk_id):
        raise ExitError("The desk did not end in time; orders that were working stay at the exchange.", FAILURE)


def on_quit(client: SocketClient, wanted: OnQuit) -> OnQuit:
    """Return what leaving this screen now does to the desk, where ``wanted`` is what the settings say."""
    try:
        found = client.status(STATUS_LIMIT_S)
    except DeskAbsentError:
        # Others may look at it: it is not stopped without a word.
        return "keep" if wanted == "keep" else "ask"
    if sum(is_screen(one.name) for one in found.clients) > 1:
        return "keep"
    return "stop" if found.info.kind in _DEMOS and not found.stays else wanted


def _show(client: SocketClient, options: UiOptions, refusals: Refusals, wanted: OnQuit) -> tuple[Leave | None, int]:
    """Run the screen until it is left; returns what becomes of the desk, and the signal that ended it (0: none)."""
    from mexc_tui.ui.app import CockpitApp
    from mexc_tui.ui.textual_compat import keep_crash_quiet

    app = CockpitApp(
        client, options, on_quit=lambda: on_quit(client, wanted), refused=lambda: refusals.next() or client.late()
    )
    crash = keep_crash_quiet(app)
    blind = options.frames is not None and not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty())

    def leave() -> None:
        app.call_from_thread(app.exit)

    sys.setswitchinterval(SWITCH_S)
    keep_pauses_short()
    with LeaveOnSignal(leave) as ending:
        app.run(headless=blind, size=BLIND_SIZE if blind else None)
    error = crash()
    if error is not None:
        raise error
    return app.return_value, ending.received


def options_of(
    client: SocketClient, file: SettingsFile, symbol: str, watchlist: tuple[str, ...], frames: int | None = None
) -> UiOptions:
    """Return what the screen is opened with."""
    from mexc_tui.ui.options import UiOptions

    ui = file.settings.ui
    missed = missed_notice(client)
    return UiOptions(
        theme=ui.theme,
        theme_folder=themes_folder(),
        fps=ui.fps,
        symbol=symbol,
        interval=ui.interval,
        watchlist=watchlist,
        sizes=ui.sizes,
        keys=file.settings.keys,
        view_only=client.role is Role.VIEW,
        instant=ui.instant,
        ssh=bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY")),
        ascii_only=ui.ascii_only
        or os.environ.get("TERM", "") in PLAIN_TERMINALS
        or not sys.stdout.encoding.lower().startswith("utf"),
        bell=file.settings.alerts.bell,
        frames=frames,
        notices=(missed,) if missed else (),
    )


def missed_notice(client: SocketClient) -> str:
    """Return one sentence about what happened while no screen was attached; empty where nothing did."""
    if client.unseen_after is None:
        return ""
    missed = [fact for fact in client.facts(client.unseen_after) if fact.seq <= client.seen]
    if not missed:
        return ""
    fills = sum(fact.fill is not None for fact in missed)
    events = f"{len(missed)} event{'s' if len(missed) > 1 else ''} since the last screen left"
    return f"{events}, {fills or 'none'} of them {'a fill' if fills == 1 else 'fills'}: F8 shows them"


def opening(client: SocketClient, asked: str | None, ui: UiSettings) -> tuple[str, tuple[str, ...]]:
    """Return the pair to open on and the watchlist.

    A pair asked for must be listed; a configured one may give way to the first that is.

    Raises:
        ExitError: the exchange does not list the pair that was asked for.
    """
    listed = _listed(client)
    wanted = (asked or ui.symbol).strip().upper()
    if asked is None and listed and wanted not in listed:
        wanted = listed[0]
    if not listed or wanted in listed:
        return wanted, _watchlist(listed, wanted, ui)
    near = difflib.get_close_matches(wanted, listed, n=3, cutoff=0.4) or listed[:5]
    shown = "".join(sign for sign in wanted[:40] if sign.isprintable())
    raise ExitError(f"{shown} is not traded here; nothing was started. Near it: {', '.join(near)}.", USAGE)


def _watchlist(listed: list[str], opened: str, ui: UiSettings) -> tuple[str, ...]:
    """Return the configured watchlist, else all pairs of a small exchange, else the well-known ones of a large one."""
    if ui.watchlist:
        return tuple(name.strip().upper() for name in ui.watchlist)
    known = listed if len(listed) <= SMALL else [name for name in WELL_KNOWN if name in set(listed)]
    return tuple(dict.fromkeys([*known, opened]))


def _listed(client: SocketClient) -> list[str]:
    def there() -> bool:
        view = client.view(TOPIC_INSTRUMENTS)
        return bool(client.died()) or (isinstance(view, InstrumentsView) and bool(view.by_symbol))

    client.look(Interest(topics=frozenset({TOPIC_INSTRUMENTS, TOPIC_ORDERS})))
    client.wait(there, LIST_LIMIT_S)
    view = client.view(TOPIC_INSTRUMENTS)
    return list(view.by_symbol) if isinstance(view, InstrumentsView) else []
