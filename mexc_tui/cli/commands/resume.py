"""``mexc-tui resume``: lift a halt."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk

_CODES = "exit codes: 0 trading is active; 1 the desk did not take it; 4 not known."


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "resume",
        help="lift a halt",
        description="Allow trading again; what was cancelled stays cancelled.",
        epilog=_CODES,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, wait for the outcome and return the exit code."""
    from mexc_tui.cli import acting

    return acting.resume(arguments)
