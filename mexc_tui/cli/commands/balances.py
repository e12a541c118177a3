"""``mexc-tui balances``: what the account holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, with_rest

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    add_lookup(commands, "balances", "print what the account holds", run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    with_rest(lambda rest: _print(rest, as_json=arguments.json), keys=True)
    return OK


async def _print(rest: MexcRest, *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import safe, say
    from mexc_tui.domain.numbers import plain

    held = sorted(await rest.account.balances(), key=lambda balance: balance.asset)
    if as_json:
        for balance in held:
            row = {"type": "balance", "asset": balance.asset, "free": balance.free, "locked": balance.locked}
            say({**row, "total": balance.total}, "", as_json=True)
        return
    rows = [(safe(b.asset), plain(b.free), plain(b.locked), plain(b.total)) for b in held]
    print_table(("asset", "free", "locked", "total"), rows)
