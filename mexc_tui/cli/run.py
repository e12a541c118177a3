"""``mexc-tui`` alone: paper money on MEXC's market, or the exchange on this machine that is configured."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the plain call."""
    from mexc_tui.cli.paper import add_fresh

    parser.add_argument("--symbol", metavar="SYMBOL", help="pair to open on")
    add_fresh(parser)
    parser.set_defaults(frames=None)


def run(arguments: argparse.Namespace) -> int:
    """Open the cockpit."""
    from mexc_tui.cli.terminal import require_terminal

    require_terminal()
    from mexc_tui.cli import cockpit

    return cockpit.run_configured(arguments)
