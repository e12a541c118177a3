"""What the account may come to hold at worst, by asset and in all, in the account's currency."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Order, Side
from mexc_tui.kernel.order_store import OrderStore, Track, open_value
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.reflection import Reflection
from mexc_tui.kernel.valuation import Prices

PRICED_NS = 250_000_000
"""For so long the price of an asset that is not being traded is taken as it was."""


class Worst(msgspec.Struct, frozen=True, gc=False):
    """Values if every order that may be live fills; None where something of it has no price."""

    by_asset: dict[str, Decimal | None]
    gross: Decimal | None


class Exposures:
    """Adds up what is held, what has been filled and is not in a balance yet, and what may still fill."""

    def __init__(
        self,
        pair_of: Callable[[str], Instrument | None],
        orders: OrderStore,
        portfolio: Portfolio,
        prices: Prices,
        reflection: Reflection,
        cash: frozenset[str],
    ) -> None:
        self._pair_of = pair_of
        self._orders = orders
        self._portfolio = portfolio
        self._prices = prices
        self._reflection = reflection
        self._cash = cash
        self._priced: dict[str, tuple[int, Decimal | None]] = {}

    def price(self, asset: str, at: Timestamp, *, now: bool = True) -> Decimal | None:
        """Return what one unit costs in the account's currency, ``now`` or at most a quarter of a second ago."""
        kept = self._priced.get(asset)
        if now or kept is None or kept[1] is None or not 0 <= at.mono_ns - kept[0] < PRICED_NS:
            kept = self._priced[asset] = (at.mono_ns, self._prices.cost(asset))
        return kept[1]

    def worst(self, at: Timestamp, fresh: tuple[str, ...] = ()) -> Worst | None:
        """Return every asset but cash that is held or may come in; None while the balances are not known."""
        if not self._portfolio.complete:
            return None
        held = self._portfolio.held()
        values: dict[str, Decimal | None] = {}
        with exact():
            gross: Decimal | None = ZERO
            for asset in fresh:
                self.price(asset, at)
            for asset, total in held.items():
                if asset in self._cash or not self._prices.reachable(asset):
                    continue
                price = self.price(asset, at, now=False)
                values[asset] = None if price is None else total * price
                gross = _sum(gross, values[asset])
            for order, track in self._orders.unsettled():
                pair = self._pair_of(order.symbol)
                if pair is None:
                    gross = None if self._orders.counts(order) else gross
                    continue
                brings = pair.base if order.side is Side.BUY else pair.quote
                if brings in self._cash:
                    continue
                # What it spends may be gone from a balance before anything else tells that it filled.
                value = self._incoming(order, track, pair, at)
                values[brings] = _sum(values.get(brings, ZERO), value)
                gross = _sum(gross, value)
        return Worst(values, gross)

    def _incoming(self, order: Order, track: Track, pair: Instrument, at: Timestamp) -> Decimal | None:
        """Return the value of what an order has brought that no balance shows yet, and of what it may still bring."""
        base, quote = self.price(pair.base, at, now=False), self.price(pair.quote, at, now=False)
        if base is None or quote is None:
            return None
        if order.side is Side.BUY:
            value = self._reflection.unshown(order, track, pair.base) * base
            return value + (open_value(order, track) or ZERO) * quote if self._orders.counts(order) else value
        value = ZERO if self._reflection.shown(pair.quote, track) else order.filled_quote * quote
        if not self._orders.counts(order):
            return value
        left = order.remaining_qty
        return None if left is None else value + left * max((order.price or ZERO) * quote, base)


def _sum(total: Decimal | None, value: Decimal | None) -> Decimal | None:
    return None if total is None or value is None else total + value
