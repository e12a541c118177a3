"""``mexc-tui halt``: cancel everything and refuse new exposure until resume."""

from __future__ import annotations

import argparse

from mexc_tui.cli.desks import add_desk

_CODES = (
    "exit codes: 0 halted and nothing is open; 1 the desk did not take it; 4 halted, and an order may still be live."
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "halt",
        help="cancel everything and refuse new exposure until resume",
        description="Cancel every open order and refuse new exposure until `mexc-tui resume`.",
        epilog=_CODES,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--reason", metavar="TEXT", default="halted from the command line", help="kept and shown")
    add_desk(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it, wait for the outcome and return the exit code."""
    from mexc_tui.cli import acting

    return acting.halt(arguments)
