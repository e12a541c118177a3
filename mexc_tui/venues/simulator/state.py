"""What an exchange keeps across a restart."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from mexc_tui.domain.instrument import Instrument
from mexc_tui.venues.simulator.core.events import OwnTrade, SimOrder
from mexc_tui.venues.simulator.core.exact import from_units
from mexc_tui.venues.simulator.core.groups import TradeGroup
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.exchange import Exchange

FORMAT = 1

Money = dict[str, Decimal]


class SavedPair(msgspec.Struct, frozen=True, kw_only=True):
    instrument: Instrument
    last: int | None
    version: int
    price: int | None
    """What a modelled market held to be the price, in ticks; None where nothing models the pair."""


class SavedState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that must survive; foreign orders do not, they are drawn anew around the last price."""

    format: int
    now_ms: int
    order_counter: int
    trade_counter: int
    free: dict[str, Money]
    locked: dict[str, Money]
    fees: Money
    outside: Money
    deposited: Money
    frozen: Money
    orders: list[SimOrder]
    trades: list[OwnTrade]
    pairs: list[SavedPair]
    openings: list[tuple[int, str]]
    in_mx: list[str] = []
    """Accounts that pay their fees in MX."""
    groups: list[TradeGroup] = []


class KeptState(Protocol):
    """Saves an exchange and brings one back."""

    def dump(self) -> dict[str, Any]:
        """Return accounts, orders, fills, counters and prices as values that JSON can hold; money as text."""

    def restore(self, saved: dict[str, Any]) -> None:
        """Bring a fresh exchange (no accounts yet) to a saved state.

        Raises:
            ValueError: the state is damaged or of another format, or the exchange is in use already.
        """


class ExchangeState:
    """The state of an exchange with markets of its own; open orders return to the book."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dump(self) -> dict[str, Any]:
        return dump(self._exchange, self._exchange.symbols.pairs.values())

    def restore(self, saved: dict[str, Any]) -> None:
        restore(self._exchange, saved)


def dump(exchange: Exchange, pairs: Iterable[Pair]) -> dict[str, Any]:
    """Return the state with some of the pairs."""
    accounts, symbols = exchange.accounts, exchange.symbols
    saved = SavedState(
        format=FORMAT,
        now_ms=exchange.now_ms,
        order_counter=exchange.orders.counter,
        trade_counter=symbols.trade_counter,
        free=accounts.free,
        locked=accounts.locked,
        fees=accounts.fees,
        outside=accounts.outside,
        deposited=accounts.deposited,
        frozen=exchange.settlement.frozen,
        orders=exchange.ledger.all_orders(),
        trades=exchange.ledger.all_trades(),
        pairs=[saved_pair(exchange, pair) for pair in pairs],
        openings=symbols.openings(),
        in_mx=sorted(exchange.fees.in_mx),
        groups=exchange.groups.dump(),
    )
    built = msgspec.to_builtins(saved)
    if not isinstance(built, dict):
        raise TypeError("a state is a table")
    return built


def saved_pair(exchange: Exchange, pair: Pair) -> SavedPair:
    """Return what must survive of a pair."""
    market = exchange.symbols.movable.get(pair.symbol)
    return SavedPair(
        instrument=pair.instrument,
        last=pair.last,
        version=pair.version,
        price=None if market is None else market.price,
    )


def read_state(saved: dict[str, Any]) -> SavedState:
    """Return a saved state; ValueError where it is damaged."""
    try:
        return msgspec.convert(saved, SavedState)
    except msgspec.ValidationError as error:
        raise ValueError(f"the saved state of the exchange cannot be read: {error}") from error


def restore(exchange: Exchange, saved: dict[str, Any]) -> None:
    """Bring a fresh exchange (no accounts yet) to a saved state.

    Raises:
        ValueError: the state is damaged or of another format, or the exchange is in use already.
    """
    state = read_state(saved)
    if state.format != FORMAT:
        raise ValueError(f"the saved state has format {state.format}, this program reads {FORMAT}")
    accounts, symbols, timeline = exchange.accounts, exchange.symbols, exchange.timeline
    if accounts.free:
        raise ValueError("a saved state goes into a fresh exchange only")
    timeline.now_ms = max(timeline.now_ms, state.now_ms)
    exchange.orders.counter = max(exchange.orders.counter, state.order_counter)
    symbols.trade_counter = max(symbols.trade_counter, state.trade_counter)
    accounts.free, accounts.locked = state.free, state.locked
    accounts.fees, accounts.outside, accounts.deposited = state.fees, state.outside, state.deposited
    if accounts.unaccounted():
        raise ValueError(f"the saved state does not add up: {accounts.unaccounted()}")
    exchange.settlement.frozen = state.frozen
    exchange.fees.in_mx = set(state.in_mx)
    exchange.groups.restore(state.groups)
    for order in state.orders:
        exchange.ledger.add(order)
    for trade in state.trades:
        exchange.ledger.add_trade(trade)
    _restore_pairs(exchange, state)


def _restore_pairs(exchange: Exchange, state: SavedState) -> None:
    symbols = exchange.symbols
    for saved in state.pairs:
        symbol = saved.instrument.symbol
        if symbol not in symbols.pairs:
            price = None if saved.price is None else from_units(saved.price, saved.instrument.price_decimals)
            symbols.list_symbol(saved.instrument, price=price)
        pair = symbols.pairs[symbol]
        pair.instrument = saved.instrument
        pair.version = max(pair.version, saved.version)
        market = symbols.movable.get(symbol)
        if market is not None:
            market.clear()
        opened = [order for order in state.orders if order.open and order.symbol == symbol]
        exchange.orders.execution.restore(pair, opened)
        if market is not None and saved.price is not None:
            market.resume(saved.price)
        pair.last = saved.last if pair.last is None else pair.last
    for at, symbol in state.openings:
        symbols.announce_opening(symbol, at)
