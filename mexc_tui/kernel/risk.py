"""Risk: the trading state, arming, what was sent lately, and everything the gate looks at."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from decimal import Decimal
from statistics import median
from typing import Protocol

import msgspec

from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import account_headroom, exposure_headroom
from mexc_tui.domain.inputs import JournalProblem, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Headroom, Limits, TradingState
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.owners import PERSON, automated
from mexc_tui.domain.views import BookView, GateInputs, Owned
from mexc_tui.kernel.budget import Budget
from mexc_tui.kernel.costs import Costs
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.exposure import Exposures, Worst
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import Latch
from mexc_tui.kernel.limit_changes import LimitChanges
from mexc_tui.kernel.order_store import UNANSWERED, OrderStore, Track
from mexc_tui.kernel.owned import OwnedAssets
from mexc_tui.kernel.owners import Owners
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import StateRecord
from mexc_tui.kernel.reflection import Reflection
from mexc_tui.kernel.standing import Standings
from mexc_tui.kernel.valuation import Prices

ARMED = "armed"
JOURNAL_PROBE = "journal"
_MS = 1_000_000
_SECOND_MS = 1_000
PROBE_NS = 5_000 * _MS
SENDS_KEPT = 1_000
USUAL_OF, USUAL_FROM = 50, 10
"""Latest orders whose median value is the usual one, and how many of them make it one."""


_Sharing = tuple[Order, Track, str, str]
"""An order that spends or brings an asset in question, what it spends, and what it buys; a sale buys nothing."""


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

    def moved(self, symbol: str, window_ms: int, at: Timestamp) -> Decimal | None:
        """Return how far apart the prices traded within a window lie, as a fraction; None where that is not known."""


class Risk:
    """Owns the latch and the memory of sends; builds the gate's inputs out of everything else."""

    def __init__(
        self,
        limits: LimitChanges,
        venue: VenueInfo,
        facts: FactLog,
        market: Market,
        orders: OrderStore,
        portfolio: Portfolio,
        prices: Prices,
        reflection: Reflection,
        latch: Latch,
        costs: Costs,
        clock: ExchangeClock,
        budget: Budget,
        owned: OwnedAssets,
        owners: Owners,
        *,
        armed: bool,
        arm_name: str,
    ) -> None:
        self._limits = limits
        self._latch = latch
        self.armed = armed
        self.arm_name = arm_name
        """What must be typed to unlock the ticket; empty where nothing must."""
        self.ready = False
        self.ready_reason = "orders and balances have not been compared with the exchange yet"
        self.broken = ""
        """What keeps trading from being active although the latch does not: known here and told there differ."""
        self.journal_ok = True
        self._venue = venue
        self._facts = facts
        self._market = market
        self._orders = orders
        self._portfolio = portfolio
        self._prices = prices
        self._reflection = reflection
        self.standings = Standings(facts, portfolio, costs, clock, budget)
        self.owners = owners
        self._budget, self._owned, self._clock = budget, owned, clock
        cash = frozenset({portfolio.currency, *limits.now.cash})
        self._exposures = Exposures(market.instrument, orders, portfolio, prices, reflection, cash)
        self._values: deque[Decimal] = deque(maxlen=USUAL_OF)
        self._usual: Decimal | None = None
        self._sends: deque[tuple[int, str]] = deque(maxlen=SENDS_KEPT)
        self._probed_ns = 0

    @property
    def limits(self) -> Limits:
        """The limits as they are now."""
        return self._limits.now

    @property
    def state(self) -> TradingState:
        """The trading state: what is latched, and no more than reducing while the account disagrees."""
        latched = self._latch.state
        return TradingState.REDUCING if self.broken and latched is TradingState.ACTIVE else latched

    @property
    def reason(self) -> str:
        """Why the trading state is not active."""
        return self.broken if self._latch.state is TradingState.ACTIVE else self._latch.reason

    # --- the gate's inputs

    def inputs(
        self, symbol: str, at: Timestamp, owner: str = PERSON, *, flattening: bool = False, depth: int | None = None
    ) -> GateInputs:
        """Return everything the gate looks at for one symbol and owner.

        The book only so deep, where ``depth`` is given.
        """
        pair = self._market.instrument(symbol)
        unsettled = self._orders.unsettled()
        assets = () if pair is None else (pair.base, pair.quote)
        sharing = self._sharing(assets, unsettled)
        # A sale that is only presumed over must not keep a holding from being sold; the exchange sells nothing twice.
        base = None if pair is None else self._holding(pair.base, sharing, presumed=not flattening)
        quote = None if pair is None else self._holding(pair.quote, sharing)
        worst = self._exposures.worst(at, assets, unsettled)
        possible = self._orders.possible()
        in_flight, unknown = _unanswered(possible, symbol)
        own_bid, own_ask = _resting(self._orders.live(symbol))
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
            currency=self._portfolio.currency,
            quote_price=None if pair is None else self._exposures.price(pair.quote, at),
            price_age_ms=None if pair is None else self._prices.age_ms(pair.quote, at),
            base_price=None if pair is None else self._exposures.price(pair.base, at),
            base_exposure=None if worst is None or pair is None else worst.by_asset.get(pair.base, ZERO),
            quote_exposure=None if worst is None or pair is None else worst.by_asset.get(pair.quote, ZERO),
            gross_exposure=None if worst is None else worst.gross,
            equity=self._portfolio.equity,
            usual_value=self._usual,
            own_bid=own_bid,
            own_ask=own_ask,
            open_orders=len(possible),
            in_flight=in_flight,
            unknown=unknown,
            standing=self.standings.now(self.limits, at),
            recent_sends=self._recent_sends(at),
            listed_ms=None if pair is None or pair.first_open_ms is None else self._clock.ms(at) - pair.first_open_ms,
            owned=self._owned_by(owner, symbol, worst, at),
            flattening=flattening,
        )

    def _owned_by(self, owner: str, symbol: str, worst: Worst | None, at: Timestamp) -> Owned:
        """Return what is counted of an owner, as far as something depends on it."""
        own, owners, limits = self.limits.owner.get(owner), self.owners, self.limits
        found = Owned(owner=owner)
        if own is not None:
            found = Owned(
                owner=owner,
                sends=owners.sends(owner, at),
                open_orders=sum(1 for order in self._orders.possible() if order.owner == owner),
                day_exposure=self._budget.sent(at, owner),
                added=self._exposures.added(owner, self._owned.of(owner), worst, at),
            )
        if not automated(owner):
            return found
        entries, filled = owners.entries(owner, symbol, limits, at)
        return msgspec.structs.replace(
            found,
            halted=owners.halted(owner),
            pair_halted=owners.halted(symbol),
            moved=self._market.moved(symbol, limits.breaker_window_ms, at) if limits.breaker_move else None,
            entries=entries,
            filled=filled,
        )

    def _sharing(self, assets: Collection[str], unsettled: Iterable[tuple[Order, Track]]) -> list[_Sharing]:
        """Return those of the orders that spend or bring one of the assets."""
        instrument, found = self._market.instrument, []
        for order, track in unsettled:
            pair = instrument(order.symbol)
            if pair is None or not (pair.base in assets or pair.quote in assets):
                continue
            if order.side is Side.BUY:
                found.append((order, track, pair.quote, pair.base))
            else:
                found.append((order, track, pair.base, ""))
        return found

    def _holding(
        self, asset: str, sharing: Iterable[_Sharing], *, presumed: bool = True
    ) -> tuple[Decimal, Decimal] | None:
        """Return free and total of an asset, with what our own orders did that the balance does not show yet.

        ``sharing`` are the orders that may have; those ``presumed`` over count as well, unless left out.

        Free is what may be spent for certain; total is the most that may be held.
        """
        balance = self._portfolio.balance(asset)
        if balance is None:
            return None
        with exact():
            free, total = balance.free, balance.total
            for order, track, spends, buys in sharing:
                if asset == spends and (presumed or not order.presumed):
                    free -= self._reflection.reserved(track, asset)
                if asset == buys:
                    total += self._reflection.unshown(order, track, asset)
            return max(ZERO, free), total

    def settled(self, symbol: str, at: Timestamp) -> bool:
        """Return whether the symbol's balance shows everything our orders did, and nothing of it is locked."""
        pair = self._market.instrument(symbol)
        balance = None if pair is None else self._portfolio.balance(pair.base)
        if pair is None or balance is None:
            return False
        holding = self._holding(pair.base, self._sharing((pair.base,), self._orders.unsettled()), presumed=False)
        return balance.locked == 0 and holding == (balance.free, balance.total)

    def is_entry(self, order: Order) -> bool:
        """Return whether an order of this desk, or one it has adopted, does anything but sell into cash."""
        if not order.managed:
            return False
        pair = self._market.instrument(order.symbol)
        cash = {self._portfolio.currency, *self.limits.cash}
        return order.side is Side.BUY or pair is None or pair.quote not in cash

    # --- memory of sends

    def sent(self, order: Order, mark: str, at: Timestamp, age_ms: int = 0, value: Decimal | None = None) -> None:
        """Count an order into the limits on rate and repetition, by its mark and owner, and into what is usual."""
        self.owners.sent(order, at, age_ms)
        if value is not None:
            self._values.append(value)
            self._usual = median(self._values) if len(self._values) >= USUAL_FROM else None
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

    def headroom(self, symbols: Collection[str], at: Timestamp) -> tuple[Headroom, ...]:
        """Return how much of every standing limit is used, with the age of the oldest book of these symbols."""
        ages = {symbol: self._market.book_age_ms(symbol, at) or 0 for symbol in sorted(symbols)}
        inputs = self.inputs(max(ages, key=lambda name: ages[name], default=""), at, depth=1)
        pairs = (self._market.instrument(symbol) for symbol in sorted(symbols))
        assets = {pair.base: ZERO for pair in pairs if pair is not None}
        worst = self._exposures.worst(at, tuple(assets))
        values: dict[str, Decimal | None] = {**assets, **({} if worst is None else worst.by_asset)}
        known = [(asset, value) for asset, value in sorted(values.items()) if worst and value is not None]
        return (*exposure_headroom(inputs, known), *account_headroom(inputs))


def _unanswered(orders: Iterable[Order], symbol: str) -> tuple[int, int]:
    """Return how many orders are in flight, and how many of the symbol have an unknown outcome."""
    in_flight = unknown = 0
    for order in orders:
        if order.state is OrderState.PENDING:
            in_flight += 1
        elif order.state is OrderState.UNKNOWN and order.symbol == symbol:
            unknown += 1
    return in_flight, unknown


def _resting(orders: Iterable[Order]) -> tuple[tuple[str, Decimal] | None, tuple[str, Decimal] | None]:
    """Return the highest buy and the lowest sell that may rest or be on the way, each as client order id and price."""
    bid: Order | None = None
    ask: Order | None = None
    highest = lowest = ZERO
    for order in orders:
        price = order.price
        # One that never rests meets what is sent after it only until it is answered.
        rests = order.type not in (OrderType.IOC, OrderType.FOK) or order.state in UNANSWERED
        if price is None or not rests:
            continue
        if order.side is Side.BUY:
            if bid is None or price > highest:
                bid, highest = order, price
        elif ask is None or price < lowest:
            ask, lowest = order, price
    return (
        None if bid is None else (bid.client_order_id, highest),
        None if ask is None else (ask.client_order_id, lowest),
    )
