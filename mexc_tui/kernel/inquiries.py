"""When the exchange is asked what became of an order or of its executions."""

from __future__ import annotations

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.orders import Order
from mexc_tui.kernel.effects import Effect, LookUp
from mexc_tui.kernel.order_store import OrderStore

_MS = 1_000_000
NO_REPORT_NS = 2_000 * _MS
LOOKUP_MARGIN_MS = 60_000
MOST_FILL_ASKS = 6
_DELAYS_MS = (500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000)


class Inquiries:
    """Asks once at a time about each order, and later and later."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    def ask(self, order: Order, at: Timestamp) -> list[Effect]:
        """Look an order up now, unless an answer is on its way."""
        track = self._store.track(order.client_order_id)
        if track.asked_ns:
            return []
        track.asked_ns, track.next_ns = at.mono_ns, 0
        since = order.created_ms - LOOKUP_MARGIN_MS
        return [LookUp(order.symbol, order.client_order_id, order.order_id, since)]

    def later(self, order: Order, at: Timestamp, delay_ns: int) -> None:
        """Look a live order up after a delay."""
        if order.state.may_be_live:
            self._store.track(order.client_order_id).next_ns = at.mono_ns + delay_ns

    def again(self, order: Order, at: Timestamp) -> None:
        """Look an order up again, each time later."""
        track = self._store.track(order.client_order_id)
        delay = _DELAYS_MS[min(track.tries, len(_DELAYS_MS) - 1)]
        track.tries += 1
        track.next_ns = at.mono_ns + delay * _MS

    def missing_fills(self, at: Timestamp) -> dict[str, int]:
        """Return symbols with filled orders whose executions have not come, and since when to ask for them.

        Each order is asked for a few times, later and later; then its fills count as lost.
        """
        late: dict[str, int] = {}
        for order, track in self._store.unsettled():
            waited = at.mono_ns - track.moved_ns
            if order.filled_qty <= track.booked_qty or track.fill_asks >= MOST_FILL_ASKS:
                continue
            if waited >= NO_REPORT_NS * (2**track.fill_asks):
                track.fill_asks += 1
                since = order.created_ms - LOOKUP_MARGIN_MS
                late[order.symbol] = min(since, late.get(order.symbol, since))
        return late
