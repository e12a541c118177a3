"""``mexc-tui flatten``: cancel and sell what is held, of one pair or of all."""

from __future__ import annotations

import argparse

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desks import add_desk

_CODES = "exit codes: 0 flat; 1 something could not be sold; 2 no such pair; 4 the end of a sale is not known."


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "flatten",
        help="cancel and sell what is held, of one pair or of all",
        description="Cancel working orders and sell what is held, as capped immediate orders.",
        epilog=_CODES,
    )
    parser.add_argument("symbol", metavar="SYMBOL", nargs="?", help="only this pair")
    parser.add_argument("--json", action="store_true", help="one JSON object for each pair")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, wait for the outcome and return the exit code."""
    from mexc_tui.cli import acting

    symbol = symbols_of([arguments.symbol])[0] if arguments.symbol else None
    return acting.flatten(arguments, symbol)
