"""The desk: takes inputs and commands one by one, answers with effects, and publishes what it knows as views.

It has no clock and draws no lots: the same inputs at the same moments give the same effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from mexc_tui.domain.client import Given
from mexc_tui.domain.commands import (
    AdoptOrders,
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrder,
    Command,
    Flatten,
    Halt,
    PlaceOrder,
    ReadCost,
    Reconcile,
    Release,
    RemoveAlert,
    Resume,
    SetAlert,
    SetCost,
    SetLimit,
)
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import (
    BalanceReported,
    CancelAnswered,
    CancelledAll,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    JournalProblem,
    LatchAnswered,
    LinkChanged,
    LinkState,
    LookupAnswered,
    LookupFailed,
    OpenOrdersListed,
    OrderReported,
    OwnTradesFailed,
    OwnTradesRead,
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
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Fill, Order
from mexc_tui.domain.owners import PERSON
from mexc_tui.domain.views import View
from mexc_tui.kernel import messages
from mexc_tui.kernel.adoption import Adoption
from mexc_tui.kernel.alerts import Alerts
from mexc_tui.kernel.amending import Amender
from mexc_tui.kernel.arming import Arming
from mexc_tui.kernel.breaks import Breaks
from mexc_tui.kernel.budget import Budget
from mexc_tui.kernel.desk_views import DeskViews
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.emergency import Emergency
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.executions import Executions
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.flatten import Flattener
from mexc_tui.kernel.halting import Halting
from mexc_tui.kernel.headroom import Headrooms
from mexc_tui.kernel.history import CommandLog, History, Latch
from mexc_tui.kernel.holding_costs import HoldingCosts
from mexc_tui.kernel.kept import KeptState
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.limit_changes import LimitChanges
from mexc_tui.kernel.losses import LossLimits
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.owners import Owners
from mexc_tui.kernel.placing import Placer
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import CommandRecord, Resumed, Way
from mexc_tui.kernel.recovery import Recovery
from mexc_tui.kernel.reflection import Reflection
from mexc_tui.kernel.risk import Risk
from mexc_tui.kernel.valuation import DayResult, Prices

_COMMANDS = frozenset(get_args(Command))
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
        arm_name: str = "",
        notices: tuple[str, ...] = (),
    ) -> None:
        self._facts = FactLog()
        self._notices = notices
        self._markets = Markets(self._facts)
        self._store = OrderStore(run, self._facts)
        self._clock = ExchangeClock()
        self._budget = Budget(currency)
        self._orders = OrderManager(self._store, self._facts, self._clock)
        self._ledger = Ledger(self._store, currency)
        day, latch = DayResult(currency), Latch()
        self._prices = Prices(self._markets, currency)
        self._portfolio = Portfolio(self._prices, self._ledger, day)
        self._reflection = Reflection(self._markets.instrument, self._store, self._portfolio)
        self._kept = KeptState()
        self._limits = LimitChanges(limits, self._facts, self._kept, live=bool(arm_name))
        self._owners = Owners(self._facts, self._store, self._kept)
        self._risk = Risk(
            self._limits,
            venue,
            self._facts,
            self._markets,
            self._store,
            self._portfolio,
            self._prices,
            self._reflection,
            latch,
            self._ledger.costs,
            self._clock,
            self._budget,
            self._ledger.owned,
            self._owners,
            armed=armed_at_start,
            arm_name=arm_name,
        )
        self._arming = Arming(self._risk, self._markets, self._store, self._facts)
        self._halting = Halting(self._facts, latch)
        self._losses = LossLimits(self._limits, self._portfolio, self._halting, latch, self._cancel_entries)
        self._commands = CommandLog()
        history = History(self._store, self._ledger, day, latch, self._commands, self._budget)
        self._recovery = Recovery(
            self._facts, self._store, self._orders, history, self._risk, self._clock, self._symbols
        )
        self._executions = Executions(
            self._facts, self._markets, self._store, self._orders, self._ledger, self._portfolio, self._clock
        )
        self._breaks = Breaks(self._facts, self._store, self._portfolio, self._clock, self._executions.quiet)
        self._emergency = Emergency(
            self._facts, self._store, self._orders, self._clock, latch, self._recovery.ask, able=venue.can_trade
        )
        self._flattener = Flattener(self._facts, self._store, self._orders, self._risk, self._recovery.ask)
        self._placer = Placer(
            self._orders, self._risk, self._budget, self._arming, self._flattener.active, self._follow_new
        )
        self._amender = Amender(self._facts, self._store, self._orders, self._risk, self._placer.submit)
        self._adoption = Adoption(self._facts, self._store)
        self._holding_costs = HoldingCosts(
            self._facts,
            lambda: self._markets.instruments,
            self._portfolio,
            self._ledger,
            self._clock,
            self._executions.quiet,
            lambda at: self._recovery.ask(set(), at),
        )
        self._headrooms = Headrooms(self._risk, self._losses, self._markets, self._facts)
        self._alerts = Alerts(self._markets, self._facts, self._kept)
        self._views = self._make_views(venue)
        self._gates: frozenset[str] = frozenset()
        """Symbols in which somebody might trade when the interest last changed."""
        self._owner, self._attended = PERSON, True
        """Who gave the command that is being taken; one that comes without saying so is a person's."""
        if resumed is not None:
            history.resume(resumed)
            self._limits.resume(history.limits)
            self._alerts.resume(history.alerts)
            self._owners.resume(history.halts)
        self._handlers = self._make_handlers()

    def _make_views(self, venue: VenueInfo) -> DeskViews:
        return DeskViews(
            venue,
            self._markets,
            self._alerts,
            self._store,
            self._ledger,
            self._portfolio,
            self._risk,
            self._recovery,
            self._emergency,
            self._limits,
            self._headrooms,
            lambda: self._orders.refusals,
        )

    def _make_handlers(self) -> dict[type, Callable[[Any, Timestamp], list[Effect]]]:
        return {
            PlaceOrder: self._place,
            CancelOrder: self._cancel,
            AmendOrder: self._amend,
            CancelAll: self._cancel_all,
            Flatten: self._flatten,
            AdoptOrders: self._adopt,
            SetCost: self._set_cost,
            ReadCost: self._read_cost,
            SetLimit: self._set_limit,
            SetAlert: self._set_alert,
            RemoveAlert: self._alerts.remove,
            Halt: self._halt,
            Resume: self._resume,
            Release: lambda item, at: self._owners.release(item, self._owner, at),
            Arm: self._arm,
            Reconcile: self._reconcile,
            OrderReported: lambda item, at: self._orders.reported(item.report, at, Way.PUSH),
            FillReported: lambda item, at: self._book(item.fill, at),
            BalanceReported: self._balance,
            PlaceAccepted: self._orders.accepted,
            PlaceRejected: self._rejected,
            PlaceNotSent: self._orders.not_sent,
            PlaceUnknown: self._orders.outcome_unknown,
            CancelAnswered: self._orders.cancel_answered,
            CancelledAll: self._emergency.cancelled_all,
            OpenOrdersListed: self._emergency.listed,
            LookupAnswered: self._orders.looked_up,
            LookupFailed: self._orders.look_up_failed,
            InstrumentsLoaded: self._listed,
            Reconciled: self._reconciled,
            ReconcileFailed: lambda item, at: self._recovery.failed(item, at),
            OwnTradesRead: lambda item, at: self._holding_costs.page(item, at),
            OwnTradesFailed: lambda item, at: self._holding_costs.failed(item, at),
            LinkChanged: self._link,
            VenueHealth: self._health,
            InterestChanged: self._interest,
            JournalProblem: self._journal_problem,
            LatchAnswered: self._halting.answered,
            VenueNotice: lambda item, at: [self._facts.emit(at, "notice", Level.WARN, item.message)],
            Tick: self._tick,
        }

    def start(self, at: Timestamp) -> list[Effect]:
        """Begin: ask what became of everything that was under way."""
        self._arming.given(at)
        facts = [self._facts.emit(at, "notice", Level.WARN, notice) for notice in self._notices]
        effects = [*facts, *self._limits.start(at), *self._follow(at), *self._recovery.start(at)]
        return effects + self._emergency.resume(at) + self._amender.resume(at)

    def handle(self, item: Input | Command | Given, at: Timestamp) -> list[Effect]:
        """Take one input or command."""
        if isinstance(item, Given):
            self._owner, self._attended = item.owner, item.attended
            effects = self.handle(item.command, at)
            self._owner, self._attended = PERSON, True
            return [Journal((_command_record(item, at),)), *effects]
        if type(item) in _COMMANDS:
            self._arming.given(at)
        effects = self._markets.handle(item, at) + self._alerts.handle(item, at)
        self._views.taken(type(item))
        handler = self._handlers.get(type(item))
        if handler is None:
            return effects
        effects += handler(item, at)
        effects += self._emergency.advance(at)
        effects += self._amender.advance(at)
        if self._flattener.symbols():
            effects += self._flattener.advance(at)
        return effects + self._alerts.heard(effects, at)

    def views(self, at: Timestamp, topics: frozenset[str]) -> dict[str, View]:
        """Return the views of these topics; an unchanged view is the same object, an unknown topic is left out."""
        return self._views.views(at, topics)

    # --- commands

    def _place(self, command: PlaceOrder, at: Timestamp) -> list[Effect]:
        if not self._commands.first_time(command.command_id):
            return []
        return self._placer.place(command, self._owner, at, attended=self._attended)

    def _amend(self, command: AmendOrder, at: Timestamp) -> list[Effect]:
        return self._amender.start(command, self._owner, at) if self._commands.first_time(command.command_id) else []

    def _adopt(self, command: AdoptOrders, at: Timestamp) -> list[Effect]:
        return self._adoption.answer(command, at) if self._commands.first_time(command.command_id) else []

    def _cancel(self, command: CancelOrder, at: Timestamp) -> list[Effect]:
        if self._store.get(command.client_order_id) is None:
            text = f"There is no order {command.client_order_id} here; nothing was cancelled."
            return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
        dropped = self._amender.drop(lambda order: order.client_order_id == command.client_order_id, at)
        return self._orders.cancel(command.client_order_id, at) + dropped

    def _cancel_all(self, command: CancelAll, at: Timestamp) -> list[Effect]:
        def wanted(order: Order) -> bool:
            return (
                command.symbol in (None, order.symbol)
                and command.side in (None, order.side)
                and command.price in (None, order.price)
            )

        if command.side is not None or command.price is not None:
            return self._orders.cancel_some(wanted, at) + self._amender.drop(wanted, at)
        if command.symbol is not None:
            return self._emergency.press({command.symbol}, {command.symbol}, at) + self._amender.drop(wanted, at)
        return self._cancel_everything(at)

    def _cancel_everything(self, at: Timestamp) -> list[Effect]:
        """Cancel what is known at once, also where somebody might trade, and go on until nothing is left."""
        return self._emergency.press(None, set(self._markets.gates), at) + self._amender.drop(lambda _: True, at)

    def _cancel_entries(self, at: Timestamp) -> list[Effect]:
        """Cancel what works and does not sell a holding into cash."""
        entries = self._risk.is_entry
        return self._orders.cancel_some(entries, at) + self._amender.drop(entries, at)

    def _flatten(self, command: Flatten, at: Timestamp) -> list[Effect]:
        if not self._commands.first_time(command.command_id):
            return []
        symbols = {command.symbol} if command.symbol is not None else set(self._portfolio.home_pairs())
        if command.symbol is None:
            effects = self._cancel_everything(at) + self._recovery.ask_fresh(at)
        else:
            # Before the account has been read there may be orders that nobody here knows of.
            unread = set() if self._risk.ready else symbols
            effects = self._emergency.press(symbols, unread, at) if unread or self._store.live(command.symbol) else []
            effects += self._amender.drop(lambda order: order.symbol == command.symbol, at)
        effects += self._flattener.start(symbols, command.command_id, self._owner, at)
        stuck = self._portfolio.without_home_pair() if command.symbol is None and self._markets.instruments else []
        if stuck:
            text = messages.not_sold(stuck, self._portfolio.currency)
            effects.append(self._facts.emit(at, "problem", Level.BAD, text, command_id=command.command_id))
        elif not symbols:
            if self._markets.instruments:
                kind, level = "flattened", Level.GOOD
                text = f"Nothing is held in a {self._portfolio.currency} pair; there is nothing to sell."
            else:
                kind, level = "problem", Level.BAD
                text = "The list of pairs has not been read yet, so nothing can be sold. Press flatten again."
            text = f"{text} Open orders are being cancelled."
            effects.append(self._facts.emit(at, kind, level, text, command_id=command.command_id))
        return effects + self._follow(at)

    def _set_cost(self, command: SetCost, at: Timestamp) -> list[Effect]:
        return self._holding_costs.say(command, at) if self._commands.first_time(command.command_id) else []

    def _read_cost(self, command: ReadCost, at: Timestamp) -> list[Effect]:
        return self._holding_costs.read(command, at) if self._commands.first_time(command.command_id) else []

    def _set_limit(self, command: SetLimit, at: Timestamp) -> list[Effect]:
        return self._limits.set(command, at) if self._commands.first_time(command.command_id) else []

    def _set_alert(self, command: SetAlert, at: Timestamp) -> list[Effect]:
        return self._alerts.set(command, at) if self._commands.first_time(command.command_id) else []

    def _halt(self, command: Halt, at: Timestamp) -> list[Effect]:
        effects, sweep = self._cancel_everything(at), self._emergency.view()
        left = 0 if sweep is None else sweep.left
        return effects + self._halting.halt(command.reason, at, command.command_id, left=left)

    def _resume(self, command: Resume, at: Timestamp) -> list[Effect]:
        if not self._commands.first_time(command.command_id):
            return []
        accepted, self._risk.broken = self._breaks.accept(), ""
        effects = self._halting.resume(at, command.command_id)
        if accepted and not effects:
            text = "Trading is active again, although the account differs from what is known here."
            effects.append(self._facts.emit(at, "resumed", Level.WARN, text, command_id=command.command_id))
        return effects

    def _arm(self, command: Arm, at: Timestamp) -> list[Effect]:
        if command.armed and not self._commands.first_time(command.command_id):
            return []
        return self._arming.command(command, at)

    def _reconcile(self, command: Reconcile, at: Timestamp) -> list[Effect]:
        return self._recovery.ask_fresh(at)

    # --- inputs

    def _book(self, fill: Fill, at: Timestamp) -> list[Effect]:
        booked = self._executions.book(fill, at, Way.PUSH)
        return [*booked, *self._follow(at)] if booked else []

    def _listed(self, item: InstrumentsLoaded, at: Timestamp) -> list[Effect]:
        booked = self._executions.listed(at)
        return [*booked, *self._follow(at)] if booked else []

    def _interest(self, item: InterestChanged, at: Timestamp) -> list[Effect]:
        """Compare the account where somebody may trade from now on."""
        new, self._gates = self._markets.gates - self._gates, self._markets.gates
        return self._recovery.ask_uncovered(new, at)

    def _rejected(self, item: PlaceRejected, at: Timestamp) -> list[Effect]:
        if item.unread:
            self._flattener.refused_unread(item.client_order_id)
        return self._orders.rejected(item, at)

    def _balance(self, item: BalanceReported, at: Timestamp) -> list[Effect]:
        transfer = self._portfolio.pushed(item, at)
        self._reflection.release()
        return self._recovery.ask(self._symbols(), at) if transfer else []

    def _reconciled(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        effects: list[Effect] = []
        for fill in sorted(item.fills, key=lambda one: one.time_ms):
            effects += self._executions.book(fill, at, Way.RECONCILE)
        effects += self._orders.reconciled(item, at)
        moved = self._portfolio.reconciled(item, self._symbols())
        self._reflection.release()
        if item.symbols and item.fills_of >= item.symbols:
            effects += self._executions.settle(item, at)
        effects += self._breaks.compared(item, at)
        self._risk.broken = self._breaks.reason
        effects += self._recovery.answered(item, moved, at)
        if not self._executions.waiting:
            self._ledger.booked.compared(self._recovery.since_all_ms)
        return effects + self._follow(at)

    def _link(self, item: LinkChanged, at: Timestamp) -> list[Effect]:
        news, locked = self._views.link(item), self._arming.link(item, at)
        if item.private:
            self._ledger.transfers.doubt()
            return [*locked, *self._recovery.link(item, at)]
        if not news or item.state is LinkState.CONNECTING:
            return locked
        if item.state is LinkState.CONNECTED:
            text = "The market stream is connected; prices are coming in."
            return [*locked, self._facts.emit(at, "link", Level.GOOD, text)]
        why = f" ({item.reason})" if item.reason else ""
        text = f"The market stream is {item.state.value}{why}. Books are not live until it is back;"
        text += " no order is sent on an old book. Cancel and flatten work."
        return [*locked, self._facts.emit(at, "link", Level.BAD, text)]

    def _health(self, item: VenueHealth, at: Timestamp) -> list[Effect]:
        self._clock.measured(item, at)
        self._risk.standings.measured(item, at)
        before = self._views.health(item, at)
        facts: list[Effect] = []
        if item.drift and item.drift != before.drift:
            facts.append(self._facts.emit(at, "drift", Level.WARN, messages.drift(item.drift)))
        if item.held and not before.held:
            facts.append(self._facts.emit(at, "link", Level.BAD, messages.requests_held(item)))
        elif before.held and not item.held:
            self._flattener.hurry()
            text = "Requests reach the exchange again; orders can be sent."
            facts.append(self._facts.emit(at, "link", Level.GOOD, text))
        return facts

    def _journal_problem(self, item: JournalProblem, at: Timestamp) -> list[Effect]:
        back = not item.reason and not self._risk.journal_ok
        lost = self._kept.again(at) if back else []
        return self._risk.journal_problem(item, at) + lost

    def _tick(self, item: Tick, at: Timestamp) -> list[Effect]:
        effects = self._orders.tick(at) + self._risk.tick(at) + self._halting.tick(at)
        effects += self._limits.tick(at) + self._losses.tick(at) + self._headrooms.tick(at)
        effects += self._breaks.tick(at) + self._adoption.tick(at) + self._alerts.tick(at)
        effects += self._holding_costs.tick(at)
        effects += self._holding_costs.ask(at, self._risk.limits.cash, ready=self._risk.ready)
        self._risk.broken = self._breaks.reason
        hurried = self._portfolio.unclear or self._breaks.standing
        effects += self._recovery.tick(at, hurried=hurried, suspected=self._breaks.suspected)
        self._portfolio.measure(at)
        effects += self._risk.standings.tick(self._risk.limits, at, ready=self._risk.ready)
        self._reflection.release()
        day = self._portfolio.day_record(at)
        records = [*([] if day is None else [day]), *([] if self._executions.waiting else self._recovery.record(at))]
        if records:
            effects.append(Journal(tuple(records)))
        return effects + self._arming.tick(at) + self._follow(at)

    # --- interest

    def _priced_by(self) -> list[str]:
        """Return the symbols by which the quote assets of what may be traded are counted in the account's currency."""
        pairs = (self._markets.instrument(symbol) for symbol in sorted(self._markets.gates))
        return [symbol for pair in pairs if pair is not None for symbol in self._prices.pairs(pair.quote)]

    def _symbols(self) -> set[str]:
        """Return the symbols whose orders and fills concern us."""
        symbols = {order.symbol for order in self._store.possible()} | self._portfolio.symbols()
        # Also of what is over and not accounted for: a kill can come between the word of a fill and its record.
        symbols |= {order.symbol for order, _ in self._store.unsettled()}
        return symbols | self._flattener.symbols() | self._markets.gates | self._portfolio.suspected()

    def _follow_new(self, symbol: str, at: Timestamp) -> list[Effect]:
        """Follow a symbol with a new order; what is followed for orders or holdings already stays so."""
        return [] if symbol in self._markets.required else self._follow(at)

    def _follow(self, at: Timestamp) -> list[Effect]:
        """Keep the books of what we have orders in or hold, so that it can be valued and sold."""
        wanted = {order.symbol: None for order in self._store.live()}
        wanted.update(dict.fromkeys(sorted(self._flattener.symbols())))
        wanted.update(dict.fromkeys(self._priced_by()))
        wanted.update(dict.fromkeys([*sorted(self._portfolio.symbols()), *self._portfolio.home_pairs()]))
        wanted.update(dict.fromkeys(self._alerts.symbols()))
        # In one order whatever the values do: a mere change of rank must not subscribe anew.
        return self._markets.require(sorted(list(wanted)[:FOLLOWED]), at)


def _command_record(given: Given, at: Timestamp) -> CommandRecord:
    fields = msgspec.to_builtins(given.command)
    name, command_id = fields.pop("type"), fields.pop("command_id")
    return CommandRecord(
        command_id=command_id,
        name=name,
        details=msgspec.json.encode(fields).decode(),
        client=given.client,
        role=given.role.value,
        wall_ms=at.wall_ms,
    )
