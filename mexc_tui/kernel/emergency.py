"""Cancelling everything: of the account or of some pairs, until the exchange itself lists nothing of it any more.

Turns follow each other: cancel what is believed open, with the call that clears most, then ask what is open. A turn
that fails is repeated, later and later up to two seconds; how fast requests may go through a pause that the exchange
wants is the venue's affair. While trading is halted the account is looked at for good, and what turns up is cancelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import CancelledAll, OpenOrdersListed, Timestamp
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import Order, OrderReport, OrderType
from mexc_tui.domain.views import Sweep
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, ListOpenOrders, SendCancelAll
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import Latch
from mexc_tui.kernel.order_store import UNANSWERED, OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.records import Way

_MS = 1_000_000
PAIRS_A_CALL = 5
SINGLES_A_TURN = 10
_DELAYS_MS = (0, 500, 1_000, 2_000)
LOST_NS = 30_000 * _MS
"""A turn whose answers have not come by then is over."""
PRESS_NS = 500 * _MS
"""A key that is held down must not use up the requests: what was sent so lately is sent again after that."""
VISIBLE_NS = 1_000 * _MS
"""An order that was acknowledged later than this before the list was asked for may be missing in it."""
WATCH_NS = 15_000 * _MS
"""Between two looks at the open orders while trading is halted."""
TELL_NS = 3_000 * _MS
"""After so long it is said what is left; again after 5, 10, 20 times as long."""


class Emergency:
    """One sweep at a time; a press while one goes on widens it."""

    def __init__(
        self,
        facts: FactLog,
        store: OrderStore,
        orders: OrderManager,
        clock: ExchangeClock,
        latch: Latch,
        ask: Callable[[set[str], Timestamp], list[Effect]],
        *,
        able: bool,
    ) -> None:
        """``able`` False: nothing can be cancelled through this venue, so nothing is tried."""
        self._able = able
        self._facts = facts
        self._store = store
        self._orders = orders
        self._clock = clock
        self._latch = latch
        self._ask = ask
        self._going = False
        self._scope: frozenset[str] | None = frozenset()
        """The pairs to sweep; None for all."""
        self._press_ns = 0
        self._cut_ms = 0
        """Orders made elsewhere up to this moment of the exchange are swept too."""
        self._listed = False
        """Whether the open orders have been read since the press."""
        self._targets: dict[str, None] = {}
        self._sent: set[str] = set()
        self._named: set[str] = set()
        """The exchange's ids of what it has cancelled for this sweep, known here or not."""
        self._confirmed_ns: dict[str, int] = {}
        """When the exchange confirmed the cancel of an order."""
        self._pairs: set[str] = set()
        """Pairs to cancel in the next turn."""
        self._turn = 0
        self._out = 0
        """Answers of this turn that have not come yet."""
        self._looks = False
        """Whether this turn only looks: then an empty list proves that nothing is left."""
        self._swept: frozenset[str] = frozenset()
        """Pairs that this turn cancels."""
        self._asked_ns = 0
        self._due_ns = 0
        self._failed = False
        """Whether an answer of this turn was a failure."""
        self._standing: tuple[str, ...] = ()
        """Pairs, one for each order that the exchange lists although it is over as far as is known here."""
        self._blind = False
        """Whether the open orders could not be read when they were asked for last."""
        self._stuck = 0
        self._left = 0
        self._at_once = PAIRS_A_CALL
        self._verified = True
        self._problem = ""
        self._told = 0

    @property
    def halted(self) -> bool:
        """Whether everything that turns up is cancelled."""
        return self._able and self._latch.state is TradingState.HALTED

    def view(self) -> Sweep | None:
        """Return how far it has come; None where there was nothing to do yet."""
        if not self._press_ns:
            return None
        live = {order.client_order_id for order in self._live()}
        confirmed = self._confirmed()
        return Sweep(
            sent=confirmed + len(self._sent & live),
            confirmed=confirmed,
            left=len(live) + len(self._standing),
            verified=self._verified,
            problem="" if self._verified else self._problem,
        )

    def _confirmed(self) -> int:
        """Return how many orders are over, with those that the exchange has cancelled and nobody here knew."""
        found = [order for key in self._targets if (order := self._store.get(key)) is not None]
        unknown = self._named - {order.order_id for order in found}
        return len(self._targets) - len(self._live()) + len(unknown)

    # --- beginning

    def press(self, symbols: Iterable[str] | None, also: set[str], at: Timestamp) -> list[Effect]:
        """Cancel everything in these pairs, or everything; the pairs ``also`` whether orders are known there or not."""
        if not self._able:
            return []
        scope = None if symbols is None else frozenset(symbols)
        if not self._going:
            self._forget()
            self._scope = scope
        elif scope is None or self._scope is None:
            self._scope = None
        else:
            self._scope |= scope
        self._begin(at)
        effects: list[Effect] = []
        for order in self._store.possible():
            if scope is None or order.symbol in scope:
                effects += self._condemn(order, at)
        self._pairs |= also
        if self._pairs <= self._swept and at.mono_ns - self._asked_ns < PRESS_NS:
            self._due_ns = self._asked_ns + PRESS_NS
            return effects
        return [*self._go(at), *effects]

    def resume(self, at: Timestamp) -> list[Effect]:
        """After a restart: a halt goes on where it was."""
        if not self.halted:
            return []
        self._scope = None
        self._begin(at)
        return [*self._gather(at), *self._go(at)]

    def _begin(self, at: Timestamp) -> None:
        self._going, self._verified, self._listed = True, False, False
        self._press_ns, self._cut_ms = at.mono_ns, self._clock.ms(at)
        self._stuck, self._told, self._problem = 0, 0, ""

    def _forget(self) -> None:
        self._targets, self._sent, self._confirmed_ns, self._pairs, self._named = {}, set(), {}, set(), set()
        self._standing = ()
        self._at_once = PAIRS_A_CALL

    # --- what is to go

    def _wants(self, order: Order) -> bool:
        """Return whether an order that has turned up since the press is to go too."""
        if order.reduce_only and order.type is OrderType.IOC:
            # A sale that flattens; it ends by itself.
            return False
        if self.halted:
            return True
        if self._scope is not None and order.symbol not in self._scope:
            return False
        if order.elsewhere:
            return order.created_ms <= self._cut_ms
        return self._store.track(order.client_order_id).sent_ns <= self._press_ns

    def _gather(self, at: Timestamp) -> list[Effect]:
        effects: list[Effect] = []
        for order in self._store.live():
            if order.client_order_id not in self._targets and self._wants(order):
                effects += self._condemn(order, at)
                if not self._going:
                    self._going, self._verified, self._told, self._press_ns = True, False, 0, at.mono_ns
        return effects

    def _condemn(self, order: Order, at: Timestamp) -> list[Effect]:
        """Note that an order is to go; its pair is swept, or it is cancelled alone where it has no id yet."""
        key = order.client_order_id
        if order.state.may_be_live:
            self._targets[key] = None
        if not order.order_id or order.presumed:
            self._sent.add(key)
            return self._orders.cancel(key, at)
        self._pairs.add(order.symbol)
        return self._orders.condemn(key, at)

    def _live(self) -> list[Order]:
        found = (self._store.get(key) for key in self._targets)
        return [order for order in found if order is not None and order.state.may_be_live]

    # --- turns

    def advance(self, at: Timestamp) -> list[Effect]:
        """Go on as far as what is known allows; at every input but those of the market."""
        if not self._going and not self.halted:
            return []
        effects = self._gather(at)
        if self._going:
            effects += self._tell(at)
        if self._out and at.mono_ns - self._asked_ns < LOST_NS:
            return effects
        due_ns = self._due_ns if self._going else self._asked_ns + WATCH_NS
        return effects + (self._go(at) if at.mono_ns >= due_ns else [])

    def _go(self, at: Timestamp) -> list[Effect]:
        """Begin a turn: cancel what is known to be open, and look where that was not done yet, or did not work."""
        self._turn, self._out, self._failed, self._asked_ns = self._turn + 1, 0, False, at.mono_ns
        known = sorted({order.symbol for order in self._store.possible()} | self._pairs)
        self._swept = frozenset()
        effects = self._cancel_pairs(at)
        self._looks = not effects
        if self._looks or self._blind or not self._listed:
            self._out += 1
            effects.append(ListOpenOrders(self._turn, tuple(known)))
        return effects

    def _cancel_pairs(self, at: Timestamp) -> list[Effect]:
        """Cancel whole pairs, several with one call; one by one where something in a pair is to stay."""
        pairs, self._pairs = self._pairs, set()
        self._swept |= pairs
        live = [order for order in self._live() if order.symbol in pairs]
        mixed = {order.symbol for order in self._store.live() if order.client_order_id not in self._targets}
        single = [order for order in live if order.symbol in mixed][:SINGLES_A_TURN]
        effects: list[Effect] = []
        for order in single:
            effects += self._orders.cancel(order.client_order_id, at)
        whole = sorted(pairs - mixed)
        for first in range(0, len(whole), self._at_once):
            self._out += 1
            effects.append(SendCancelAll(tuple(whole[first : first + self._at_once]), self._turn))
        self._sent |= {
            order.client_order_id for order in (*single, *live) if order in single or order.symbol not in mixed
        }
        return effects

    def cancelled_all(self, item: CancelledAll, at: Timestamp) -> list[Effect]:
        """Take in which orders of some pairs the exchange has cancelled."""
        ids = frozenset(item.order_ids)
        self._named |= ids
        for order in self._live():
            key = order.client_order_id
            if order.order_id in ids:
                self._confirmed_ns[key] = at.mono_ns
            elif item.problem and order.symbol in item.symbols:
                self._pairs.add(order.symbol)
                if not item.sent:
                    self._sent.discard(key)
        self._problem = item.problem or self._problem
        if item.refused:
            self._at_once = 1
        self._answered(item.turn, at, failed=bool(item.problem))
        return []

    def listed(self, item: OpenOrdersListed, at: Timestamp) -> list[Effect]:
        """Take in what is open: what of it is to go is cancelled (again), and what is not in it is over."""
        self._blind = bool(item.problem)
        if item.problem:
            self._problem = item.problem
            self._answered(item.turn, at, failed=True)
            return []
        effects: list[Effect] = []
        listed = set()
        for report in item.reports:
            effects += self._orders.reported(report, at, Way.RECONCILE)
            key = self._store.key_of(report)
            listed.add(key)
            if not self._listed and key is not None and self._store.order(key).elsewhere:
                self._cut_ms = max(self._cut_ms, report.created_ms)
        self._listed = self._listed or item.asked_ns >= self._press_ns
        effects += self._gather(at)
        for order in self._live():
            if order.client_order_id not in listed and item.covers(order.symbol):
                effects += self._missing(order, item.asked_ns, at)
        if item.turn != self._turn or not self._out:
            return effects
        if self._out > 1:
            effects += self._cancel_pairs(at)  # what has turned up need not wait for the cancels on their way
        live = self._live()
        self._standing = tuple(report.symbol for report in item.reports if self._stands(report))
        before, self._left = self._left, len(live) + len(self._standing)
        done = self._looks and not self._left
        if self._looks:
            self._pairs |= {order.symbol for order in live if order.client_order_id in listed}.union(self._standing)
        self._answered(item.turn, at, failed=self._looks and self._left >= before > 0)
        return effects + (self._done(item, at) if done else [])

    def _stands(self, report: OrderReport) -> bool:
        """Return whether the exchange lists an order that is to go and that is over as far as is known here."""
        key = self._store.key_of(report)
        order = None if key is None else self._store.get(key)
        if order is not None:
            return order.state.final and (order.client_order_id in self._targets or self._wants(order))
        inside = self._scope is None or report.symbol in self._scope
        return self.halted or (inside and report.created_ms <= self._cut_ms)

    def _missing(self, order: Order, asked_ns: int, at: Timestamp) -> list[Effect]:
        """Settle an order that is not open any more; one that may not have been visible yet is waited for."""
        known_ns = self._store.track(order.client_order_id).known_ns
        if order.state in UNANSWERED or not known_ns or known_ns + VISIBLE_NS > asked_ns:
            return []
        confirmed_ns = self._confirmed_ns.get(order.client_order_id)
        return self._orders.vanished(order, at, cancelled=confirmed_ns is not None and confirmed_ns <= asked_ns)

    def _answered(self, turn: int, at: Timestamp, *, failed: bool) -> None:
        """Count an answer; after the last one of a turn the next turn is due, later where something failed."""
        if turn != self._turn or not self._out:
            return
        self._out -= 1
        self._failed = self._failed or failed
        if not self._out:
            if self._failed:
                self._stuck = min(self._stuck + 1, len(_DELAYS_MS) - 1)
            elif self._looks:
                self._stuck = 0
            self._due_ns = at.mono_ns + (_DELAYS_MS[self._stuck] * _MS if self._failed else 0)

    # --- the end

    def _done(self, item: OpenOrdersListed, at: Timestamp) -> list[Effect]:
        was_going, self._going, self._verified = self._going, False, True
        if not was_going:
            return []
        text = messages.swept(self._confirmed(), self._scope, everywhere=not item.symbols)
        symbols = {order.symbol for key in self._targets if (order := self._store.get(key)) is not None}
        fact = self._facts.emit(at, "swept", Level.GOOD, text)
        return [fact, *(self._ask(symbols, at) if symbols else [])]

    def _tell(self, at: Timestamp) -> list[Effect]:
        """Name what is left, and say that it is being tried on."""
        if at.mono_ns - self._press_ns < TELL_NS * (1 if not self._told else 5 * 2 ** (self._told - 1)):
            return []
        self._told += 1
        text = messages.not_swept(Counter([*(order.symbol for order in self._live()), *self._standing]), self._problem)
        return [self._facts.emit(at, "problem", Level.BAD, text)]
