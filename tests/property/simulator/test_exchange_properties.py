from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.events import BookLevel, OrderChanged, OwnTrade, SimError
from mexc_tui.venues.simulator.exchange import Exchange

D = Decimal
S = "ABCUSDT"
PAIR = Instrument(
    symbol=S, base="ABC", quote="USDT", price_decimals=1, qty_decimals=2, maker_fee=D("0.0002"), taker_fee=D("0.0005")
)
ACCOUNTS = ("ann", "bob")

sides = st.sampled_from([Side.BUY, Side.SELL])
ticks = st.integers(950, 1050)
steps = st.integers(1, 900)

place = st.tuples(
    st.just("place"),
    st.sampled_from(ACCOUNTS),
    sides,
    st.sampled_from(["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET"]),
    ticks,
    steps,
    st.sampled_from(["", "cancel_taker", "cancel_maker", "cancel_both"]),
)
spend = st.tuples(st.just("spend"), st.sampled_from(ACCOUNTS), sides, steps)
cancel = st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS), st.integers(0, 5))
foreign = st.tuples(st.sampled_from(["rest", "take", "print", "set"]), sides, ticks, steps)
actions = st.lists(st.one_of(place, place, spend, cancel, foreign, foreign), max_size=50)


def act(exchange: Exchange, action: tuple) -> None:
    pair = exchange.pair(S)
    match action:
        case ("place", account, side, kind, price, qty, stp):
            exchange.place(
                account,
                symbol=S,
                side=side,
                type=kind,
                price=None if kind == "MARKET" else D(price) / 10,
                qty=D(qty) / 100,
                stp_mode=stp,
            )
        case ("spend", account, side, qty):
            exchange.place(account, symbol=S, side=side, type="MARKET", quote_qty=D(qty) + D("0.123"))
        case ("cancel", account, place_):
            standing = exchange.open_orders(account, S)
            if standing:
                exchange.cancel(account, S, order_id=standing[place_ % len(standing)].order_id)
        case ("rest", side, price, qty):
            if not pair.crosses(side, price):
                pair.add(side, price, qty)
        case ("take", side, price, qty):
            pair.foreign_take(side, price, qty)
        case ("print", side, price, qty):
            pair.print_trade(side, price, qty)
        case ("set", side, price, qty):
            pair.set_foreign(side, price, qty)
            pair.uncross()


def run(done: list[tuple], exchange: Exchange) -> None:
    for action in done:
        try:
            act(exchange, action)
        except SimError:
            continue


def fresh() -> Exchange:
    exchange = Exchange(start_ms=1_800_000_000_000)
    exchange.list_symbol(PAIR)
    for account in ACCOUNTS:
        exchange.open_account(account, {"USDT": D(3_000), "ABC": D(30)})
    return exchange


@given(actions)
def test_money_is_conserved_and_locks_are_exactly_what_open_orders_need(done):
    exchange = fresh()
    run(done, exchange)
    assert exchange.accounts.unaccounted() == {}
    for account in ACCOUNTS:
        locked = {"USDT": D(0), "ABC": D(0)}
        for order in exchange.open_orders(account):
            left = order.qty - order.filled_qty
            assert left > 0
            locked["USDT" if order.side is Side.BUY else "ABC"] += left * (order.price if order.side is Side.BUY else 1)
        held = {balance.asset: balance for balance in exchange.balances(account)}
        for asset, amount in locked.items():
            assert (held[asset].locked if asset in held else 0) == amount
        assert all(balance.free >= 0 for balance in held.values())


@given(actions)
def test_book_pushes_add_up_to_the_book_and_its_queues_to_its_totals(done):
    exchange = fresh()
    book: dict[tuple[Side, D], D] = {}
    versions = [exchange.depth(S, 1)[0]]

    def note(event):
        if isinstance(event, BookLevel):
            assert event.version == versions[-1] + 1
            versions.append(event.version)
            book[event.side, event.price] = event.qty

    exchange.listen(note)
    run(done, exchange)
    version, bids, asks = exchange.depth(S, 10_000)
    assert version == versions[-1]
    assert bids == sorted(((p, q) for (s, p), q in book.items() if q and s is Side.BUY), reverse=True)
    assert asks == sorted((p, q) for (s, p), q in book.items() if q and s is Side.SELL)
    standing = {order.order_id for account in ACCOUNTS for order in exchange.open_orders(account)}
    queued = set()
    for side in Side:
        for level in exchange.pair(S).book.half(side).levels.values():
            assert level.total == sum(entry.qty for entry in level.entries) > 0
            assert level.own == sum(entry.qty for entry in level.entries if entry.order)
            assert all(entry.qty > 0 for entry in level.entries)
            queued |= {entry.order.order_id for entry in level.entries if entry.order}
    assert queued == standing


@given(actions)
def test_fills_add_up_to_orders_and_no_fill_is_worse_than_its_limit(done):
    exchange = fresh()
    trades: list[OwnTrade] = []
    finals: dict[str, str] = {}

    def note(event):
        if isinstance(event, OwnTrade):
            trades.append(event)
        if isinstance(event, OrderChanged):
            assert event.order.order_id not in finals, "an order changed after its end"
            if not event.order.open:
                finals[event.order.order_id] = event.order.status

    exchange.listen(note)
    run(done, exchange)
    for account in ACCOUNTS:
        for order in exchange.all_orders(account, S, None, None, 1_000):
            mine = [trade for trade in trades if trade.order_id == order.order_id]
            assert sum((trade.qty for trade in mine), D(0)) == order.filled_qty
            assert sum((trade.quote_qty for trade in mine), D(0)) == order.filled_quote
            assert order.filled_qty <= order.qty
            if order.by_quote:
                assert order.filled_quote <= order.quote_qty
            for trade in mine:
                assert trade.price <= order.price if order.side is Side.BUY else trade.price >= order.price
            if not order.open:
                assert finals[order.order_id] == order.status


@given(actions, actions)
def test_a_restart_changes_nothing(before, after):
    exchange = fresh()
    run(before, exchange)
    pair = exchange.pair(S)
    for side in Side:
        for price in list(pair.book.half(side).levels):
            pair.set_foreign(side, price, 0)
    again = Exchange(start_ms=1_800_000_000_000)
    again.restore(json.loads(json.dumps(exchange.dump())))
    assert again.depth(S, 1_000)[1:] == exchange.depth(S, 1_000)[1:]
    run(after, exchange)
    run(after, again)
    for account in ACCOUNTS:
        assert again.balances(account) == exchange.balances(account)
        assert again.all_orders(account, S, None, None, 1_000) == exchange.all_orders(account, S, None, None, 1_000)
        assert again.own_trades(account, S, limit=1_000) == exchange.own_trades(account, S, limit=1_000)
