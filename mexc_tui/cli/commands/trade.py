"""``mexc-tui buy`` and ``sell``: one order from the command line, under the cockpit's own rules."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk

_SIZES = """\
SIZE is 0.5 (of the base asset), '$100' (in quote) or 25% (of what is free).
"""
_PLACE = f"""\
{_SIZES}
The order goes through the desk that runs for the account, beside its screens; where none runs, through one that is
started for the moment. It passes the same gate, with the same limits, and is written to the same journal before it is
sent. It is sent once, never again: where the answer is lost it is looked up, and if that fails too its
outcome is said to be unknown. A limit order works at the exchange until it fills or is cancelled, also after this
command has ended. Only an exchange on this machine takes orders in this version.

exit codes:
  0    the exchange took the order (see state for what became of it)
  1    refused by the gate (all reasons are printed) or by the exchange, or the desk's ticket is locked
  2    bad usage: no such pair, a size or price that is none, no API key
  3    the exchange cannot be reached; nothing was sent
  4    the outcome is unknown: the order may be live; look for its client id before placing another one
  130  interrupted
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    for side in ("buy", "sell"):
        _add_side(commands, side)


def _add_side(commands: argparse._SubParsersAction[argparse.ArgumentParser], side: str) -> None:
    parser = commands.add_parser(
        side,
        help=f"place one {side} order",
        description=f"Place one {side} order.",
        epilog=_PLACE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("symbol", metavar="SYMBOL", help="pair, for example BTCUSDT")
    parser.add_argument("size", metavar="SIZE", help="0.5, '$100' or 25%%")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--at", metavar="PRICE", help="limit price")
    how.add_argument(
        "--market", action="store_true", help="at the market, with a price cap within your collar and slippage limit"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--post-only", action="store_true", help="only as a maker; refused where it would trade at once")
    kind.add_argument("--ioc", action="store_true", help="trade at once what can be, cancel the rest")
    kind.add_argument("--fok", action="store_true", help="trade at once and whole, or not at all")
    parser.add_argument(
        "--uncapped", action="store_true", help="with --market: without the price cap that market orders get otherwise"
    )
    parser.add_argument("--yes", action="store_true", help="answer what the gate asks first, such as for a large order")
    parser.add_argument(
        "--override", metavar="CONTROL", default="", help="lift one control for this order, such as MAX_ORDER_VALUE"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="why; needed with --override, kept in the journal")
    parser.add_argument(
        "--owner",
        metavar="NAME",
        default="",
        help="the algorithm whose order it is, counted into [limits.owner.NAME]; else it is a script's",
    )
    parser.add_argument("--wait", metavar="S", type=float, default=0.0, help="wait so long for the order to finish")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run, side=side)


def run(arguments: argparse.Namespace) -> int:
    """Place the order and return the exit code."""
    from mexc_tui.cli import placing

    return placing.run(arguments)
