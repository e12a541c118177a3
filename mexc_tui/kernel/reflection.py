"""Which of what our orders did the balances show already, and which must still be added to them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Order, Side
from mexc_tui.kernel.order_store import OrderStore, Track
from mexc_tui.kernel.portfolio import Portfolio


class Reflection:
    """Compares orders with balances: each is told on its own way, and neither waits for the other."""

    def __init__(self, pair_of: Callable[[str], Instrument | None], orders: OrderStore, portfolio: Portfolio) -> None:
        self._pair_of = pair_of
        self._orders = orders
        self._portfolio = portfolio

    def shown(self, asset: str, track: Track) -> bool:
        """Return whether the asset's balance shows everything that an order is known to have filled."""
        return self._portfolio.covers(asset, track.moved_ms, track.moved_ns) or (
            self._portfolio.reaches(asset, track.moved_ms) and self._agrees(asset)
        )

    def unshown(self, order: Order, track: Track, base: str) -> Decimal:
        """Return what an order has filled, in units of its base, that the balance does not show yet."""
        if order.filled_qty == track.settled_qty or self.shown(base, track):
            return ZERO
        return order.filled_qty - track.settled_qty

    def reserved(self, track: Track, asset: str) -> Decimal:
        """Return what an order has taken of an asset that the balance does not show as taken yet."""
        return ZERO if self._portfolio.placed(asset, track.made_ms, track.known_ns) else track.lock

    def _agrees(self, asset: str) -> bool:
        """Return whether a total is what every known execution makes it."""
        lacking = self._portfolio.lacking(asset)
        if lacking is None:
            return False
        with exact():
            for order, track in self._orders.unsettled():
                pair = self._pair_of(order.symbol)
                if pair is None or asset not in (pair.base, pair.quote):
                    continue
                by = (
                    order.filled_qty - track.booked_qty
                    if asset == pair.base
                    else track.booked_quote - order.filled_quote
                )
                lacking += by if order.side is Side.BUY else -by
        return self._portfolio.negligible(asset, lacking)

    def release(self) -> None:
        """After a balance came: note which fills it shows, and let go of orders that it shows entirely."""
        for order, track in self._orders.unsettled():
            pair = self._pair_of(order.symbol)
            if pair is None:
                continue
            if not self.unshown(order, track, pair.base):
                track.settled_qty = order.filled_qty
            open_ends = track.settled_qty < order.filled_qty or track.booked_qty < order.filled_qty
            # The balance of what was sold can come, of the same millisecond, before that of what it brought.
            brought = pair.base if order.side is Side.BUY else pair.quote
            if order.filled_qty and not self.shown(brought, track):
                continue
            if order.state.final and not open_ends and not self.reserved(track, spent(order, pair)):
                self._orders.mark_reflected(order.client_order_id)


def spent(order: Order, pair: Instrument) -> str:
    """Return the asset that an order spends."""
    return pair.quote if order.side is Side.BUY else pair.base
