"""``mexc-tui alert``: be told when something happens, with or without a screen."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk
from mexc_tui.cli.io.exits import USAGE, ExitError

_ALERTS = """\
  btc above 70k           the last price is there; also below
  btc move 3% 15m         so far up or down within a time (15m where none is given)
  btc spread 0.1%         best ask less best bid
  btc trade 100k          one public trade of so much quote
  fills · link · limits   executions, a lost connection, a limit that is near
  ... every               stays after it has rung; without it a price rings once

Alerts are journalled and ring as long as the desk runs, whether or not a screen is attached. Screens show them and ring
the bell; [alerts] of the config file names a command or a web address that is told too.

exit codes:
  0    done
  1    refused: no such pair, it is so already, no such alert
  2    bad usage: not an alert
  3    the exchange cannot be reached
  4    it is not known whether it was taken
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "alert",
        help="be told of prices, moves, large trades, fills, a lost link",
        description="Be told when something happens.",
        epilog=_ALERTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser(
        "add", help="set one", epilog=_ALERTS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add.add_argument("words", metavar="WORD", nargs="+", help="for example: btc above 70k")
    shown = actions.add_parser("list", help="print those that stand")
    remove = actions.add_parser("remove", help="remove one, or all")
    remove.add_argument("number", metavar="N", help="the number of an alert, or all")
    for action in (add, shown, remove):
        action.add_argument("--json", action="store_true", help="JSON, one object a line")
        add_desk(action)
        action.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, print what stands, and return the exit code."""
    from mexc_tui.cli.alerting import list_alerts, remove_alert, set_alert

    if arguments.action == "list":
        return list_alerts(arguments)
    if arguments.action == "add":
        return set_alert(arguments, arguments.words)
    text: str = arguments.number
    if text != "all" and not (text.isdecimal() and len(text) <= 9):
        raise ExitError("N is the number of an alert, or all. Nothing was removed.", USAGE)
    return remove_alert(arguments, None if text == "all" else int(text))
