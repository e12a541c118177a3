"""``mexc-tui record``: raw market data to a file that can be replayed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import seconds_of, symbols_of
from mexc_tui.cli.io.exits import OK, SIGNALLED

if TYPE_CHECKING:
    from mexc_tui.desk.recorder import Recorder

_MORE = """\
The file holds every frame as it came, with the time of its arrival, and what is needed to play it again:
    mexc-tui demo --replay FILE            trade against it in the cockpit
    mexc-tui exchange --replay FILE        serve it to other programs
A name that ends in .gz is compressed. An existing file is never touched. Only public data is recorded.

exit codes:
  0    ended after --seconds
  1    the file cannot be written (any further)
  2    bad usage: a pair that is not traded, a file that exists
  3    the exchange cannot be reached
  130  interrupted (143: terminated); what was recorded is complete
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "record",
        help="record a market to a file that can be replayed",
        description="Record books and trades of the configured exchange as they arrive, until interrupted.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="pairs, for example BTCUSDT")
    parser.add_argument("file", metavar="FILE", type=Path, help="where to; .gz compresses")
    parser.add_argument("--seconds", metavar="S", help="end after this time")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record until the time is over or a signal comes, and return the exit code."""
    import asyncio

    from mexc_tui.cli.io.output import narrate, say
    from mexc_tui.desk.recorder import Recorder

    symbols = symbols_of(arguments.symbols)
    seconds = seconds_of(arguments.seconds)
    recorder = Recorder(symbols, arguments.file, narrate)
    code = asyncio.run(record(recorder, seconds))
    missing = [symbol for symbol in symbols if symbol not in recorder.begun]
    if missing:
        narrate(f"No book of {', '.join(missing)} was recorded, so that part of the tape cannot be replayed.")
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


async def record(recorder: Recorder, seconds: float | None) -> int:
    """Record until then, for good or until a signal comes; return the exit code."""
    from mexc_tui.cli.io.signals import StopOnSignal

    with StopOnSignal() as stop:
        try:
            await stop.run(recorder.record(seconds))
        finally:
            await recorder.close()
    return SIGNALLED + stop.number if stop.number else OK
