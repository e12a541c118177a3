"""Start-up is recovery: take up the journal, ask the exchange, compare, and only then take new exposure.

Open orders and balances are compared after every gap of the account stream, in one question at a time. Fills cost a
request a symbol, so they are read only where something happened: where an order has filled by more than its executions
say, where a balance is not what it was, where somebody begins to trade, and of every symbol once a minute.
"""

from __future__ import annotations

from collections.abc import Callable

from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import mark_of
from mexc_tui.domain.inputs import LinkChanged, LinkState, Reconciled, ReconcileFailed, Timestamp
from mexc_tui.domain.orders import OrderState
from mexc_tui.kernel.effects import Effect, FetchAccount
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import COMPARED, MARGIN_MS, History
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.records import StateRecord
from mexc_tui.kernel.risk import Risk

_MS = 1_000_000
AGAIN_NS = 60_000 * _MS
"""A comparison with the fills of every symbol is due anyway."""
LOOK_NS = 15_000 * _MS
"""One of open orders and balances."""
DOWN_NS = 5_000 * _MS
"""One of open orders and balances while the account stream is down."""
UNCLEAR_NS = 10_000 * _MS
"""One with the fills of every symbol while balances are not explained yet."""
SOON_NS = 2_000 * _MS
"""Least time between two that are asked for because something is missing."""
LOST_NS = 60_000 * _MS
"""An answer that has not come by then is asked for again."""
RECORDED_EVERY_MS = 600_000
"""How far a comparison must be past the last recorded one to be recorded itself."""
_DELAYS_MS = (1_000, 2_000, 4_000, 8_000)


class Recovery:
    """Decides when the account is asked for, and when what is known is good enough to trade on."""

    def __init__(
        self,
        facts: FactLog,
        store: OrderStore,
        orders: OrderManager,
        history: History,
        risk: Risk,
        clock: ExchangeClock,
        symbols: Callable[[], set[str]],
    ) -> None:
        """``symbols`` tells whose orders and fills concern the desk now."""
        self._facts = facts
        self._store = store
        self._orders = orders
        self._history = history
        self._risk = risk
        self._clock = clock
        self._symbols = symbols
        self._needed_ns: int | None = 0
        """Nothing asked before this moment is good enough; None while the account stream is down."""
        self._asked_ns = 0
        self._waiting = False
        self._wanted: frozenset[str] = frozenset()
        """Whose open orders the question that is out covers; whose fills is in ``_fills_of``."""
        self._fills_of: frozenset[str] = frozenset()
        self._asked_since_ms = 0
        """Since when it asks for these fills."""
        self._again_ns = 0
        """Since when an answer is wanted that was asked for later than that; zero: none is."""
        self._due: dict[str, int] = {}
        """Symbols whose fills are to be read with the next question, and since when."""
        self._gap_ns = -SOON_NS
        """When the account stream last came back; one that breaks all the time is not asked after each time."""
        self._full_ns = 0
        """When the fills of every symbol were last asked for."""
        self._failures = 0
        self.since_ms = 0
        """Since when fills are asked for, by the exchange's clock, where nothing is due from earlier."""
        self._recorded_ms = 0
        self.compared_ns = 0
        """When the latest comparison of orders and balances was asked for; zero before the first."""
        self.state = LinkState.CONNECTING
        self._covered: frozenset[str] = frozenset()

    def start(self, at: Timestamp) -> list[Effect]:
        """Ask for everything that could have happened since the journal's last record."""
        self.since_ms = self._history.since_ms
        if not 0 < self.since_ms <= self._clock.ms(at):
            # No record says, or one of the two clocks is wrong; then the exchange's own time is all there is.
            self.since_ms = (self._history.newest_fill_ms or self._clock.ms(at)) - MARGIN_MS
        self._needed_ns = at.mono_ns
        for intent in self._history.intents:
            self._risk.sent(intent.order, mark_of(intent.order), at, at.wall_ms - intent.wall_ms)
        return self._orders.resume(at) + self.ask_all(at)

    @property
    def since_all_ms(self) -> int:
        """Since when some fills may not have been read yet; those of every symbol have been, before that."""
        asked = [self._asked_since_ms] if self._waiting and self._fills_of else []
        return min([self.since_ms, *self._due.values(), *asked])

    # --- asking

    def ask(self, fills_of: set[str], at: Timestamp) -> list[Effect]:
        """Ask for the account and the fills of these symbols: now, or when what is being asked was answered."""
        self._due |= dict.fromkeys(fills_of - self._due.keys(), self.since_ms)
        self._again_ns = at.mono_ns
        return [] if self._waiting else self._ask(at)

    def ask_all(self, at: Timestamp) -> list[Effect]:
        """Ask for everything and, without fills, for the open orders of every symbol."""
        effects = self.ask_fresh(at)
        return [*effects, FetchAccount((), (), self.since_ms)] if self._wanted else effects

    def ask_fresh(self, at: Timestamp) -> list[Effect]:
        """Ask for everything now, whatever is on its way: the answer must be of this moment."""
        return self._ask(at, full=True)

    def ask_uncovered(self, symbols: frozenset[str], at: Timestamp) -> list[Effect]:
        """Ask for the fills of those of these symbols that have never been read."""
        new = symbols - self._covered
        self._due |= dict.fromkeys(new - self._due.keys(), self.since_ms)
        return self._ask(at) if new and not self._waiting else []

    def _ask(self, at: Timestamp, *, full: bool = False, delay_ms: int = 0) -> list[Effect]:
        if self._waiting:
            # Nobody has answered that yet, and what all is asked since may have moved on meanwhile.
            for symbol in self._fills_of:
                self._due[symbol] = min(self._asked_since_ms, self._due.get(symbol, self._asked_since_ms))
        due, self._due = self._due, {}
        self._waiting, self._again_ns = True, 0
        self._asked_ns = at.mono_ns + delay_ms * _MS
        self._wanted = frozenset(self._symbols() | due.keys())
        self._fills_of = self._wanted if full else frozenset(due)
        if full:
            self._full_ns = self._asked_ns
        since_ms = self._asked_since_ms = min([self.since_ms, *due.values()])
        return [FetchAccount(tuple(sorted(self._wanted)), tuple(sorted(self._fills_of)), since_ms, delay_ms)]

    def tick(self, at: Timestamp, *, hurried: bool, suspected: bool) -> list[Effect]:
        """Ask again where fills are missing, where an answer was lost, and now and then.

        ``hurried``, more often; ``suspected``, soon: what an answer has shown may be explained by a second one.
        """
        since = at.mono_ns - self._asked_ns
        if self._waiting:
            return self._repeat(at) if since >= LOST_NS else []
        if since < SOON_NS:
            return []
        for symbol, since_ms in self._orders.missing_fills(at).items():
            self._due[symbol] = min(since_ms, self._due.get(symbol, since_ms))
        if suspected or at.mono_ns - self._full_ns >= (UNCLEAR_NS if hurried else AGAIN_NS):
            return self._ask(at, full=True)
        down = self._needed_ns is None and since >= DOWN_NS
        old = at.mono_ns - self.compared_ns >= LOOK_NS
        return self._ask(at) if down or old or self._due or self._again_ns else []

    def _repeat(self, at: Timestamp, delay_ms: int = 0) -> list[Effect]:
        """Ask once more what was not answered."""
        return self._ask(at, full=self._fills_of >= self._wanted, delay_ms=delay_ms)

    def link(self, item: LinkChanged, at: Timestamp) -> list[Effect]:
        """Follow the account stream; what it did not tell while it was down is asked for."""
        if not item.private or item.state is self.state:
            return []
        self.state = item.state
        if item.state is LinkState.CONNECTED:
            self._needed_ns = at.mono_ns
            self._block("orders and balances are being compared with the exchange")
            text = "The account stream is connected; orders and balances are being compared with the exchange."
            fact = self._facts.emit(at, "link", Level.INFO, text)
            before, self._gap_ns = self._gap_ns, at.mono_ns
            if at.mono_ns - before >= SOON_NS:
                return [fact, *self.ask(set(), at)]
            self._again_ns = at.mono_ns
            return [fact]
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

    def answered(self, item: Reconciled, moved: frozenset[str], at: Timestamp) -> list[Effect]:
        """Unlock once the account has been compared by an answer that is young enough.

        ``moved`` are the symbols whose balances are not what they were: there may be fills that nobody told of.
        """
        self._covered |= item.fills_of
        self._due = {symbol: since for symbol, since in self._due.items() if symbol not in item.fills_of}
        if not (item.symbols >= self._wanted and item.fills_of >= self._fills_of):
            return []
        self._waiting, self._failures = False, 0
        self.compared_ns = max(self.compared_ns, item.asked_ns)
        if item.asked_ns >= self._again_ns:
            self._again_ns = 0
        if item.fills_of >= item.symbols:
            # Also backwards: a clock that was ahead is put right at some time.
            self.since_ms = self._clock.ms(at) - (at.mono_ns - item.asked_ns) // _MS - MARGIN_MS
        if unread := moved - item.fills_of:
            return self.ask(set(unread), at)
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
        if self._needed_ns is None or self._waiting or 0 <= self.since_all_ms - self._recorded_ms < RECORDED_EVERY_MS:
            return []
        self._recorded_ms = self.since_all_ms
        return [StateRecord(name=COMPARED, value=str(self._recorded_ms), wall_ms=at.wall_ms)]

    def failed(self, item: ReconcileFailed, at: Timestamp) -> list[Effect]:
        """Ask again, later and later; say so once, and then now and then."""
        delay = _DELAYS_MS[min(self._failures, len(_DELAYS_MS) - 1)]
        self._failures += 1
        effects = self._repeat(at, delay)
        if not self._risk.ready and self._needed_ns is not None:
            self._block(f"the account could not be read ({item.reason.rstrip('.')}); it is tried again")
        if self._failures == 1 or self._failures % 20 == 0:
            state = "Trading goes on with what is known." if self._risk.ready else "No new exposure until it works."
            text = f"The account could not be read: {item.reason} {state} It is tried again."
            effects.append(self._facts.emit(at, "problem", Level.WARN, text))
        return effects
