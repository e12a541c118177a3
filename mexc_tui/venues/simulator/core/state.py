"""The exchange's memory across a restart."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from mexc_tui.domain.instrument import Instrument
from mexc_tui.venues.simulator.core.events import OwnTrade, SimOrder
from mexc_tui.venues.simulator.core.exact import from_units, subtract, to_units
from mexc_tui.venues.simulator.core.groups import TradeGroup
from mexc_tui.venues.simulator.core.matching import Pair

if TYPE_CHECKING:
    from mexc_tui.venues.simulator.core.exchange import Exchange

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
    maintenance: bool
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


def dump(exchange: Exchange, pairs: Iterable[Pair] | None = None) -> dict[str, Any]:
    """Return the state (with some of the pairs, or all) as values that JSON can hold; money as text."""
    accounts = exchange.accounts
    saved = SavedState(
        format=FORMAT,
        now_ms=exchange.now_ms,
        order_counter=exchange.order_counter,
        trade_counter=exchange.trade_counter,
        maintenance=exchange.maintenance,
        free=accounts.free,
        locked=accounts.locked,
        fees=accounts.fees,
        outside=accounts.outside,
        deposited=accounts.deposited,
        frozen=exchange.frozen,
        orders=exchange.ledger.all_orders(),
        trades=exchange.ledger.all_trades(),
        pairs=[saved_pair(exchange, pair) for pair in (exchange.pairs.values() if pairs is None else pairs)],
        openings=exchange.openings(),
        in_mx=sorted(exchange.fee_desk.in_mx),
        groups=exchange.groups.dump(),
    )
    built = msgspec.to_builtins(saved)
    if not isinstance(built, dict):
        raise TypeError("a state is a table")
    return built


def saved_pair(exchange: Exchange, pair: Pair) -> SavedPair:
    """Return what must survive of a pair."""
    return SavedPair(
        instrument=pair.instrument,
        last=pair.last,
        version=pair.version,
        price=exchange.movable[pair.symbol].price if pair.symbol in exchange.movable else None,
    )


def restore(exchange: Exchange, saved: dict[str, Any]) -> None:
    """Bring a fresh exchange (no accounts yet) to a saved state.

    Raises:
        ValueError: the state is damaged or of another format, or the exchange is in use already.
    """
    try:
        state = msgspec.convert(saved, SavedState)
    except msgspec.ValidationError as error:
        raise ValueError(f"the saved state of the exchange cannot be read: {error}") from error
    if state.format != FORMAT:
        raise ValueError(f"the saved state has format {state.format}, this program reads {FORMAT}")
    if exchange.accounts.free:
        raise ValueError("a saved state goes into a fresh exchange only")
    exchange.now_ms = max(exchange.now_ms, state.now_ms)
    exchange.order_counter = max(exchange.order_counter, state.order_counter)
    exchange.trade_counter = max(exchange.trade_counter, state.trade_counter)
    exchange.maintenance = state.maintenance
    accounts = exchange.accounts
    accounts.free, accounts.locked = state.free, state.locked
    accounts.fees, accounts.outside, accounts.deposited = state.fees, state.outside, state.deposited
    if accounts.unaccounted():
        raise ValueError(f"the saved state does not add up: {accounts.unaccounted()}")
    exchange.frozen = state.frozen
    exchange.fee_desk.in_mx = set(state.in_mx)
    exchange.groups.restore(state.groups)
    for order in state.orders:
        exchange.ledger.add(order)
    for trade in state.trades:
        exchange.ledger.add_trade(trade)
    _restore_pairs(exchange, state)


def _restore_pairs(exchange: Exchange, state: SavedState) -> None:
    for saved in state.pairs:
        symbol = saved.instrument.symbol
        if symbol not in exchange.pairs:
            price = None if saved.price is None else from_units(saved.price, saved.instrument.price_decimals)
            exchange.list_symbol(saved.instrument, price=price)
        pair = exchange.pairs[symbol]
        pair.instrument = saved.instrument
        pair.version = max(pair.version, saved.version)
        market = exchange.movable.get(symbol)
        if market is not None:
            market.clear()
        exchange.stand_again(pair, [order for order in state.orders if order.open and order.symbol == symbol])
        if market is not None and saved.price is not None:
            market.resume(saved.price)
        pair.last = saved.last if pair.last is None else pair.last
    for at, symbol in state.openings:
        exchange.announce_opening(symbol, at)


def stand_again(pair: Pair, orders: list[SimOrder]) -> None:
    """Put own orders back in the order in which they came; what the book crosses by now trades at once."""
    for order in sorted(orders, key=lambda order: order.order_id):
        left = left_of(pair, order)
        left = pair.take(order.side, to_units(order.price, pair.price_decimals), left, order)[0]
        if left and order.open:
            pair.rest(order, left)


def left_of(pair: Pair, order: SimOrder) -> int:
    """Return what is still to fill of an order, in steps."""
    return to_units(subtract(order.qty, order.filled_qty), pair.qty_decimals)
