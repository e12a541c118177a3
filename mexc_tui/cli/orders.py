"""``mexc-tui buy``, ``sell`` and ``cancel``: orders from the command line, under the cockpit's own rules."""

from __future__ import annotations

import argparse

UNKNOWN = 4
"""The outcome of an order or a cancel could not be learnt: it may be live."""

_SIZES = """\
SIZE is 0.5 (of the base asset), '$100' (in quote) or 25% (of what is free).
"""
_PLACE = f"""\
{_SIZES}
The order passes the same gate, with the same limits, as one from the cockpit, and is written to the same journal
before it is sent. It is sent once, never again: where the answer is lost it is looked up, and if that fails too its
outcome is said to be unknown. A limit order works at the exchange until it fills or is cancelled, also after this
command has ended. Only an exchange on this machine takes orders in this version.

exit codes:
  0    the exchange took the order (see state for what became of it)
  1    refused by the gate (all reasons are printed) or by the exchange; the journal is in use
  2    bad usage: no such pair, a size or price that is none, no API key
  3    the exchange cannot be reached; nothing was sent
  4    the outcome is unknown: the order may be live; look for its client id before placing another one
  130  interrupted
"""
_CANCEL = """\
Cancelling needs neither the gate nor the journal, so it works beside a running cockpit, which learns of it at once.

exit codes:
  0    nothing of what was named is open any more
  1    the exchange refused
  2    bad usage: nothing named, no such pair, no API key
  3    the exchange cannot be reached
  4    the outcome is unknown: an order may still be live
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    for side in ("buy", "sell"):
        _add_side(commands, side)
    parser = commands.add_parser(
        "cancel",
        help="cancel one order, those of a pair, or all",
        description="Cancel open orders of the account.",
        epilog=_CANCEL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("order", nargs="?", metavar="ORDER", help="id of an open order, the exchange's or the client's")
    parser.add_argument("--symbol", metavar="SYMBOL", help="every open order of this pair; with ORDER: its pair")
    parser.add_argument("--all", action="store_true", help="every open order of the account")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=_cancel)


def _add_side(commands: argparse._SubParsersAction[argparse.ArgumentParser], side: str) -> None:
    parser = commands.add_parser(
        side,
        help=f"place one {side} order",
        description=f"Place one {side} order at the configured exchange.",
        epilog=_PLACE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("symbol", metavar="SYMBOL", help="pair, for example BTCUSDT")
    parser.add_argument("size", metavar="SIZE", help="0.5, '$100' or 25%%")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--at", metavar="PRICE", help="limit price")
    how.add_argument("--market", action="store_true", help="at the market")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--post-only", action="store_true", help="only as a maker; refused where it would trade at once")
    kind.add_argument("--ioc", action="store_true", help="trade at once what can be, cancel the rest")
    kind.add_argument("--fok", action="store_true", help="trade at once and whole, or not at all")
    parser.add_argument("--wait", metavar="S", type=float, default=0.0, help="wait so long for the order to finish")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=_place, side=side)


def _place(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli import placing

    return placing.run(arguments)


def _cancel(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli import cancelling

    return cancelling.run(arguments)
