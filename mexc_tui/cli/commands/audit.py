"""``mexc-tui audit``: the journal of an account, checked, shown, exported, explained, saved and brought back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from mexc_tui.cli.desks import read_settings, settings_refused
from mexc_tui.cli.io.exits import FAILURE, OK, USAGE, ExitError

if TYPE_CHECKING:
    from pathlib import Path

    from mexc_tui.cli.io.output import Row
    from mexc_tui.desk.audit import Entry

_MORE = """\
A journal holds, in order, every command with who gave it, every order before it was sent, every verdict, change and
execution, and every change of the trading state. Each record is linked to all before it: `verify` finds the first one
that was changed, and prints the head, the last link. Note the head elsewhere to prove later that nothing was cut off.

exit codes: 0 done; 1 the journal is not as it was written, or a file cannot be written; 2 no such journal or order.
"""
_FORMULAS = tuple("=+-@\t\r")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what can be done with a journal."""
    parser = commands.add_parser(
        "audit",
        help="check, show, export, explain and save the journal of an account",
        description="Work with the journal of an account; the desk may run meanwhile.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    verify = _add(what, "verify", "check every record and the chain over them", _verify)
    verify.add_argument("--head", metavar="LINK", help="the head that was noted: the journal must still hold it")
    verify.add_argument("--json", action="store_true", help="one JSON object")
    show = _add(what, "show", "print the records", _show)
    show.add_argument("--kind", metavar="KIND", help="command, intent, order, denial, fill, state, holding or cost")
    show.add_argument("-n", type=int, default=50, metavar="N", help="only the last N (default 50; 0: all)")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    explain = _add(what, "explain", "tell one order from the command to its end", _explain)
    explain.add_argument("order", metavar="ORDER", help="its client id or the exchange's id, or the end of one")
    explain.add_argument("--json", action="store_true", help="one JSON object a line")
    export = _add(what, "export", "write records for other programs", _export)
    export.add_argument(
        "--format",
        choices=("fills", "csv", "json"),
        default="fills",
        help="fills: executions as CSV for tax software (default); csv or json: every record",
    )
    export.add_argument("--to", metavar="FILE", help="a new file; without it, standard output")
    backup = _add(what, "backup", "save journal and archive in one file", _backup)
    backup.add_argument("file", metavar="FILE", help="a new file")
    restore = _add(what, "restore", "put a backup in place; the journal that is there is moved aside", _restore)
    restore.add_argument("file", metavar="FILE", help="what `backup` wrote")


def _add(
    what: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, run: object
) -> argparse.ArgumentParser:
    parser = what.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--paper", action="store_true", help="the paper account's journal")
    which.add_argument("--demo", action="store_true", help="the journal of the latest demo")
    which.add_argument("--journal", metavar="PATH", help="this journal")
    which.add_argument("--account", metavar="NAME", help="that of an account of the vault (`mexc-tui keys`)")
    parser.set_defaults(run=run)
    return parser


def _journal(arguments: argparse.Namespace) -> Path:
    from pathlib import Path

    from mexc_tui.desk.audit import account_journal, demo_journal, vault_journal

    if arguments.journal:
        return Path(arguments.journal)
    if arguments.account is not None:
        from mexc_tui.cli.accounts import unlocked

        with settings_refused():
            return vault_journal(unlocked().account(arguments.account))
    with settings_refused():
        return demo_journal() if arguments.demo else account_journal(read_settings()[0], paper=arguments.paper)


def _verify(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.output import say
    from mexc_tui.desk.audit import check

    found = check(_journal(arguments), arguments.head or "")
    row = {"type": "audit", "journal": str(found.path), "records": found.records, "head": found.head}
    say(row, f"{found.path}: {found.records} records as they were written; head {found.head}", as_json=arguments.json)
    return OK


def _show(arguments: argparse.Namespace) -> int:
    from collections import deque

    from mexc_tui.desk.audit import KINDS, entries

    if arguments.kind and arguments.kind not in KINDS:
        raise ExitError(f"--kind takes one of {', '.join(KINDS)}, not {arguments.kind[:40]!r}.", USAGE)
    if arguments.n < 0:
        raise ExitError("-n takes a number of records, 0 for all.", USAGE)
    found = (one for one in entries(_journal(arguments)) if arguments.kind in (None, one.kind))
    for entry in deque(found, maxlen=arguments.n) if arguments.n else found:
        _print(entry, as_json=arguments.json)
    return OK


def _explain(arguments: argparse.Namespace) -> int:
    from mexc_tui.desk.audit import explain

    for entry in explain(_journal(arguments), arguments.order):
        _print(entry, as_json=arguments.json)
    return OK


def _print(entry: Entry, *, as_json: bool) -> None:
    from mexc_tui.cli.io.output import safe, say
    from mexc_tui.desk.audit import utc

    say(_row(entry), f"{entry.seq:>7}  {utc(entry.wall_ms)}  {entry.kind:<8} {safe(entry.text)}", as_json=as_json)


def _row(entry: Entry) -> Row:
    import msgspec

    from mexc_tui.desk.audit import utc

    return {
        "seq": entry.seq,
        "time": utc(entry.wall_ms),
        "kind": entry.kind,
        **msgspec.to_builtins(entry.record),
        "text": entry.text,
    }


def _export(arguments: argparse.Namespace) -> int:
    import os

    from mexc_tui.desk.audit import entries, utc
    from mexc_tui.desk.fills_file import FILL_COLUMNS, fill_rows

    journal = _journal(arguments)
    if arguments.format == "json":
        lines = (_json(entry) for entry in entries(journal))
    elif arguments.format == "csv":
        told = ((str(one.seq), utc(one.wall_ms), one.kind, one.text) for one in entries(journal))
        lines = (_csv(row) for row in chain([("seq", "time", "kind", "text")], told))
    else:
        currency = read_settings()[0].settings.account.currency
        lines = (_csv(row) for row in chain([FILL_COLUMNS], fill_rows(journal, currency)))
    if not arguments.to:
        for line in lines:
            sys.stdout.write(line)
        return OK
    try:
        descriptor = os.open(arguments.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise ExitError(f"{arguments.to} cannot be written ({error.strerror}).", FAILURE) from None
    return OK


def _json(entry: Entry) -> str:
    from mexc_tui.cli.io.output import encode

    return f"{encode(_row(entry))}\n"


def _csv(cells: Sequence[str]) -> str:
    """Return a line of CSV; a text from outside is never a formula to a spreadsheet."""
    import csv
    import io

    line = io.StringIO()
    csv.writer(line).writerow(f"'{cell}" if cell[:1] in _FORMULAS else cell for cell in cells)
    return line.getvalue()


def _backup(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from mexc_tui.cli.io.output import narrate
    from mexc_tui.desk.audit import back_up

    found = back_up(_journal(arguments), Path(arguments.file))
    narrate(f"{found.records} records saved in {arguments.file}; head {found.head}")
    return OK


def _restore(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from mexc_tui.cli.io.output import narrate
    from mexc_tui.desk.audit import restore

    found = restore(Path(arguments.file), _journal(arguments))
    narrate(f"{found.records} records are in {found.path}; what was there lies beside it in before-restore-…")
    return OK
