"""``mexc-tui balances``: what the account holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mexc_tui.cli.desks import add_direct, asks_exchange
from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, with_rest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexc_tui.domain.orders import Balance


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    add_direct(add_lookup(commands, "balances", "print what the account holds", run))


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    if asks_exchange(arguments):
        held = list(with_rest(lambda rest: rest.account.balances(), keys=True))
    else:
        from mexc_tui.cli.acting import balances

        held = balances(arguments)
    _say(sorted(held, key=lambda balance: balance.asset), as_json=arguments.json)
    return OK


def _say(held: Sequence[Balance], *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import safe, say
    from mexc_tui.domain.numbers import plain

    if as_json:
        for balance in held:
            row = {"type": "balance", "asset": balance.asset, "free": balance.free, "locked": balance.locked}
            say({**row, "total": balance.total}, "", as_json=True)
        return
    rows = [(safe(b.asset), plain(b.free), plain(b.locked), plain(b.total)) for b in held]
    print_table(("asset", "free", "locked", "total"), rows)
