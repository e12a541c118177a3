"""What a step changed in accounts and orders, as small records that bring a saved state up to date."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from mexc_tui.domain.numbers import ZERO
from mexc_tui.venues.simulator.core.events import BalanceChanged, OrderChanged, OwnTrade, SimEvent, SimOrder
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.state import Money, SavedPair, read_state, saved_pair

UNRECORDED = 1_000_000
"""More public trades than there can have been since the last record: their ids are never given again."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that differs from the record before: whole values, never differences, so that repeating is safe."""

    now_ms: int
    order_counter: int
    trade_counter: int
    free: dict[str, Money] = {}
    locked: dict[str, Money] = {}
    fees: Money = {}
    outside: Money = {}
    deposited: Money = {}
    frozen: dict[str, Decimal | None] = {}
    """What an order still locks; None where it locks nothing any more."""
    orders: list[SimOrder] = []
    trades: list[OwnTrade] = []
    pairs: list[SavedPair] = []
    """Pairs that no record since the saved state has named."""


class Changes:
    """Gathers events of an exchange until they are taken as one record. Take it only between two calls of it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._named: set[str] = set()
        self._orders: dict[str, SimOrder] = {}
        self._trades: list[OwnTrade] = []
        self._money: dict[tuple[str, str], None] = {}

    def __bool__(self) -> bool:
        return bool(self._orders or self._trades or self._money)

    def add(self, event: SimEvent) -> None:
        """Take an event; only those that concern accounts count."""
        if isinstance(event, OrderChanged):
            self._orders[event.order.order_id] = event.order
        elif isinstance(event, BalanceChanged):
            self._money[event.account_id, event.asset] = None
        elif isinstance(event, OwnTrade):
            self._trades.append(event)

    def start_over(self) -> None:
        """Forget everything: the whole state is being saved."""
        self._named.clear()
        self._clear()

    def drain(self) -> Record:
        """Return what has changed since the last call."""
        exchange, accounts = self._exchange, self._exchange.accounts
        free: dict[str, Money] = {}
        locked: dict[str, Money] = {}
        for account, asset in self._money:
            free.setdefault(account, {})[asset] = accounts.free[account].get(asset, ZERO)
            locked.setdefault(account, {})[asset] = accounts.locked[account].get(asset, ZERO)
        assets = {asset for _, asset in self._money}
        symbols = {order.symbol for order in self._orders.values()} - self._named
        self._named |= symbols
        record = Record(
            now_ms=exchange.now_ms,
            order_counter=exchange.orders.counter,
            trade_counter=exchange.symbols.trade_counter,
            free=free,
            locked=locked,
            fees=_of(accounts.fees, assets),
            outside=_of(accounts.outside, assets),
            deposited=_of(accounts.deposited, assets),
            frozen={order_id: exchange.settlement.frozen.get(order_id) for order_id in self._orders},
            orders=list(self._orders.values()),
            trades=self._trades,
            pairs=[saved_pair(exchange, exchange.symbols.pairs[symbol]) for symbol in sorted(symbols)],
        )
        self._clear()
        return record

    def _clear(self) -> None:
        self._orders, self._trades, self._money = {}, [], {}


def bring_up_to_date(saved: dict[str, Any], records: Iterable[Record]) -> dict[str, Any]:
    """Return a saved state with what the records say, oldest first, and trade ids that nobody has seen yet.

    Raises:
        ValueError: the state is damaged.
    """
    state = read_state(saved)
    orders = {order.order_id: order for order in state.orders}
    pairs = {pair.instrument.symbol: pair for pair in state.pairs}
    for record in records:
        state = replace(
            state, now_ms=record.now_ms, order_counter=record.order_counter, trade_counter=record.trade_counter
        )
        for ours, theirs in ((state.free, record.free), (state.locked, record.locked)):
            for account, money in theirs.items():
                ours.setdefault(account, {}).update(money)
        for total, changed in (
            (state.fees, record.fees),
            (state.outside, record.outside),
            (state.deposited, record.deposited),
        ):
            total.update(changed)
        for order_id, amount in record.frozen.items():
            if amount is None:
                state.frozen.pop(order_id, None)
            else:
                state.frozen[order_id] = amount
        orders.update((order.order_id, order) for order in record.orders)
        pairs.update((pair.instrument.symbol, pair) for pair in record.pairs)
        state.trades.extend(record.trades)
    built = msgspec.to_builtins(
        replace(
            state,
            orders=list(orders.values()),
            pairs=list(pairs.values()),
            trade_counter=state.trade_counter + UNRECORDED,
        )
    )
    if not isinstance(built, dict):
        raise TypeError("a state is a table")
    return built


def _of(money: Money, assets: Iterable[str]) -> Money:
    return {asset: money[asset] for asset in assets if asset in money}
