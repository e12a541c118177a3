"""The desk: takes inputs and commands one by one, answers with effects, and publishes what it knows as views.

It has no clock and draws no lots: the same inputs at the same moments give the same effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from mexc_tui.domain.commands import (
    Arm,
    CancelAll,
    CancelOrder,
    Command,
    Flatten,
    Halt,
    PlaceOrder,
    Reconcile,
    Resume,
)
from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import Seen, check
from mexc_tui.domain.inputs import (
    BalanceReported,
    CancelAnswered,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    JournalProblem,
    LinkChanged,
    LinkState,
    LookupAnswered,
    LookupFailed,
    OrderReported,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
    ReconcileFailed,
    Tick,
    Timestamp,
    VenueHealth,
    VenueNotice,
)
from mexc_tui.domain.limits import Limits, Violation
from mexc_tui.domain.numbers import exact
from mexc_tui.domain.orders import Fill, Order, Side
from mexc_tui.domain.views import View
from mexc_tui.kernel import messages
from mexc_tui.kernel.desk_views import DeskViews
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.flatten import Flattener
from mexc_tui.kernel.history import CommandLog, History, Latch
from mexc_tui.kernel.inquiries import MOST_FILL_ASKS
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.order_store import OrderStore, Track
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import Resumed
from mexc_tui.kernel.recovery import Recovery
from mexc_tui.kernel.risk import Risk
from mexc_tui.kernel.valuation import DayResult, Prices

_COMMANDS = frozenset(get_args(Command))
_MINUTE_NS = 60_000_000_000
QUIET_NS = 10_000_000_000
"""Balances and fills of an asset are compared only this long after its last known fill; fills may come late."""
FOLLOWED = 20
"""Most symbols that are followed only because of orders or holdings."""


class Desk:
    """Everything between its clients and the venue. Call ``start`` once, then ``handle`` and ``views``."""

    def __init__(
        self,
        run: str,
        limits: Limits,
        venue: VenueInfo,
        *,
        currency: str,
        resumed: Resumed | None = None,
        armed_at_start: bool = False,
        notices: tuple[str, ...] = (),
    ) -> None:
        self._facts = FactLog()
        self._notices = notices
        self._markets = Markets(self._facts)
        self._store = OrderStore(run, self._facts)
        self._orders = OrderManager(self._store, self._facts)
        self._ledger = Ledger(self._store, currency)
        day, latch = DayResult(currency), Latch()
        self._portfolio = Portfolio(Prices(self._markets, currency), self._ledger, day)
        self._risk = Risk(
            limits, venue, self._facts, self._markets, self._store, self._portfolio, latch, armed=armed_at_start
        )
        self._commands = CommandLog()
        history = History(self._store, self._ledger, day, latch, self._commands)
        self._recovery = Recovery(self._facts, self._store, self._orders, history, self._risk)
        self._flattener = Flattener(self._facts, self._store, self._orders, self._risk, self._recovery.ask)
        self._views = DeskViews(
            venue, self._markets, self._store, self._ledger, self._portfolio, self._risk, self._recovery
        )
        self._gates: frozenset[str] = frozenset()
        """Symbols in which somebody might trade when the interest last changed."""
        self._unlisted: dict[tuple[str, str], Fill] = {}
        """Executions that wait for the list of pairs: without it their base and quote are not known."""
        self._command_ns = 0
        self._sweep_ns: int | None = None
        """Orders made before this moment that turn up later are cancelled too: cancel all was pressed."""
        self._sweep_ms = 0
        if resumed is not None:
            history.resume(resumed)
        self._handlers: dict[type, Callable[[Any, Timestamp], list[Effect]]] = {
            PlaceOrder: self._place,
            CancelOrder: self._cancel,
            CancelAll: self._cancel_all,
            Flatten: self._flatten,
            Halt: self._halt,
            Resume: self._resume,
            Arm: self._arm,
            Reconcile: self._reconcile,
            OrderReported: lambda item, at: self._orders.reported(item.report, at),
            FillReported: lambda item, at: self._book(item.fill, at),
            BalanceReported: self._balance,
            PlaceAccepted: self._orders.accepted,
            PlaceRejected: self._orders.rejected,
            PlaceNotSent: self._orders.not_sent,
            PlaceUnknown: self._orders.outcome_unknown,
            CancelAnswered: self._orders.cancel_answered,
            LookupAnswered: self._orders.looked_up,
            LookupFailed: self._orders.look_up_failed,
            InstrumentsLoaded: self._listed,
            Reconciled: self._reconciled,
            ReconcileFailed: lambda item, at: self._recovery.failed(item, self._symbols(), at),
            LinkChanged: self._link,
            VenueHealth: self._health,
            InterestChanged: self._interest,
            JournalProblem: self._risk.journal_problem,
            VenueNotice: lambda item, at: [self._facts.emit(at, "notice", Level.WARN, item.message)],
            Tick: self._tick,
        }

    def start(self, at: Timestamp) -> list[Effect]:
        """Begin: ask what became of everything that was under way."""
        self._command_ns = at.mono_ns
        facts = [self._facts.emit(at, "notice", Level.WARN, notice) for notice in self._notices]
        return [*facts, *self._follow(at), *self._recovery.start(at, self._symbols())]

    def handle(self, item: Input | Command, at: Timestamp) -> list[Effect]:
        """Take one input or command."""
        if type(item) in _COMMANDS:
            self._command_ns = at.mono_ns
        effects = self._markets.handle(item, at)
        self._views.taken(type(item))
        handler = self._handlers.get(type(item))
        if handler is None:
            return effects
        effects += handler(item, at)
        if self._flattener.symbols():
            effects += self._flattener.advance(at)
        return effects

    def views(self, at: Timestamp, topics: frozenset[str]) -> dict[str, View]:
        """Return the views of these topics; an unchanged view is the same object, an unknown topic is left out."""
        return self._views.views(at, topics)

    # --- commands

    def _place(self, command: PlaceOrder, at: Timestamp) -> list[Effect]:
        if not self._commands.first_time(command.command_id):
            return []
        draft = command.draft
        inputs = self._risk.inputs(draft.symbol, at)
        seen = Seen(
            version=command.seen_version,
            age_ms=command.seen_age_ms,
            bid=command.seen_bid,
            ask=command.seen_ask,
        )
        verdict = check(draft, inputs, seen)
        violations = verdict.violations
        if draft.side is Side.BUY and self._flattener.active(draft.symbol):
            text = f"{draft.symbol} is being flattened; it takes no buys until that is done."
            violations = (*violations, Violation(code="SIDE_SANITY", message=text))
        if violations or verdict.qty is None or verdict.notional is None or verdict.fee is None:
            version = inputs.book.version if inputs.book is not None else 0
            return self._orders.deny(draft, violations, version, at, command.command_id)
        with exact():
            lock = verdict.qty if draft.side is Side.SELL else verdict.notional + verdict.fee
        track = Track(sent_ns=at.mono_ns, lock=lock, command_id=command.command_id)
        order, effects = self._orders.send(draft, command.command_id, at, track, reduce_only=verdict.reduces)
        self._risk.sent(order, at)
        return effects + self._follow(at)

    def _cancel(self, command: CancelOrder, at: Timestamp) -> list[Effect]:
        if self._store.get(command.client_order_id) is None:
            text = f"There is no order {command.client_order_id} here; nothing was cancelled."
            return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
        return self._orders.cancel(command.client_order_id, at)

    def _cancel_all(self, command: CancelAll, at: Timestamp) -> list[Effect]:
        def wanted(order: Order) -> bool:
            return (
                command.symbol in (None, order.symbol)
                and command.side in (None, order.side)
                and command.price in (None, order.price)
            )

        if command.side is not None or command.price is not None:
            return self._orders.cancel_some(wanted, at)
        if command.symbol is not None:
            return self._orders.cancel_symbols({command.symbol}, at)
        return self._cancel_everything(at)

    def _cancel_everything(self, at: Timestamp) -> list[Effect]:
        """Cancel what is known at once, then ask the exchange what is left and cancel that too."""
        symbols = {order.symbol for order in self._store.live()}
        effects = self._orders.cancel_symbols(symbols | self._markets.gates, at)
        self._sweep_ns, self._sweep_ms = at.mono_ns, at.wall_ms
        return effects + self._recovery.ask_all(self._symbols(), at)

    def _flatten(self, command: Flatten, at: Timestamp) -> list[Effect]:
        if not self._commands.first_time(command.command_id):
            return []
        symbols = {command.symbol} if command.symbol is not None else set(self._portfolio.home_pairs())
        effects: list[Effect] = [] if command.symbol is not None else self._cancel_everything(at)
        effects += self._flattener.start(symbols, command.command_id, at)
        if not symbols:
            if self._markets.instruments:
                kind, level = "flattened", Level.GOOD
                text = f"Nothing is held in a {self._portfolio.currency} pair; there is nothing to sell."
            else:
                kind, level = "problem", Level.BAD
                text = "The list of pairs has not been read yet, so nothing can be sold. Press flatten again."
            text = f"{text} Open orders are being cancelled."
            effects.append(self._facts.emit(at, kind, level, text, command_id=command.command_id))
        return effects + self._follow(at)

    def _halt(self, command: Halt, at: Timestamp) -> list[Effect]:
        return self._cancel_everything(at) + self._risk.halt(command.reason, at, command.command_id)

    def _resume(self, command: Resume, at: Timestamp) -> list[Effect]:
        return self._risk.resume(at, command.command_id) if self._commands.first_time(command.command_id) else []

    def _arm(self, command: Arm, at: Timestamp) -> list[Effect]:
        if command.armed and not self._commands.first_time(command.command_id):
            return []
        return self._risk.arm(command.armed, at, command.command_id)

    def _reconcile(self, command: Reconcile, at: Timestamp) -> list[Effect]:
        return self._recovery.ask_fresh(self._symbols(), at)

    # --- inputs

    def _book(self, fill: Fill, at: Timestamp) -> list[Effect]:
        """Book one execution, once."""
        if not self._ledger.booked.is_new(fill):
            return []
        pair = self._markets.instrument(fill.symbol)
        if pair is None and not self._markets.instruments and self._ledger.costs.pair(fill.symbol) is None:
            self._unlisted[fill.key] = fill
            return []
        record = self._portfolio.fill(fill, pair, at)
        effects: list[Effect] = [Journal((record,))]
        changes = self._store.executed(fill, at)
        order = self._store.find(fill)
        text = messages.filled(fill, order)
        command_id = "" if order is None else self._store.track(order.client_order_id).command_id
        fact = self._facts.emit(
            at, "filled", Level.GOOD, text, symbol=fill.symbol, order=order, fill=fill, command_id=command_id
        )
        return [*effects, *changes, fact, *self._follow(at)]

    def _listed(self, item: InstrumentsLoaded, at: Timestamp) -> list[Effect]:
        """Book what has waited for the list of pairs."""
        waiting, self._unlisted = self._unlisted, {}
        return [effect for fill in waiting.values() for effect in self._book(fill, at)]

    def _interest(self, item: InterestChanged, at: Timestamp) -> list[Effect]:
        """Compare the account where somebody may trade from now on."""
        new, self._gates = self._markets.gates - self._gates, self._markets.gates
        return self._recovery.ask(self._symbols(), at) if new - self._recovery.covered else []

    def _balance(self, item: BalanceReported, at: Timestamp) -> list[Effect]:
        self._portfolio.pushed(item, at)
        self._risk.release_reflected()
        return []

    def _reconciled(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        effects: list[Effect] = []
        for fill in item.fills:
            effects += self._book(fill, at)
        effects += self._orders.reconciled(item, at)
        self._portfolio.reconciled(item)
        self._risk.release_reflected()
        records = self._portfolio.settle_holdings(at, lambda asset: self._quiet(asset, at))
        if records:
            effects.append(Journal(tuple(records)))
        effects += self._sweep(item, at)
        effects += self._recovery.answered(item, at)
        if not self._unlisted:
            self._ledger.booked.compared(self._recovery.since_ms)
        return effects + self._follow(at)

    def _quiet(self, asset: str, at: Timestamp) -> bool:
        """Return whether nothing of an asset is moving, so that its balance and its fills can be compared."""
        if self._unlisted:
            return False
        for order, track in self._store.unsettled():
            pair = self._markets.instrument(order.symbol)
            if pair is not None and asset not in (pair.base, pair.quote, *self._ledger.costs.third_assets):
                continue
            lacking = track.booked_qty < order.filled_qty and track.fill_asks < MOST_FILL_ASKS
            late = lacking or at.mono_ns - track.moved_ns < QUIET_NS
            if order.state.may_be_live or late:
                return False
        return True

    def _sweep(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        """Cancel what a cancel-all did not reach because the desk did not know of it."""
        if self._sweep_ns is None or item.asked_ns < self._sweep_ns:
            return []
        self._sweep_ns = None
        before = self._sweep_ms
        return self._orders.cancel_some(lambda o: o.created_ms <= before and not o.reduce_only, at)

    def _link(self, item: LinkChanged, at: Timestamp) -> list[Effect]:
        news = self._views.link(item)
        if item.private:
            return self._recovery.link(item, self._symbols(), at)
        if not news or item.state is LinkState.CONNECTING:
            return []
        if item.state is LinkState.CONNECTED:
            return [self._facts.emit(at, "link", Level.GOOD, "The market stream is connected; prices are coming in.")]
        why = f" ({item.reason})" if item.reason else ""
        text = f"The market stream is {item.state.value}{why}. Books are not live until it is back;"
        text += " no order is sent on an old book. Cancel and flatten work."
        return [self._facts.emit(at, "link", Level.BAD, text)]

    def _health(self, item: VenueHealth, at: Timestamp) -> list[Effect]:
        before = self._views.health(item, at)
        facts: list[Effect] = []
        if item.drift and item.drift != before.drift:
            facts.append(self._facts.emit(at, "drift", Level.WARN, messages.drift(item.drift)))
        if item.held and not before.held:
            facts.append(self._facts.emit(at, "link", Level.BAD, messages.requests_held(item)))
        elif before.held and not item.held:
            text = "Requests reach the exchange again; orders can be sent."
            facts.append(self._facts.emit(at, "link", Level.GOOD, text))
        return facts

    def _tick(self, item: Tick, at: Timestamp) -> list[Effect]:
        effects = self._orders.tick(at) + self._recovery.tick(self._symbols(), at) + self._risk.tick(at)
        self._portfolio.measure(at)
        self._risk.release_reflected()
        day = self._portfolio.day_record(at)
        records = [*([] if day is None else [day]), *([] if self._unlisted else self._recovery.record(at))]
        if records:
            effects.append(Journal(tuple(records)))
        return effects + self._lock_when_idle(at) + self._follow(at)

    def _lock_when_idle(self, at: Timestamp) -> list[Effect]:
        minutes = self._risk.limits.idle_lock_minutes
        if not minutes or not self._risk.armed or at.mono_ns - self._command_ns < minutes * _MINUTE_NS:
            return []
        return self._risk.arm(False, at, why=f"no command came for {counted(minutes, 'minute')}")

    # --- interest

    def _symbols(self) -> set[str]:
        """Return the symbols whose orders and fills concern us."""
        symbols = {order.symbol for order in self._store.live()} | self._portfolio.symbols()
        return symbols | self._flattener.symbols() | self._markets.gates

    def _follow(self, at: Timestamp) -> list[Effect]:
        """Keep the books of what we have orders in or hold, so that it can be valued and sold."""
        wanted = {order.symbol: None for order in self._store.live()}
        wanted.update(dict.fromkeys(sorted(self._flattener.symbols())))
        wanted.update(dict.fromkeys([*sorted(self._portfolio.symbols()), *self._portfolio.home_pairs()]))
        # In one order whatever the values do: a mere change of rank must not subscribe anew.
        return self._markets.require(sorted(list(wanted)[:FOLLOWED]), at)
