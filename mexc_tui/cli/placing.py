"""Runs ``mexc-tui buy`` and ``sell``: one order through a desk, and what became of it."""

from __future__ import annotations

import argparse
import math
import uuid
from decimal import Decimal

import msgspec

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desks import account_missing, desk_client, wait_ready
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, USAGE, ExitError
from mexc_tui.cli.io.output import Row, narrate, say_what_was_done
from mexc_tui.cli.rows import own_order_row
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.configured import unknown_symbols
from mexc_tui.desk.protocol import Outcome
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import CONFIRMABLE, Answer
from mexc_tui.domain.numbers import BadNumberError, divide, parse_decimal, plain
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.owners import automated, is_name
from mexc_tui.domain.sizing import Size, SizeError, draft_for, parse_size
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_RISK,
    BookState,
    GateInputs,
    InstrumentsView,
    OrdersView,
    gate_topic,
)

OUTCOME_LIMIT_S = 20.0
"""How long an order without an answer is looked up before its outcome is called unknown."""
AT_ONCE_S = 5.0
"""How long to wait for the end of an order that cannot rest."""

_WAITING = (OrderState.PENDING, OrderState.UNKNOWN)
_ARMS = "`a` on a screen of the desk arms it, as does `mexc-tui desk start --armed`."


class OrderArguments(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it was typed, checked as far as that is possible without the exchange."""

    symbol: str
    side: Side
    type: OrderType
    size: Size
    price: Decimal | None
    wait_s: float
    uncapped: bool = False
    yes: bool = False
    override: str = ""
    reason: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Place the order and return the exit code."""
    asked = order_arguments(arguments)
    with desk_client(arguments, f"{arguments.side} {asked.symbol}", owner=arguments.owner) as client:
        return Placing(client, asked, as_json=arguments.json).run()


def order_arguments(arguments: argparse.Namespace) -> OrderArguments:
    """Return what was asked for; ExitError for what makes no order."""
    kinds = {"post_only": OrderType.POST_ONLY, "ioc": OrderType.IOC, "fok": OrderType.FOK}
    kind = next((order_type for name, order_type in kinds.items() if getattr(arguments, name)), None)
    if arguments.market and kind is not None:
        raise ExitError("A market order is neither post-only, IOC nor FOK; give a price with --at for those.", USAGE)
    if arguments.uncapped and not arguments.market:
        raise ExitError("--uncapped belongs to --market: every other order has a price.", USAGE)
    if bool(arguments.override) != bool(arguments.reason.strip()):
        raise ExitError("--override CONTROL and --reason TEXT belong together. Nothing was sent.", USAGE)
    if not 0 <= arguments.wait < math.inf:
        raise ExitError("--wait takes a number of seconds, 0 or more.", USAGE)
    if arguments.owner and (not is_name(arguments.owner) or not automated(arguments.owner)):
        raise ExitError(
            "--owner takes an algorithm's name of a-z, 0-9, _ and -; only a screen acts as a person.", USAGE
        )
    try:
        size = parse_size(arguments.size)
        price = None if arguments.market else parse_decimal(arguments.at)
    except SizeError as error:
        raise ExitError(f"{str(error)[:1].upper()}{str(error)[1:]}. Nothing was sent.", USAGE) from None
    except BadNumberError:
        raise ExitError(
            f"--at takes a price such as 60000.5, not {arguments.at[:40]!r}. Nothing was sent.", USAGE
        ) from None
    return OrderArguments(
        symbol=symbols_of([arguments.symbol])[0],
        side=Side(arguments.side.upper()),
        type=OrderType.MARKET if arguments.market else kind or OrderType.LIMIT,
        size=size,
        price=price,
        wait_s=arguments.wait,
        uncapped=arguments.uncapped,
        yes=arguments.yes,
        override=arguments.override.upper(),
        reason=arguments.reason,
    )


class Placing:
    """One order on its way through a desk."""

    def __init__(self, client: SocketClient, asked: OrderArguments, *, as_json: bool) -> None:
        self._client = client
        self._command_id = f"cli-{uuid.uuid4().hex}"
        self._asked = asked
        self._as_json = as_json

    def run(self) -> int:
        """Wait for the desk, place the order, wait for its outcome, print it, and return the exit code."""
        draft, command = self._prepare()
        self._client.submit(command)
        try:
            return self._follow(draft)
        except KeyboardInterrupt:
            order = self._order()
            if order is not None:
                narrate(f"interrupted; the order {order.client_order_id} is {order.state.value} and stays as it is")
            raise

    def _prepare(self) -> tuple[Draft, PlaceOrder]:
        symbol, client = self._asked.symbol, self._client
        topics = (TOPIC_INSTRUMENTS, TOPIC_ORDERS, TOPIC_RISK, gate_topic(symbol))
        client.look(Interest(topics=frozenset(topics), candle_limit=1))

        def missing() -> str:
            listed = client.view(TOPIC_INSTRUMENTS)
            if isinstance(listed, InstrumentsView) and listed.by_symbol:
                unknown = unknown_symbols((symbol,), listed.by_symbol)
                if unknown:
                    raise ExitError(f"{unknown} Nothing was sent.", USAGE)
            return account_missing(client) or _not_ready(client.view(gate_topic(symbol)))

        wait_ready(client, missing)
        inputs = client.view(gate_topic(symbol))
        assert isinstance(inputs, GateInputs)
        return self._command(inputs)

    def _command(self, inputs: GateInputs) -> tuple[Draft, PlaceOrder]:
        asked, book = self._asked, inputs.book
        try:
            draft = draft_for(asked.size, side=asked.side, order_type=asked.type, price=asked.price, inputs=inputs)
        except SizeError as error:
            raise ExitError(f"No order was placed: {error}. Nothing was sent.", FAILURE) from None
        confirmed = CONFIRMABLE if asked.yes else ()
        draft = msgspec.structs.replace(
            draft, uncapped=asked.uncapped, confirmed=confirmed, override=asked.override, because=asked.reason
        )
        bid = book.bids[0][0] if book is not None and book.bids else None
        ask = book.asks[0][0] if book is not None and book.asks else None
        decimals = 0 if book is None else book.price_decimals
        return draft, PlaceOrder(
            command_id=self._command_id,
            draft=draft,
            seen_version=0 if book is None else book.version,
            seen_age_ms=inputs.book_age_ms or 0,
            seen_bid=None if bid is None else Decimal(bid).scaleb(-decimals),
            seen_ask=None if ask is None else Decimal(ask).scaleb(-decimals),
        )

    def _follow(self, draft: Draft) -> int:
        """Wait for the outcome as long as it makes sense, and print it."""
        asked = self._asked
        at_once = asked.type in (OrderType.MARKET, OrderType.IOC, OrderType.FOK)
        patience = max(asked.wait_s, AT_ONCE_S if at_once else 0.0)
        self._client.wait(self._answered, OUTCOME_LIMIT_S)
        refused = self._refused()
        if refused:
            raise ExitError(f"The desk did not take the order: {refused} Nothing was sent.", FAILURE)
        self._client.wait(self._finished, patience)
        denied, order = self._denial(), self._order()
        if denied is not None and denied.violations:
            return self._report_denial(draft, denied)
        if order is None or order.state in _WAITING:
            return self._report_unknown(draft, order)
        code = FAILURE if order.state in (OrderState.REJECTED, OrderState.DENIED) else OK
        return self._report(order, code, self._last_message("denied" if order.state is OrderState.DENIED else ""))

    def _answered(self) -> bool:
        order = self._order()
        known = order is not None and order.state not in _WAITING
        return known or bool(self._client.died() or self._denial() or self._refused())

    def _finished(self) -> bool:
        order = self._order()
        return order is None or order.state.final or bool(self._client.died())

    def _refused(self) -> str:
        """Return why the desk did not even look at the command; empty where it did, or where that is not known."""
        answer = self._client.answer(self._command_id)
        return answer.reason if answer is not None and answer.outcome is Outcome.REFUSED else ""

    def _own(self) -> list[Fact]:
        return [fact for fact in self._client.facts(self._client.seen) if fact.command_id == self._command_id]

    def _denial(self) -> Fact | None:
        return next((fact for fact in self._own() if fact.kind == "denied"), None)

    def _order(self) -> Order | None:
        """Return the order as it stands now, once the desk has reported anything about it; facts may be the newer."""
        reported = [fact.order for fact in self._own() if fact.order is not None]
        if not reported:
            return None
        view = self._client.view(TOPIC_ORDERS)
        if isinstance(view, OrdersView):
            for order in (*view.open, *view.recent):
                if order.client_order_id == reported[-1].client_order_id:
                    return reported[-1] if reported[-1].state.final and not order.state.final else order
        return reported[-1]

    def _last_message(self, kind: str) -> str:
        """Return the desk's last message about the order."""
        messages = [fact.message for fact in self._own() if fact.order is not None and (not kind or fact.kind == kind)]
        return messages[-1] if messages else ""

    def _report_denial(self, draft: Draft, fact: Fact) -> int:
        row: Row = {
            "type": "denied",
            **_draft_row(draft),
            "violations": [
                {
                    "code": one.code,
                    "answer": one.answer.value,
                    "message": one.message,
                    "limit": one.limit,
                    "actual": one.actual,
                }
                for one in fact.violations
            ],
        }
        reasons = "\n".join(f"  {one.code}: {one.message}" for one in fact.violations)
        locked = any(one.code == "ARMED" for one in fact.violations)
        text = f"The gate refused the order; nothing was sent.\n{reasons}" + (f"\n  {_ARMS}" if locked else "")
        if all(one.answer is Answer.CONFIRM for one in fact.violations):
            text = f"The gate asks first; nothing was sent.\n{reasons}\n  --yes sends it."
        say_what_was_done(row, text, as_json=self._as_json)
        return FAILURE

    def _report(self, order: Order, code: int, message: str) -> int:
        text = f"{message}\n{_as_text(order)}".strip()
        say_what_was_done(own_order_row(order), text, as_json=self._as_json)
        return code

    def _report_unknown(self, draft: Draft, order: Order | None) -> int:
        if order is None:
            row: Row = {"type": "order", **_draft_row(draft), "state": OrderState.UNKNOWN.value, "reason": ""}
            name = f"of {draft.side.value.lower()} {draft.symbol}"
        else:
            row = {**own_order_row(order), "state": OrderState.UNKNOWN.value}
            name = order.client_order_id
        text = (
            f"The outcome of the order {name} is unknown: it may be live. It is not sent again. Look for it with "
            "`mexc-tui orders`, cancel it with `mexc-tui cancel`; the next start of the desk looks it up too."
        )
        say_what_was_done(row, text, as_json=self._as_json)
        if self._as_json:
            narrate(text)
        return UNKNOWN


def _not_ready(inputs: object) -> str:
    """Return what is still missing before an order can be judged; empty where nothing is."""
    if not isinstance(inputs, GateInputs):
        return "the desk has not started yet"
    if not inputs.can_trade:
        return ""
    if inputs.instrument is None:
        return "the list of pairs has not come yet"
    if inputs.book is None or inputs.book.state is not BookState.LIVE:
        return f"the order book is not live ({'not read yet' if inputs.book is None else inputs.book.reason})"
    return ""


def _draft_row(draft: Draft) -> Row:
    return {
        "symbol": draft.symbol,
        "side": draft.side.value.lower(),
        "order_type": draft.type.value,
        "price": draft.price,
        "qty": draft.qty,
        "quote_qty": draft.quote_qty,
    }


def _average(order: Order) -> Decimal | None:
    return divide(order.filled_quote, order.filled_qty, 18) if order.filled_qty else None


def _as_text(order: Order) -> str:
    average = _average(order)
    filled = f"filled {plain(order.filled_qty)}" + ("" if average is None else f" at {plain(average)} on average")
    return f"{order.state.value}, {filled}; order {order.order_id or '—'}, client id {order.client_order_id}"
