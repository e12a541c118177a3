"""``mexc-tui orders``: the open orders of the account."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desks import add_direct, asks_exchange
from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, require_listed, with_rest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mexc_tui.cli.io.output import Row
    from mexc_tui.desk.configured import MexcRest


_ORIGINS = {
    "elsewhere": "placed elsewhere",
    "asked": "placed elsewhere",
    "left": "placed elsewhere",
    "adopted": "adopted",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_lookup(commands, "orders", "print the open orders of the account", run)
    parser.add_argument("symbol", metavar="SYMBOL", nargs="?", help="only those of this pair")
    add_direct(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    symbols = symbols_of([arguments.symbol] if arguments.symbol else [])
    if asks_exchange(arguments):
        with_rest(lambda rest: _print(rest, symbols, as_json=arguments.json), keys=True)
    else:
        from mexc_tui.cli.acting import orders

        _say(orders(arguments, symbols), as_json=arguments.json)
    return OK


async def _print(rest: MexcRest, symbols: tuple[str, ...], *, as_json: bool) -> None:
    from mexc_tui.cli.rows import order_row

    for symbol in symbols:
        await require_listed(rest, symbol)
    found = sorted(await rest.trading.open_orders(symbols), key=lambda report: report.created_ms)
    _say([order_row(report) for report in found], as_json=as_json)


def _say(rows: Sequence[Row], *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import narrate, safe, say, shown
    from mexc_tui.domain.numbers import plain

    if as_json:
        for row in rows:
            say(row, "", as_json=True)
        return
    cells = [
        (
            safe(row["order_id"] or "—"),
            safe(row["symbol"]),
            row["side"],
            "other" if row["order_type"] is None else row["order_type"].lower(),
            shown(row["qty"]),
            shown(row["price"]),
            plain(row["filled_qty"]),
            row["state"] if row.get("origin", "here") == "here" else f"{row['state']}, {_ORIGINS[row['origin']]}",
        )
        for row in rows
    ]
    print_table(("order", "pair", "side", "type", "quantity", "price", "filled", "state"), cells)
    if not rows:
        narrate("no open orders")
