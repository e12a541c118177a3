"""Risk: the trading state, arming, what was sent lately, and everything the gate looks at."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import account_headroom, fingerprint, position_headroom
from mexc_tui.domain.inputs import JournalProblem, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Headroom, Limits, TradingState
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Order, OrderState, Side
from mexc_tui.domain.views import BookView, GateInputs
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import TRADING_STATE, Latch
from mexc_tui.kernel.order_store import OrderStore, Track, open_value
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import StateRecord

ARMED = "armed"
JOURNAL_PROBE = "journal"
_MS = 1_000_000
_SECOND_MS = 1_000
PROBE_NS = 5_000 * _MS
SENDS_KEPT = 1_000


class Market(Protocol):
    """What risk needs to know of the markets."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the pair's rules."""

    def book_view(self, symbol: str, depth: int | None = None) -> BookView | None:
        """Return the book as it is now, as deep as views show it or only so deep."""

    def book_age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how long ago the book was last known to be current."""

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the last traded price."""


class Risk:
    """Owns the latch and the memory of sends; builds the gate's inputs out of everything else."""

    def __init__(
        self,
        limits: Limits,
        venue: VenueInfo,
        facts: FactLog,
        market: Market,
        orders: OrderStore,
        portfolio: Portfolio,
        latch: Latch,
        *,
        armed: bool,
    ) -> None:
        self.limits = limits
        self._latch = latch
        self.armed = armed
        self.ready = False
        self.ready_reason = "orders and balances have not been compared with the exchange yet"
        self.journal_ok = True
        self._venue = venue
        self._facts = facts
        self._market = market
        self._orders = orders
        self._portfolio = portfolio
        self._sends: deque[tuple[int, str]] = deque(maxlen=SENDS_KEPT)
        self._probed_ns = 0

    @property
    def state(self) -> TradingState:
        """The trading state."""
        return self._latch.state

    @property
    def reason(self) -> str:
        """Why the trading state is not active."""
        return self._latch.reason

    # --- the gate's inputs

    def inputs(self, symbol: str, at: Timestamp, *, flattening: bool = False, depth: int | None = None) -> GateInputs:
        """Return everything the gate looks at for one symbol; the book only so deep, where ``depth`` is given."""
        pair = self._market.instrument(symbol)
        base = None if pair is None else self._holding(pair.base, at)
        quote = None if pair is None else self._holding(pair.quote, at)
        value, qty = self._working_buys(symbol)
        live = self._orders.live()
        return GateInputs(
            symbol=symbol,
            instrument=pair,
            book=self._market.book_view(symbol, depth),
            book_age_ms=self._market.book_age_ms(symbol, at),
            last=self._market.last_price(symbol),
            limits=self.limits,
            state=self.state,
            armed=self.armed,
            ready=self.ready,
            ready_reason=self.ready_reason,
            can_trade=self._venue.can_trade,
            journal_ok=self.journal_ok,
            base_free=None if base is None else base[0],
            base_total=None if base is None else base[1],
            quote_free=None if quote is None else quote[0],
            working_buy_value=value,
            working_buy_qty=qty,
            open_orders=len(live),
            in_flight=sum(1 for order in live if order.state is OrderState.PENDING),
            unknown=sum(1 for order in live if order.symbol == symbol and order.state is OrderState.UNKNOWN),
            recent_sends=self._recent_sends(at),
            flattening=flattening,
        )

    def _holding(self, asset: str, at: Timestamp) -> tuple[Decimal, Decimal] | None:
        """Return free and total of an asset, with what our own orders did that the balance does not show yet.

        Free is what may be spent for certain; total is the most that may be held.
        """
        balance = self._portfolio.balance(asset)
        if balance is None:
            return None
        free, total = balance.free, balance.total
        with exact():
            for order, track in self._orders.unsettled():
                pair = self._market.instrument(order.symbol)
                if pair is None or asset not in (pair.base, pair.quote):
                    continue
                if asset == _spent(order, pair):
                    free -= self._reserved(order, track, asset)
                if asset == pair.base and order.side is Side.BUY:
                    total += self._unsettled(order, track, asset)
            return max(ZERO, free), total

    def _reserved(self, order: Order, track: Track, asset: str) -> Decimal:
        """Return what an order has taken that the balance does not show as taken yet."""
        return ZERO if self._portfolio.covers(asset, track.made_ms, track.known_ns) else track.lock

    def _unsettled(self, order: Order, track: Track, asset: str) -> Decimal:
        """Return what an order has filled that the balance does not show yet."""
        if self._portfolio.covers(asset, track.moved_ms, track.moved_ns):
            return ZERO
        return order.filled_qty - track.settled_qty

    def release_reflected(self) -> None:
        """After a balance came: note which fills it shows, and let go of orders that it shows entirely."""
        for order, track in self._orders.unsettled():
            pair = self._market.instrument(order.symbol)
            if pair is None:
                continue
            if not self._unsettled(order, track, pair.base):
                track.settled_qty = order.filled_qty
            open_ends = track.settled_qty < order.filled_qty or track.booked_qty < order.filled_qty
            if order.state.final and not open_ends and not self._reserved(order, track, _spent(order, pair)):
                self._orders.mark_reflected(order.client_order_id)

    def _working_buys(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return value and quantity that working buys may still add."""
        value, qty = ZERO, ZERO
        with exact():
            for order in self._orders.live(symbol):
                if order.side is Side.BUY:
                    value += open_value(order, self._orders.track(order.client_order_id)) or ZERO
                    qty += order.remaining_qty or ZERO
        return value, qty

    def settled(self, symbol: str, at: Timestamp) -> bool:
        """Return whether the symbol's balance shows everything our orders did, and nothing of it is locked."""
        pair = self._market.instrument(symbol)
        balance = None if pair is None else self._portfolio.balance(pair.base)
        if pair is None or balance is None:
            return False
        holding = self._holding(pair.base, at)
        return balance.locked == 0 and holding == (balance.free, balance.total)

    # --- memory of sends

    def sent(self, order: Order, at: Timestamp, age_ms: int = 0) -> None:
        """Count an order into the rate and duplicate limits, from the moment it was sent."""
        size = order.qty if order.quote_qty is None else order.quote_qty
        mark = fingerprint(order.symbol, order.side, order.price, size)
        self._sends.append((at.mono_ns - max(0, age_ms) * _MS, mark))

    def _recent_sends(self, at: Timestamp) -> tuple[tuple[int, str], ...]:
        window = max(_SECOND_MS, self.limits.duplicate_window_ms)
        recent = []
        for sent_ns, mark in reversed(self._sends):
            age = (at.mono_ns - sent_ns) // _MS
            if age >= window:
                break
            recent.append((age, mark))
        return tuple(recent)

    # --- states

    def halt(self, reason: str, at: Timestamp, command_id: str = "") -> list[Effect]:
        """Latch HALTED; survives a restart."""
        return self._set_state(
            TradingState.HALTED,
            reason,
            at,
            "halted",
            Level.BAD,
            f"Trading is halted: {reason}. All open orders are being cancelled; nothing new is sent."
            " Flatten sells what you hold; resume lifts the halt.",
            command_id,
        )

    def resume(self, at: Timestamp, command_id: str = "") -> list[Effect]:
        """Lift a halt; what was cancelled stays cancelled."""
        if self.state is TradingState.ACTIVE:
            return []
        text = "Trading is active again. Orders that were cancelled stay cancelled."
        return self._set_state(TradingState.ACTIVE, "", at, "resumed", Level.GOOD, text, command_id)

    def _set_state(
        self, state: TradingState, reason: str, at: Timestamp, kind: str, level: Level, text: str, command_id: str = ""
    ) -> list[Effect]:
        self._latch.state, self._latch.reason = state, reason
        value = state.value if not reason else f"{state.value}: {reason}"
        record = StateRecord(name=TRADING_STATE, value=value, wall_ms=at.wall_ms)
        return [Journal((record,), durable=True), self._facts.emit(at, kind, level, text, command_id=command_id)]

    def arm(self, armed: bool, at: Timestamp, command_id: str = "", why: str = "") -> list[Effect]:
        """Unlock or lock the ticket for this session."""
        if armed == self.armed:
            return []
        self.armed = armed
        text = "The ticket is unlocked: orders are sent." if armed else "The ticket is locked: no order is sent."
        if why:
            text = f"The ticket is locked, {why}: no order is sent until you unlock it. Cancel and flatten work."
        record = StateRecord(name=ARMED, value="yes" if armed else "no", wall_ms=at.wall_ms)
        kind, level = ("armed", Level.WARN) if armed else ("locked", Level.INFO)
        return [Journal((record,)), self._facts.emit(at, kind, level, text, command_id=command_id)]

    def journal_problem(self, item: JournalProblem, at: Timestamp) -> list[Effect]:
        """Block new exposure while the journal cannot be written; an empty reason says that it can again."""
        if not item.reason:
            if self.journal_ok:
                return []
            self.journal_ok = True
            return [self._facts.emit(at, "journal", Level.GOOD, "The journal can be written again; orders are taken.")]
        was_ok, self.journal_ok, self._probed_ns = self.journal_ok, False, at.mono_ns
        if not was_ok:
            return []
        text = (
            f"The journal cannot be written: {item.reason}. No new order is sent until it can;"
            " cancel and flatten work. Free space on the disk or check the folder's permissions."
        )
        return [self._facts.emit(at, "problem", Level.BAD, text)]

    def tick(self, at: Timestamp) -> list[Effect]:
        """Try the journal again from time to time while it is broken."""
        if self.journal_ok or at.mono_ns - self._probed_ns < PROBE_NS:
            return []
        self._probed_ns = at.mono_ns
        probe = StateRecord(name=JOURNAL_PROBE, value="written again", wall_ms=at.wall_ms)
        return [Journal((probe,), durable=True)]

    def position_headroom(self, symbol: str, at: Timestamp) -> Headroom | None:
        """Return how much of the limit on a position is used; None while that is not known."""
        return position_headroom(self.inputs(symbol, at, depth=1))

    def account_headroom(self, symbols: Collection[str], at: Timestamp) -> tuple[Headroom, ...]:
        """Return how much of the common limits is used, with the age of the oldest book of these symbols."""
        ages = {symbol: self._market.book_age_ms(symbol, at) or 0 for symbol in sorted(symbols)}
        return account_headroom(self.inputs(max(ages, key=lambda name: ages[name], default=""), at, depth=1))


def _spent(order: Order, pair: Instrument) -> str:
    """Return the asset that an order spends."""
    return pair.quote if order.side is Side.BUY else pair.base
