"""What commands do through a desk besides placing orders, each with its outcome."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Sequence
from decimal import Decimal

from mexc_tui.cli.desks import READY_LIMIT_S, account_missing, desk_client, wait_ready
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, USAGE, ExitError
from mexc_tui.cli.io.output import Row, narrate, safe, say_what_was_done
from mexc_tui.cli.rows import own_order_row
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.configured import unknown_symbols
from mexc_tui.desk.errors import BarredDeskError, SilentDeskError
from mexc_tui.desk.protocol import Outcome
from mexc_tui.domain.commands import (
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrder,
    Command,
    Flatten,
    Halt,
    Resume,
    SetLimit,
)
from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Balance, Order
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_INSTRUMENTS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BalancesView,
    BookState,
    GateInputs,
    InstrumentsView,
    LinkView,
    OrdersView,
    PositionsView,
    RiskView,
    Sweep,
    gate_topic,
)

OUTCOME_LIMIT_S = 20.0
"""How long a cancel, a halt or a sale is waited for before its outcome is called unknown."""
AMEND_LIMIT_S = 45.0
"""The same of an amendment: a cancel, and an order after it."""
VALUED_LIMIT_S = 3.0
"""How long a desk that has just started is waited for to read the account and the prices it is valued at."""
SETTLE_LIMIT_S = 3.0
"""How long what reduces waits for an account that is just being read."""
UNDER_WAY = "reading"
"""Facts of this kind say that a command is being carried out; another one answers it."""
_TOPICS = frozenset(
    {TOPIC_ORDERS, TOPIC_RISK, TOPIC_INSTRUMENTS, TOPIC_BALANCES, TOPIC_POSITIONS, TOPIC_LINK},
)


def orders(arguments: argparse.Namespace, symbols: Sequence[str]) -> list[Row]:
    """Return the open orders of the desk's account, of these pairs or of all."""
    with desk_client(arguments, "orders", look=True) as client:
        open_account(client)
        _require_listed(client, symbols)
        return [own_order_row(order) for order in live_orders(client) if not symbols or order.symbol in symbols]


def balances(arguments: argparse.Namespace) -> list[Balance]:
    """Return what the desk's account holds."""
    with desk_client(arguments, "balances", look=True) as client:
        open_account(client)
        wait_ready(client, lambda: "" if client.view(TOPIC_BALANCES) else "the balances have not been read yet")
        view = client.view(TOPIC_BALANCES)
        return [row.balance for row in view.rows] if isinstance(view, BalancesView) else []


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel what was named, print what became of each order, and return the exit code."""
    with desk_client(arguments, "cancel") as client:
        missing = _open_as_far_as_known(client)
        symbol: str | None = arguments.symbol
        _require_listed(client, [symbol] if symbol is not None else [], "Nothing was cancelled.")
        named = [order for order in live_orders(client) if symbol in (None, order.symbol)]
        if arguments.order is not None:

            def found() -> list[Order]:
                return [
                    order for order in live_orders(client) if arguments.order in (order.order_id, order.client_order_id)
                ]

            # Nothing can be cancelled by a name that nobody knows yet.
            client.wait(lambda: bool(found() or not account_missing(client) or client.died()), READY_LIMIT_S)
            named = [order for order in found() if symbol in (None, order.symbol)]
            if not named:
                known = f" is known ({missing})" if missing else ""
                raise ExitError(
                    f"No open order{known} has the id {safe(arguments.order)[:64]}; nothing was cancelled.", FAILURE
                )
            command: Command = CancelOrder(command_id=new_id(), client_order_id=named[0].client_order_id)
        else:
            command = CancelAll(command_id=new_id(), symbol=symbol)
        until = time.monotonic() + OUTCOME_LIMIT_S
        _submit(client, command)
        codes = [_tell_cancelled(order, as_json=arguments.json) for order in _ended(client, named)]
        if missing and arguments.order is None:
            client.wait(lambda: not account_missing(client) or bool(client.died()), max(0.0, until - time.monotonic()))
            codes += _late(client, {order.client_order_id for order in named}, symbol, as_json=arguments.json)
        if not codes:
            narrate("there was no open order")
        return max(codes, default=OK)


def _late(client: SocketClient, told: set[str], symbol: str | None, *, as_json: bool) -> list[int]:
    """Tell of orders that turned up when the account was read after all; it is not known of others until then."""
    missing = client.died() or account_missing(client)
    if missing:
        narrate(f"whether other orders are open is not known: {missing}; the desk cancels those that turn up")
        return [UNKNOWN]
    turned_up = [order for order in live_orders(client) if symbol in (None, order.symbol)]
    turned_up = [order for order in turned_up if order.client_order_id not in told]
    return [_tell_cancelled(order, as_json=as_json) for order in _ended(client, turned_up)]


def amend(arguments: argparse.Namespace, qty: Decimal | None, price: Decimal | None) -> int:
    """Give an order another size or price, wait for its outcome and print it."""
    with desk_client(arguments, "amend") as client:
        open_account(client)
        named = [order for order in live_orders(client) if arguments.order in (order.order_id, order.client_order_id)]
        if not named:
            text = f"No open order has the id {safe(arguments.order)[:64]}; nothing was amended."
            raise ExitError(text, FAILURE)
        _await_book(client, named[0].symbol)
        command = AmendOrder(
            command_id=new_id(),
            client_order_id=named[0].client_order_id,
            qty=qty,
            price=price,
            confirmed=arguments.yes,
        )
        _submit(client, command)

        def told(*kinds: str) -> list[Fact]:
            facts = [fact for fact in client.facts(client.seen) if fact.command_id == command.command_id]
            return [fact for fact in facts if fact.kind in kinds]

        ends = ("denied", "problem", "accepted", "rejected", "unknown")
        client.wait(lambda: bool(told(*ends) or client.died()), AMEND_LIMIT_S)
        found = told(*ends)
        if not found:
            raise ExitError("It is not known yet what became of the order; look with `mexc-tui orders`.", UNKNOWN)
        last = found[-1]
        order = last.order or named[0]
        row: Row = {**own_order_row(order), "type": "amend", "outcome": last.kind, "message": last.message}
        messages = [fact.message for fact in told("amended", *ends)]
        say_what_was_done(row, "\n".join(messages), as_json=arguments.json)
        return {"accepted": OK, "unknown": UNKNOWN}.get(last.kind, FAILURE)


def _await_book(client: SocketClient, symbol: str) -> None:
    """Give a desk that has just started the time to read a pair's book, by which the gate judges."""
    topic = gate_topic(symbol)
    client.look(Interest(topics=_TOPICS | {topic}))

    def live() -> bool:
        inputs = client.view(topic)
        book = inputs.book if isinstance(inputs, GateInputs) else None
        return book is not None and book.state is BookState.LIVE

    client.wait(lambda: live() or bool(client.died()), READY_LIMIT_S)


def set_limit(arguments: argparse.Namespace, name: str, value: Decimal | None) -> int:
    """Change a limit, or call off a loosening, and print what holds."""
    with desk_client(arguments, "limits") as client:
        _look(client)
        command = SetLimit(command_id=new_id(), name=name, value=value, reason=getattr(arguments, "reason", ""))
        fact = answer_to(client, command, "the limit was changed")
        row: Row = {"type": "limit", "name": name, "taken": fact.kind == "limit", "message": fact.message}
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if fact.kind == "limit" else FAILURE


def limits(arguments: argparse.Namespace) -> RiskView:
    """Return the limits of a desk as they are now."""
    with desk_client(arguments, "limits", look=True) as client:
        _look(client)
        wait_ready(client, lambda: "" if isinstance(client.view(TOPIC_RISK), RiskView) else "the desk is starting")
        view = client.view(TOPIC_RISK)
        assert isinstance(view, RiskView)
        return view


def answer_to(client: SocketClient, command: Command, what: str, limit_s: float = OUTCOME_LIMIT_S) -> Fact:
    """Send a command and return the fact that answers it; what is told on the way there is narrated.

    Raises:
        ExitError: none came in time; it is not known whether it was carried out.
    """
    _submit(client, command)
    narrated: set[int] = set()

    def told() -> list[Fact]:
        facts = [fact for fact in client.facts(client.seen) if fact.command_id == command.command_id]
        for fact in facts:
            if fact.kind == UNDER_WAY and fact.seq not in narrated:
                narrated.add(fact.seq)
                narrate(fact.message)
        return [fact for fact in facts if fact.kind != UNDER_WAY]

    client.wait(lambda: bool(told() or client.died()), limit_s)
    if not told():
        raise ExitError(f"It is not known whether {what}.", UNKNOWN)
    return told()[0]


def halt(arguments: argparse.Namespace) -> int:
    """Halt, wait until every cancel is confirmed, and say what is left."""
    try:
        return _halt(arguments)
    except BarredDeskError as error:
        with contextlib.suppress(ProcessLookupError):
            os.kill(error.pid, signal.SIGUSR1)
        when = "as soon as it goes on" if isinstance(error, SilentDeskError) else "now, if it can"
        raise ExitError(
            f"{error} The halt was left with it as a signal: it halts and cancels {when}. Until then "
            "`mexc-tui cancel --all --direct` cancels, with the keys that are set.",
            UNKNOWN,
        ) from None


def _halt(arguments: argparse.Namespace) -> int:
    with desk_client(arguments, "halt") as client:
        _look(client)
        client.wait(lambda: client.view(TOPIC_RISK) is not None or bool(client.died()), OUTCOME_LIMIT_S)
        _submit(client, Halt(command_id=new_id(), reason=arguments.reason))
        client.wait(lambda: _state(client) is TradingState.HALTED or bool(client.died()), OUTCOME_LIMIT_S)
        if _state(client) is not TradingState.HALTED:
            raise ExitError("It is not known whether trading is halted; look with `mexc-tui status`.", UNKNOWN)
        client.wait(lambda: _sweep(client).verified or bool(client.died()), OUTCOME_LIMIT_S)
        sweep, left = _sweep(client), live_orders(client)
        row: Row = {"type": "halt", "state": "halted", "cancelled": sweep.confirmed, "sent": sweep.sent}
        row |= {"left": sweep.left, "verified": sweep.verified, "orders": [order.client_order_id for order in left]}
        text = f"Trading is halted. {counted(sweep.confirmed, 'order')} confirmed as ended, {sweep.left} left"
        if sweep.verified:
            text += "; the exchange lists none."
        else:
            text += f" of {sweep.sent} sent for. {safe(sweep.problem)}".rstrip()
            text += " Cancelling goes on; `mexc-tui orders` shows the rest."
        say_what_was_done(row, text, as_json=arguments.json)
        return OK if sweep.verified else UNKNOWN


def resume(arguments: argparse.Namespace) -> int:
    """Lift a halt."""
    with desk_client(arguments, "resume") as client:
        _look(client)
        client.wait(lambda: client.view(TOPIC_RISK) is not None or bool(client.died()), OUTCOME_LIMIT_S)
        was = _state(client)
        command = Resume(command_id=new_id())
        _submit(client, command)

        def problem() -> str:
            facts = [fact for fact in client.facts(client.seen) if fact.command_id == command.command_id]
            return next((fact.message for fact in facts if fact.kind == "problem"), "")

        client.wait(lambda: _state(client) is TradingState.ACTIVE or bool(problem() or client.died()), OUTCOME_LIMIT_S)
        if problem():
            raise ExitError(problem(), FAILURE)
        if _state(client) is not TradingState.ACTIVE:
            raise ExitError("It is not known whether the halt is lifted; look with `mexc-tui status`.", UNKNOWN)
        text = "Trading was active already." if was is TradingState.ACTIVE else "Trading is active again."
        row: Row = {"type": "resume", "state": "active", "was": None if was is None else was.value}
        say_what_was_done(row, text, as_json=arguments.json)
        return OK


def arm(client: SocketClient, name: str) -> None:
    """Let a desk take orders, and wait until it does; ``name`` is the account's, which a live desk wants.

    Raises:
        ExitError: it did not take the command, or nobody knows.
    """
    _look(client)
    command = Arm(command_id=new_id(), armed=True, name=name)
    _submit(client, command)

    def refusals() -> list[Fact]:
        return [fact for fact in client.facts(0) if fact.command_id == command.command_id and fact.kind == "problem"]

    def armed() -> bool:
        view = client.view(TOPIC_RISK)
        return isinstance(view, RiskView) and view.armed

    client.wait(lambda: armed() or bool(refusals() or client.died()), OUTCOME_LIMIT_S)
    if refusals():
        raise ExitError(refusals()[-1].message, FAILURE)
    if not armed():
        raise ExitError("It is not known whether the desk takes orders; look with `mexc-tui status`.", UNKNOWN)


def flatten(arguments: argparse.Namespace, symbol: str | None) -> int:
    """Cancel and sell what is held, of one pair or of all; wait for the end and print it for each pair."""
    with desk_client(arguments, "flatten") as client:
        _open_as_far_as_known(client)
        _require_listed(client, [symbol] if symbol is not None else [], "Nothing was sent.")
        view = client.view(TOPIC_POSITIONS)
        positions = view.positions if isinstance(view, PositionsView) else ()
        # What has no pair stands under the name of its asset; one message names all of it.
        held = {position.symbol for position in positions if position.qty and position.symbol != position.asset}
        wanted = held if symbol is None else {symbol}
        command = Flatten(command_id=new_id(), symbol=symbol)
        _submit(client, command)

        def told() -> list[Fact]:
            facts = client.facts(client.seen)
            ends = [fact for fact in facts if fact.command_id == command.command_id]
            return [fact for fact in ends if fact.kind in ("flattened", "problem")]

        def over() -> bool:
            ends = {fact.symbol for fact in told()}
            return bool(client.died()) or (ends >= wanted if wanted else bool(ends))

        client.wait(over, OUTCOME_LIMIT_S)
        ends = told()
        for fact in ends:
            row: Row = {"type": "flatten", "symbol": fact.symbol or None, "flat": fact.kind == "flattened"}
            say_what_was_done({**row, "message": fact.message}, fact.message, as_json=arguments.json)
        missing = sorted(wanted - {fact.symbol for fact in ends})
        for name in missing:
            text = f"{name}: the end of the sale is not known yet; the desk goes on with it."
            row = {"type": "flatten", "symbol": name, "flat": None, "message": text}
            say_what_was_done(row, text, as_json=arguments.json)
        failed = any(fact.level in (Level.BAD, Level.WARN) for fact in ends)
        return UNKNOWN if missing else FAILURE if failed else OK


def status(arguments: argparse.Namespace) -> int:
    """Print how the desk's account stands."""
    with desk_client(arguments, "status", look=True) as client:
        _look(client)
        wait_ready(client, lambda: "" if isinstance(client.view(TOPIC_RISK), RiskView) else "the desk is starting")
        client.wait(lambda: not (account_missing(client) or _unvalued(client)) or bool(client.died()), VALUED_LIMIT_S)
        risk, link = client.view(TOPIC_RISK), client.view(TOPIC_LINK)
        assert isinstance(risk, RiskView)
        live = live_orders(client)
        compared_s = (time.monotonic_ns() - risk.compared_ns) // 1_000_000_000 if risk.compared_ns else None
        compared = "never" if compared_s is None else f"{compared_s} s ago"
        row: Row = {
            "type": "status",
            "desk": client.info.name,
            "kind": client.info.kind.value,
            "account": client.info.account,
            "state": risk.state.value,
            "reason": risk.reason,
            "armed": risk.armed,
            "ready": risk.ready,
            "ready_reason": risk.ready_reason,
            "link": link.state.value if isinstance(link, LinkView) else None,
            "compared_s": compared_s,
            "open_orders": len(live),
            "unknown": risk.unknown,
            "equity": risk.equity,
            "day_pnl": risk.day_pnl,
            "exposure": risk.exposure,
        }
        money = ", ".join(
            f"{name} {'—' if value is None else plain(value)}"
            for name, value in (("equity", risk.equity), ("today", risk.day_pnl), ("exposure", risk.exposure))
        )
        mode = "armed" if risk.armed else "locked"
        not_ready = "" if risk.ready else f", not ready: {risk.ready_reason}"
        text = (
            f"{client.info.name} ({client.info.account})\n"
            f"{risk.state.value}{f': {risk.reason}' if risk.reason else ''}, {mode}{not_ready}, "
            f"link {row['link'] or 'unknown'}, compared with the exchange {compared}\n"
            f"{counted(len(live), 'open order')}, {risk.unknown} of unknown outcome; {money}"
        )
        say_what_was_done(row, text, as_json=arguments.json)
        return OK


def _unvalued(client: SocketClient) -> bool:
    view = client.view(TOPIC_RISK)
    return not isinstance(view, RiskView) or view.equity is None


def new_id() -> str:
    return f"cli-{uuid.uuid4().hex}"


def _look(client: SocketClient) -> None:
    client.look(Interest(topics=_TOPICS))


def open_account(client: SocketClient) -> None:
    """Look at the account and wait until the desk knows it."""
    _look(client)
    wait_ready(
        client,
        lambda: (
            account_missing(client)
            or ("" if client.view(TOPIC_ORDERS) and _listed(client) else "the desk is still reading the account")
        ),
    )


def _open_as_far_as_known(client: SocketClient) -> str:
    """Look at the account and return what is not known of it: what reduces is not held up by a link that is down."""
    _look(client)

    def there() -> bool:
        return bool(client.view(TOPIC_RISK) and client.view(TOPIC_ORDERS) and _listed(client))

    wait_ready(client, lambda: "" if there() else "the desk has not started yet")
    client.wait(lambda: not account_missing(client) or bool(client.died()), SETTLE_LIMIT_S)
    missing = account_missing(client)
    if missing:
        narrate(f"{missing}; it is done as far as the desk knows the account")
    return missing


def _listed(client: SocketClient) -> dict[str, object]:
    view = client.view(TOPIC_INSTRUMENTS)
    return dict(view.by_symbol) if isinstance(view, InstrumentsView) else {}


def _require_listed(client: SocketClient, symbols: Sequence[str], also: str = "") -> None:
    unknown = unknown_symbols(symbols, _listed(client))
    if unknown:
        raise ExitError(f"{unknown} {also}".rstrip(), USAGE)


def _submit(client: SocketClient, command: Command) -> None:
    """Hand a command over and make sure that the desk took it."""
    client.submit(command)
    client.wait(lambda: client.answer(command.command_id) is not None or bool(client.died()), OUTCOME_LIMIT_S)
    answer = client.answer(command.command_id)
    if answer is not None and answer.outcome is Outcome.REFUSED:
        raise ExitError(f"The desk did not take it: {answer.reason} Nothing was sent.", FAILURE)
    if answer is None or answer.outcome is Outcome.UNKNOWN:
        raise ExitError("It is not known whether the desk took it; look with `mexc-tui status`.", UNKNOWN)


def live_orders(client: SocketClient) -> tuple[Order, ...]:
    view = client.view(TOPIC_ORDERS)
    return view.open if isinstance(view, OrdersView) else ()


def _state(client: SocketClient) -> TradingState | None:
    view = client.view(TOPIC_RISK)
    return view.state if isinstance(view, RiskView) else None


def _sweep(client: SocketClient) -> Sweep:
    """Return how far cancelling everything has come; where nothing can be cancelled there is nothing to wait for."""
    view = client.view(TOPIC_RISK)
    nothing = Sweep(confirmed=0, sent=0, left=0, verified=True, problem="")
    return view.sweep or nothing if isinstance(view, RiskView) else nothing


def _ended(client: SocketClient, named: Sequence[Order]) -> list[Order]:
    """Wait until these orders have ended, and return them as they are then."""
    keys = {order.client_order_id for order in named}

    def over() -> bool:
        live = {order.client_order_id for order in live_orders(client)}
        return bool(client.died()) or not live & keys

    client.wait(over, OUTCOME_LIMIT_S)
    view = client.view(TOPIC_ORDERS)
    known = {o.client_order_id: o for o in (*view.open, *view.recent)} if isinstance(view, OrdersView) else {}
    return [known.get(order.client_order_id, order) for order in named]


def _tell_cancelled(order: Order, *, as_json: bool) -> int:
    """Print what became of one order that was to be cancelled; returns the exit code it means."""
    ended = order.state.final
    failed = not ended and not order.cancel_requested
    outcome = order.state.value if ended else "failed" if failed else "unknown"
    text = f"{safe(order.symbol)} order {safe(order.order_id or order.client_order_id)}: {outcome}, "
    row = {**own_order_row(order), "outcome": outcome}
    say_what_was_done(row, text + f"filled {plain(order.filled_qty)}", as_json=as_json)
    if not ended:
        narrate(f"order {order.order_id or order.client_order_id}: not cancelled, or not known to be")
    return OK if ended else FAILURE if failed else UNKNOWN
