from __future__ import annotations

from collections import Counter
from decimal import Decimal
from statistics import mean, median, pstdev

import pytest
from msgspec.structs import replace

from mexc_tui.domain.instrument import InstrumentStatus
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, PublicTrade, SimError
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import DEMO_FUNDS, default_markets
from mexc_tui.venues.simulator.state import ExchangeState

D = Decimal
START_MS = 1_800_000_000_000
BTC = "BTCUSDT"


@pytest.fixture(scope="module")
def observed():
    """Two minutes of the default catalogue, looked at every 100 ms."""
    exchange = demo_exchange(start_ms=START_MS, seed=7)
    events: list = []
    exchange.listen(events.append)
    spreads: dict[str, list[int]] = {symbol: [] for symbol in exchange.symbols.pairs}
    for step in range(1_200):
        exchange.advance(START_MS + 100 * (step + 1))
        for symbol, pair in exchange.symbols.pairs.items():
            bid, ask = pair.book.bids.best, pair.book.asks.best
            assert bid is not None
            assert ask is not None
            spreads[symbol].append(ask - bid)
    return exchange, events, spreads


def test_same_seed_same_calls_same_market():
    runs = []
    for seed in (5, 5, 6):
        exchange = demo_exchange(start_ms=START_MS, seed=seed, markets=default_markets()[:3])
        seen: list = []
        exchange.listen(seen.append)
        for step in range(50):
            exchange.advance(START_MS + 170 * step)
        runs.append(seen)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_slicing_of_time_does_not_matter():
    logs = []
    for step in (10, 1_000):
        exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[:4])
        seen: list = []
        exchange.listen(seen.append)
        for at in range(START_MS, START_MS + 10_001, step):
            exchange.advance(at)
        logs.append(seen)
    assert logs[0] == logs[1]


def test_books_are_deep_and_tight(observed):
    exchange, _, spreads = observed
    for symbol, deep, tight in ((BTC, 200, 12), ("ETHUSDT", 150, 6), ("MXUSDT", 100, 6), ("SATSUSDT", 100, 6)):
        _, bids, asks = exchange.market.depth(symbol, 5_000)
        assert min(len(bids), len(asks)) > deep
        assert median(spreads[symbol]) <= tight
        assert bids[0][0] < asks[0][0]


def test_arrivals_are_clustered(observed):
    _, events, _ = observed
    counts = Counter((e.time_ms - START_MS) // 500 for e in events if isinstance(e, BookLevel) and e.symbol == BTC)
    per_window = [counts.get(n, 0) for n in range(240)]
    assert 15 < mean(per_window) * 2 < 90
    assert pstdev(per_window) ** 2 > 2 * mean(per_window)


def test_round_prices_hold_more(observed):
    exchange, _, _ = observed
    round_, other = [], []
    for symbol in (BTC, "ETHUSDT"):
        for price, qty in exchange.market.depth(symbol, 400)[1] + exchange.market.depth(symbol, 400)[2]:
            (round_ if price == price.to_integral_value() else other).append(float(qty))
    assert mean(round_) > 2 * mean(other)


def test_the_illiquid_market_has_minutes_without_a_trade(observed):
    exchange, events, _ = observed
    assert sum(isinstance(e, PublicTrade) and e.symbol == "42USDT" for e in events) < 12
    assert [c for c in exchange.market.candles("42USDT", "1m", 120) if c.volume == 0]


def test_closed_markets_refuse(observed):
    exchange, events, _ = observed
    exchange.accounts.deposit("demo", DEMO_FUNDS)
    order = {"side": Side.BUY, "type": "LIMIT", "qty": D(10), "price": D("0.7")}
    with pytest.raises(SimError) as paused:
        exchange.orders.place("demo", symbol="PAUSEUSDT", **order)
    with pytest.raises(SimError) as web:
        exchange.orders.place("demo", symbol="WEBUSDT", **order)
    assert (paused.value.code, web.value.code) == (30000, 10007)
    assert exchange.symbols.instrument("PAUSEUSDT").status is InstrumentStatus.PAUSED
    assert not any(isinstance(e, BookLevel) and e.symbol == "PAUSEUSDT" for e in events)


def test_a_long_jump_is_bounded_and_a_nudge_moves_the_price():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[:1])
    seen: Counter = Counter()
    exchange.listen(lambda event: seen.update([type(event).__name__]))
    exchange.advance(START_MS + 30 * 86_400_000)
    assert exchange.now_ms == START_MS + 30 * 86_400_000
    assert seen["BookLevel"] < 40_000
    before = exchange.market.ticker(BTC).last
    exchange.symbols.nudge(BTC, D("0.02"))
    exchange.advance(exchange.now_ms + 5_000)
    assert D("0.015") < exchange.market.ticker(BTC).last / before - 1 < D("0.025")
    exchange.symbols.nudge(BTC, D("-0.05"))
    exchange.advance(exchange.now_ms + 5_000)
    assert D("-0.04") < exchange.market.ticker(BTC).last / before - 1 < D("-0.02")
    with pytest.raises(ValueError, match="moves by"):
        exchange.symbols.nudge(BTC, D(-1))


def test_own_orders_fill_against_the_flow_and_money_stays():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[:2])
    exchange.accounts.deposit("demo", DEMO_FUNDS)
    bought = exchange.orders.place("demo", symbol=BTC, side=Side.BUY, type="MARKET", quote_qty=D(5_000))
    assert bought.status == "FILLED"
    (base,) = [b for b in exchange.accounts.balances("demo") if b.asset == "BTC"]
    step = D("0.000001")
    ask = exchange.market.depth(BTC, 1)[2][0][0]
    qty = (base.free / 2).quantize(step, rounding="ROUND_DOWN")
    sell = exchange.orders.place("demo", symbol=BTC, side=Side.SELL, type="LIMIT", qty=qty, price=ask)
    low = exchange.orders.place("demo", symbol=BTC, side=Side.BUY, type="LIMIT", qty=D("0.01"), price=D(60_000))
    for step_ in range(600):
        exchange.advance(START_MS + 100 * step_)
        if exchange.orders.find_order("demo", BTC, order_id=sell.order_id).filled_qty:
            break
    assert exchange.orders.find_order("demo", BTC, order_id=sell.order_id).filled_qty > 0
    assert exchange.orders.find_order("demo", BTC, order_id=low.order_id).status == "NEW"
    assert exchange.accounts.unaccounted() == {}


def test_sweeping_a_whole_side_heals():
    exchange = demo_exchange(start_ms=START_MS, markets=default_markets()[5:6])
    exchange.accounts.deposit("whale", {"USDT": D(10**9)})
    exchange.orders.place("whale", symbol="42USDT", side=Side.BUY, type="MARKET", quote_qty=D(90_000))
    exchange.advance(START_MS + 600_000)
    _, bids, asks = exchange.market.depth("42USDT", 500)
    assert len(bids) > 10
    assert len(asks) > 10
    assert asks[0][0] / bids[0][0] < D("1.05")


def test_a_restart_brings_orders_back_into_a_market_near_its_price():
    exchange = demo_exchange(start_ms=START_MS, seed=2, markets=default_markets()[:3])
    exchange.accounts.deposit("demo", DEMO_FUNDS)
    exchange.symbols.nudge("MXUSDT", D("0.2"))
    exchange.advance(START_MS + 20_000)
    bid = exchange.market.depth("MXUSDT", 5)[1][0][0]
    order = exchange.orders.place("demo", symbol="MXUSDT", side=Side.BUY, type="LIMIT", qty=D(100), price=bid)
    last = exchange.market.ticker("MXUSDT").last
    again = demo_exchange(start_ms=START_MS + 60_000, seed=2, markets=default_markets()[:3])
    ExchangeState(again).restore(ExchangeState(exchange).dump())
    assert again.orders.open_orders("demo") == exchange.orders.open_orders("demo")
    assert again.accounts.balances("demo") == exchange.accounts.balances("demo")
    _, bids, asks = again.market.depth("MXUSDT", 5)
    assert abs(bids[0][0] / last - 1) < D("0.01")
    assert bids[0][0] < asks[0][0]
    assert order.order_id in {o.order_id for o in again.orders.open_orders("demo", "MXUSDT")}
    again.advance(START_MS + 90_000)
    assert again.accounts.unaccounted() == {}


def test_an_announced_listing_survives_a_restart(exchange, instrument):
    opens = exchange.now_ms + 60_000
    exchange.symbols.list_symbol(replace(instrument, symbol="NEWUSDT", base="NEW"), opens, D("5"))
    again = demo_exchange(start_ms=START_MS + 1_000, markets=())
    ExchangeState(again).restore(ExchangeState(exchange).dump())
    assert not again.symbols.instrument("NEWUSDT").tradable
    again.advance(opens + 60_000)
    assert again.symbols.instrument("NEWUSDT").tradable
    assert D("4.5") < again.market.ticker("NEWUSDT").last < D("5.5")
    assert again.market.candles("NEWUSDT", "1m", 10)[0].open_ms >= opens // 60_000 * 60_000


@pytest.mark.parametrize("change", [{"format": 99}, {"orders": 5}, {"fees": {"USDT": "5"}}])
def test_a_damaged_state_is_refused(exchange, change):
    saved = {**ExchangeState(exchange).dump(), **change}
    with pytest.raises(ValueError, match="saved state"):
        ExchangeState(demo_exchange(start_ms=START_MS, markets=())).restore(saved)
