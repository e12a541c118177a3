"""Orders of accounts: checked, accepted, cancelled and looked up."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from random import Random
from typing import NamedTuple

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, ZERO, divide
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core import filters
from mexc_tui.venues.simulator.core.accounts import Accounts
from mexc_tui.venues.simulator.core.events import OwnTrade, SimError, SimOrder
from mexc_tui.venues.simulator.core.exact import add, from_units, multiply, to_units
from mexc_tui.venues.simulator.core.execution import RESTING, Execution
from mexc_tui.venues.simulator.core.ledger import Ledger
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.core.settlement import Settlement
from mexc_tui.venues.simulator.core.symbols import SymbolRegistry
from mexc_tui.venues.simulator.core.timeline import Timeline

PROTECTION = Decimal("0.05")
"""A market order is a limit order this far beyond the market (seen on MEXC; the factor is not documented)."""


class Orders:
    """The order calls of the exchange; each raises SimError with MEXC's code. Orders returned are copies."""

    def __init__(
        self,
        timeline: Timeline,
        symbols: SymbolRegistry,
        accounts: Accounts,
        ledger: Ledger,
        settlement: Settlement,
        execution: Execution,
        *,
        seed: int,
    ) -> None:
        self.execution = execution
        self.counter = 474_424_498_318_368_000_000 + Random(f"{seed}/orders").randrange(10**9)
        self._timeline = timeline
        self._symbols = symbols
        self._accounts = accounts
        self._ledger = ledger
        self._settlement = settlement

    def place(
        self,
        account_id: str,
        *,
        symbol: str,
        side: Side,
        type: str,  # noqa: A002
        qty: Decimal | None = None,
        quote_qty: Decimal | None = None,
        price: Decimal | None = None,
        client_order_id: str | None = None,
        stp_mode: str = "",
        test: bool = False,
    ) -> SimOrder:
        """Check, freeze, match and rest an order; with ``test`` only check it."""
        pair = self._symbols.pair(symbol)
        self.execution.check(pair)
        self._accounts.require(account_id)
        stp = filters.check_stp(stp_mode)
        filters.check_shape(type, side, qty, quote_qty, price)
        filters.check_open(pair.instrument, side, type)
        priced = _price_market(pair, side, qty, quote_qty) if type == "MARKET" else _Priced.limit(price, qty)
        filters.check_numbers(pair.instrument, priced.qty, priced.price)
        filters.check_size(pair.instrument, type, priced.qty, priced.worth)
        if type != "MARKET":
            filters.check_band(pair.instrument, side, priced.price, pair.last_price)
        if type in RESTING and self._ledger.open_count(account_id) >= filters.MAX_OPEN_ORDERS:
            raise SimError(30029, "Cannot exceed the maximum order limit")
        need = priced.most if side is Side.BUY else priced.qty or ZERO
        self._check_funds(account_id, pair.instrument, side, need)
        order = SimOrder(
            order_id="" if test else self._next_id(),
            account_id=account_id,
            symbol=symbol,
            side=side,
            type=type,
            price=priced.price,
            qty=priced.qty or ZERO,
            quote_qty=priced.most,
            client_order_id=client_order_id or None,
            created_ms=self._timeline.now_ms,
            updated_ms=self._timeline.now_ms,
            by_quote=priced.qty is None,
            stp_mode=stp,
        )
        if not test:
            self._settlement.accept(pair, order, need)
            self.execution.submit(pair, order)
        return copy(order)

    def cancel(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Cancel an open order; SimError(-2011) if it is not open."""
        pair, order = self._find(account_id, symbol, order_id, client_order_id)
        if order is None or not order.open:
            raise SimError(-2011, "Unknown order sent.")
        pair.remove(order)
        self._settlement.finish(pair, order)
        self.execution.cancelled(order)
        return copy(order)

    def cancel_all(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Cancel every open order of the account, or those of one pair."""
        found = self.open_orders(account_id, symbol)
        return [self.cancel(account_id, order.symbol, order_id=order.order_id) for order in found]

    def find_order(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Return an order in whatever state; SimError(-2013) if there is none."""
        _, order = self._find(account_id, symbol, order_id, client_order_id)
        if order is None:
            raise SimError(-2013, "Order does not exist.")
        return copy(order)

    def open_orders(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Return open orders, oldest first."""
        self._accounts.require(account_id)
        if symbol is not None:
            self._symbols.pair(symbol)
        return [copy(order) for order in self._ledger.open_orders(account_id, symbol)]

    def all_orders(
        self, account_id: str, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[SimOrder]:
        """Return orders of a pair in whatever state, newest first."""
        self._symbols.pair(symbol)
        self._accounts.require(account_id)
        return [copy(order) for order in self._ledger.orders(account_id, symbol, start_ms, end_ms, limit)]

    def own_trades(
        self,
        account_id: str,
        symbol: str,
        *,
        order_id: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 100,
    ) -> list[OwnTrade]:
        """Return the account's fills, newest first."""
        self._symbols.pair(symbol)
        self._accounts.require(account_id)
        return self._ledger.trades(account_id, symbol, order_id, start_ms, end_ms, limit)

    def _find(
        self, account_id: str, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> tuple[Pair, SimOrder | None]:
        pair = self._symbols.pair(symbol)
        self._accounts.require(account_id)
        return pair, self._ledger.find(account_id, symbol, order_id, client_order_id)

    def _next_id(self) -> str:
        self.counter += 1
        return f"C02__{self.counter}"

    def _check_funds(self, account_id: str, instrument: Instrument, side: Side, need: Decimal) -> None:
        if side is Side.BUY:
            if need > self._accounts.free_of(account_id, instrument.quote):
                raise SimError(10101, "Insufficient balance")
            return
        free = self._accounts.free_of(account_id, instrument.base)
        if free == 0:
            raise SimError(30004, "Insufficient position")
        if need > free:
            raise SimError(30005, "Oversold")


class _Priced(NamedTuple):
    """An order with the price and quantity that it is matched by."""

    price: Decimal
    qty: Decimal | None
    """None for a market buy by amount."""
    worth: Decimal
    """What it is expected to amount to in quote."""
    most: Decimal
    """The most quote that it can take."""

    @classmethod
    def limit(cls, price: Decimal | None, qty: Decimal | None) -> _Priced:
        """Return an order at a price of its own."""
        amount = multiply(price or ZERO, qty or ZERO)
        return cls(price or ZERO, qty or ZERO, amount, amount)


def _price_market(pair: Pair, side: Side, qty: Decimal | None, quote_qty: Decimal | None) -> _Priced:
    """Turn a market order into a limit order at its protective price; SimError(30025) for an empty book."""
    best = pair.book.side(side.opposite).best
    if best is None:
        raise SimError(30025, "no exist opponent order")
    touch = from_units(best, pair.price_decimals)
    factor = add(ONE, PROTECTION if side is Side.BUY else PROTECTION.copy_negate())
    price = from_units(max(1, to_units(multiply(touch, factor), pair.price_decimals)), pair.price_decimals)
    if qty is None and side is Side.BUY:
        amount = quote_qty or ZERO
        return _Priced(price, None, amount, amount)
    if qty is None:
        amount = divide(quote_qty or ZERO, touch, pair.qty_decimals)
        qty = max(amount, from_units(1, pair.qty_decimals))
    return _Priced(price, qty, multiply(touch, qty), multiply(price, qty))
