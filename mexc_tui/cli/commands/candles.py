"""``mexc-tui candles``: the latest candles of a pair."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import INTERVALS, count, interval_of, symbols_of
from mexc_tui.cli.io.exits import OK
from mexc_tui.cli.lookup import add_lookup, print_table, require_listed, with_rest

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest
    from mexc_tui.domain.market import Candle, Interval


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_lookup(commands, "candles", "print the latest candles, oldest first", run)
    parser.add_argument("symbol", metavar="SYMBOL", help="pair, for example BTCUSDT")
    parser.add_argument("--interval", default="1m", metavar="I", help=", ".join(INTERVALS))
    parser.add_argument("--limit", type=count(1_000), default=100, metavar="N", help="how many (100)")


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    (symbol,) = symbols_of([arguments.symbol])
    interval = interval_of(arguments.interval)
    with_rest(lambda rest: _print(rest, symbol, interval, arguments.limit, as_json=arguments.json), keys=False)
    return OK


async def _print(rest: MexcRest, symbol: str, interval: Interval, limit: int, *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import say
    from mexc_tui.cli.rows import candle_row
    from mexc_tui.domain.numbers import plain

    await require_listed(rest, symbol)
    candles = await rest.market.klines(symbol, interval, limit)
    if as_json:
        for candle in candles:
            row = candle_row(symbol, interval, candle, closed=candle.closed)
            say({**row, "quote_volume": plain(candle.quote_volume)}, "", as_json=True)
        return
    print_table(("opened (UTC)", "open", "high", "low", "close", "volume"), [_cells(candle) for candle in candles])


def _cells(candle: Candle) -> tuple[str, ...]:
    from datetime import UTC, datetime

    from mexc_tui.domain.numbers import plain

    opened = datetime.fromtimestamp(candle.open_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return opened, *(plain(price) for price in prices)
