"""``mexc-tui cancel``: through the desk, or straight to the exchange."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desks import add_direct, asks_exchange
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, USAGE, ExitError
from mexc_tui.cli.lookup import require_listed, with_rest
from mexc_tui.domain.errors import ErrorKind, VenueError

if TYPE_CHECKING:
    from mexc_tui.desk.configured import MexcRest
    from mexc_tui.domain.orders import OrderReport

_CANCEL = """\
The desk that runs for the account cancels; where none runs, one that is started for the moment. With --direct the
exchange itself is asked, which needs no desk; a desk that runs learns of it at once.

exit codes:
  0    nothing of what was named is open any more
  1    the exchange refused
  2    bad usage: nothing named, no such pair, no API key
  3    the exchange cannot be reached
  4    the outcome is unknown: an order may still be live
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "cancel",
        help="cancel one order, those of a pair, or all",
        description="Cancel open orders of the account.",
        epilog=_CANCEL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("order", nargs="?", metavar="ORDER", help="id of an open order, the exchange's or the client's")
    parser.add_argument("--symbol", metavar="SYMBOL", help="every open order of this pair; with ORDER: its pair")
    parser.add_argument("--all", action="store_true", help="every open order of the account")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_direct(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Cancel, print what became of each order, and return the exit code."""
    if arguments.all and (arguments.order or arguments.symbol):
        raise ExitError(
            "--all cancels every order: give it alone, or an ORDER or --symbol. Nothing was cancelled.", USAGE
        )
    if not (arguments.all or arguments.order or arguments.symbol):
        raise ExitError("Name what to cancel: an ORDER, --symbol SYMBOL, or --all. Nothing was cancelled.", USAGE)
    if arguments.symbol is not None:
        arguments.symbol = symbols_of([arguments.symbol])[0]
    if asks_exchange(arguments):
        return with_rest(lambda rest: _cancel(rest, arguments), keys=True)
    from mexc_tui.cli.acting import cancel

    return cancel(arguments)


async def _cancel(rest: MexcRest, arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.io.output import narrate, safe

    if arguments.symbol is not None:
        await require_listed(rest, arguments.symbol, "Nothing was cancelled.")
    named = [arguments.symbol] if arguments.symbol is not None else []
    found = await rest.trading.open_orders(named)
    if arguments.order is not None:
        found = tuple(one for one in found if arguments.order in (one.order_id, one.client_order_id))
        if not found:
            raise ExitError(f"No open order has the id {safe(arguments.order)[:64]}; nothing was cancelled.", FAILURE)
    codes = [await _one(rest, report, as_json=arguments.json) for report in found]
    if arguments.order is None:
        codes += await _late(rest, named, {report.order_id for report in found}, codes, as_json=arguments.json)
    if not codes:
        narrate("there was no open order")
    return _worst(codes)


async def _late(
    rest: MexcRest, named: Sequence[str], known: set[str], codes: Sequence[int], *, as_json: bool
) -> list[int]:
    """Cancel the orders that came while the others were being cancelled."""
    from mexc_tui.cli.io.output import narrate

    try:
        late = await rest.trading.open_orders(named)
    except VenueError as error:
        narrate(f"whether orders came meanwhile could not be read: {error.message}")
        return [] if _worst(codes) else [UNKNOWN]
    return [await _one(rest, one, as_json=as_json) for one in late if one.order_id not in known]


async def _one(rest: MexcRest, report: OrderReport, *, as_json: bool) -> int:
    """Cancel one order and print what became of it."""
    from mexc_tui.cli.io.output import narrate, safe, say_what_was_done
    from mexc_tui.cli.rows import order_row
    from mexc_tui.domain.numbers import plain

    try:
        await rest.trading.cancel_order(report.symbol, order_id=report.order_id)
        outcome, reason, code = "cancelled", "", OK
    except VenueError as error:
        reason = f"{error.message} {error.remedy}".strip()
        if error.kind is ErrorKind.ORDER_NOT_FOUND:
            outcome, code = "gone", OK
        elif error.definite or not error.sent:
            outcome, code = "failed", FAILURE
        else:
            outcome, code = "unknown", UNKNOWN
    after = await _after(rest, report)
    if after is not None and after.state.final:
        code, outcome = OK, after.state.value
    elif after is not None and code == UNKNOWN:
        code, outcome = FAILURE, "failed"
    shown = after or report
    text = f"{safe(report.symbol)} order {safe(report.order_id)}: {outcome}, filled {plain(shown.filled_qty)}"
    say_what_was_done({**order_row(shown), "outcome": outcome, "reason": reason}, text, as_json=as_json)
    if code != OK:
        narrate(f"order {report.order_id}: {reason or 'not cancelled'}")
    return code


async def _after(rest: MexcRest, report: OrderReport) -> OrderReport | None:
    try:
        return await rest.trading.order(report.symbol, order_id=report.order_id)
    except VenueError:
        return None


def _worst(codes: Sequence[int]) -> int:
    return next((code for code in (UNKNOWN, FAILURE) if code in codes), OK)
