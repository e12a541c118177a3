"""``mexc-tui desk``: start, stop and look at the processes that trade, with or without a screen."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from mexc_tui.cli.commands import demo
from mexc_tui.cli.desks import configured_desk, desk_by_settings, read_settings, settings_refused
from mexc_tui.cli.io.exits import FAILURE, OK, USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.cli.io.output import Row
    from mexc_tui.desk.choice import DeskChoice
    from mexc_tui.desk.places import DeskEntry

_MORE = """\
A desk holds the orders, positions and risk state of one account and outlives every screen. Stopping it leaves working
orders where they are: at the exchange; the next start finds them again.

exit codes: 0 done; 1 a desk could not be started or did not end; 2 no such desk, bad settings;
3 the exchange cannot be reached.
"""
UNIT = """\
# A systemd user unit: mexc-tui desk unit > ~/.config/systemd/user/mexc-tui.service
# systemctl --user enable --now mexc-tui; `loginctl enable-linger` keeps it running while you are logged out.
[Unit]
Description=mexc-tui desk
After=network-online.target

[Service]
ExecStart={command} desk run{arguments}
# Keys and addresses: MEXC_API_KEY, MEXC_SECRET_KEY, MEXC_BASE_URL, MEXC_WS_URL; chmod 600 this file. An --account
# needs none of them, and the passphrase of its vault in the system's keyring ([vault] keyring = true).
EnvironmentFile=-%h/.config/mexc-tui/environment
Restart=on-failure
RestartSec=5
# An exchange that cannot be reached is tried again; settings that cannot be used are not.
RestartPreventExitStatus=2
TimeoutStopSec=20
# The guard, where [guard] asks for one, must outlive a desk that is killed.
KillMode=process

[Install]
WantedBy=default.target
"""
TAIL_BYTES = 16_384
ENDING_S = 2.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what can be done with desks."""
    parser = commands.add_parser(
        "desk",
        help="start, stop and look at desks",
        description="Start, stop and look at the processes that trade.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    start = what.add_parser(
        "start",
        help="start a desk in the background",
        description="Start a desk without a screen. One that runs already is kept running.",
        epilog="exit codes: 0 it runs; 1 it could not be started; 2 bad usage or settings; 3 the exchange cannot be "
        "reached.",
    )
    _add_choice(start)
    start.add_argument("--arm-name", metavar="NAME", help="the account's name once more, to unlock a live desk")
    start.set_defaults(run=_start)
    stop = what.add_parser(
        "stop",
        help="end a desk in order",
        description="End a desk; working orders stay.",
        epilog="exit codes: 0 it has ended; 1 it did not end in time; 2 no such desk, or several.",
    )
    _add_name(stop)
    stop.add_argument("--all", action="store_true", help="every desk that runs")
    stop.set_defaults(run=_stop)
    status = what.add_parser(
        "status",
        help="list the desks that run",
        description="List the desks that run.",
        epilog="exit codes: 0 listed, also where none runs.",
    )
    status.add_argument("--json", action="store_true", help="one JSON object a line")
    status.set_defaults(run=_status)
    logs = what.add_parser(
        "logs",
        help="print a desk's log",
        description="Print the end of a desk's log.",
        epilog="exit codes: 0 printed, also where nothing was logged; 2 no such desk, or several.",
    )
    _add_name(logs)
    logs.add_argument("-f", "--follow", action="store_true", help="go on printing what comes")
    logs.set_defaults(run=_logs)
    unit = what.add_parser(
        "unit",
        help="print a systemd user unit",
        description="Print a systemd user unit.",
        epilog="exit codes: 0 printed; 2 bad usage or settings.",
    )
    _add_choice(unit)
    unit.set_defaults(run=_unit)
    inside = what.add_parser("run", description="Run a desk in the foreground, as a service does.")
    _add_choice(inside)
    inside.add_argument("--lifetime", choices=("keep", "screens", "moment"), default="keep", help="when it ends")
    inside.set_defaults(run=_run)
    guard = what.add_parser("guard", description="Guard a desk, which starts this by itself where [guard] says so.")
    guard.set_defaults(run=_guard)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--demo", action="store_true", help="on the embedded exchange")
    which.add_argument("--account", metavar="NAME", help="an account of the vault (`mexc-tui keys`)")
    which.add_argument("--paper", action="store_true", help="paper money on the configured exchange's market")
    parser.add_argument("--fresh", action="store_true", help="begin a new paper account; the old one is moved aside")
    parser.add_argument(
        "--armed", action="store_true", help="take orders at once, also on an exchange with own accounts"
    )
    demo.add_exchange(parser)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="the desk's name; not needed where only one runs")


def _choice(arguments: argparse.Namespace) -> DeskChoice:
    from mexc_tui.desk.choice import demo_choice, paper_choice

    options = demo.exchange_arguments(arguments)
    if options and not arguments.demo:
        raise ExitError("--replay, --seed, --speed, --from and --faults belong to --demo.", USAGE)
    if arguments.demo:
        return demo_choice(options)
    if arguments.account is not None:
        from mexc_tui.cli.accounts import account_desk, handed_over

        return handed_over(arguments.account) if arguments.run is _run else account_desk(arguments.account)
    if not arguments.paper:
        return configured_desk()
    with settings_refused():
        return paper_choice(read_settings()[0])


def _run(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.logs import start_log
    from mexc_tui.config.program import VERSION
    from mexc_tui.desk.process import DeskProcess
    from mexc_tui.desk.starting import Lifetime, Report, say
    from mexc_tui.domain.views import VenueKind

    try:
        file, limits = read_settings()
        choice = _choice(arguments)
    except ExitError as error:
        say(Report(error=str(error), exit_code=error.code))
        return error.code
    if arguments.armed and choice.kind is VenueKind.LIVE:
        raise ExitError(
            "A live desk always starts locked. Start it without --armed, then unlock it: `a` on a screen, or "
            "`mexc-tui desk start --account NAME --armed --arm-name NAME`.",
            USAGE,
        )
    if arguments.fresh and choice.kind is not VenueKind.PAPER:
        raise ExitError("--fresh begins a new paper account; this desk has none.", USAGE)
    return DeskProcess(
        choice,
        file,
        limits,
        program=VERSION,
        lifetime=Lifetime(arguments.lifetime),
        armed=arguments.armed,
        fresh=arguments.fresh,
        start_log=lambda path, secrets: start_log(secrets, path),
    ).run()


def _start(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli import acting
    from mexc_tui.cli.io.output import narrate, say
    from mexc_tui.desk.launch import Caller, Start
    from mexc_tui.desk.starting import STARTER
    from mexc_tui.domain.client import Role
    from mexc_tui.domain.views import VenueKind

    read_settings()
    choice = _choice(arguments)
    live = choice.kind is VenueKind.LIVE
    if live and arguments.armed and not arguments.arm_name:
        raise ExitError("Orders of a live desk are real: repeat the account's name with --arm-name NAME.", USAGE)
    with settings_refused():
        start = Start(choice, fresh=arguments.fresh, armed=arguments.armed and not live)
    client = start.attach(
        Caller(name=STARTER, role=Role.TRADE), on_slow=lambda: narrate(f"the desk {choice.name} is starting")
    )
    try:
        info = client.info
        if arguments.armed and (live or not start.started):
            acting.arm(client, arguments.arm_name or "")
        armed = client.status().armed
    finally:
        client.close()
    how = "runs" if start.started else "ran already"
    armed_by = f"--account {choice.name} --armed --arm-name {choice.name}" if live else "--armed"
    locked = f" It is locked: `a` on a screen, or `mexc-tui desk start {armed_by}`, lets it take orders."
    text = f"The desk {info.name} {how} (process {info.pid}): {info.account}."
    say({}, text + (locked if armed is False else ""), as_json=False)
    return OK


def _stop(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.output import narrate, say
    from mexc_tui.desk.launch import END_LIMIT_S, end
    from mexc_tui.desk.places import entries

    if arguments.all and arguments.name:
        raise ExitError("Give a NAME or --all, not both.", USAGE)
    code = OK
    if arguments.all and not entries():
        narrate("no desk runs")
    for entry in entries() if arguments.all else [_named(arguments.name)]:
        left = _left(entry)
        if end(entry):
            say({}, f"The desk {entry.name} has ended.{left}", as_json=False)
        else:
            code = FAILURE
            text = (
                f"The desk {entry.name} (process {entry.pid}) did not end in {END_LIMIT_S:.0f} s. It may be frozen: "
                f"`kill -9 {entry.pid}` ends it; working orders stay at the exchange and the next start finds them."
            )
            say({}, text, as_json=False)
    return code


def _left(entry: DeskEntry) -> str:
    """Return the sentence about what stays; empty where nothing does or nobody knows."""
    from mexc_tui.domain.views import VenueKind

    count = _row(entry).get("open_orders")
    if not count:
        return ""
    if entry.kind in (VenueKind.DEMO, VenueKind.REPLAY):
        return f" Its exchange with {count} paper order{'s' if count > 1 else ''} ended with it."
    stays = "stays" if count == 1 else "stay"
    where = "with the paper account" if entry.kind is VenueKind.PAPER else "at the exchange"
    return f" {count} working order{'s' if count > 1 else ''} {stays} {where}."


def _named(name: str | None) -> DeskEntry:
    from mexc_tui.desk.launch import meant

    entry = meant(name, desk_by_settings(name))
    if entry is None:
        raise ExitError("No desk runs.", USAGE)
    return entry


def _status(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.output import narrate, say
    from mexc_tui.cli.lookup import print_table
    from mexc_tui.desk.places import entries

    rows = [row for entry in entries() if (row := _row(entry)) and not (row["problem"] and _ends(entry))]
    if arguments.json:
        for row in rows:
            say(row, "", as_json=True)
        return OK
    if not rows:
        narrate("no desk runs")
        return OK
    headings = ("desk", "kind", "state", "orders", "screens", "process", "since", "account")
    print_table(
        headings,
        [
            (
                row["name"],
                row["kind"],
                "no answer" if row["problem"] else _state(row),
                _or_dash(row["open_orders"]),
                _or_dash(row["screens"]),
                str(row["pid"]),
                _age(row["uptime_s"]),
                row["account"],
            )
            for row in rows
        ],
        left=3,
    )
    for row in rows:
        if row["problem"]:
            narrate(str(row["problem"]))
    return OK


def _ends(entry: DeskEntry) -> bool:
    """Whether a desk that does not answer is about to end: then there is nothing to tell of it."""
    from mexc_tui.desk.launch import wait_for_end

    return wait_for_end(entry.desk_id, ENDING_S)


def _row(entry: DeskEntry) -> Row:
    """Return what a desk says of itself; of one that does not answer, what it wrote down when it started."""
    import time

    from mexc_tui.desk.client import DeskAbsentError
    from mexc_tui.desk.errors import DeskError
    from mexc_tui.desk.launch import Caller, attach_to
    from mexc_tui.desk.starting import is_screen
    from mexc_tui.domain.client import Role

    row: Row = {
        "type": "desk",
        "name": entry.name,
        "kind": entry.kind.value,
        "account": entry.account,
        "pid": entry.pid,
        "program": entry.program,
        "uptime_s": max(0, time.time_ns() // 1_000_000 - entry.started_ms) // 1_000,
        **dict.fromkeys(
            ("screens", "clients", "state", "reason", "armed", "ready", "open_orders", "unknown", "stays", "guard"),
            None,
        ),
        "problem": "",
    }
    try:
        client = attach_to(entry, Caller(name="status", role=Role.VIEW))
        try:
            found = client.status()
        finally:
            client.close()
    except (DeskError, DeskAbsentError) as error:
        return {**row, "problem": str(error)}
    others = [one for one in found.clients if one.pid != os.getpid()]
    return {
        **row,
        "screens": sum(is_screen(one.name) for one in others),
        "clients": [{"name": one.name, "role": one.role.value, "pid": one.pid} for one in others],
        "state": None if found.state is None else found.state.value,
        "reason": found.reason,
        "armed": found.armed,
        "ready": found.ready,
        "open_orders": found.open_orders,
        "unknown": found.unknown,
        "stays": found.stays,
        "guard": found.guard,
    }


def _state(row: Row) -> str:
    words = [str(row["state"] or "—")]
    if row["ready"] is False:
        words.append("not ready")
    elif row["armed"] is False:
        words.append("locked")
    if row["guard"]:
        words.append(f"guard: {row['guard']}")
    if row["unknown"]:
        words.append(f"{row['unknown']} unknown")
    return ", ".join(words)


def _or_dash(value: object) -> str:
    return "—" if value is None else str(value)


def _age(seconds: int) -> str:
    minutes, hours = seconds // 60, seconds // 3600
    return f"{seconds} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{hours} h"


def _logs(arguments: argparse.Namespace) -> int:
    import time
    from pathlib import Path

    path = Path(_named(arguments.name).log)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ExitError(f"Nothing has been written to {path}: there was nothing to warn of.", OK) from None
    with file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        if file.tell():
            file.readline()
        while True:
            data = file.read()
            if data:
                sys.stdout.write(data.decode("utf-8", "replace"))
                sys.stdout.flush()
            elif not arguments.follow:
                return OK
            else:
                time.sleep(0.2)


def _guard(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.logs import start_log
    from mexc_tui.desk.guard.process import run

    return run(lambda path, secrets: start_log(secrets, path))


def _unit(arguments: argparse.Namespace) -> int:
    import shutil

    from mexc_tui.cli.io.output import say

    if arguments.fresh:
        raise ExitError(
            "A unit with --fresh would begin a new paper account at every start of the service. Begin one with "
            "`mexc-tui desk start --paper --fresh` and print the unit without it.",
            USAGE,
        )
    given = ["--account", arguments.account] if arguments.account else _choice(arguments).arguments
    program = shutil.which("mexc-tui")
    command = _word(program) if program else f"{_word(sys.executable)} -m mexc_tui"
    given = [*given, *(["--armed"] if arguments.armed else [])]
    say({}, UNIT.format(command=command, arguments="".join(f" {_word(one)}" for one in given)), as_json=False)
    return OK


def _word(text: str) -> str:
    """Return a word as systemd reads it, which is not as a shell does."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return safe if text and not set(text) & set(" \t'\";") else f'"{safe}"'
