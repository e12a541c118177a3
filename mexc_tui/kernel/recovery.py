"""Start-up is recovery: take up the journal, ask the exchange, compare, and only then take new exposure.

The same comparison runs after every gap of the account stream and from time to time.
"""

from __future__ import annotations

from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import LinkChanged, LinkState, Reconciled, ReconcileFailed, Timestamp
from mexc_tui.domain.orders import OrderState
from mexc_tui.kernel.effects import Effect, FetchAccount
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import COMPARED, MARGIN_MS, History
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.records import StateRecord
from mexc_tui.kernel.risk import Risk

_MS = 1_000_000
AGAIN_NS = 60_000 * _MS
"""A comparison that is due anyway."""
DOWN_NS = 10_000 * _MS
"""The same while the account stream is down."""
SOON_NS = 2_000 * _MS
"""Least time between two that are asked for because something is missing."""
LOST_NS = 60_000 * _MS
"""An answer that has not come by then is asked for again."""
RECORDED_EVERY_MS = 600_000
"""How far a comparison must be past the last recorded one to be recorded itself."""
_DELAYS_MS = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000)


class Recovery:
    """Decides when the account is asked for, and when what is known is good enough to trade on."""

    def __init__(self, facts: FactLog, store: OrderStore, orders: OrderManager, history: History, risk: Risk) -> None:
        self._facts = facts
        self._store = store
        self._orders = orders
        self._history = history
        self._risk = risk
        self._needed_ns: int | None = 0
        """Nothing asked before this moment is good enough; None while the account stream is down."""
        self._asked_ns = 0
        self._waiting = False
        self._wanted: frozenset[str] = frozenset()
        self._failures = 0
        self.since_ms = 0
        """Since when fills are asked for: everything before has been compared."""
        self._recorded_ms = 0
        self._extra_ns = 0
        self.state = LinkState.CONNECTING
        self.covered: frozenset[str] = frozenset()

    def start(self, at: Timestamp, symbols: set[str]) -> list[Effect]:
        """Ask for everything that could have happened since the journal's last record."""
        self.since_ms = self._history.since_ms
        if not 0 < self.since_ms <= at.wall_ms:
            # No record says, or one of the two clocks is wrong; then the exchange's own time is all there is.
            self.since_ms = (self._history.newest_fill_ms or at.wall_ms) - MARGIN_MS
        self._needed_ns = at.mono_ns
        for intent in self._history.intents:
            self._risk.sent(intent.order, at, at.wall_ms - intent.wall_ms)
        return self._orders.resume(at) + self.ask_all(symbols, at)

    # --- asking

    def ask(self, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Ask for the account now, unless an answer is on its way."""
        if self._waiting and at.mono_ns - self._asked_ns < LOST_NS:
            self._extra_ns = at.mono_ns
            return []
        return self._ask(symbols, at)

    def ask_all(self, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Ask for these symbols and, without fills, for the open orders of every symbol."""
        effects = self._ask(symbols, at)
        return [*effects, FetchAccount((), self.since_ms)] if symbols else effects

    def ask_fresh(self, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Ask now, whatever is on its way: the answer must be of this moment."""
        return self._ask(symbols, at)

    def _ask(self, symbols: set[str], at: Timestamp, delay_ms: int = 0) -> list[Effect]:
        self._waiting, self._asked_ns, self._extra_ns = True, at.mono_ns + delay_ms * _MS, 0
        self._wanted = frozenset(symbols)
        return [FetchAccount(tuple(sorted(symbols)), self.since_ms, delay_ms)]

    def tick(self, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Ask again where fills are missing, where an answer was lost, and once a minute."""
        since = at.mono_ns - self._asked_ns
        if self._waiting:
            return self._ask(symbols, at) if since >= LOST_NS else []
        lacking = self._orders.missing_fills(at) if since >= SOON_NS else {}
        if since >= SOON_NS and (lacking or self._extra_ns):
            self.since_ms = min([self.since_ms, *lacking.values()])
            return self._ask(symbols | lacking.keys(), at)
        due = DOWN_NS if self._needed_ns is None else AGAIN_NS
        return self._ask(symbols, at) if since >= due else []

    def link(self, item: LinkChanged, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Follow the account stream; what it did not tell while it was down is asked for."""
        if not item.private or item.state is self.state:
            return []
        self.state = item.state
        if item.state is LinkState.CONNECTED:
            self._needed_ns = at.mono_ns
            self._block("orders and balances are being compared with the exchange")
            text = "The account stream is connected; orders and balances are being compared with the exchange."
            return [self._facts.emit(at, "link", Level.INFO, text), *self._ask(symbols, at)]
        was_up, self._needed_ns = self._needed_ns is not None, None
        self._block("the account stream is down")
        if not was_up:
            return []
        why = f" ({item.reason})" if item.reason else ""
        text = (
            f"The account stream is down{why}: fills and balances may be late. Working orders stay at the exchange;"
            " no new exposure until it is back and compared. Cancel and flatten work."
        )
        return [self._facts.emit(at, "gap", Level.BAD, text)]

    def _block(self, reason: str) -> None:
        self._risk.ready, self._risk.ready_reason = False, reason

    # --- answers

    def answered(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        """Unlock once the account has been compared by an answer that is young enough."""
        self.covered |= item.symbols
        if not item.symbols >= self._wanted:
            return []
        self._waiting, self._failures = False, 0
        # Also backwards: a clock that was ahead is put right at some time.
        self.since_ms = at.wall_ms - (at.mono_ns - item.asked_ns) // _MS - MARGIN_MS
        if self._needed_ns is None or item.asked_ns < self._needed_ns:
            return []
        if self._risk.ready:
            return []
        self._risk.ready, self._risk.ready_reason = True, ""
        live = self._store.live()
        unknown = sum(1 for order in live if order.state is OrderState.UNKNOWN)
        text = f"Orders and balances agree with the exchange: {counted(len(live), 'open order')}"
        text += f", {unknown} of unknown outcome still being looked up." if unknown else "."
        return [self._facts.emit(at, "reconciled", Level.GOOD, text)]

    def record(self, at: Timestamp) -> list[StateRecord]:
        """Return how far the comparison has come, if that is worth a record."""
        if self._needed_ns is None or self._waiting or 0 <= self.since_ms - self._recorded_ms < RECORDED_EVERY_MS:
            return []
        self._recorded_ms = self.since_ms
        return [StateRecord(name=COMPARED, value=str(self.since_ms), wall_ms=at.wall_ms)]

    def failed(self, item: ReconcileFailed, symbols: set[str], at: Timestamp) -> list[Effect]:
        """Ask again, later and later; say so once, and then now and then."""
        delay = _DELAYS_MS[min(self._failures, len(_DELAYS_MS) - 1)]
        self._failures += 1
        effects = self._ask(symbols, at, delay)
        if not self._risk.ready and self._needed_ns is not None:
            self._block(f"the account could not be read ({item.reason.rstrip('.')}); it is tried again")
        if self._failures == 1 or self._failures % 20 == 0:
            state = "Trading goes on with what is known." if self._risk.ready else "No new exposure until it works."
            text = f"The account could not be read: {item.reason} {state} It is tried again."
            effects.append(self._facts.emit(at, "problem", Level.WARN, text))
        return effects
