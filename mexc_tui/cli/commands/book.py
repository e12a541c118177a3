"""``mexc-tui book``: an order book as it is now."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import count, symbols_of
from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, require_listed, with_rest

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_lookup(commands, "book", "print an order book as it is now", run)
    parser.add_argument("symbol", metavar="SYMBOL", help="pair, for example BTCUSDT")
    parser.add_argument("--depth", type=count(2_000), default=20, metavar="N", help="levels a side (20)")


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    (symbol,) = symbols_of([arguments.symbol])
    with_rest(lambda rest: _print(rest, symbol, arguments.depth, as_json=arguments.json), keys=False)
    return OK


async def _print(rest: MexcRest, symbol: str, depth: int, *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import say
    from mexc_tui.domain.book import OrderBook
    from mexc_tui.domain.numbers import plain

    await require_listed(rest, symbol)
    book = OrderBook(await rest.market.depth(symbol, depth))
    bids, asks = (
        [[plain(book.price(price)), plain(book.quantity(qty))] for price, qty in side] for side in book.levels(depth)
    )
    if as_json:
        row = {"type": "book", "symbol": symbol, "state": "snapshot", "version": book.version}
        say({**row, "bids": bids, "asks": asks, "time": time.time_ns() // 1_000_000}, "", as_json=True)
        return
    rows = [(qty, price, "ask") for price, qty in reversed(asks)] + [(qty, price, "bid") for price, qty in bids]
    print_table(("quantity", "price", "side"), rows, left=0)
