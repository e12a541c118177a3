"""``mexc-tui paper``, and ``mexc-tui`` alone: paper money on MEXC's public market; the way out when it is not there."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mexc_tui.cli.commands import demo
from mexc_tui.cli.io.exits import UNREACHABLE, USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.desk.child import Addresses, ChildExchange

READY_LIMIT_S = 90.0
"""MEXC answers within seconds or is out of reach; its list of pairs may take long on a slow line."""
SLOW_S = 4.5
"""After so long without a market somebody who waits is told so."""
ACCOUNT = "account.json"
LOST = "The paper account is kept with all that was acknowledged; start mexc-tui again to go on."
KEYS_UNUSED = (
    "Live trading is locked in this version: this is paper money on MEXC's public market. The API keys that are set "
    "are not used, and no order leaves this machine."
)
SLOW = "mexc-tui: no market from {} yet. It is waited for; Ctrl-C stops that and offers the embedded exchange instead."
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
    from mexc_tui.cli.desk import configured_plan, read_settings

    file, limits = read_settings()
    upstream = configured_plan(file, limits)
    folder = paper_folder(upstream.base_url)
    aside = move_aside(folder) if arguments.fresh else None
    notices = [KEYS_UNUSED] if upstream.credentials else []
    if aside is not None:
        notices.append(f"This is a new paper account. The one before, with its orders and fills, is in {aside}.")
    try:
        return _trade(arguments, folder, upstream.base_url, tuple(notices))
    except ExitError as error:
        if error.code != UNREACHABLE:
            raise
        if aside is not None and not (folder / ACCOUNT).exists():
            # Nothing was begun, so nothing takes the place of the old account.
            shutil.rmtree(folder)
            aside.rename(folder)
        return offer_demo(error)


def paper_folder(base_url: str) -> Path:
    """Make and return the folder of the paper account on an exchange, with its journal.

    Raises:
        ExitError: it cannot be made.
    """
    from mexc_tui.config.errors import ConfigError
    from mexc_tui.desk import accounts

    try:
        return accounts.paper_folder(base_url)
    except (ConfigError, OSError) as error:
        raise ExitError(str(error), USAGE) from None


def move_aside(folder: Path) -> Path | None:
    """Give the folder of a paper account another name, so that the next one begins anew.

    Returns:
        Where it is now; None where there was no account.

    Raises:
        RefusedError: a program trades with it.
        ExitError: it cannot be moved.
    """
    from mexc_tui.desk.exchange.state_file import lock_state

    if not (folder / ACCOUNT).exists():
        return None
    try:
        with lock_state(folder / ACCOUNT):
            aside = folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}")
            if aside.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            folder.rename(aside)
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise ExitError(
            f"The paper account in {folder} could not be moved aside ({error.strerror}); nothing was started.", USAGE
        ) from None
    return aside


def offer_demo(error: ExitError) -> int:
    """Say why there is no market and open the embedded exchange if that is wanted.

    Raises:
        ExitError: with the reason; it is not wanted, or nobody can be asked.
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


def _trade(arguments: argparse.Namespace, folder: Path, upstream_url: str, notices: tuple[str, ...]) -> int:
    from mexc_tui.desk.child import ChildExchange

    child = ChildExchange(["--mirror", "--state", str(folder / ACCOUNT)], lost=LOST)
    try:
        from mexc_tui.cli import cockpit

        return cockpit.run_paper(child, arguments, folder, upstream_url, notices, lambda: _wait(child, upstream_url))
    finally:
        child.close()


def _wait(child: ChildExchange, upstream_url: str) -> Addresses:
    """Wait for the market; who has waited long may stop it and is offered the embedded exchange.

    Raises:
        ExitError: code 3, it was stopped.
    """
    from mexc_tui.desk.child import StillStartingError

    try:
        return child.ready(SLOW_S)
    except StillStartingError:
        print(SLOW.format(upstream_url), file=sys.stderr)  # noqa: T201
    try:
        return child.ready(READY_LIMIT_S)
    except StillStartingError as error:
        raise ExitError(str(error), UNREACHABLE) from None
    except KeyboardInterrupt:
        raise ExitError(f"{upstream_url} was not waited for any longer. Nothing was sent.", UNREACHABLE) from None
