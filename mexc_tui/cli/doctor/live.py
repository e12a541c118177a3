"""``mexc-tui doctor --live``: asks, places the smallest orders there are, prints and keeps what was found."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import msgspec

from mexc_tui.cli.io.exits import FAILURE, OK, UNREACHABLE, USAGE, ExitError
from mexc_tui.cli.io.output import narrate, safe, say
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.desk.configured import mexc_settings
from mexc_tui.desk.doctor.live import Finding, Occasion, OrdersLeftError, Verdict, live_checks
from mexc_tui.desk.doctor.machine import desk_of_account, halt_of_account
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.numbers import plain


def run(symbol: str, *, as_json: bool) -> int:
    """Check with real orders of one pair and return the exit code."""
    settings, _ = mexc_settings(keys=True)
    holder = desk_of_account()
    if holder:
        raise ExitError(
            f"A desk trades on this account ({holder}); its orders and these would be taken for each other. "
            "`mexc-tui desk stop` first. Nothing was sent.",
            FAILURE,
        )
    halt = halt_of_account()
    if halt:
        raise ExitError(f"Trading with this account is halted here: {halt}. Resume first. Nothing was sent.", FAILURE)
    found: list[Finding] = []
    said_no = False

    async def allow(occasion: Occasion) -> bool:
        nonlocal said_no
        said_no = not await asyncio.to_thread(_asked, occasion)
        return not said_no

    async def check() -> None:
        async with contextlib.aclosing(live_checks(settings, symbol, allow)) as findings:
            async for finding in findings:
                found.append(finding)
                _print(finding, as_json=as_json)

    try:
        asyncio.run(check())
    except OrdersLeftError as error:
        raise ExitError(f"{error} Cancel them with `mexc-tui cancel` or in MEXC's app.", FAILURE) from None
    except VenueError as error:
        code = UNREACHABLE if error.kind is ErrorKind.NETWORK else FAILURE
        raise ExitError(f"{error.message.rstrip('.')}. {error.remedy}".strip(), code) from None
    finally:
        if found:
            _keep(settings.base_url, symbol, found)
    if said_no:
        narrate("nothing was placed")
        return USAGE
    return FAILURE if any(finding.verdict is Verdict.DIFFERENT for finding in found) else OK


def _asked(occasion: Occasion) -> bool:
    """Say what it may cost, and wait for the account's number."""
    sys.stderr.write(
        f"This places orders of the smallest size in {occasion.symbol} at {safe(occasion.venue)} with your money:\n"
        f"never more than {plain(occasion.most_spent)} {safe(occasion.quote)} at risk, most of it sold back; fees and "
        "spread are lost.\nOrders you have there already are not touched.\n"
        f"Type {safe(occasion.account)}, the number of your account, to go on: "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip() == occasion.account


def _print(finding: Finding, *, as_json: bool) -> None:
    row = {name: safe(str(value)) for name, value in msgspec.structs.asdict(finding).items()}
    text = f"{row['verdict']:<11} {row['subject']}: {row['found']}"
    if finding.verdict is not Verdict.AS_ASSUMED:
        text += f"\n{'':<11} assumed: {row['assumed']}"
    say(row, text, as_json=as_json)


def _keep(address: str, symbol: str, found: list[Finding]) -> None:
    """Write down what was found, for whoever compares it with docs/mexc.md."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    report = {"at": stamp, "address": address, "symbol": symbol, "findings": found}
    try:
        path: Path = private_folder(state_folder()) / f"live-check-{stamp}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except (OSError, ConfigError) as error:
        narrate(f"what was found could not be kept: {error}")
    else:
        narrate(f"kept in {path}")
