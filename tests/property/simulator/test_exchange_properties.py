from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import event, given
from hypothesis import strategies as st

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, OrderChanged, OwnTrade, SimError
from mexc_tui.venues.simulator.core.fees import MX_DISCOUNT
from mexc_tui.venues.simulator.core.groups import uid_of
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.state import ExchangeState
from tests.examples import examples

D = Decimal
S = "ABCUSDT"
PAIR = Instrument(
    symbol=S, base="ABC", quote="USDT", price_decimals=1, qty_decimals=2, maker_fee=D("0.0002"), taker_fee=D("0.0005")
)
MX = Instrument(symbol="MXUSDT", base="MX", quote="USDT", price_decimals=4, qty_decimals=2)
ACCOUNTS = ("ann", "bob", "cid")
STP = ["cancel_taker", "cancel_maker", "cancel_both"]

sides = st.sampled_from([Side.BUY, Side.SELL])
ticks = st.integers(980, 1020)
steps = st.integers(1, 300)


def placing(modes):
    return st.tuples(
        st.just("place"),
        st.sampled_from(ACCOUNTS),
        sides,
        st.sampled_from(["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET"]),
        ticks,
        steps,
        st.sampled_from(modes),
    )


place = placing(["", *STP])
spend = st.tuples(st.just("spend"), st.sampled_from(ACCOUNTS), sides, steps)
cancel = st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS), st.integers(0, 5))
foreign = st.tuples(st.sampled_from(["rest", "take", "print", "set"]), sides, ticks, steps)
fees = st.tuples(st.just("in_mx"), st.sampled_from(ACCOUNTS), st.booleans())
group = st.tuples(st.just("group"), st.sampled_from(ACCOUNTS), st.booleans())
actions = st.lists(st.one_of(place, place, spend, cancel, foreign, foreign, fees, group), min_size=15, max_size=60)


def act(exchange: Exchange, action: tuple) -> None:
    pair = exchange.symbols.pair(S)
    match action:
        case ("place", account, side, kind, price, qty, stp):
            exchange.orders.place(
                account,
                symbol=S,
                side=side,
                type=kind,
                price=None if kind == "MARKET" else D(price) / 10,
                qty=D(qty) / 100,
                stp_mode=stp,
            )
        case ("spend", account, side, qty):
            exchange.orders.place(account, symbol=S, side=side, type="MARKET", quote_qty=D(qty) + D("0.123"))
        case ("cancel", account, place_):
            standing = exchange.orders.open_orders(account, S)
            if standing:
                exchange.orders.cancel(account, S, order_id=standing[place_ % len(standing)].order_id)
        case ("in_mx", account, wanted):
            exchange.fees.pay_in_mx(account, wanted)
        case ("group", account, joins):
            change = exchange.groups.add if joins else exchange.groups.remove
            change("ann", 91, [uid_of(account)], exchange.now_ms)
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
    exchange.symbols.list_symbol(PAIR)
    exchange.symbols.list_symbol(MX)
    exchange.accounts.deposit("maker", {"USDT": D(10), "MX": D(1)})
    for side in (Side.SELL, Side.BUY):
        exchange.orders.place("maker", symbol="MXUSDT", side=side, type="LIMIT", qty=D(1), price=D("3.2151"))
    for account in ACCOUNTS:
        # So little MX that it runs out on the way.
        exchange.accounts.deposit(account, {"USDT": D(3_000), "ABC": D(30), "MX": D("0.05")})
    exchange.fees.pay_in_mx("ann", True)
    exchange.groups.create("ann", "desk", exchange.now_ms)
    return exchange


@given(actions)
def test_money_is_conserved_and_locks_are_exactly_what_open_orders_need(done):
    exchange = fresh()
    run(done, exchange)
    assert exchange.accounts.unaccounted() == {}
    for account in ACCOUNTS:
        locked = {"USDT": D(0), "ABC": D(0)}
        for order in exchange.orders.open_orders(account):
            left = order.qty - order.filled_qty
            assert left > 0
            locked["USDT" if order.side is Side.BUY else "ABC"] += left * (order.price if order.side is Side.BUY else 1)
        held = {balance.asset: balance for balance in exchange.accounts.balances(account)}
        for asset, amount in locked.items():
            assert (held[asset].locked if asset in held else 0) == amount
        assert all(balance.free >= 0 for balance in held.values())


@given(actions)
def test_a_fee_is_the_whole_rate_of_what_came_or_its_discounted_value_in_mx(done):
    exchange = fresh()
    run(done, exchange)
    charged: dict[str, D] = {}
    for account in ACCOUNTS:
        for trade in exchange.orders.own_trades(account, S, limit=1_000):
            rate = PAIR.maker_fee if trade.is_maker else PAIR.taker_fee
            if trade.fee_asset == "MX":
                exactly = trade.quote_qty * rate * (1 - MX_DISCOUNT) / D("3.2151")
                assert 0 <= trade.fee - exactly < D("0.00000001")
            else:
                bought = trade.side is Side.BUY
                assert trade.fee_asset == ("ABC" if bought else "USDT")
                assert trade.fee == rate * (trade.qty if bought else trade.quote_qty)
            charged[trade.fee_asset] = charged.get(trade.fee_asset, D(0)) + trade.fee
    for asset, amount in charged.items():
        assert exchange.accounts.fees.get(asset, 0) == amount


@examples(75)
@given(
    st.lists(
        st.one_of(placing(STP), placing(STP), placing(STP), cancel, foreign),
        min_size=30,
        max_size=80,
    )
)
def test_accounts_of_one_group_never_trade_with_each_other(done):
    exchange = fresh()
    exchange.groups.add("ann", 91, [uid_of("ann"), uid_of("bob")], exchange.now_ms)
    run(done, exchange)
    sides_of: dict[str, set[str]] = {}
    for account in ACCOUNTS:
        for trade in exchange.orders.own_trades(account, S, limit=1_000):
            assert not trade.is_self_trade
            sides_of.setdefault(trade.trade_id, set()).add(account)
        for order in exchange.orders.all_orders(account, S, None, None, 1_000):
            if order.type == "FILL_OR_KILL":
                assert order.filled_qty in (0, order.qty), "never in part, whoever stands in between"
    assert {"ann", "bob"} not in sides_of.values()
    event(f"a stranger traded with the group: {any('cid' in who and len(who) == 2 for who in sides_of.values())}")


@given(actions)
def test_book_pushes_add_up_to_the_book_and_its_queues_to_its_totals(done):
    exchange = fresh()
    book: dict[tuple[Side, D], D] = {}
    versions = [exchange.market.depth(S, 1)[0]]

    def note(event):
        if isinstance(event, BookLevel):
            assert event.version == versions[-1] + 1
            versions.append(event.version)
            book[event.side, event.price] = event.qty

    exchange.listen(note)
    run(done, exchange)
    version, bids, asks = exchange.market.depth(S, 10_000)
    assert version == versions[-1]
    assert bids == sorted(((p, q) for (s, p), q in book.items() if q and s is Side.BUY), reverse=True)
    assert asks == sorted((p, q) for (s, p), q in book.items() if q and s is Side.SELL)
    standing = {order.order_id for account in ACCOUNTS for order in exchange.orders.open_orders(account)}
    queued = set()
    for side in Side:
        for level in exchange.symbols.pair(S).book.side(side).levels.values():
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
        for order in exchange.orders.all_orders(account, S, None, None, 1_000):
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
    pair = exchange.symbols.pair(S)
    for side in Side:
        for price in list(pair.book.side(side).levels):
            pair.set_foreign(side, price, 0)
    again = Exchange(start_ms=1_800_000_000_000)
    ExchangeState(again).restore(json.loads(json.dumps(ExchangeState(exchange).dump())))
    assert again.market.depth(S, 1_000)[1:] == exchange.market.depth(S, 1_000)[1:]
    run(after, exchange)
    run(after, again)
    for account in ACCOUNTS:
        assert again.accounts.balances(account) == exchange.accounts.balances(account)
        assert again.orders.all_orders(account, S, None, None, 1_000) == exchange.orders.all_orders(
            account, S, None, None, 1_000
        )
        assert again.orders.own_trades(account, S, limit=1_000) == exchange.orders.own_trades(account, S, limit=1_000)
