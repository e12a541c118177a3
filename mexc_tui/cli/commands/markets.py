"""``mexc-tui markets``: the pairs of the exchange with their rules."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, with_rest

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest
    from mexc_tui.domain.instrument import Instrument


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_lookup(commands, "markets", "list the pairs of the exchange with their rules", run)
    parser.add_argument("--quote", metavar="ASSET", help="only pairs quoted in this asset, such as USDT")


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    with_rest(lambda rest: _print(rest, arguments), keys=False)
    return OK


async def _print(rest: MexcRest, arguments: argparse.Namespace) -> None:
    from mexc_tui.cli.io.output import narrate, safe, say
    from mexc_tui.domain.numbers import plain

    pairs = sorted(await rest.market.exchange_info(), key=lambda pair: pair.symbol)
    if arguments.quote:
        pairs = [pair for pair in pairs if pair.quote == arguments.quote.strip().upper()]
    if arguments.json:
        for pair in pairs:
            say(_row(pair), "", as_json=True)
        return
    headings = ("pair", "status", "tick", "step", "least value", "maker", "taker", "")
    rows = [
        (
            safe(pair.symbol),
            pair.status.value,
            plain(pair.tick),
            plain(pair.step),
            f"{plain(pair.min_notional)} {safe(pair.quote)}",
            f"{plain(pair.maker_fee * 100)}%",
            f"{plain(pair.taker_fee * 100)}%",
            "" if pair.tradable else "not open to keys",
        )
        for pair in pairs
    ]
    print_table(headings, rows)
    narrate(f"{len(pairs)} pairs")


def _row(pair: Instrument) -> dict[str, Any]:
    return {
        "type": "market",
        "symbol": pair.symbol,
        "base": pair.base,
        "quote": pair.quote,
        "status": pair.status.value,
        "tradable": pair.tradable,
        "sides": pair.sides.value,
        "tick": pair.tick,
        "step": pair.step,
        "min_qty": pair.min_qty,
        "min_notional": pair.min_notional,
        "max_notional": pair.max_notional,
        "maker_fee": pair.maker_fee,
        "taker_fee": pair.taker_fee,
        "order_types": list(pair.order_types),
    }
