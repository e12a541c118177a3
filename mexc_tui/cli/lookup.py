"""What the commands share that ask one question by REST and print the answer."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mexc_tui.cli.io.exits import USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest

T = TypeVar("T")

_EPILOG = """\
With --json each line is one object; numbers are decimal texts, what is not known is null.

exit codes:
  0    answered
  1    the exchange refused
  2    bad usage: no such pair, no API key where one is needed
  3    the exchange cannot be reached
  141  whoever read the output has closed it
"""


def add_lookup(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add a command that asks one question."""
    parser = commands.add_parser(
        name,
        help=text,
        description=text.capitalize() + ".",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)
    return parser


def with_rest(work: Callable[[MexcRest], Awaitable[T]], *, keys: bool) -> T:
    """Return what ``work`` returns for a REST client of the configured exchange.

    Raises:
        RequestError: the settings cannot be used, or the exchange cannot be reached or refuses.
    """
    import asyncio

    from mexc_tui.cli.io.logs import start_log_when_needed
    from mexc_tui.desk.configured import ask, mexc_settings

    settings, _ = mexc_settings(keys=keys)
    start_log_when_needed((settings.api_key, settings.api_secret))
    return asyncio.run(ask(settings, work))


async def require_listed(rest: MexcRest, symbol: str, also: str = "") -> None:
    """Check that the exchange lists a pair; ``also`` ends the sentence.

    Raises:
        ExitError: it does not.
    """
    from mexc_tui.desk.configured import unknown_symbols

    unknown = unknown_symbols((symbol,), (pair.symbol for pair in await rest.market.exchange_info()))
    if unknown:
        raise ExitError(f"{unknown} {also}".rstrip(), USAGE)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print rows as a table for the user."""
    from mexc_tui.cli.io.output import say, table

    say({}, table(headings, rows, left=left), as_json=False)
