"""Runs ``mexc-tui record``: a venue's raw frames and snapshots into a tape."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mexc_tui.cli.ending import Ending
from mexc_tui.cli.exits import FAILURE, OK, SIGNALLED, UNREACHABLE, USAGE, ExitError
from mexc_tui.cli.main import program_version
from mexc_tui.cli.output import narrate, say
from mexc_tui.cli.venue import REACH_LIMIT_S, market_venue
from mexc_tui.cli.watch_rows import PUSHES
from mexc_tui.cli.watching import connect, no_stream, seconds_of, symbols_of
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import BookSnapshot, Input, LinkChanged, LinkState, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Interval
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.market_feed import MarketFeed
from mexc_tui.store.tape import TapeFileError, TapeWriter
from mexc_tui.venues.mexc.venue import MexcVenue, Part

PARTS = (Part.BOOK, Part.TRADES, Part.BEST, Part.TICKER)
BEAT_S = 0.05


def run(arguments: argparse.Namespace) -> int:
    """Record until the time is over or a signal comes, and return the exit code."""
    symbols = symbols_of(arguments.symbols)
    seconds = seconds_of(arguments.seconds)
    recorder = Recorder(symbols, arguments.file)
    code = asyncio.run(recorder.run(seconds))
    row = {
        "type": "recorded",
        "file": str(arguments.file),
        "frames": recorder.frames,
        "lines": recorder.lines,
        "bytes": recorder.size,
        "replayable": sorted(recorder.begun),
    }
    text = f"{arguments.file}: {recorder.frames} frames, {recorder.size} bytes of {', '.join(symbols)}."
    say(row, text, as_json=arguments.json)
    return code


class Recorder:
    """Writes what the exchange sends of some symbols; the file is made once the exchange has answered."""

    def __init__(self, symbols: Sequence[str], path: Path) -> None:
        """Check the file's name; ExitError if there is such a file already."""
        if path.exists():
            raise ExitError(f"{path} exists already and is left as it is; choose another name.", USAGE)
        self.frames = 0
        self.lines = 0
        self.size = 0
        self.begun: set[str] = set()
        """Symbols of which the tape holds a book, so that they can be replayed."""
        self._symbols = tuple(symbols)
        self._path = path
        self._tape: TapeWriter | None = None
        self._connected = False

    async def run(self, seconds: float | None) -> int:
        """Record until then, or for good; return the exit code."""
        venue = market_venue(PARTS, self._tap)
        feed = MarketFeed(venue, listen=self._listen, tell=_tell)
        with Ending() as ending:
            try:
                await ending.run(self._record(venue, feed, seconds))
            finally:
                await feed.close()
                self._close()
        missing = [symbol for symbol in self._symbols if symbol not in self.begun]
        if missing:
            narrate(f"No book of {', '.join(missing)} was recorded, so that part of the tape cannot be replayed.")
        return SIGNALLED + ending.number if ending.number else OK

    async def _record(self, venue: MexcVenue, feed: MarketFeed, seconds: float | None) -> None:
        pairs = await connect(feed, venue, self._symbols)
        self._open(venue, pairs)
        narrate(f"recording {', '.join(self._symbols)} to {self._path}; Ctrl-C ends it")
        feed.follow(pairs, [(symbol, Interval.M1) for symbol in self._symbols])
        loop = asyncio.get_running_loop()
        start = loop.time()
        while seconds is None or loop.time() - start < seconds:
            if self._tape is not None and self._tape.problem:
                raise ExitError(self._tape.problem, FAILURE)
            if not self._connected and loop.time() - start > REACH_LIMIT_S:
                raise ExitError(no_stream(venue), UNREACHABLE)
            await asyncio.sleep(BEAT_S)

    def _open(self, venue: MexcVenue, pairs: Sequence[Instrument]) -> None:
        try:
            tape = TapeWriter(self._path)
        except TapeFileError as error:
            raise ExitError(str(error), USAGE if self._path.exists() else FAILURE) from None
        self._tape = tape
        settings, at = venue.rest.settings, system_now()
        tape.header(
            program=f"mexc-tui {program_version()}",
            rest=settings.base_url,
            ws=settings.ws_url,
            symbols=self._symbols,
            wall_ms=at.wall_ms,
            mono_ns=at.mono_ns,
        )
        for pair in (pair for pair in pairs if pair.base):
            tape.line("pair", at.wall_ms, at.mono_ns, {"pair": msgspec.to_builtins(pair)})

    def _close(self) -> None:
        tape = self._tape
        if tape is not None:
            tape.close()
            self.lines, self.size = tape.lines, tape.size
            if tape.problem:
                raise ExitError(tape.problem, FAILURE)

    def _tap(self, mono_ns: int, wall_ms: int, frame: bytes | str) -> None:
        if self._tape is not None:
            self.frames += 1
            self._tape.frame(mono_ns, wall_ms, frame)

    def _listen(self, item: Input, at: Timestamp) -> None:
        self._connected = self._connected or isinstance(item, PUSHES)
        if self._tape is None:
            return
        if isinstance(item, BookSnapshot):
            self.begun.add(item.symbol)
            book = {"symbol": item.symbol, "version": item.version, "limit": item.limit}
            fields = {**book, "bids": item.bids, "asks": item.asks}
            self._tape.line("snapshot", at.wall_ms, at.mono_ns, fields)
        elif isinstance(item, LinkChanged) and not item.private:
            self._connected = self._connected or item.state is LinkState.CONNECTED
            fields = {"state": item.state.value, "reason": item.reason, "symbols": sorted(item.symbols)}
            self._tape.line("link", at.wall_ms, at.mono_ns, fields)


def _tell(fact: Fact) -> None:
    narrate(fact.message)
