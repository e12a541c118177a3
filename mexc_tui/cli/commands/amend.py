"""``mexc-tui amend``: another size or price for a working order."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk
from mexc_tui.cli.io.exits import USAGE, ExitError

_AMEND = """\
The exchange has no such call: the desk cancels the order, waits until the exchange has confirmed its end, and then
places what is left of the new size, less what filled meanwhile, through the same gate as any order. The two are never
at the exchange together. The order loses its place in the queue. If the new order would not pass the gate, the old one
works on.

exit codes:
  0    the exchange took the new order
  1    not amended: refused, filled meanwhile, or not cancelled; the message says which orders work now
  2    bad usage: no size or price, or one that is none
  3    the exchange cannot be reached
  4    the outcome is unknown: an order may be live
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "amend",
        help="give an order another size or price",
        description="Give a working order another size or price.",
        epilog=_AMEND,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("order", metavar="ORDER", help="id of an open order, the exchange's or the client's")
    parser.add_argument("--size", metavar="SIZE", help="new size in base, what has filled included")
    parser.add_argument("--at", metavar="PRICE", help="new limit price")
    parser.add_argument("--yes", action="store_true", help="answer what the gate asks first, such as for a large order")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Amend, print what became of it, and return the exit code."""
    from mexc_tui.cli import acting
    from mexc_tui.domain.numbers import BadNumberError, parse_decimal

    if arguments.size is None and arguments.at is None:
        raise ExitError("Give --size, --at or both. Nothing was amended.", USAGE)
    try:
        qty, price = (None if text is None else parse_decimal(text) for text in (arguments.size, arguments.at))
    except BadNumberError:
        raise ExitError("--size and --at take numbers such as 0.25. Nothing was amended.", USAGE) from None
    return acting.amend(arguments, qty, price)
