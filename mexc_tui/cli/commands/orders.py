"""``mexc-tui orders``: the open orders of the account."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, require_listed, with_rest

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_lookup(commands, "orders", "print the open orders of the account", run)
    parser.add_argument("symbol", metavar="SYMBOL", nargs="?", help="only those of this pair")


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    symbols = symbols_of([arguments.symbol] if arguments.symbol else [])
    with_rest(lambda rest: _print(rest, symbols, as_json=arguments.json), keys=True)
    return OK


async def _print(rest: MexcRest, symbols: tuple[str, ...], *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import narrate, safe, say, shown
    from mexc_tui.cli.rows import order_row
    from mexc_tui.domain.numbers import plain

    for symbol in symbols:
        await require_listed(rest, symbol)
    found = sorted(await rest.trading.open_orders(symbols), key=lambda report: report.created_ms)
    if as_json:
        for report in found:
            say(order_row(report), "", as_json=True)
        return
    headings = ("order", "pair", "side", "type", "quantity", "price", "filled", "state")
    rows = [
        (
            safe(report.order_id),
            safe(report.symbol),
            report.side.value.lower(),
            "other" if report.type is None else report.type.value.lower(),
            shown(report.qty),
            shown(report.price),
            plain(report.filled_qty),
            report.state.value,
        )
        for report in found
    ]
    print_table(headings, rows)
    if not found:
        narrate("no open orders")
