"""Executions as they come: booked once each, told, and compared with the balances they explain."""

from __future__ import annotations

from mexc_tui.domain.controls.fills import odd
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Reconciled, Timestamp
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Fill
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.inquiries import MOST_FILL_ASKS
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.order_store import UNANSWERED, OrderStore
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.records import Way

_MS = 1_000_000
QUIET_NS = 10_000_000_000
"""Balances and fills of an asset are compared only this long after its last known fill; fills may come late."""
CLOCK_SLACK_MS = 1_000
"""How far the exchange's clock may be from where it was measured to be."""


class Executions:
    """Books executions, and says which balances can be compared with them."""

    def __init__(
        self,
        facts: FactLog,
        markets: Markets,
        store: OrderStore,
        orders: OrderManager,
        ledger: Ledger,
        portfolio: Portfolio,
        clock: ExchangeClock,
    ) -> None:
        self._facts = facts
        self._markets = markets
        self._store = store
        self._orders = orders
        self._ledger = ledger
        self._portfolio = portfolio
        self._clock = clock
        self._unlisted: dict[tuple[str, str], tuple[Fill, Way]] = {}
        """Executions that wait for the list of pairs: without it their base and quote are not known."""

    @property
    def waiting(self) -> bool:
        """Whether executions wait for the list of pairs."""
        return bool(self._unlisted)

    def book(self, fill: Fill, at: Timestamp, way: Way) -> list[Effect]:
        """Book one execution, once; nothing where it is known, or waits for the list of pairs."""
        if not self._ledger.booked.is_new(fill):
            return []
        pair = self._markets.instrument(fill.symbol)
        if pair is None and not self._markets.instruments and self._ledger.costs.pair(fill.symbol) is None:
            self._unlisted[fill.key] = (fill, way)
            return []
        record = self._portfolio.fill(fill, pair, at, way)
        effects: list[Effect] = [Journal((record,))]
        changes = self._orders.executed(fill, at)
        order = self._store.find(fill)
        text = messages.filled(fill, order)
        track = None if order is None else self._store.track(order.client_order_id)
        command_id = "" if order is None else order.command_id
        level = Level.WARN if order is None else Level.GOOD
        fact = self._facts.emit(
            at, "filled", level, text, symbol=fill.symbol, order=order, fill=fill, command_id=command_id
        )
        effects += [*changes, fact]
        filled = (ZERO, ZERO) if track is None else (track.booked_qty, track.booked_quote)
        if order is not None and (wrong := odd(fill, order, filled, pair, record.fee_quote)):
            text = messages.odd_fill(order, wrong)
            effects.append(
                self._facts.emit(at, "odd fill", Level.BAD, text, symbol=fill.symbol, order=order, fill=fill)
            )
        return effects

    def listed(self, at: Timestamp) -> list[Effect]:
        """Book what has waited for the list of pairs."""
        waiting, self._unlisted = self._unlisted, {}
        return [effect for fill, way in waiting.values() for effect in self.book(fill, at, way)]

    def settle(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        """Compare balances with fills: what neither explains came or went by transfer."""
        time_ms = self._clock.ms(at) + CLOCK_SLACK_MS
        since_ms = time_ms - (at.mono_ns - item.asked_ns + QUIET_NS) // _MS
        records, moved = self._portfolio.settle_holdings(at, since_ms, time_ms, lambda asset: self.quiet(asset, at))
        facts = [self._facts.emit(at, "transfer", Level.INFO, messages.transfer(a, by)) for a, by in moved.items()]
        return [Journal(tuple(records)), *facts] if records else list(facts)

    def quiet(self, asset: str, at: Timestamp) -> bool:
        """Return whether nothing of an asset is moving, so that its balance and its fills can be compared."""
        if self._unlisted:
            return False
        for order, track in self._store.unsettled():
            pair = self._markets.instrument(order.symbol)
            if pair is not None and asset not in (pair.base, pair.quote, *self._ledger.costs.third_assets):
                continue
            lacking = track.booked_qty < order.filled_qty and track.fill_asks < MOST_FILL_ASKS
            late = lacking or at.mono_ns - track.moved_ns < QUIET_NS
            if order.state in UNANSWERED or late:
                return False
        return True
