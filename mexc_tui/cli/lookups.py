"""``mexc-tui markets``, ``book``, ``candles``, ``balances`` and ``orders``: one question, one answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from mexc_tui.cli.watch import INTERVALS

EXIT_CODES = """\
exit codes:
  0    answered
  1    the exchange refused
  2    bad usage: no such pair, no API key where one is needed
  3    the exchange cannot be reached
"""
_JSON = "With --json each line is one object; numbers are decimal texts, what is not known is null.\n\n"
_COMMANDS = {
    "markets": "list the pairs of the exchange with their rules",
    "book": "print an order book as it is now",
    "candles": "print the latest candles, oldest first",
    "balances": "print what the account holds",
    "orders": "print the open orders of the account",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    parsers = {}
    for name, text in _COMMANDS.items():
        parsers[name] = commands.add_parser(
            name,
            help=text,
            description=text.capitalize() + ".",
            epilog=_JSON + EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parsers[name].add_argument("--json", action="store_true", help="one JSON object a line")
        parsers[name].set_defaults(run=run, lookup=name)
    parsers["markets"].add_argument("--quote", metavar="ASSET", help="only pairs quoted in this asset, such as USDT")
    for name in ("book", "candles"):
        parsers[name].add_argument("symbol", metavar="SYMBOL", help="pair, for example BTCUSDT")
    parsers["orders"].add_argument("symbol", metavar="SYMBOL", nargs="?", help="only those of this pair")
    parsers["book"].add_argument("--depth", type=_count(2_000), default=20, metavar="N", help="levels a side (20)")
    parsers["candles"].add_argument("--interval", default="1m", metavar="I", help=", ".join(INTERVALS))
    parsers["candles"].add_argument("--limit", type=_count(1_000), default=100, metavar="N", help="how many (100)")


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    from mexc_tui.cli import looking

    return looking.run(arguments)


def _count(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise argparse.ArgumentTypeError(f"a whole number from 1 to {most}")
        return int(text)

    return read
