"""``mexc-tui limits``: what an account may risk at most, and changing it while its desk runs."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk
from mexc_tui.cli.io.exits import OK, USAGE, ExitError

_LIMITS = """\
What tightens holds at once, and outlives the desk until it is loosened again. What loosens needs a reason, waits
(loosening_delay_minutes), can be called off until then, and never passes [limits.ceilings] of the config file; where it
goes beyond that file, it ends with the desk.

exit codes:
  0    done: `set` says whether it holds or waits
  1    refused: no such limit, no reason, beyond the ceiling
  2    bad usage: a value that is no number
  3    the exchange cannot be reached
  4    it is not known whether it was taken
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "limits",
        help="show and change the limits of a running desk",
        description="Show and change the limits of a running desk.",
        epilog=_LIMITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    shown = actions.add_parser("show", help="print every limit with its ceiling, and what is to be loosened")
    change = actions.add_parser("set", help="change one: tighter at once, looser after a delay")
    change.add_argument(
        "name", metavar="NAME", help="for example max_order_value, max_asset_value.BTC or owner.script.max_order_value"
    )
    change.add_argument("value", metavar="VALUE", help="as in the config file, for example 500")
    change.add_argument("--reason", metavar="TEXT", default="", help="needed to loosen; kept in the journal")
    stop = actions.add_parser("cancel", help="call off a loosening that waits")
    stop.add_argument("name", metavar="NAME")
    for action in (shown, change, stop):
        action.add_argument("--json", action="store_true", help="JSON, one object a line")
        add_desk(action)
        action.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, print what holds, and return the exit code."""
    from mexc_tui.cli import acting
    from mexc_tui.domain.numbers import BadNumberError, parse_decimal

    if arguments.action == "show":
        return _show(arguments)
    try:
        value = parse_decimal(arguments.value) if arguments.action == "set" else None
    except BadNumberError:
        raise ExitError("VALUE is a number such as 500 or 0.01. Nothing was changed.", USAGE) from None
    return acting.set_limit(arguments, arguments.name, value)


def _show(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli import acting
    from mexc_tui.cli.io.output import Row, safe, say_what_was_done
    from mexc_tui.domain.limit_changes import NAMES, TABLES, own_names, value_of
    from mexc_tui.domain.numbers import plain

    view = acting.limits(arguments)
    entries = [f"{table}.{key}" for table in TABLES for key in getattr(view.limits, table)]
    entries += own_names(view.limits)
    waiting = {change.name: change for change in view.waiting}
    for name in dict.fromkeys([*NAMES, *entries, *waiting]):
        value, most, change = value_of(view.limits, name), view.limits.ceilings.get(name), waiting.get(name)
        row: Row = {"type": "limit", "name": name, "value": value, "ceiling": most}
        text = f"{name:32} {'not set' if value is None else plain(value):>10}"
        text += "" if most is None else f"  ceiling {plain(most)}"
        if change is not None:
            row |= {"waiting": change.value, "due_ms": change.due_ms, "reason": change.reason}
            text += f"  goes to {plain(change.value)}: {safe(change.reason)}"
        say_what_was_done(row, text, as_json=arguments.json)
    return OK
