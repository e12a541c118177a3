"""What the account may come to hold at worst, by asset and in all, in the account's currency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


class _Way(msgspec.Struct, gc=False):
    """One symbol traded in one direction: the asset it brings, prices of base and quote, and what the orders add."""

    brings: str
    base: Decimal | None = None
    quote: Decimal | None = None
    cash: bool = False
    """Whether it brings cash, which is not added up."""
    value: Decimal | None = ZERO


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

    def worst(
        self, at: Timestamp, fresh: tuple[str, ...] = (), unsettled: Iterable[tuple[Order, Track]] | None = None
    ) -> Worst | None:
        """Return every asset but cash that is held or may come in; None while the balances are not known.

        The assets in ``fresh`` are priced now; ``unsettled`` are the store's, where the caller has them already.
        """
        if not self._portfolio.complete:
            return None
        values: dict[str, Decimal | None] = {}
        with exact():
            gross: Decimal | None = ZERO
            for asset in fresh:
                self.price(asset, at)
            for asset, total in self._portfolio.held().items():
                if asset in self._cash or not self._prices.reachable(asset):
                    continue
                price = self.price(asset, at, now=False)
                values[asset] = None if price is None else total * price
                gross = _sum(gross, values[asset])
            ways: dict[tuple[str, bool], _Way | None] = {}
            for order, track in self._orders.unsettled() if unsettled is None else unsettled:
                key = (order.symbol, order.side is Side.BUY)
                if key not in ways:
                    ways[key] = self._way(*key, at)
                way = ways[key]
                if way is None:
                    gross = None if self._orders.counts(order) else gross
                    continue
                # What it spends may be gone from a balance before anything else tells that it filled.
                if not way.cash:
                    way.value = _sum(way.value, self._incoming(order, track, way))
            for way in ways.values():
                if way is not None and not way.cash:
                    values[way.brings] = _sum(values.get(way.brings, ZERO), way.value)
                    gross = _sum(gross, way.value)
        return Worst(values, gross)

    def added(self, owner: str, bought: Mapping[str, Decimal], worst: Worst | None, at: Timestamp) -> Decimal | None:
        """Return the value of what an owner has bought and not sold, and of what its buys may still bring.

        No more of an asset than is held at worst: others may have sold what it bought.
        """
        if worst is None:
            return None
        values: dict[str, Decimal | None] = {}
        with exact():
            for asset, qty in bought.items():
                price = self.price(asset, at, now=False)
                values[asset] = None if price is None else qty * price
            for order, track in self._orders.unsettled():
                pair = self._pair_of(order.symbol)
                if order.owner != owner or order.side is not Side.BUY or pair is None:
                    continue
                base, quote = self.price(pair.base, at, now=False), self.price(pair.quote, at, now=False)
                value = None if base is None else max(ZERO, order.filled_qty - track.booked_qty) * base
                if self._orders.counts(order):
                    value = _sum(value, None if quote is None else (open_value(order, track) or ZERO) * quote)
                values[pair.base] = _sum(values.get(pair.base, ZERO), value)
            total: Decimal | None = ZERO
            for asset, value in values.items():
                if asset not in self._cash:
                    most = worst.by_asset.get(asset, ZERO)
                    total = _sum(total, value if value is None or most is None else min(value, most))
        return total

    def _way(self, symbol: str, buying: bool, at: Timestamp) -> _Way | None:
        """Return what all orders of a symbol and side share; None where the pair is not known."""
        pair = self._pair_of(symbol)
        if pair is None:
            return None
        brings = pair.base if buying else pair.quote
        if brings in self._cash:
            return _Way(brings, cash=True)
        return _Way(brings, self.price(pair.base, at, now=False), self.price(pair.quote, at, now=False))

    def _incoming(self, order: Order, track: Track, way: _Way) -> Decimal | None:
        """Return the value of what an order has brought that no balance shows yet, and of what it may still bring."""
        base, quote = way.base, way.quote
        if base is None or quote is None:
            return None
        value = ZERO
        if order.side is Side.BUY:
            value = self._reflection.unshown(order, track, way.brings) * base
            return value + (open_value(order, track) or ZERO) * quote if self._orders.counts(order) else value
        if order.filled_quote and not self._reflection.shown(way.brings, track):
            value = order.filled_quote * quote
        if not self._orders.counts(order):
            return value
        left = order.remaining_qty
        return None if left is None else value + left * max((order.price or ZERO) * quote, base)


def _sum(total: Decimal | None, value: Decimal | None) -> Decimal | None:
    return None if total is None or value is None else total + value
