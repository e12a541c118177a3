"""``mexc-tui cost``: what a holding was bought at, where the desk cannot know."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk
from mexc_tui.cli.io.exits import USAGE, ExitError

_COST = """\
MEXC tells no entry price. The desk knows the cost of what it saw bought; of what was bought before or elsewhere, or
came by transfer, the result is shown as unknown until you say what it cost. Journalled, and kept over restarts.

--from-history works it out instead: the desk reads the account's own trades, which MEXC gives for about the last month,
in every pair of the asset, page by page behind everything else, and books them like its own fills. All of the cost is
known where the holding was zero at some time within that month and only trades moved it since. Where they explain only
a part, only that part is taken; where they do not fit what is held, nothing is. Ctrl+C stops it.

exit codes:
  0    it counts from now on
  1    it does not: nothing of unknown cost is held, or the asset has no pair with your currency
  2    bad usage: a price that is none
  3    the exchange cannot be reached
  4    it is not known whether it counts
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "cost",
        help="say what a holding was bought at",
        description="Say what a holding was bought at, a piece, in the account's currency, fees included.",
        epilog=_COST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("asset", metavar="ASSET", help="for example BTC")
    parser.add_argument("price", metavar="PRICE", nargs="?", help="cost of one, for example 61234.5")
    parser.add_argument("--from-history", action="store_true", help="work it out from the account's own trades")
    parser.add_argument("--whole", action="store_true", help="of all that is held, replacing what is known of its cost")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Set it, print what counts, and return the exit code."""
    from mexc_tui.cli import told
    from mexc_tui.domain.numbers import BadNumberError, parse_decimal

    if arguments.from_history is not (arguments.price is None) or (arguments.from_history and arguments.whole):
        raise ExitError("Give either PRICE or --from-history alone. Nothing was changed.", USAGE)
    if arguments.from_history:
        return told.read_cost(arguments, arguments.asset.upper())
    try:
        price = parse_decimal(arguments.price)
    except BadNumberError:
        raise ExitError("PRICE is a number such as 61234.5. Nothing was changed.", USAGE) from None
    return told.set_cost(arguments, arguments.asset.upper(), price)
