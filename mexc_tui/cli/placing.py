"""Runs ``mexc-tui buy`` and ``sell``: a desk without a screen, one order, and what became of it."""

from __future__ import annotations

import argparse
import math
import time
from decimal import Decimal

import msgspec

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.desk import configured_plan, failure_of, read_settings, wait_until_open
from mexc_tui.cli.io.exits import FAILURE, OK, UNKNOWN, USAGE, ExitError
from mexc_tui.cli.io.logs import start_log
from mexc_tui.cli.io.output import Row, narrate, say_what_was_done
from mexc_tui.desk.configured import unknown_symbols
from mexc_tui.desk.plan import Plan, PlannedParts, run_name
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.ids import ORIGIN
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.numbers import BadNumberError, divide, parse_decimal, plain
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.sizing import Size, SizeError, draft_for, parse_size
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_RISK,
    BookState,
    GateInputs,
    InstrumentsView,
    OrdersView,
    RiskView,
    gate_topic,
)
from mexc_tui.engine.engine import DeskPort, Engine
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import Resumed
from mexc_tui.store.errors import JournalInUseError

READY_LIMIT_S = 15.0
OUTCOME_LIMIT_S = 20.0
"""How long an order without an answer is looked up before its outcome is called unknown."""
AT_ONCE_S = 5.0
"""How long to wait for the end of an order that cannot rest."""
ENGINE_LIMIT_S = 8.0
_POLL_S = 0.005

_WAITING = (OrderState.PENDING, OrderState.UNKNOWN)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it was typed, checked as far as that is possible without the exchange."""

    symbol: str
    side: Side
    type: OrderType
    size: Size
    price: Decimal | None
    wait_s: float


def run(arguments: argparse.Namespace) -> int:
    """Place the order and return the exit code."""
    wish = wish_of(arguments)
    file, limits = read_settings()
    plan = configured_plan(file, limits)
    if not plan.credentials:
        raise ExitError(
            "Orders need an API key: set MEXC_API_KEY and MEXC_SECRET_KEY, and MEXC_BASE_URL and MEXC_WS_URL of an "
            "exchange on this machine. Nothing was sent.",
            USAGE,
        )
    start_log((plan.credentials.api_key.reveal(), plan.credentials.secret_key.reveal()))
    name = run_name()
    engine = Engine(_Parts(plan, name))
    engine.start()
    try:
        _wait_until_open(engine, plan)
        return Placing(engine, plan, name, wish, as_json=arguments.json).run()
    finally:
        engine.stop()
        engine.join(ENGINE_LIMIT_S)


def wish_of(arguments: argparse.Namespace) -> Wish:
    """Return what was asked for; ExitError for what makes no order."""
    kinds = {"post_only": OrderType.POST_ONLY, "ioc": OrderType.IOC, "fok": OrderType.FOK}
    kind = next((order_type for name, order_type in kinds.items() if getattr(arguments, name)), None)
    if arguments.market and kind is not None:
        raise ExitError("A market order is neither post-only, IOC nor FOK; give a price with --at for those.", USAGE)
    if not 0 <= arguments.wait < math.inf:
        raise ExitError("--wait takes a number of seconds, 0 or more.", USAGE)
    try:
        size = parse_size(arguments.size)
        price = None if arguments.market else parse_decimal(arguments.at)
    except SizeError as error:
        raise ExitError(f"{str(error)[:1].upper()}{str(error)[1:]}. Nothing was sent.", USAGE) from None
    except BadNumberError:
        raise ExitError(
            f"--at takes a price such as 60000.5, not {arguments.at[:40]!r}. Nothing was sent.", USAGE
        ) from None
    return Wish(
        symbol=symbols_of([arguments.symbol])[0],
        side=Side(arguments.side.upper()),
        type=OrderType.MARKET if arguments.market else kind or OrderType.LIMIT,
        size=size,
        price=price,
        wait_s=arguments.wait,
    )


class Placing:
    """One order on its way through an open desk."""

    def __init__(self, engine: Engine, plan: Plan, name: str, wish: Wish, *, as_json: bool) -> None:
        self._engine = engine
        self._client = engine.client("order")
        self._plan = plan
        self._ours = f"{ORIGIN}-{name}-"
        self._command_id = f"cli-{name}"
        self._wish = wish
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
        wish, client = self._wish, self._client
        topics = {gate_topic(wish.symbol), TOPIC_INSTRUMENTS, TOPIC_ORDERS, TOPIC_RISK}
        client.look(Interest(topics=frozenset(topics)))
        end = time.monotonic() + READY_LIMIT_S
        why = ""
        while time.monotonic() < end:
            self._check_alive()
            listed = client.view(TOPIC_INSTRUMENTS)
            if isinstance(listed, InstrumentsView) and listed.by_symbol:
                unknown = unknown_symbols((wish.symbol,), listed.by_symbol)
                if unknown:
                    raise ExitError(f"{unknown} Nothing was sent.", USAGE)
            inputs = client.view(gate_topic(wish.symbol))
            why = _not_ready(client.view(TOPIC_RISK), inputs)
            if not why and isinstance(inputs, GateInputs):
                return self._command(inputs)
            time.sleep(_POLL_S)
        raise ExitError(f"No order was placed: {why}. Nothing was sent; try again.", FAILURE)

    def _command(self, inputs: GateInputs) -> tuple[Draft, PlaceOrder]:
        wish, book = self._wish, inputs.book
        try:
            draft = draft_for(wish.size, side=wish.side, order_type=wish.type, price=wish.price, inputs=inputs)
        except SizeError as error:
            raise ExitError(f"No order was placed: {error}. Nothing was sent.", FAILURE) from None
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
        wish = self._wish
        at_once = wish.type in (OrderType.MARKET, OrderType.IOC, OrderType.FOK)
        patience = max(wish.wait_s, AT_ONCE_S if at_once else 0.0)
        start = time.monotonic()
        while True:
            denied = self._denial()
            if denied is not None:
                return self._tell_denial(draft, denied)
            order = self._order()
            waited = time.monotonic() - start
            died = self._client.died()
            if order is not None and order.state is OrderState.DENIED:
                return self._tell(order, FAILURE, self._words("denied"))
            if order is not None and order.state not in _WAITING:
                if order.state.final or waited >= patience or died:
                    return self._tell(order, FAILURE if order.state is OrderState.REJECTED else OK, self._words(""))
            elif waited >= OUTCOME_LIMIT_S or died:
                return self._tell_unknown(draft, order)
            time.sleep(_POLL_S)

    def _denial(self) -> Fact | None:
        for fact in self._client.facts(0):
            if fact.kind == "denied" and fact.command_id == self._command_id:
                return fact
        return None

    def _order(self) -> Order | None:
        view = self._client.view(TOPIC_ORDERS)
        if isinstance(view, OrdersView):
            for order in (*view.open, *view.recent):
                if order.client_order_id.startswith(self._ours):
                    return order
        return None

    def _words(self, kind: str) -> str:
        """Return the desk's own last words on the order."""
        said = [
            fact.message
            for fact in self._client.facts(0)
            if fact.order is not None
            and fact.order.client_order_id.startswith(self._ours)
            and (not kind or fact.kind == kind)
        ]
        return said[-1] if said else ""

    def _tell_denial(self, draft: Draft, fact: Fact) -> int:
        row: Row = {
            "type": "denied",
            **_draft_row(draft),
            "violations": [
                {"code": one.code, "message": one.message, "limit": one.limit, "actual": one.actual}
                for one in fact.violations
            ],
        }
        reasons = "\n".join(f"  {one.code}: {one.message}" for one in fact.violations)
        say_what_was_done(row, f"The gate refused the order; nothing was sent.\n{reasons}", as_json=self._as_json)
        return FAILURE

    def _tell(self, order: Order, code: int, words: str) -> int:
        text = f"{words}\n{_in_words(order)}".strip()
        say_what_was_done(_order_row(order), text, as_json=self._as_json)
        return code

    def _tell_unknown(self, draft: Draft, order: Order | None) -> int:
        if order is None:
            row: Row = {"type": "order", **_draft_row(draft), "state": OrderState.UNKNOWN.value, "reason": ""}
            name = f"whose client id begins with {self._ours}"
        else:
            row = {**_order_row(order), "state": OrderState.UNKNOWN.value}
            name = order.client_order_id
        text = (
            f"The outcome of the order {name} is unknown: it may be live. It is not sent again. Look for it with "
            "`mexc-tui orders`, cancel it with `mexc-tui cancel`; the next start of the desk looks it up too."
        )
        say_what_was_done(row, text, as_json=self._as_json)
        if self._as_json:
            narrate(text)
        return UNKNOWN

    def _check_alive(self) -> None:
        if self._client.died():
            raise failure_of(self._engine, self._plan)


class _Parts(PlannedParts):
    """A desk whose run has a name that is known here, so that its one order can be told from all others."""

    def __init__(self, plan: Plan, name: str) -> None:
        super().__init__(plan)
        self._name = name

    def desk(self, info: VenueInfo, resumed: Resumed) -> DeskPort:
        """Make the kernel, unlocked: the command itself is the explicit wish to send."""
        plan = self._plan
        return Desk(self._name, plan.limits, info, currency=plan.currency, resumed=resumed, armed_at_start=True)


def _wait_until_open(engine: Engine, plan: Plan) -> None:
    try:
        wait_until_open(engine, plan)
    except ExitError:
        if isinstance(engine.failure, JournalInUseError):
            raise ExitError(
                f"{engine.failure} Nothing was sent. Place the order in that terminal, or end it and try again; "
                "`mexc-tui cancel` works beside it.",
                FAILURE,
            ) from None
        raise


def _not_ready(risk: object, inputs: object) -> str:
    """Return what is still missing before an order can be judged; empty where nothing is."""
    if not isinstance(risk, RiskView) or not isinstance(inputs, GateInputs):
        return "the desk has not started yet"
    if not risk.ready:
        return risk.ready_reason or "the account has not been read yet"
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


def _order_row(order: Order) -> Row:
    return {
        "type": "order",
        "symbol": order.symbol,
        "order_id": order.order_id or None,
        "client_order_id": order.client_order_id,
        "side": order.side.value.lower(),
        "order_type": order.type.value,
        "state": order.state.value,
        "price": order.price,
        "qty": order.qty,
        "quote_qty": order.quote_qty,
        "filled_qty": order.filled_qty,
        "filled_quote": order.filled_quote,
        "average_price": _average(order),
        "reason": order.reason,
    }


def _average(order: Order) -> Decimal | None:
    return divide(order.filled_quote, order.filled_qty, 18) if order.filled_qty else None


def _in_words(order: Order) -> str:
    average = _average(order)
    filled = f"filled {plain(order.filled_qty)}" + ("" if average is None else f" at {plain(average)} on average")
    return f"{order.state.value}, {filled}; order {order.order_id or '—'}, client id {order.client_order_id}"
