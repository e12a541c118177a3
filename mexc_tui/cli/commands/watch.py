"""``mexc-tui watch``: live market data as lines, for scripts and other programs."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mexc_tui.cli.arguments import INTERVALS, interval_of, seconds_of, symbols_of
from mexc_tui.cli.io.exits import FAILURE, OK, SIGNALLED, UNREACHABLE, USAGE, ExitError, exit_code
from mexc_tui.desk.errors import RequestError

if TYPE_CHECKING:
    from mexc_tui.cli.io.output import LineWriter, Row
    from mexc_tui.cli.rows import CandleTrack, Reporter
    from mexc_tui.desk.market import PublicMarket
    from mexc_tui.domain.market import Interval

CHANNELS = ("book", "trades", "candles", "ticker")
MOST_LEVELS = 1_000
BEAT_S = 0.02

EXIT_CODES = """\
exit codes:
  0    ended after --seconds
  1    the output cannot be written
  2    bad usage: unknown channel or interval, bad depth, a pair that is not traded
  3    the exchange cannot be reached
  130  interrupted (143: terminated)
  141  whoever read the output has closed it, as `head` does
"""
_MORE = f"""\
With --json each line is one object, whose "type" says what it is:
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


class Options(NamedTuple):
    """What was asked for, checked."""

    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    interval: Interval
    depth: int
    seconds: float | None


def run(arguments: argparse.Namespace) -> int:
    """Print until the time is over or a signal comes, and return the exit code."""
    import asyncio

    from mexc_tui.cli.io.output import LineWriter, encode, narrate
    from mexc_tui.cli.rows import as_text

    writer = LineWriter(encoding="utf-8" if arguments.json else sys.stdout.encoding)
    lost = 0

    def emit(row: Row) -> None:
        nonlocal lost
        if writer.lost > lost:
            text = f"The reader is too slow: {writer.lost - lost} lines could not be handed over."
            if not writer.write(line({"type": "problem", "code": "slow_reader", "message": text, "symbol": ""})):
                return
            lost = writer.lost
        # A book or ticker is a state: one that could not be handed over in time is of no use beside the next.
        state = row["type"] in ("book", "ticker")
        writer.write(line(row), topic=f"{row['type']} {row['symbol']}" if state else "")

    def line(row: Row) -> str:
        return encode(row) if arguments.json else as_text(row)

    def failed(error: ExitError | RequestError) -> None:
        if arguments.json:
            code = {USAGE: "bad_usage", UNREACHABLE: "unreachable"}.get(exit_code(error), "failed")
            symbol = getattr(error, "symbol", "")
            emit({"type": "problem", "code": code, "message": str(error), "symbol": symbol})

    try:
        try:
            options = options_of(arguments)
        except ExitError as error:
            failed(error)
            raise
        return asyncio.run(watch(options, emit, failed, writer))
    finally:
        writer.close()
        if writer.lost > lost:
            narrate(f"the reader was too slow: {writer.lost - lost} lines could not be handed over")


def options_of(arguments: argparse.Namespace) -> Options:
    """Return the options.

    Raises:
        ExitError: one of them cannot be used.
    """
    channels = tuple(dict.fromkeys(name.strip() for name in arguments.channels.split(",") if name.strip()))
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown or not channels:
        named = f"no channel {unknown[0][:40]!r}" if unknown else "no channel named"
        raise ExitError(f"There is {named}; --channels takes some of {', '.join(CHANNELS)}, with commas.", USAGE)
    if not (arguments.depth.isascii() and arguments.depth.isdigit() and 1 <= int(arguments.depth[:9]) <= MOST_LEVELS):
        raise ExitError(f"--depth takes a whole number from 1 to {MOST_LEVELS}.", USAGE)
    return Options(
        symbols=symbols_of(arguments.symbols),
        channels=channels,
        interval=interval_of(arguments.interval),
        depth=int(arguments.depth),
        seconds=seconds_of(arguments.seconds),
    )


async def watch(
    options: Options,
    emit: Callable[[Row], None],
    failed: Callable[[ExitError | RequestError], None],
    writer: LineWriter,
) -> int:
    """Print until the time is over, the reader is gone or a signal comes; return the exit code."""
    from mexc_tui.cli.io.output import narrate
    from mexc_tui.cli.io.signals import StopOnSignal
    from mexc_tui.cli.rows import Reporter
    from mexc_tui.desk.market import PublicMarket
    from mexc_tui.domain.inputs import LinkState

    reporter = Reporter(options.symbols, options.channels, options.interval, options.depth, emit=emit, remark=narrate)
    with StopOnSignal() as stop:
        market = None
        try:
            market = PublicMarket(
                options.channels,
                listen=reporter.listen,
                emit_fact=reporter.emit_fact,
                remark=narrate,
                depth=options.depth,
            )
            reporter.link(LinkState.CONNECTING)
            await stop.run(_follow(options, market, reporter, writer))
        except (ExitError, RequestError) as error:
            failed(error)
            raise
        finally:
            if market is not None:
                await market.close()
                reporter.link(LinkState.CLOSED)
    return SIGNALLED + stop.number if stop.number else OK


async def _follow(options: Options, market: PublicMarket, reporter: Reporter, writer: LineWriter) -> None:
    """Print until the time is over."""
    import asyncio

    pairs = await market.connect(options.symbols)
    wants_candles = "candles" in options.channels
    market.follow(pairs, [(symbol, options.interval) for symbol in options.symbols] if wants_candles else ())
    loop = asyncio.get_running_loop()
    start = loop.time()
    repairs: set[asyncio.Task[None]] = set()
    while not writer.gone.is_set() and (options.seconds is None or loop.time() - start < options.seconds):
        reporter.beat(market.book_view, market.now())
        market.check_stream(connected=reporter.connected, waited_s=loop.time() - start)
        if unreadable := market.unreadable():
            reporter.problem("unreadable", unreadable)
        for track in reporter.tracks.values():
            if track.repair is not None and not track.asking:
                track.asking = True
                repairs.add(task := asyncio.create_task(_repair(market, track, reporter)))
                task.add_done_callback(repairs.discard)
        await asyncio.sleep(BEAT_S)
    for task in repairs:
        task.cancel()
    if writer.gone.is_set():
        raise ExitError(writer.problem, FAILURE) if writer.problem else BrokenPipeError
    market.check_stream(connected=reporter.connected, waited_s=math.inf)


async def _repair(market: PublicMarket, track: CandleTrack, reporter: Reporter) -> None:
    """Read the candles that were missed while the stream was down."""
    first, end = track.repair or (0, 0)
    if not track.repaired(await market.missed_candles(track.symbol, track.interval, first, end)):
        text = f"{track.symbol}: candles that closed while the stream was down could not be read."
        reporter.problem("candles_missed", text, track.symbol)
