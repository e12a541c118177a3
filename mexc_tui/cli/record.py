"""``mexc-tui record``: raw market data to a file that can be replayed."""

from __future__ import annotations

import argparse
from pathlib import Path

_MORE = """\
The file holds every frame as it came, with the time of its arrival, and what is needed to play it again:
    mexc-tui demo --replay FILE            trade against it in the cockpit
    mexc-tui exchange --replay FILE        serve it to other programs
A name that ends in .gz is compressed. An existing file is never touched. Only public data is recorded.

exit codes:
  0    ended after --seconds
  1    the file cannot be written (any further)
  2    bad usage: a pair that is not traded, a file that exists
  3    the exchange cannot be reached
  130  interrupted (143: terminated); what was recorded is complete
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "record",
        help="record a market to a file that can be replayed",
        description="Record books and trades of the configured exchange as they arrive, until interrupted.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="pairs, for example BTCUSDT")
    parser.add_argument("file", metavar="FILE", type=Path, help="where to; .gz compresses")
    parser.add_argument("--seconds", metavar="S", help="end after this time")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record until the time is over or a signal comes, and return the exit code."""
    from mexc_tui.cli import recording

    return recording.run(arguments)
