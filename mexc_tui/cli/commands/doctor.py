"""``mexc-tui doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import argparse
from itertools import chain

from mexc_tui.cli.io.exits import FAILURE, OK

_MORE = """\
Each check ends in ok, warn or fail, and says what to do where it is not ok. Nothing is changed and no order is sent,
unless --live is given: then only what this program assumes about MEXC is checked, with orders of the smallest size,
after you have typed the number of your account, and what was found is kept in the state folder.
With --json each line is one object: check, verdict, detail, remedy (with --live: subject, assumed, verdict, found).

exit codes:
  0    no check failed (some may warn)
  1    a check failed, or with --live the exchange did something else than is assumed
  2    with --live: not allowed, nothing was placed
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="check exchange, keys, clock, terminal, config and folders",
        description="Check everything this program needs: exchange, keys, clock, terminal, config, folders, journal.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--keys", action="store_true", help="show every key as it arrives; Ctrl-C twice ends it")
    parser.add_argument(
        "--live",
        metavar="SYMBOL",
        help="also find out with the smallest real orders of this pair whether the exchange does what is assumed",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, print and return the exit code."""
    if arguments.live:
        from mexc_tui.cli.arguments import symbols_of
        from mexc_tui.cli.doctor import live

        return live.run(symbols_of([arguments.live])[0], as_json=arguments.json)
    if arguments.keys:
        from mexc_tui.cli.doctor import keys

        return keys.run(as_json=arguments.json)
    from mexc_tui.cli.doctor.terminal import terminal_checks
    from mexc_tui.cli.io.output import safe, say
    from mexc_tui.desk.doctor.checks import Verdict
    from mexc_tui.desk.doctor.machine import machine_checks

    failed = False
    for check in chain(machine_checks(), terminal_checks()):
        failed = failed or check.verdict is Verdict.FAIL
        row = {"check": check.check, "verdict": check.verdict.value, "detail": safe(check.detail)}
        text = f"{check.verdict.value:<5} {check.check:<14} {safe(check.detail)}"
        if check.remedy:
            text += f"\n{'':<20} → {safe(check.remedy)}"
        say({**row, "remedy": safe(check.remedy)}, text, as_json=arguments.json)
    return FAILURE if failed else OK
