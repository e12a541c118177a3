"""``mexc-tui attach``: one more screen on a desk that runs."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_role, configured_desk, read_settings, role_of
from mexc_tui.cli.io.exits import USAGE, ExitError

_MORE = """\
Without a name it is the desk of the exchange that is configured, or the only one that runs. Several screens may look
at one desk, each with its own pair, candles and size of terminal.

exit codes: 0 left; 1 the desk does not answer or has ended; 2 no such desk, or several.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "attach",
        help="open a screen on a desk that runs",
        description="Open a screen on a desk that runs already.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the desk's name, as `mexc-tui desk status` shows it")
    parser.add_argument("--symbol", metavar="SYMBOL", help="pair to open on")
    add_role(parser)
    parser.set_defaults(run=run, frames=None)


def run(arguments: argparse.Namespace) -> int:
    """Open the screen."""
    from mexc_tui.cli.io.terminal import require_terminal

    require_terminal()
    from mexc_tui.desk.launch import attach_to, meant

    entry = meant(arguments.name, configured_desk())
    if entry is None:
        raise ExitError("No desk runs. `mexc-tui` or `mexc-tui demo` starts one and shows it.", USAGE)
    file, _ = read_settings()
    from mexc_tui.cli import cockpit
    from mexc_tui.desk.memory import keep_memory_small

    keep_memory_small()
    refusals = cockpit.Refusals()
    client = attach_to(entry, cockpit.screen_caller(role_of(arguments), refusals))
    return cockpit.open_screen(client, entry.desk_id, file, arguments, refusals)
