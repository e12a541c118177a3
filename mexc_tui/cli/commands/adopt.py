"""``mexc-tui adopt``: orders that were placed elsewhere, managed by the desk from now on."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk

_ADOPT = """\
Orders that rest on the account but were placed elsewhere (on MEXC's pages, by a bot, on another machine) count against
your limits, and nothing but a cancel, a flatten or a halt touches them. An adopted order is managed like one of the
desk's own: it can be amended, and a loss limit that cancels entries cancels it too. Nothing is sent to the exchange.
Journalled, and kept over restarts.

exit codes:
  0    the orders are adopted, or left
  1    nothing was done: there are none, or the id names none or several
  3    the exchange cannot be reached
  4    it is not known whether they are
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt",
        help="take orders that were placed elsewhere into the desk",
        description="Manage orders that were placed elsewhere on this account as the desk's own.",
        epilog=_ADOPT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "which",
        metavar="ORDER",
        nargs="?",
        default="",
        help="the end of an order's id; all: those that were left too; none: leave them and do not ask again; "
        "without it: those that nobody has answered for",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Adopt, print what holds now, and return the exit code."""
    from mexc_tui.cli import told

    return told.adopt(arguments)
