"""``mexc-tui status``: how a desk's account stands."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk

_CODES = "exit codes: 0 answered; 1 the desk is not ready; 2 no such desk; 3 the exchange cannot be reached."


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "status",
        help="print how the account stands: trading state, orders, equity",
        description="Print trading state, open orders and equity of a desk's account.",
        epilog=_CODES,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    from mexc_tui.cli import acting

    return acting.status(arguments)
