"""The command line: what there is to start, and how every failure is reported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from mexc_tui.cli.commands import run
from mexc_tui.cli.io.descriptors import keep_outputs, silence
from mexc_tui.cli.io.exits import INTERRUPTED, READER_GONE, USAGE, ExitError, exit_code
from mexc_tui.cli.io.logs import start_last_resort
from mexc_tui.config.program import VERSION
from mexc_tui.desk.errors import RequestError

_EXIT_CODES = """\
exit codes:
  0    ended as asked
  1    failure: a damaged journal, a desk that does not answer, an exchange that broke down, an internal error
  2    bad usage, bad settings, a terminal that cannot show the cockpit
  3    the exchange cannot be reached
  4    the outcome of an order or a cancel is unknown
  130  interrupted (128 + N: ended by signal N)
  141  whoever read the output has closed it
"""

_COMMANDS = (
    *("paper", "demo", "attach", "desk"),
    *("buy", "sell", "amend", "cancel", "adopt", "cost", "limits", "alert", "flatten", "halt", "resume", "status"),
    *("orders", "balances"),
    *("exchange", "watch", "record", "markets", "book", "candles", "audit", "doctor", "config", "keys", "completion"),
)
_HOMES = {"buy": "trade", "sell": "trade", **dict.fromkeys(("flatten", "halt", "resume", "status"), "account")}
"""Modules of commands that share one; the others are called like their command."""


def build_parser(names: Sequence[str] = _COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of these commands; each of them is loaded, which takes a while for all."""
    parser = argparse.ArgumentParser(
        prog="mexc-tui",
        description="A terminal for trading on the MEXC exchange. Without a command: paper trading on MEXC.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    run.add_options(parser)
    parser.set_defaults(run=run.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in dict.fromkeys(_HOMES.get(name, name) for name in names):
        command = import_module(f"mexc_tui.cli.commands.{name}")
        if name == "completion":
            command.add_parser(commands, parser)
        else:
            command.add_parser(commands)
    return parser


def _needed(given: Sequence[str]) -> Sequence[str]:
    """Return the commands whose parsers a call needs: loading all of them would delay what it starts."""
    if not given or list(given) == ["--version"]:
        return ()
    return given[:1] if given[0] in _COMMANDS and given[0] != "completion" else _COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every expected failure is one sentence on stderr."""
    keep_outputs()
    start_last_resort()
    try:
        given = sys.argv[1:] if arguments is None else arguments
        chosen = build_parser(_needed(given)).parse_args(given)
        code = chosen.run(chosen)
        return int(code)
    except (ExitError, RequestError) as error:
        return _report(str(error), exit_code(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence()
        return READER_GONE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else USAGE


def _report(sentence: str, code: int) -> int:
    print(f"mexc-tui: {sentence}", file=sys.stderr)  # noqa: T201
    return code


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, **rest: object) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=str(rest.get("help", "")))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"mexc-tui {VERSION}")  # noqa: T201
        parser.exit()
