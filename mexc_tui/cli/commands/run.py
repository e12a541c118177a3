"""``mexc-tui`` alone: paper money on MEXC's market, or the exchange on this machine that is configured."""

from __future__ import annotations

import argparse

from mexc_tui.cli.commands import paper
from mexc_tui.cli.desks import add_role, configured_desk, read_settings, settings_refused
from mexc_tui.cli.io.exits import USAGE, ExitError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the plain call."""
    parser.add_argument("--symbol", metavar="SYMBOL", help="pair to open on")
    parser.add_argument("--account", metavar="NAME", help="the account of the vault to open (`mexc-tui keys`)")
    paper.add_fresh(parser)
    add_role(parser)
    parser.set_defaults(frames=None)


def run(arguments: argparse.Namespace) -> int:
    """Open the cockpit on an exchange of this machine that environment or config file name, else on paper."""
    from mexc_tui.cli.io.terminal import require_terminal

    require_terminal()
    from mexc_tui.desk.launch import Start
    from mexc_tui.domain.views import VenueKind

    if arguments.account is None:
        choice = configured_desk()
        if choice.kind is not VenueKind.LOCAL:
            return paper.run(arguments)
    else:
        from mexc_tui.cli.accounts import account_desk

        choice = account_desk(arguments.account)
    if arguments.fresh:
        raise ExitError(
            f"--fresh begins a new paper account, and the accounts of {choice.upstream} are kept there. "
            "`mexc-tui paper --fresh` trades on paper on that exchange's market.",
            USAGE,
        )
    file, _ = read_settings()
    with settings_refused():
        start = Start(choice)
    from mexc_tui.cli import cockpit

    return cockpit.open_started(start, file, arguments)
