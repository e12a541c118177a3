"""``mexc-tui demo``: the cockpit on the embedded exchange, with paper money, no keys and no network."""

from __future__ import annotations

import argparse
from pathlib import Path

from mexc_tui.cli.desks import add_role, read_settings, settings_refused
from mexc_tui.cli.io.exits import USAGE, ExitError

_EPILOG = """\
exit codes:
  0    ended as asked
  1    the exchange or the desk broke down
  2    bad usage, bad settings, a terminal that cannot show the cockpit
  130  interrupted (128 + N: ended by signal N)
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="open the cockpit on the embedded exchange: no keys, no network",
        description="Open the cockpit on an embedded exchange with a funded paper account; no keys, no network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the demo."""
    add_exchange(parser)
    parser.add_argument("--symbol", metavar="SYMBOL", help="pair to open on")
    parser.add_argument("--frames", metavar="N", type=_count, help="end after this many frames; needs no terminal")
    add_role(parser)


def add_exchange(parser: argparse.ArgumentParser) -> None:
    """Add the options of the demo's exchange; each combination is a demo of its own."""
    parser.add_argument("--replay", metavar="FILE", type=Path, help="trade against a recorded market")
    parser.add_argument("--seed", metavar="N", type=int, help="seed of the modelled markets")
    parser.add_argument("--speed", metavar="X", help="speed of a recorded market, 1 is as it was")
    parser.add_argument("--from", metavar="S", dest="from_s", help="begin so many seconds into a recorded market")
    parser.add_argument("--faults", metavar="PROFILE", help="let the exchange misbehave in a named way")


def run(arguments: argparse.Namespace) -> int:
    """Start the desk first of all, if it does not run yet, then everything else beside it."""
    from mexc_tui.cli.io.terminal import require_terminal

    if arguments.frames is None:
        require_terminal()
    if arguments.replay is not None and not arguments.replay.is_file():
        raise ExitError(f"There is no recorded market at {arguments.replay}; nothing was started.", USAGE)
    from mexc_tui.desk.choice import demo_choice
    from mexc_tui.desk.launch import Start
    from mexc_tui.desk.starting import Lifetime

    file, _ = read_settings()
    with settings_refused():
        start = Start(demo_choice(exchange_arguments(arguments)), lifetime=Lifetime.SCREENS)
    from mexc_tui.cli import cockpit

    return cockpit.open_started(start, file, arguments)


def exchange_arguments(arguments: argparse.Namespace) -> list[str]:
    """Return what of the demo's arguments concerns the exchange."""
    passed: list[str] = []
    if arguments.replay is not None:
        passed += ["--replay", str(arguments.replay.resolve())]
    for name, attribute in (("seed", "seed"), ("speed", "speed"), ("from", "from_s"), ("faults", "faults")):
        value = getattr(arguments, attribute, None)
        if value is not None:
            passed += [f"--{name}", str(value)]
    return passed


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
