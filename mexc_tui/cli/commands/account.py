"""``mexc-tui flatten``, ``halt``, ``resume`` and ``status``: one request to a desk each, with its outcome."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desks import add_desk


class _Command(NamedTuple):
    help: str
    description: str
    codes: str


_COMMANDS = {
    "flatten": _Command(
        "cancel and sell what is held, of one pair or of all",
        "Cancel working orders and sell what is held, as capped immediate orders.",
        "0 flat; 1 something could not be sold; 2 no such pair; 4 the end of a sale is not known.",
    ),
    "halt": _Command(
        "cancel everything and refuse new exposure until resume",
        "Cancel every open order and refuse new exposure until `mexc-tui resume`.",
        "0 halted and the exchange lists no open order; 1 the desk did not take it; "
        "4 halted, and an order may still be live.",
    ),
    "resume": _Command(
        "lift a halt",
        "Allow trading again; what was cancelled stays cancelled.",
        "0 trading is active; 1 the desk did not take it; 4 not known.",
    ),
    "status": _Command(
        "print how the account stands: trading state, orders, equity",
        "Print trading state, open orders and equity of a desk's account.",
        "0 answered; 1 the desk is not ready; 2 no such desk; 3 the exchange cannot be reached.",
    ),
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    for name, one in _COMMANDS.items():
        epilog = f"exit codes: {one.codes}"
        parser = commands.add_parser(name, help=one.help, description=one.description, epilog=epilog)
        if name == "flatten":
            parser.add_argument("symbol", metavar="SYMBOL", nargs="?", help="only this pair")
        if name == "halt":
            reason = "halted from the command line"
            parser.add_argument("--reason", metavar="TEXT", default=reason, help="kept and shown")
        parser.add_argument("--json", action="store_true", help="JSON, one object a line")
        add_desk(parser)
        parser.set_defaults(run=run, command=name)


def run(arguments: argparse.Namespace) -> int:
    """Do it, wait for the outcome and return the exit code."""
    from mexc_tui.cli import acting

    if arguments.command == "flatten":
        return acting.flatten(arguments, symbols_of([arguments.symbol])[0] if arguments.symbol else None)
    return {"halt": acting.halt, "resume": acting.resume, "status": acting.status}[arguments.command](arguments)
