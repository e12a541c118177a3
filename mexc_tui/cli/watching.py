"""Runs ``mexc-tui watch``: one feed, one writer, and an end for every way it can end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import re
from collections.abc import Callable

import msgspec

from mexc_tui.cli.ending import Ending
from mexc_tui.cli.exits import FAILURE, OK, SIGNALLED, UNREACHABLE, USAGE, ExitError
from mexc_tui.cli.output import LineWriter, Row, encode, narrate
from mexc_tui.cli.venue import REACH_LIMIT_S, failed, market_venue, reach, unknown_symbols
from mexc_tui.cli.watch import CHANNELS, MOST_LEVELS
from mexc_tui.cli.watch_rows import CandleTrack, Reporter, as_text
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.venues.mexc.venue import MexcVenue, Part

BEAT_S = 0.02
LIST_LIMIT_S = 30.0
MISSED_CANDLES = 500
"""Candles asked for at most when a stream comes back after a break."""
_NOT_IN_NAMES = re.compile(r"[\s@,/\\\"'<>&?#%]")
"""Names may be Chinese, but hold nothing that means something in a channel, an address or a list."""

_LOST = (ErrorKind.NETWORK, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, checked."""

    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    interval: Interval
    depth: int
    seconds: float | None


def run(arguments: argparse.Namespace) -> int:
    """Print until the time is over or a signal comes, and return the exit code."""
    writer = LineWriter()
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

    def failed(error: ExitError) -> None:
        if arguments.json:
            code = {USAGE: "bad_usage", UNREACHABLE: "unreachable"}.get(error.code, "failed")
            emit({"type": "problem", "code": code, "message": str(error), "symbol": error.symbol})

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


def symbols_of(names: list[str]) -> tuple[str, ...]:
    """Return the pairs asked for, each once; ExitError for what cannot be one."""
    found = [name.strip().upper() for name in names]
    for name in found:
        if not 2 <= len(name) <= 40 or not name.isprintable() or _NOT_IN_NAMES.search(name):
            raise ExitError(f"{name[:40]!r} is not the name of a pair; they look like BTCUSDT.", USAGE)
    return tuple(dict.fromkeys(found))


def interval_of(name: str) -> Interval:
    """Return the length of candles; ExitError for one that there is not."""
    name = {"1h": "60m", "1w": "1W", "1mo": "1M"}.get(name, name)
    if name not in list(Interval):
        raise ExitError(f"There is no interval {name[:20]!r}; there are {', '.join(Interval)}.", USAGE)
    return Interval(name)


def seconds_of(text: str | None) -> float | None:
    """Return a time above zero, None where none was given; ExitError for anything else."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ExitError("--seconds takes a number above zero.", USAGE)
    return seconds


async def watch(
    options: Options, emit: Callable[[Row], None], failed: Callable[[ExitError], None], writer: LineWriter
) -> int:
    """Print until the time is over, the reader is gone or a signal comes; return the exit code."""
    venue = market_venue(_parts(options.channels))
    reporter = Reporter(options.symbols, options.channels, options.interval, options.depth, emit=emit, remark=narrate)
    books = "book" in options.channels
    feed = MarketFeed(venue, listen=reporter.listen, tell=reporter.tell, books=books, depth=options.depth)
    with Ending() as ending:
        try:
            reporter.link(LinkState.CONNECTING)
            await ending.run(_follow(options, venue, feed, reporter, writer))
        except ExitError as error:
            failed(error)
            raise
        finally:
            await feed.close()
            reporter.link(LinkState.CLOSED)
    return SIGNALLED + ending.number if ending.number else OK


async def _follow(options: Options, venue: MexcVenue, feed: MarketFeed, reporter: Reporter, writer: LineWriter) -> None:
    """Print until the time is over."""
    pairs = await connect(feed, venue, options.symbols)
    wants_candles = "candles" in options.channels
    feed.follow(pairs, [(symbol, options.interval) for symbol in options.symbols] if wants_candles else ())
    loop = asyncio.get_running_loop()
    start = loop.time()
    unread = 0
    repairs: set[asyncio.Task[None]] = set()
    while not writer.gone.is_set() and (options.seconds is None or loop.time() - start < options.seconds):
        reporter.beat(feed.markets, feed.now())
        if not reporter.connected and loop.time() - start > REACH_LIMIT_S:
            raise ExitError(no_stream(venue), UNREACHABLE)
        unread = _unreadable(venue, reporter, unread)
        for track in reporter.tracks.values():
            if track.repair is not None and not track.asking:
                track.asking = True
                repairs.add(task := asyncio.create_task(_repair(venue, track, reporter)))
                task.add_done_callback(repairs.discard)
        await asyncio.sleep(BEAT_S)
    for task in repairs:
        task.cancel()
    if writer.gone.is_set():
        raise ExitError(writer.problem, FAILURE) if writer.problem else BrokenPipeError
    if not reporter.connected:
        raise ExitError(no_stream(venue), UNREACHABLE)


async def connect(feed: MarketFeed, venue: MexcVenue, symbols: tuple[str, ...]) -> list[Instrument]:
    """Open the feed and return what the exchange says of the pairs; without rules where it gives no list of them.

    Raises:
        ExitError: it cannot be reached, or does not list one of them.
    """
    address = venue.rest.settings.base_url
    await reach(feed.open(), address)
    try:
        async with asyncio.timeout(LIST_LIMIT_S):
            listed = {pair.symbol: pair for pair in await venue.instruments()}
    except TimeoutError:
        raise ExitError(f"The exchange at {address} does not send its list of pairs.", UNREACHABLE) from None
    except VenueError as error:
        if error.kind in _LOST:
            raise failed(error, address) from None
        narrate(f"the list of pairs cannot be read, so names are not checked: {error.message}")
        return [unlisted(symbol) for symbol in symbols]
    unknown = unknown_symbols(symbols, listed)
    if unknown:
        raise ExitError(unknown, USAGE, symbol=next(symbol for symbol in symbols if symbol not in listed))
    return [listed[symbol] for symbol in symbols]


def unlisted(symbol: str) -> Instrument:
    """Return a pair of which nothing but the name is known."""
    return Instrument(symbol=symbol, base="", quote="", price_decimals=0, qty_decimals=0)


def no_stream(venue: MexcVenue) -> str:
    """Return the sentence for an exchange that answers by REST and sends nothing by WebSocket."""
    settings, streams = venue.rest.settings, venue.streams
    if streams is not None and streams.state is LinkState.CLOSED:
        return (
            f"The exchange at {settings.base_url} refuses every stream that was asked for. "
            "Its pairs may be closed; `mexc-tui book` reads one by REST."
        )
    why = next((line.reason for line in streams.lines if line.reason), "") if streams is not None else ""
    return (
        f"The exchange at {settings.base_url} answers, but its streams at {settings.ws_url} do not"
        f"{f' ({why})' if why else ''}. Check MEXC_WS_URL and whether a proxy or firewall stops WebSockets."
    )


def _parts(channels: tuple[str, ...]) -> list[Part]:

    wanted = {"book": [Part.BOOK, Part.BEST], "trades": [Part.TRADES], "ticker": [Part.TICKER, Part.BEST]}
    return [part for channel in channels for part in wanted.get(channel, [])]


def _unreadable(venue: MexcVenue, reporter: Reporter, before: int) -> int:
    """EmitFact of frames that could not be read since last time; trades in them are lost."""
    streams = venue.streams
    if streams is None or streams.decoder.not_understood == before:
        return before
    why = streams.decoder.samples[-1].reason if streams.decoder.samples else "unknown"
    count = streams.decoder.not_understood - before
    reporter.problem("unreadable", f"{count} frames could not be read ({why}); what they held is missing.")
    return streams.decoder.not_understood


async def _repair(venue: MexcVenue, track: CandleTrack, reporter: Reporter) -> None:
    """Read the candles that were missed while the stream was down."""
    first, end = track.repair or (0, 0)
    found: tuple[Candle, ...] = ()
    with contextlib.suppress(VenueError):
        found = tuple(
            c for c in await venue.candles(track.symbol, track.interval, MISSED_CANDLES, end) if c.open_ms >= first
        )
    if not track.repaired(found):
        text = f"{track.symbol}: candles that closed while the stream was down could not be read."
        reporter.problem("candles_missed", text, track.symbol)
