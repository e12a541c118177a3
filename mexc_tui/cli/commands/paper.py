"""``mexc-tui paper``, and ``mexc-tui`` alone: paper money on MEXC's public market; the way out when it is not there."""

from __future__ import annotations

import argparse
import sys

from mexc_tui.cli.commands import demo
from mexc_tui.cli.desks import add_role, read_settings, settings_refused
from mexc_tui.cli.io.exits import UNREACHABLE, ExitError
from mexc_tui.desk.errors import DeskError

SLOW = "no market from {} yet. It is waited for; Ctrl-C stops that and offers the embedded exchange instead."
_MORE = """\
Each fill says what it rests on. certain: quotes that stood there, or trades that went past everything before the
order. assumed: a quote came to cross a resting order and no trade proved within half a second that it would have been
filled; it is filled at its own price, by no more than that quote.

What paper trading cannot know: your own impact (nobody on MEXC sees your orders), hidden size, your true place in the
queue (it is never taken for better than it can be), the last milliseconds, and levels beyond 2,000 a side.

exit codes:
  0    ended as asked
  1    the exchange or the desk broke down, or another program has this paper account
  2    bad settings, a terminal that cannot show the cockpit
  3    MEXC cannot be reached and the embedded exchange was not wanted
  130  interrupted (128 + N: ended by signal N)
"""
OFFER = "Open the embedded exchange instead (modelled markets, paper money, no network)? [y/N] "


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "paper",
        help="trade with paper money on MEXC's public market (what mexc-tui alone does)",
        description="Open the cockpit on the configured exchange's public market with paper money. Orders are matched "
        "on this machine and never sent there; keys are not used.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--symbol", metavar="SYMBOL", help="pair to open on")
    add_fresh(parser)
    add_role(parser)
    parser.set_defaults(run=run, frames=None)


def add_fresh(parser: argparse.ArgumentParser) -> None:
    """Add the option that begins a new account."""
    parser.add_argument(
        "--fresh", action="store_true", help="begin a new paper account; the old one is moved aside, not deleted"
    )


def run(arguments: argparse.Namespace) -> int:
    """Open the cockpit on paper, or offer the embedded exchange."""
    from mexc_tui.cli.io.terminal import require_terminal

    require_terminal()
    from mexc_tui.desk.choice import paper_choice
    from mexc_tui.desk.launch import Start

    file, _ = read_settings()
    with settings_refused():
        choice = paper_choice(file)
        start = Start(choice, fresh=arguments.fresh)
    from mexc_tui.cli import cockpit

    try:
        return cockpit.open_started(start, file, arguments, SLOW.format(choice.upstream))
    except DeskError as error:
        if error.exit_code != UNREACHABLE:
            raise
        return offer_demo(error)


def offer_demo(error: DeskError) -> int:
    """Say why there is no market and open the embedded exchange if that is wanted.

    Raises:
        ExitError, DeskError: with the reason; it is not wanted, or nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise error
    try:
        answer = input(f"mexc-tui: {error}\n{OFFER}")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise ExitError("Nothing was started. `mexc-tui demo` opens the embedded exchange at any time.", UNREACHABLE)
    parser = argparse.ArgumentParser()
    demo.add_options(parser)
    return demo.run(parser.parse_args([]))
