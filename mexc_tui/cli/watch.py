"""``mexc-tui watch``: live market data as lines, for scripts and other programs."""

from __future__ import annotations

import argparse

CHANNELS = ("book", "trades", "candles", "ticker")
INTERVALS = ("1m", "5m", "15m", "30m", "60m", "4h", "8h", "1d", "1W", "1M")
MOST_LEVELS = 1_000

EXIT_CODES = """\
exit codes:
  0    ended after --seconds
  1    the output cannot be written
  2    bad usage: unknown channel or interval, bad depth, a pair that is not traded
  3    the exchange cannot be reached
  130  interrupted (143: terminated)
"""
_MORE = f"""\
With --json each line is one object, told apart by "type":
  book     symbol, state (live, syncing, stale), version, bids, asks ([price, qty], best first), time
           at most ten a second a symbol; live promises that the book is exact at that version
  trade    symbol, id, price, qty, side (of the taker), time
  candle   symbol, interval, open_time, open, high, low, close, volume, closed (final when the next window appears)
  ticker   symbol, last, change, high, low, volume, quote_volume, bid, bid_qty, ask, ask_qty, time
  link     state (connecting, connected, reconnecting, closed), reason
  problem  code, message, symbol; trades are complete as long as neither a link nor a problem line comes between
Numbers are decimal texts, times are milliseconds since 1970 (UTC). Remarks go to standard error.

{EXIT_CODES}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "watch",
        help="print live books, trades, candles and tickers as lines",
        description="Print live market data of the configured exchange, one line each, until interrupted.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="pairs, for example BTCUSDT")
    parser.add_argument("--channels", default="book,trades", metavar="LIST", help=f"of {','.join(CHANNELS)}")
    parser.add_argument("--interval", default="1m", metavar="I", help="length of candles: " + ", ".join(INTERVALS))
    parser.add_argument("--depth", default="20", metavar="N", help=f"levels a side, 1 to {MOST_LEVELS}")
    parser.add_argument("--seconds", metavar="S", help="end after this time")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print until the time is over or a signal comes, and return the exit code."""
    from mexc_tui.cli import watching

    return watching.run(arguments)
