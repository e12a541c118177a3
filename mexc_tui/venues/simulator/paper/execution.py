"""Matching of paper orders: they travel to a mirrored book and wait while that book is not current."""

from __future__ import annotations

from mexc_tui.venues.simulator.core.events import SimError, SimOrder
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.core.execution import RESTING, Execution, unfilled
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.core.settlement import Settlement
from mexc_tui.venues.simulator.paper.delay import DelayLine
from mexc_tui.venues.simulator.paper.market import MirrorMarket
from mexc_tui.wire.mexc.codes import MIRROR_DOWN, SUSPENDED


class PaperExecution:
    """An ``Execution`` that passes orders on to ``immediate`` when they have arrived at a live mirrored pair.

    While a pair's data is not current nothing is matched there: new orders are refused, market orders on their way are
    cancelled, resting ones wait.
    """

    def __init__(self, immediate: Execution, settlement: Settlement, mirror: MirrorMarket, delay: DelayLine) -> None:
        self._immediate = immediate
        self._settlement = settlement
        self._mirror = mirror
        self._delay = delay
        self._waiting: dict[str, list[SimOrder]] = {}
        """Limit orders that arrived while their pair's data was not current."""

    def check(self, pair: Pair) -> None:
        """Raise SimError(30000) while the mirrored data of a pair is not current."""
        if not self._mirror.live(pair.symbol):
            why = self._mirror.reason(pair.symbol)
            raise SimError(SUSPENDED, f"Suspended transaction for the symbol: {MIRROR_DOWN} ({why})")

    def submit(self, pair: Pair, order: SimOrder) -> None:
        self._delay.send(lambda: self._arrive(pair, order))

    def resume(self, pair: Pair) -> None:
        """Let the orders that waited for a pair's book meet it."""
        for order in self._waiting.pop(pair.symbol, []):
            self._arrive(pair, order)

    def cancelled(self, order: SimOrder) -> None:
        self._mirror.pairs[order.symbol].forget_finished()

    def restore(self, pair: Pair, orders: list[SimOrder]) -> None:
        """Let orders rest; those that never met the book and would trade with the others are cancelled."""
        for order in sorted(orders, key=lambda order: order.order_id):
            limit = to_units(order.price, pair.price_decimals)
            if order.type in RESTING and not pair.crosses(order.side, limit):
                pair.rest(order, unfilled(pair, order))
            else:
                self._settlement.finish(pair, order)

    def _arrive(self, pair: Pair, order: SimOrder) -> None:
        if not order.open:
            return
        mirrored = self._mirror.pairs[pair.symbol]
        if not mirrored.live:
            if order.type in RESTING:
                self._waiting.setdefault(pair.symbol, []).append(order)
            else:
                self._settlement.finish(pair, order)
            return
        self._immediate.submit(pair, order)
        if order.open:
            mirrored.placed(order)
        mirrored.forget_finished()
