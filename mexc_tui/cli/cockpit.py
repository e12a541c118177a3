"""Opens the cockpit on a desk and sees both through to their end."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mexc_tui.cli.desk import (
    demo_plan,
    failure_of,
    opening,
    paper_plan,
    read_settings,
    wait_until_open,
)
from mexc_tui.cli.io.exits import FAILURE, OK, SIGNALLED, ExitError
from mexc_tui.cli.io.logs import start_log
from mexc_tui.cli.io.signals import ENGINE_LIMIT_S, EndOnSignal
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.paths import themes_folder
from mexc_tui.desk.child import Addresses, ChildExchange
from mexc_tui.desk.plan import Plan, build
from mexc_tui.domain.errors import ExchangeFailedError
from mexc_tui.engine.engine import Engine, EngineClient

if TYPE_CHECKING:
    from mexc_tui.ui.options import UiOptions

BLIND_SIZE = (120, 40)
"""Columns and rows where there is no terminal."""
PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220")
"""Terminals whose fonts have no eighth blocks or braille."""
SWITCH_S = 0.00005
"""How long one thread may keep the others waiting: the engine must not stand behind a frame that is being drawn."""


def run_demo(child: ChildExchange, arguments: argparse.Namespace) -> int:
    """Open the cockpit on the embedded exchange that is starting."""
    file, limits = read_settings()
    _load_while_waiting()
    try:
        addresses = child.ready()
    except ExchangeFailedError as error:
        raise ExitError(_plain(str(error)), error.exit_code) from None
    plan = demo_plan(addresses, limits, replay=arguments.replay is not None)
    return _open(plan, file, arguments, child)


def run_configured(plan: Plan, file: SettingsFile, arguments: argparse.Namespace) -> int:
    """Open the cockpit on an exchange of this machine."""
    return _open(plan, file, arguments)


def run_paper(
    child: ChildExchange,
    arguments: argparse.Namespace,
    folder: Path,
    upstream_url: str,
    notices: tuple[str, ...],
    ready: Callable[[], Addresses],
) -> int:
    """Open the cockpit on the paper exchange that is starting; ``ready`` waits for it."""
    file, limits = read_settings()
    _load_while_waiting()
    try:
        addresses = ready()
    except ExchangeFailedError as error:
        raise ExitError(_plain(str(error)), error.exit_code) from None
    plan = paper_plan(addresses, file, limits, folder, upstream_url, notices)
    return _open(plan, file, arguments, child)


def _load_while_waiting() -> None:
    """Import what takes long while the exchange starts on another core."""
    import mexc_tui.ui.app
    import mexc_tui.venues.mexc.venue  # noqa: F401


def _open(plan: Plan, file: SettingsFile, arguments: argparse.Namespace, child: ChildExchange | None = None) -> int:
    start_log((plan.credentials.api_key.reveal(), plan.credentials.secret_key.reveal()))
    sys.setswitchinterval(SWITCH_S)
    engine = build(plan)
    client = engine.client("cockpit")
    engine.start()
    if child is not None:
        child.watch(engine.fail, engine.notify)
    try:
        _load_while_waiting()
        wait_until_open(engine, plan)
        symbol, watchlist = opening(client, engine, arguments.symbol, file.settings.ui)
        received = _show(engine, client, options_of(file, symbol, watchlist, arguments.frames))
    finally:
        engine.stop()
        ended = engine.join(ENGINE_LIMIT_S)
    if received:
        return SIGNALLED + received
    if engine.failure is not None:
        raise failure_of(engine, plan)
    if not ended:
        raise ExitError("The engine did not end in time; orders that were working stay at the exchange.", FAILURE)
    return OK


def _show(engine: Engine, client: EngineClient, options: UiOptions) -> int:
    """Run the screen until it is left; returns the signal that ended it, zero for none."""
    from mexc_tui.ui.app import CockpitApp
    from mexc_tui.ui.textual_compat import keep_crash_quiet

    app = CockpitApp(client, options)
    crash = keep_crash_quiet(app)
    blind = options.frames is not None and not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty())

    def leave() -> None:
        app.call_from_thread(app.exit)

    gc.freeze()
    with EndOnSignal(engine, leave) as ending:
        app.run(headless=blind, size=BLIND_SIZE if blind else None)
    error = crash()
    if error is not None:
        raise error
    return ending.received


def options_of(file: SettingsFile, symbol: str, watchlist: tuple[str, ...], frames: int | None = None) -> UiOptions:
    """Return what the screen is opened with."""
    from mexc_tui.ui.options import UiOptions

    ui = file.settings.ui
    return UiOptions(
        theme=ui.theme,
        theme_folder=themes_folder(),
        fps=ui.fps,
        symbol=symbol,
        interval=ui.interval,
        watchlist=watchlist,
        sizes=ui.sizes,
        keys=file.settings.keys,
        instant=ui.instant,
        ssh=bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY")),
        ascii_only=ui.ascii_only
        or os.environ.get("TERM", "") in PLAIN_TERMINALS
        or not sys.stdout.encoding.lower().startswith("utf"),
        frames=frames,
    )


def _plain(text: str) -> str:
    """Return the exchange's own sentence without the name it puts in front."""
    return text.removeprefix("mexc-tui: ")
