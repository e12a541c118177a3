"""What the journal says, added up: the same from every record as from a snapshot and the records after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel.alerts import ALERT
from mexc_tui.kernel.budget import DAY_EXPOSURE, Budget
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.ledger import COST_ASKED, Ledger
from mexc_tui.kernel.limit_changes import TIGHTENED, WAITING
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.owners import HALTED
from mexc_tui.kernel.records import (
    CostRecord,
    DenialRecord,
    DeskSnapshot,
    FillRecord,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    Record,
    Resumed,
    StateRecord,
)
from mexc_tui.kernel.transfers import HOLDINGS
from mexc_tui.kernel.valuation import DAY_START, DayResult

TRADING_STATE = "trading_state"
COMPARED = "compared"
COMMANDS_KEPT = 10_000
INTENTS_COUNTED = 100
"""A restart does not reset the limits on rate and repetition: so many of the latest sends still count."""
MARGIN_MS = 300_000
"""How far before the newest known event fills are asked for again; clocks differ and answers lag."""


class Latch(msgspec.Struct):
    """The trading state and why; survives a restart."""

    state: TradingState = TradingState.ACTIVE
    reason: str = ""

    def second(self, value: str) -> None:
        """Take up what is kept beside the journal: of two states the safer one holds."""
        other = Latch()
        other.replay(value or TradingState.ACTIVE.value)
        order = list(TradingState)
        if order.index(other.state) > order.index(self.state):
            self.state, self.reason = other.state, other.reason

    def replay(self, value: str) -> None:
        """Take up a recorded state; one that cannot be read is taken for the safest one."""
        state, _, self.reason = value.partition(": ")
        known = [one for one in TradingState if one.value == state]
        self.state = known[0] if known else TradingState.HALTED


class CommandLog:
    """Ids of the latest commands, so that a repeated one is not carried out twice."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def first_time(self, command_id: str) -> bool:
        """Remember a command and tell whether it is new; one without an id always is."""
        if not command_id:
            return True
        if command_id in self._ids:
            return False
        self._ids[command_id] = None
        while len(self._ids) > COMMANDS_KEPT:
            del self._ids[next(iter(self._ids))]
        return True

    def ids(self) -> tuple[str, ...]:
        """Return the ids remembered, oldest first."""
        return tuple(self._ids)


class History:
    """Takes up what earlier runs recorded into the parts of a desk."""

    def __init__(
        self, orders: OrderStore, ledger: Ledger, day: DayResult, latch: Latch, commands: CommandLog, budget: Budget
    ) -> None:
        self._orders = orders
        self._ledger = ledger
        self._day = day
        self._latch = latch
        self._commands = commands
        self._budget = budget
        self._last_ms = 0
        self._compared_ms = 0
        self.limits: dict[str, str] = {}
        """What is recorded of limits that were changed, by the record's name."""
        self.alerts: dict[str, str] = {}
        """What is recorded of alerts that stand, by the record's name."""
        self.halts: dict[str, str] = {}
        """What is recorded of automation that is halted, by the record's name."""
        self.intents: deque[IntentRecord] = deque(maxlen=INTENTS_COUNTED)

    @property
    def since_ms(self) -> int:
        """Since when the exchange may know of orders and fills that the records lack; zero without any record."""
        return self._compared_ms or max(0, self._last_ms - MARGIN_MS)

    @property
    def newest_fill_ms(self) -> int:
        """Exchange time of the newest execution in the records; zero without any."""
        return self._ledger.booked.newest_ms

    def resume(self, resumed: Resumed) -> None:
        """Take up a snapshot and the records after it."""
        if resumed.snapshot is not None:
            self._restore(resumed.snapshot)
        self.replay(resumed.records)
        self._latch.second(resumed.latch)

    def replay(self, records: Iterable[Record]) -> None:
        """Take up records, in the order in which they were written."""
        booked = self._ledger.booked
        for record in records:
            match record:
                case IntentRecord():
                    self._commands.first_time(record.command_id)
                    self._orders.replay(msgspec.structs.replace(record.order, command_id=record.command_id))
                    self.intents.append(record)
                case OrderRecord() | DenialRecord():
                    self._orders.replay(record.order)
                case FillRecord():
                    if not booked.has(record.fill):
                        self._ledger.book(record)
                        self._orders.replay_fill(record.fill)
                case HoldingRecord():
                    self._ledger.hold(record)
                case CostRecord():
                    self._ledger.costs.say(record)
                case StateRecord():
                    self._replay_state(record)
            self._last_ms = record.wall_ms
            if not self._compared_ms:
                booked.compared(record.wall_ms - MARGIN_MS)

    def _replay_state(self, record: StateRecord) -> None:
        if record.name == DAY_START:
            self._day.replay(record)
        elif record.name.partition(" ")[0] == DAY_EXPOSURE:
            self._budget.replay(record.name.partition(" ")[2], record.value)
        elif record.name == TRADING_STATE:
            self._latch.replay(record.value)
        elif record.name.startswith((TIGHTENED, WAITING, ALERT)):
            kept = self.alerts if record.name.startswith(ALERT) else self.limits
            kept.pop(record.name, None)
            if record.value:
                kept[record.name] = record.value
        elif record.name == COST_ASKED:
            self._ledger.cost_asked[record.value] = None
        elif record.name.startswith(HALTED):
            self.halts.pop(record.name, None)
            if record.value:
                self.halts[record.name] = record.value
        elif record.name == HOLDINGS:
            self._ledger.transfers.completed(int(record.value) if record.value.isdecimal() else 0)
        elif record.name == COMPARED and record.value.isdecimal():
            self._compared_ms = int(record.value)
            self._ledger.booked.compared(self._compared_ms)

    def _restore(self, saved: DeskSnapshot) -> None:
        self._last_ms, self._compared_ms = saved.last_ms, saved.compared_ms
        self._orders.restore(saved)
        self._ledger.costs.restore(saved)
        self._ledger.transfers.restore(saved)
        self._ledger.booked.restore(saved.booked, saved.booked_floor_ms)
        self._day.restore(saved.day)
        for name, text in saved.day_exposures:
            self._budget.replay(name, text)
        self._ledger.owned.restore(saved.owned)
        self.halts.update(saved.halts)
        self._latch.state, self._latch.reason = TradingState(saved.state), saved.reason
        for command_id in saved.commands:
            self._commands.first_time(command_id)
        self.intents.extend(saved.intents)
        self.limits.update(saved.limits)
        self.alerts.update(saved.alerts)
        self._ledger.cost_asked = dict.fromkeys(saved.cost_asked)

    def snapshot(self) -> DeskSnapshot:
        """Return what was taken up, before the desk has begun."""
        live, unsettled, ended = self._orders.keys()
        costs = self._ledger.costs
        fills, capped, said = costs.latest()
        return DeskSnapshot(
            currency=self._ledger.currency,
            last_ms=self._last_ms,
            compared_ms=self._compared_ms,
            orders=self._orders.tracked(),
            live=live,
            unsettled=unsettled,
            ended=ended,
            unmatched=self._orders.unmatched(),
            commands=self._commands.ids(),
            intents=tuple(self.intents),
            fills=fills,
            capped=capped,
            said=said,
            booked=self._ledger.booked.snapshot(),
            booked_floor_ms=self._ledger.booked.floor_ms,
            costs=costs.bases(),
            pairs=costs.pairs(),
            third_assets=tuple(sorted(costs.third_assets)),
            holdings=costs.holdings(),
            expected=self._ledger.transfers.saved(),
            complete=self._ledger.transfers.complete,
            first_compared=self._ledger.transfers.first_compared(),
            complete_ms=self._ledger.transfers.complete_ms,
            day=self._day.saved(),
            state=self._latch.state.value,
            reason=self._latch.reason,
            cost_asked=tuple(self._ledger.cost_asked),
            day_exposures=self._budget.saved(),
            owned=self._ledger.owned.saved(),
            halts=tuple(self.halts.items()),
            limits=tuple(self.limits.items()),
            alerts=tuple(self.alerts.items()),
        )


class Fold:
    """Adds records up without a desk."""

    def __init__(self, currency: str, saved: DeskSnapshot | None = None) -> None:
        orders = OrderStore("fold", FactLog())
        self._history = History(
            orders, Ledger(orders, currency), DayResult(currency), Latch(), CommandLog(), Budget(currency)
        )
        self._history.resume(Resumed(snapshot=saved))

    def add(self, records: Iterable[Record]) -> None:
        """Take up more records."""
        self._history.replay(records)

    def snapshot(self) -> DeskSnapshot:
        """Return what all of it adds up to."""
        return self._history.snapshot()
