"""What must be so when everything has come to rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_FILLS,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BookState,
    gate_topic,
)
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.records import DeskSnapshot, FillRecord
from tests.simulation.exchange import PAIRS, fill_of, report_of

if TYPE_CHECKING:
    from tests.simulation.world import World

TOPICS = (TOPIC_BALANCES, TOPIC_FILLS, TOPIC_ORDERS, TOPIC_POSITIONS, TOPIC_RISK, *map(gate_topic, PAIRS))


def disagreements(world: World) -> list[str]:
    """Return where desk and exchange differ, or the desk is not done; empty once all is well."""
    if world.life is None or not world.life.journal.idle or world.line.transit:
        return ["the desk is not at rest"]
    views: dict[str, Any] = dict(world.life.desk.views(world.at(), frozenset(TOPICS)))
    wrong = [*_states(world, views), *_orders(world, views), *_money(world, views), *_fills(world, views)]
    return wrong + _cancelled(world)


def _states(world: World, views: dict[str, Any]) -> list[str]:
    wrong = []
    risk = views[TOPIC_RISK]
    if not risk.ready:
        wrong.append(f"not ready: {risk.ready_reason}")
    if risk.unknown or risk.in_flight:
        wrong.append(f"{risk.unknown} orders unknown, {risk.in_flight} in flight")
    stale = [
        s for s in PAIRS if views[gate_topic(s)].book is None or views[gate_topic(s)].book.state is not BookState.LIVE
    ]
    if stale:
        wrong.append(f"books not live: {', '.join(stale)}")
    if not views[gate_topic("BTCUSDT")].journal_ok:
        wrong.append("the journal counts as broken")
    ended = {fact.command_id for fact in world.facts if fact.kind in ("flattened", "problem")}
    stuck = world.flattens - ended
    if stuck:
        wrong.append(f"flattening without an end: {', '.join(sorted(stuck))}")
    return wrong


def _orders(world: World, views: dict[str, Any]) -> list[str]:
    wrong = []
    view = views[TOPIC_ORDERS]
    shown = {name: one for one in (*view.recent, *view.open) for name in (one.client_order_id, one.order_id) if name}
    theirs = {order.order_id: order for order in world.account.mine.values()}
    for order in theirs.values():
        name = f"{order.client_order_id or order.order_id} ({order.status})"
        mine = shown.get(order.order_id) or shown.get(order.client_order_id or "")
        if mine is None:
            if order.open or world.recorded(order.client_order_id or ""):
                wrong.append(f"{name} is not known to the desk")
            continue
        if mine.presumed and not order.open and not order.filled_qty:
            continue
        working = mine.state in (OrderState.WORKING, OrderState.PARTIAL, OrderState.CANCELLING)
        if order.open != working or not (order.open or mine.state is report_of(order).state):
            wrong.append(f"{name} is {mine.state.value} at the desk")
        if mine.filled_qty != order.filled_qty:
            wrong.append(f"{name} has filled {order.filled_qty}, {mine.filled_qty} at the desk")
    ghosts = [order for order in view.open if order.order_id not in theirs]
    return wrong + [f"{order.client_order_id} ({order.state.value}) is at the desk only" for order in ghosts]


def _money(world: World, views: dict[str, Any]) -> list[str]:
    wrong = []
    held = {row.balance.asset: row.balance for row in views[TOPIC_BALANCES].rows if row.balance.total}
    for balance in world.account.balances():
        mine = held.pop(balance.asset, None)
        if mine != balance:
            wrong.append(f"{balance.asset}: {mine} at the desk, {balance} at the exchange")
    wrong += [f"{asset}: held at the desk only" for asset in held]
    shown: Counter[str] = Counter()
    for position in views[TOPIC_POSITIONS].positions:
        shown[position.asset] += position.qty
    for asset, total in world.account.totals().items():
        if asset != "USDT" and shown[asset] != total:
            wrong.append(f"positions of {asset} add up to {shown[asset]}, held is {total}")
    return wrong


def _fills(world: World, views: dict[str, Any]) -> list[str]:
    known = Counter((*fill.key, fill.side) for fill in views[TOPIC_FILLS].fills)
    true = Counter((*(fill := fill_of(trade)).key, fill.side) for trade in world.account.trades)
    if known == true:
        return []
    return [f"{len(true - known)} fills missing, {len(known - true)} too many"]


def replay(world: World) -> list[str]:
    """Compare the running desk with what its records add up to."""
    if world.life is None:
        return []
    fold = Fold("USDT")
    fold.add(world.disk.rows)
    kept, running = _essence(fold.snapshot()), _essence(world.life.desk._recovery._history.snapshot())
    if world.disk.latch.startswith("halted"):
        kept["trading state"] = tuple(world.disk.latch.split(": ", 1))
    return [
        f"replay: {name} differ: {kept[name]} on the disk, {running[name]} running"
        for name in kept
        if kept[name] != running[name]
    ]


def _essence(saved: DeskSnapshot) -> dict[str, Any]:
    return {
        "orders": {one.order.client_order_id: one.order for one in saved.orders},
        "executions": {one.order.client_order_id: (one.booked_qty, one.booked_quote) for one in saved.orders},
        "live orders": set(saved.live),
        "unmatched executions": set(saved.unmatched),
        "fills": saved.fills,
        "booked trades": {one.order_id: one.trade_ids for one in saved.booked},
        "costs": {one.symbol: one for one in saved.costs},
        "holdings": dict(saved.holdings),
        "trading state": (saved.state, saved.reason),
    }


def at_the_end(world: World) -> list[str]:
    """Return what else is wrong with a run that has come to rest."""
    wrong = [
        f"{asset}: {amount} unaccounted for" for asset, amount in world.account.core.accounts.unaccounted().items()
    ]
    wrong += world.truth.spent()
    true = {(*(fill := fill_of(trade)).key, fill.side): fill for trade in world.account.trades}
    for row in world.disk.rows:
        if isinstance(row, FillRecord):
            fill = true.pop((*row.fill.key, row.fill.side), None)
            if fill is None:
                wrong.append(f"fill {row.fill.key} was booked twice or never happened")
            elif (fill.qty, fill.price, fill.fee) != (row.fill.qty, row.fill.price, row.fill.fee):
                wrong.append(f"fill {fill.key} was booked as {row.fill}")
    mine = {order.client_order_id for order in world.account.mine.values() if order.client_order_id}
    own = Counter(trade.trade_id for trade in world.account.trades if trade.is_self_trade and trade.client_order_id)
    wrong += [f"trade {trade_id} was made with oneself" for trade_id, sides in own.items() if sides == 2]
    wrong += [f"{key} is at the exchange and was never sent" for key in sorted(mine - world.sent.keys())]
    return wrong


def _cancelled(world: World) -> list[str]:
    """Return the orders that stand although they shall not."""
    stand = {order.order_id for order in world.account.mine.values() if order.open} - _named(world)
    wrong = [f"{order_id} was to be cancelled and stands" for order_id in world.cancelled if order_id in stand]
    return wrong + _halted(world)


def _named(world: World) -> set[str]:
    """Return the orders with which a problem was reported."""
    return {fact.order.order_id for fact in world.facts if fact.kind == "problem" and fact.order is not None}


def _halted(world: World) -> list[str]:
    if world.halted_ms is None or world.life is None:
        return []
    risk: Any = world.life.desk.views(world.at(), frozenset({TOPIC_RISK}))[TOPIC_RISK]
    wrong = [] if risk.state is TradingState.HALTED else ["the halt is lost"]
    named = _named(world)
    for order in world.account.mine.values():
        late = not order.client_order_id and order.created_ms >= world.halted_ms
        if order.open and not late and order.order_id not in named:
            wrong.append(f"halted, and {order.order_id} ({order.client_order_id or 'made elsewhere'}) stands unnamed")
    return wrong
