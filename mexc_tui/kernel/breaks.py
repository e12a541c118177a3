"""Breaks: what is known here and what the exchange says differ, and nothing that is on its way explains it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Reconciled, Timestamp
from mexc_tui.domain.orders import Order
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, Journal
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.inquiries import MOST_FILL_ASKS
from mexc_tui.kernel.order_store import UNANSWERED, OrderStore
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.records import StateRecord

_MS = 1_000_000
BREAK = "break"
CONFIRM_NS = 4_000 * _MS
"""A difference that stands so long after the answer that showed it is a break; a second comparison comes before."""
SHOWN_LATE_NS = 5_000 * _MS
"""An order may be listed this long after it became known, and for this long after its end."""


class _Break(msgspec.Struct):
    text: str
    since_ns: int
    symbol: str = ""
    told_ns: int = 0
    """When it was said; zero while it may still explain itself."""
    accepted: bool = False
    """Whether a person has resumed in spite of it."""


class Breaks:
    """Keeps differences from the answer that shows them until they are explained, and says which are not in time."""

    def __init__(
        self,
        facts: FactLog,
        store: OrderStore,
        portfolio: Portfolio,
        clock: ExchangeClock,
        quiet: Callable[[str, Timestamp], bool],
    ) -> None:
        """``quiet`` tells whether nothing of an asset is moving, so that its balance and its fills can be compared."""
        self._facts = facts
        self._store = store
        self._portfolio = portfolio
        self._clock = clock
        self._quiet = quiet
        self._found: dict[tuple[str, str], _Break] = {}

    @property
    def suspected(self) -> bool:
        """Whether some difference wants a second comparison."""
        return any(not one.told_ns for one in self._found.values())

    @property
    def standing(self) -> bool:
        """Whether there is any difference."""
        return bool(self._found)

    @property
    def reason(self) -> str:
        """What keeps trading from being active; empty while nothing does."""
        return next((one.text for one in self._found.values() if one.told_ns and not one.accepted), "")

    def accept(self) -> bool:
        """Let trading go on in spite of what was said, and return whether anything stood against it."""
        stood = bool(self.reason)
        for one in self._found.values():
            one.accepted = bool(one.told_ns)
        return stood

    def compared(self, item: Reconciled, at: Timestamp) -> list[Effect]:
        """Take in what one answer shows, after everything in it has been booked."""
        shown = self._orders(item, at) | self._money(at)
        covered = [
            key
            for key, one in self._found.items()
            if key not in shown and key[0] in ("gone", "listed") and one.symbol in item.symbols
        ]
        effects = [effect for key in covered for effect in self._clear(key, at)]
        for key, one in shown.items():
            self._found.setdefault(key, one)
        if item.symbols and item.fills_of >= item.symbols:
            for (kind, asset), one in self._found.items():
                if kind == "money" and 0 < one.told_ns <= item.asked_ns:
                    self._portfolio.accept_transfer(asset)
        return effects + self.tick(at)

    def tick(self, at: Timestamp) -> list[Effect]:
        """Drop what has been explained, and say what has not been in time."""
        effects: list[Effect] = []
        for order, track in self._store.unsettled():
            if track.fill_asks >= MOST_FILL_ASKS and track.booked_qty < order.filled_qty and not order.elsewhere:
                text = messages.fills_missing(order, track.booked_qty)
                one = _Break(text, at.mono_ns - CONFIRM_NS, order.symbol)
                self._found.setdefault(("fills", order.client_order_id), one)
        for key, one in list(self._found.items()):
            if not self._stands(key, at, told=bool(one.told_ns)):
                effects += self._clear(key, at)
            elif not one.told_ns and at.mono_ns - one.since_ns >= CONFIRM_NS:
                one.told_ns = at.mono_ns
                record = StateRecord(name=BREAK, value=one.text, wall_ms=at.wall_ms)
                text = f"{one.text} {messages.ONLY_REDUCING}"
                effects += [
                    Journal((record,)),
                    self._facts.emit(at, "break", Level.BAD, text, symbol=one.symbol, order=self._store.get(key[1])),
                ]
        return effects

    def _clear(self, key: tuple[str, str], at: Timestamp) -> list[Effect]:
        one = self._found.pop(key)
        if not one.told_ns:
            return []
        text = messages.agrees_again(one.text, others=bool(self.reason))
        record = StateRecord(name=BREAK, value=f"over: {one.text}", wall_ms=at.wall_ms)
        return [Journal((record,)), self._facts.emit(at, "reconciled", Level.GOOD, text, symbol=one.symbol)]

    def _stands(self, key: tuple[str, str], at: Timestamp, *, told: bool) -> bool:
        kind, name = key
        if kind == "money":
            return bool(self._portfolio.unexplained(name)) and (told or self._quiet(name, at))
        order = self._store.get(name)
        if kind == "gone":
            return order is not None and order.state.may_be_live
        if kind == "fills":
            return order is not None and self._store.track(name).booked_qty < order.filled_qty
        return order is None or not self._store.counts(order)

    # --- what an answer shows

    def _orders(self, item: Reconciled, at: Timestamp) -> dict[tuple[str, str], _Break]:
        """Return orders that are open here and not there, and the other way round."""
        shown: dict[tuple[str, str], _Break] = {}
        listed = set()
        for report in item.open_orders:
            name = self._store.key_of(report) or report.order_id
            listed.add(name)
            order = self._store.get(name)
            over = self._store.ended(report.order_id) if order is None else self._ended(order, item.asked_ns, at)
            if over and not report.state.final:
                one = _Break(messages.open_there(report), at.mono_ns, report.symbol)
                shown["listed", name] = one
        for order in self._store.live():
            track, name = self._store.track(order.client_order_id), order.client_order_id
            known = 0 < track.known_ns <= item.asked_ns - SHOWN_LATE_NS
            under_way = order.state in UNANSWERED or order.cancel_requested or track.swept
            if order.symbol in item.symbols and name not in listed and known and not under_way:
                shown["gone", name] = _Break(messages.open_here(order), at.mono_ns, order.symbol)
        return shown

    def _ended(self, order: Order, asked_ns: int, at: Timestamp) -> bool:
        """Whether an order was over long enough before a question that its answer should not list it."""
        if self._store.counts(order):
            return False
        asked_ms = self._clock.ms(at) - (at.mono_ns - asked_ns) // _MS
        return order.updated_ms <= asked_ms - SHOWN_LATE_NS // _MS

    def _money(self, at: Timestamp) -> dict[tuple[str, str], _Break]:
        """Return assets whose balance is not what trades, fees and transfers make it."""
        shown: dict[tuple[str, str], _Break] = {}
        for asset, by in self._portfolio.all_unexplained().items():
            if self._quiet(asset, at):
                held: Decimal = self._portfolio.total(asset)
                shown["money", asset] = _Break(messages.unexplained(asset, held, by), at.mono_ns)
        return shown
