"""Trading through a desk that runs: its gate, its limits, its journal, its halt, for a program's orders too.

    async with MexcExchange.through_desk("demo", symbols=["BTCUSDT"]) as desk:
        order = await desk.place_limit_order("BTCUSDT", "BUY", "0.001", "60000")
        order = await desk.cancel_order(order.client_order_id)

No order leaves but by the desk, which judges it as one from its screens, writes it down first and finds out what became
of it. Every call ends with what became of it, or with ``VenueError``: ``definite`` says that nothing came of it, with
``violations`` where the gate refused; ``OUTCOME_UNKNOWN`` that it is not known and being looked up. A call that is
repeated with its ``command_id`` is not carried out again: it gives the outcome of the first. When the connection breaks
it is attached to the desk again by itself; nothing is kept to be sent later.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.launch import Caller
from mexc_tui.desk.protocol import Outcome
from mexc_tui.domain.commands import AmendOrder, CancelAll, CancelOrder, Draft, Halt, PlaceOrder, Resume
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import CONFIRMABLE, TradingState
from mexc_tui.domain.orders import Balance, Order, OrderState, OrderType, Side
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BalancesView,
    BookState,
    BookView,
    GateInputs,
    InstrumentsView,
    OrdersView,
    Position,
    PositionsView,
    RiskView,
    Sweep,
    book_topic,
    gate_topic,
)
from mexc_tui.library.arguments import exact_amount, side_of
from mexc_tui.library.desk_link import DeskLink, not_done
from mexc_tui.library.market_session import book_of
from mexc_tui.library.types import Amount, Book

AMEND_LIMIT_S = 45.0
"""How long an amendment may take: a cancel, and an order after it."""
PAIRS_AT_ONCE = 16
"""Pairs whose orders a desk checks ahead for one client."""
_ACCOUNT = frozenset({TOPIC_ORDERS, TOPIC_RISK, TOPIC_INSTRUMENTS, TOPIC_BALANCES, TOPIC_POSITIONS})
_WAITING = (OrderState.PENDING, OrderState.UNKNOWN)
_LOOK = "Look at `orders` and `facts`, or with `mexc-tui orders`; do not send it again under another command id."


class DeskSession:
    """One program's connection to a desk. Opened and closed by ``async with``; orders stay open when it is closed."""

    def __init__(
        self,
        attach: Callable[[Caller], SocketClient],
        symbols: Sequence[str],
        name: str,
        ready_within_s: float,
        outcome_s: float,
    ) -> None:
        """``attach`` finds the desk; it may take its time."""
        if isinstance(symbols, str):
            raise TypeError("symbols is a list of pairs, not one text")
        if len(symbols) > PAIRS_AT_ONCE:
            raise ValueError(f"a desk follows {PAIRS_AT_ONCE} pairs for one program at most")
        # Never the name of a screen: with the last of those some desks end.
        self._link = DeskLink(attach, f"program {name}".strip())
        self._pairs = dict.fromkeys(symbols)
        """The pairs that are followed, the one used last at the end."""
        self._ready_within_s = ready_within_s
        self._outcome_s = outcome_s
        self._books: dict[str, tuple[BookView, Book]] = {}

    async def __aenter__(self) -> DeskSession:
        try:
            await self._link.open()
            self._look()
            await self._link.wait(self._ready, self._ready_within_s)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Detach; idempotent. The desk lives on, and open orders stay open."""
        await self._link.close()

    # --- orders

    async def place_limit_order(
        self,
        symbol: str,
        side: Side | str,
        qty: Amount,
        price: Amount,
        *,
        type: OrderType = OrderType.LIMIT,  # noqa: A002
        confirmed: bool = False,
        command_id: str = "",
    ) -> Order:
        """Place a limit, post-only, immediate-or-cancel or fill-or-kill order; return it as the exchange has it.

        ``confirmed`` answers with yes what the gate asks first.

        Raises:
            VenueError: see the module; ``violations`` where the gate refused.
        """
        size, limit = exact_amount(qty, "quantity"), exact_amount(price, "price")
        draft = Draft(symbol=symbol, side=side_of(side), type=type, qty=size, price=limit)
        return await self._place(draft, confirmed, command_id)

    async def place_market_order(
        self,
        symbol: str,
        side: Side | str,
        *,
        qty: Amount | None = None,
        quote_qty: Amount | None = None,
        confirmed: bool = False,
        command_id: str = "",
    ) -> Order:
        """Place a market order sized in base or, for a buy, in quote; it goes out with the desk's price cap.

        Raises:
            VenueError: as for a limit order.
        """
        size = None if qty is None else exact_amount(qty, "quantity")
        amount = None if quote_qty is None else exact_amount(quote_qty, "amount")
        draft = Draft(symbol=symbol, side=side_of(side), type=OrderType.MARKET, qty=size, quote_qty=amount)
        return await self._place(draft, confirmed, command_id)

    async def amend_order(
        self,
        order: str,
        *,
        qty: Amount | None = None,
        price: Amount | None = None,
        confirmed: bool = False,
        command_id: str = "",
    ) -> Order:
        """Give an open order another size or price and return the new order that stands for it.

        It is cancelled, and what has not filled is placed once that is certain. ``order`` is its client order id or
        the exchange's; ``qty`` includes what has filled.

        Raises:
            VenueError: nothing was placed in its stead; the message says what became of the order itself.
        """
        command = AmendOrder(
            command_id=command_id or _new_id(),
            client_order_id=self._open(order, command_id).client_order_id,
            qty=None if qty is None else exact_amount(qty, "quantity"),
            price=None if price is None else exact_amount(price, "price"),
            confirmed=confirmed,
        )
        return await self._outcome(command, max(self._outcome_s, AMEND_LIMIT_S))

    async def cancel_order(self, order: str) -> Order:
        """Cancel an open order, by its client order id or the exchange's; return it as it ended, perhaps filled.

        Raises:
            VenueError: ORDER_NOT_FOUND when none is open that is called so; ``definite`` when it works on.
        """
        key = self._open(order).client_order_id
        (ended,) = await self._cancel(CancelOrder(command_id=_new_id(), client_order_id=key), {key})
        return ended

    async def cancel_all(self, symbol: str | None = None) -> tuple[Order, ...]:
        """Cancel every open order, or those of a pair; return them as they ended.

        Raises:
            VenueError: OUTCOME_UNKNOWN, it is not known of all of them yet; the desk goes on with it.
        """
        keys = {order.client_order_id for order in self.open_orders if symbol in (None, order.symbol)}
        return await self._cancel(CancelAll(command_id=_new_id(), symbol=symbol), keys)

    async def wait_finished(self, order: str, timeout_s: float = 30.0) -> Order:
        """Return an order once it is filled, cancelled or refused.

        Raises:
            TimeoutError: it was still open then.
            VenueError: the desk shows no such order.
        """
        if self._named(order) is None:
            raise _unknown_order(order)

        def ended() -> bool:
            found = self._named(order)
            return found is not None and found.state.final

        await self._link.wait(ended, timeout_s)
        found = self._named(order)
        if found is None or not found.state.final:
            raise TimeoutError(f"the order {order} is still open")
        return found

    # --- the account's state

    async def halt(self, reason: str = "halted by a program") -> Sweep:
        """Halt the account: cancel everything, take nothing new until resumed. Return how far cancelling has come.

        Raises:
            VenueError: OUTCOME_UNKNOWN, it is not known whether it is halted.
        """
        await self._link.give(Halt(command_id=_new_id(), reason=reason), self._outcome_s)
        await self._link.wait(lambda: self._state() is TradingState.HALTED, self._outcome_s)
        if self._state() is not TradingState.HALTED:
            raise _in_doubt("It is not known whether trading is halted.")
        await self._link.wait(lambda: self._sweep().verified, self._outcome_s)
        return self._sweep()

    async def resume(self) -> None:
        """Lift a halt, or what only lets orders through that reduce.

        Raises:
            VenueError: it stays; OUTCOME_UNKNOWN, that is not known.
        """
        command, after = Resume(command_id=_new_id()), self._link.position()
        await self._link.give(command, self._outcome_s)

        def problems() -> list[Fact]:
            return [fact for fact in self._link.told(command.command_id, after) if fact.kind == "problem"]

        await self._link.wait(lambda: self._state() is TradingState.ACTIVE or bool(problems()), self._outcome_s)
        if problems():
            raise not_done(problems()[-1].message)
        if self._state() is not TradingState.ACTIVE:
            raise _in_doubt("It is not known whether the halt is lifted.")

    @property
    def connected(self) -> bool:
        """Whether the desk can be reached; while it cannot, reading and placing raise ``VenueError``."""
        return not self._link.cut

    @property
    def open_orders(self) -> tuple[Order, ...]:
        """Orders that may be live, oldest first, whoever placed them."""
        view = self._link.view(TOPIC_ORDERS, OrdersView)
        return () if view is None else view.open

    @property
    def recent_orders(self) -> tuple[Order, ...]:
        """The latest orders that are over, newest first."""
        view = self._link.view(TOPIC_ORDERS, OrdersView)
        return () if view is None else view.recent

    @property
    def balances(self) -> tuple[Balance, ...]:
        """Every asset of which something is held."""
        view = self._link.view(TOPIC_BALANCES, BalancesView)
        return () if view is None else tuple(row.balance for row in view.rows)

    @property
    def positions(self) -> tuple[Position, ...]:
        """What is held, with cost and result; None in it means not known."""
        view = self._link.view(TOPIC_POSITIONS, PositionsView)
        return () if view is None else view.positions

    @property
    def risk(self) -> RiskView | None:
        """Trading state, limits and what is used of them, equity; None before the desk has told it."""
        return self._link.view(TOPIC_RISK, RiskView)

    def order(self, name: str) -> Order | None:
        """Return an order by its client order id, the exchange's, or the id of the command that placed it.

        None where the desk shows none: it keeps what is open and the latest two hundred that are over.
        """
        return _find((*self.open_orders, *self.recent_orders), name)

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the rules of a pair; None if the exchange does not list it."""
        view = self._link.view(TOPIC_INSTRUMENTS, InstrumentsView)
        return None if view is None else view.by_symbol.get(symbol)

    def order_book(self, symbol: str) -> Book:
        """Return the desk's book of one of the session's pairs; ``live`` says whether it is exact.

        Raises:
            VenueError: the pair is not followed, or nothing of it has come yet.
        """
        view = self._link.view(book_topic(symbol), BookView)
        if view is None:
            raise not_done(f"No book of {symbol[:40]} is followed here, or it has not come yet.")
        kept = self._books.get(symbol)
        if kept is None or kept[0] is not view:
            kept = self._books[symbol] = (view, book_of(view, kept))
        return kept[1]

    def facts(self) -> AsyncIterator[Fact]:
        """Give everything that has happened since the session was opened, in order, each once, for ``async for``.

        Fills are those with a ``fill``; ``order`` is the order as it was then, ``kind`` a stable name. One of kind
        ``missed`` says how many are not there: the desk keeps the latest two thousand.
        """
        return self._link.facts()

    # --- inside

    async def _place(self, draft: Draft, confirmed: bool, command_id: str) -> Order:
        inputs = await self._inputs(draft.symbol)
        if confirmed:
            draft = replace(draft, confirmed=CONFIRMABLE)
        book = None if inputs is None else inputs.book
        command = PlaceOrder(
            command_id=command_id or _new_id(),
            draft=draft,
            seen_version=0 if book is None else book.version,
            seen_age_ms=0 if inputs is None else inputs.book_age_ms or 0,
            seen_bid=_best(book, Side.BUY),
            seen_ask=_best(book, Side.SELL),
        )
        return await self._outcome(command, self._outcome_s)

    async def _inputs(self, symbol: str) -> GateInputs | None:
        """Return what the desk judges an order by; waits for it where the pair was not followed."""
        new = symbol not in self._pairs
        self._pairs.pop(symbol, None)
        self._pairs[symbol] = None
        while len(self._pairs) > PAIRS_AT_ONCE:
            del self._pairs[next(iter(self._pairs))]
        if new:
            self._look()
            await self._link.wait(lambda: self._live(symbol), self._ready_within_s)
        return self._link.view(gate_topic(symbol), GateInputs)

    async def _outcome(self, command: PlaceOrder | AmendOrder, limit_s: float) -> Order:
        """Give a command that places one order and return that; ``VenueError`` with why there is none."""
        name, after = command.command_id, self._link.position()
        on_the_way, given_to = await self._link.give(command, self._outcome_s)
        if on_the_way is Outcome.REPEATED:
            after = 0

        def end() -> Order | VenueError | None:
            # Only what `open_orders` shows too: a program that counts its orders must find the one it has just placed.
            found = _find(self._shown(), name)
            if found is not None and found.state not in _WAITING:
                return found
            for fact in reversed(self._link.told(name, after)):
                if fact.kind == "denied":
                    return _denied(fact)
                if fact.kind == "problem":
                    return VenueError(fact.message, definite=True)
            another = not self._link.cut and self._link.info.desk_id != given_to
            if found is None and another and self._link.last_view(TOPIC_ORDERS, OrdersView) is not None:
                return not_done(
                    "The desk ended before it recorded the order; nothing was sent. The desk that runs now knows "
                    "nothing of it.",
                    "Send it again if it is still meant.",
                    ErrorKind.NETWORK,
                )
            return None

        await self._link.wait(lambda: end() is not None, limit_s)
        ended = end()
        if isinstance(ended, VenueError):
            ended.add_note(f"command id {name}")
            raise ended
        if ended is None or ended.state in (OrderState.REJECTED, OrderState.DENIED):
            raise _why_not(ended or _find(self._shown(), name), name)
        return ended

    async def _cancel(self, command: CancelOrder | CancelAll, keys: set[str]) -> tuple[Order, ...]:
        after = self._link.position()
        await self._link.give(command, self._outcome_s)

        def working() -> list[Order]:
            """Those of which the desk has said that the exchange did not cancel them."""
            shown = {order.client_order_id: order for order in self._shown()}
            facts = self._link.facts_of("problem", after)
            given_up = {fact.order.client_order_id for fact in facts if fact.order is not None} & keys
            return [shown[key] for key in given_up if key in shown and not shown[key].cancel_requested]

        def left() -> set[str]:
            ended = () if self._link.cut else self._shown()
            return keys - {order.client_order_id for order in ended if order.state.final}

        await self._link.wait(lambda: left() <= {order.client_order_id for order in working()}, self._outcome_s)
        if left():
            still = [order for order in working() if not order.state.final]
            if len(still) == len(left()):
                text = f"The exchange did not cancel {', '.join(order.client_order_id for order in still)}."
                raise VenueError(f"{text} It works on.", definite=True)
            raise _in_doubt(f"It is not known yet of {len(left())} orders whether they are cancelled.")
        ended = [_find(self._shown(), key) for key in keys]
        return tuple(order for order in ended if order is not None)

    def _look(self) -> None:
        pairs = {topic for symbol in self._pairs for topic in (gate_topic(symbol), book_topic(symbol))}
        self._link.look(_ACCOUNT | pairs)

    def _ready(self) -> bool:
        risk = self._link.last_view(TOPIC_RISK, RiskView)
        shown = self._link.last_view(TOPIC_ORDERS, OrdersView) and self._link.last_view(TOPIC_BALANCES, BalancesView)
        return bool(risk and risk.ready and shown) and all(map(self._live, self._pairs))

    def _live(self, symbol: str) -> bool:
        inputs = self._link.last_view(gate_topic(symbol), GateInputs)
        listed = self._link.last_view(TOPIC_INSTRUMENTS, InstrumentsView)
        if listed is not None and listed.by_symbol and symbol not in listed.by_symbol:
            return True  # nothing to wait for: the gate says that there is no such pair
        return inputs is not None and inputs.book is not None and inputs.book.state is BookState.LIVE

    def _shown(self) -> tuple[Order, ...]:
        view = self._link.last_view(TOPIC_ORDERS, OrdersView)
        return () if view is None else (*view.open, *view.recent)

    def _named(self, name: str) -> Order | None:
        return _find(self._shown(), name)

    def _open(self, name: str, command_id: str = "") -> Order:
        """Return an open order, or one that this very command was about before."""
        found = _find(self.open_orders if not command_id else (*self.open_orders, *self.recent_orders), name)
        if found is None:
            raise _unknown_order(name)
        return found

    def _state(self) -> TradingState | None:
        view = None if self._link.cut else self._link.last_view(TOPIC_RISK, RiskView)
        return None if view is None else view.state

    def _sweep(self) -> Sweep:
        view = self._link.last_view(TOPIC_RISK, RiskView)
        nothing = Sweep(confirmed=0, sent=0, left=0, verified=True, problem="")
        return nothing if view is None else view.sweep or nothing


def _find(orders: Sequence[Order], name: str) -> Order | None:
    return next((one for one in orders if name in (one.client_order_id, one.order_id, one.command_id) and name), None)


def _best(book: BookView | None, side: Side) -> Decimal | None:
    levels = () if book is None else book.bids if side is Side.BUY else book.asks
    return None if book is None or not levels else Decimal(levels[0][0]).scaleb(-book.price_decimals)


def _new_id() -> str:
    return f"lib-{uuid.uuid4().hex}"


def _denied(fact: Fact) -> VenueError:
    why = "" if fact.order is None else fact.order.reason
    reasons = " ".join(violation.message for violation in fact.violations) or why
    return VenueError(
        f"The desk's gate refused it: {reasons} Nothing was sent.",
        kind=ErrorKind.REFUSED_HERE,
        sent=False,
        definite=True,
        violations=fact.violations,
    )


def _why_not(order: Order | None, command_id: str) -> VenueError:
    if order is None:
        error = _in_doubt("It is not known whether the desk took the order: it may be live.")
    elif order.state is OrderState.DENIED:
        error = not_done(f"Not sent: {order.reason}", kind=ErrorKind.REFUSED_HERE)
    elif order.state is OrderState.REJECTED and not order.presumed:
        error = VenueError(f"The exchange refused the order: {order.reason}", definite=True)
    else:
        error = _in_doubt(f"The outcome of the order is unknown ({order.reason or 'no answer yet'}): it may be live.")
    error.add_note(f"command id {command_id}" + ("" if order is None else f", client order id {order.client_order_id}"))
    return error


def _in_doubt(text: str) -> VenueError:
    return VenueError(text, kind=ErrorKind.OUTCOME_UNKNOWN, remedy=_LOOK)


def _unknown_order(name: str) -> VenueError:
    text = f"The desk shows no open order {name[:64]!r}; nothing was done."
    return not_done(text, kind=ErrorKind.ORDER_NOT_FOUND)
