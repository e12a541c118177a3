"""What every venue must do alike."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    CandleSeen,
    FillReported,
    LinkChanged,
    LinkState,
    OrderReported,
    TickersSeen,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.instrument import InstrumentStatus
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderRequest, OrderState, OrderType, Side

D = Decimal
S = "ABCUSDT"


def states(bench, order_id: str) -> list[OrderState]:
    return [push.report.state for push in bench.got(OrderReported) if push.report.order_id == order_id]


async def test_instruments_carry_the_rules(bench):
    found = {instrument.symbol: instrument for instrument in await bench.venue.instruments()}
    abc = found[S]
    assert (abc.base, abc.quote, abc.price_decimals, abc.qty_decimals) == ("ABC", "USDT", 2, 3)
    assert (abc.min_qty, abc.min_notional, abc.taker_fee) == (D("0.01"), D(1), D("0.0005"))
    assert (abc.max_notional, abc.max_notional_market) == (D(1_000_000), D(1_000_000))
    assert abc.tradable
    assert found["OFFUSDT"].status is InstrumentStatus.PAUSED
    assert not found["OFFUSDT"].tradable
    assert "币币USDT" in found
    symbols = await bench.venue.api_symbols()
    assert symbols is None or S in symbols


async def test_the_account_has_a_name_before_and_after_opening(closed_bench):
    name = await closed_bench.venue.account_id()
    assert name
    await closed_bench.venue.open(lambda _: None)
    assert await closed_bench.venue.account_id() == name


async def test_links_are_reported_up(bench):
    await bench.until(
        lambda: {link.private for link in bench.got(LinkChanged) if link.state is LinkState.CONNECTED} == {True, False}
    )


async def test_snapshot_and_pushes_give_exactly_the_exchanges_book(bench):
    pair = bench.pair()
    pair.add(Side.BUY, 9_990, 1_500)
    pair.add(Side.SELL, 10_010, 2_000)
    await bench.book_flows()
    snapshot = await bench.venue.snapshot(S, 1_000)
    sides = {
        Side.BUY: {D(p): D(q) for p, q in snapshot.bids},
        Side.SELL: {D(p): D(q) for p, q in snapshot.asks},
    }
    for step in range(40):
        pair.set_foreign(Side.BUY, 9_900 + step * 2, (step % 5) * 100)
        pair.set_foreign(Side.SELL, 10_100 - step, (step % 4) * 70)
        if step % 9 == 0:
            pair.foreign_take(Side.BUY, 10_200, 130)
    version, bids, asks = bench.exchange.market.depth(S, 10_000)
    await bench.until(lambda: bench.got(BookDelta) and bench.got(BookDelta)[-1].last >= version)
    deltas = bench.got(BookDelta)
    at = snapshot.version
    previous = None
    for delta in deltas:
        assert delta.first <= delta.last
        assert previous is None or delta.first == previous + 1
        previous = delta.last
        if delta.last <= at:
            continue
        assert delta.first <= at + 1
        at = delta.last
        for side, levels in ((Side.BUY, delta.bids), (Side.SELL, delta.asks)):
            sides[side].update({D(p): D(q) for p, q in levels})
    assert at == version
    assert sorted(((p, q) for p, q in sides[Side.BUY].items() if q), reverse=True) == bids
    assert sorted((p, q) for p, q in sides[Side.SELL].items() if q) == asks


async def test_snapshot_is_cut_at_the_limit_best_first(bench):
    for step in range(30):
        bench.pair().add(Side.BUY, 9_000 - step, 10)
        bench.pair().add(Side.SELL, 9_100 + step, 10)
    snapshot = await bench.venue.snapshot(S, 5)
    assert [D(price) for price, _ in snapshot.bids] == [D(90) - D(step) / 100 for step in range(5)]
    assert [D(price) for price, _ in snapshot.asks] == [D(91) + D(step) / 100 for step in range(5)]


async def test_a_resting_order_is_reported_and_locks_money(bench):
    order_id = await bench.place("mtui-c-1", Side.BUY, "90.5", "2")
    await bench.until(lambda: states(bench, order_id))
    report = bench.got(OrderReported)[-1].report
    assert (report.client_order_id, report.state, report.side) == ("mtui-c-1", OrderState.WORKING, Side.BUY)
    assert (report.price, report.qty, report.filled_qty) == (D("90.5"), D(2), D(0))
    assert report.type is OrderType.LIMIT
    await bench.until(lambda: any(push.balance.locked == 181 for push in bench.got(BalanceReported)))
    held = {balance.asset: balance for balance in await bench.venue.balances()}
    assert (held["USDT"].free, held["USDT"].locked) == (D(9_819), D(181))
    (standing,) = await bench.venue.open_orders([S])
    assert standing.order_id == order_id
    assert await bench.venue.open_orders(()) == (standing,)


async def test_fills_by_push_and_by_query_agree(bench):
    since = bench.exchange.now_ms
    order_id = await bench.place("mtui-c-1", Side.SELL, "100", "3")
    bench.pair().foreign_take(Side.BUY, 10_000, 1_000)
    bench.pair().foreign_take(Side.BUY, 10_000, 2_000)
    await bench.until(lambda: OrderState.FILLED in states(bench, order_id) and len(bench.got(FillReported)) == 2)
    fills = [push.fill for push in bench.got(FillReported)]
    assert sorted(fill.qty for fill in fills) == [D(1), D(2)]
    assert {(f.client_order_id, f.order_id, f.side, f.price, f.is_maker) for f in fills} == {
        ("mtui-c-1", order_id, Side.SELL, D(100), True)
    }
    queried = await bench.venue.fills(S, since)
    assert {(f.key, f.qty, f.price, f.fee, f.fee_asset, f.is_maker) for f in queried} == {
        (f.key, f.qty, f.price, f.fee, f.fee_asset, f.is_maker) for f in fills
    }
    report = await bench.venue.order(S, order_id=order_id)
    assert (report.state, report.filled_qty, report.filled_quote) == (OrderState.FILLED, D(3), D(300))


async def test_taker_pays_the_fee_in_what_it_gets(bench):
    bench.pair().add(Side.SELL, 10_000, 5_000)
    await bench.place("mtui-c-1", Side.BUY, "101", "2")
    await bench.until(lambda: bench.got(FillReported))
    fill = bench.got(FillReported)[0].fill
    assert (fill.price, fill.qty, fill.fee, fill.fee_asset, fill.is_maker) == (D(100), D(2), D("0.001"), "ABC", False)
    held = {balance.asset: balance.total for balance in await bench.venue.balances()}
    assert (held["USDT"], held["ABC"]) == (D(9_800), D("51.999"))


async def test_market_buy_by_amount(bench):
    bench.pair().add(Side.SELL, 10_000, 5_000)
    order_id = await bench.venue.place(
        OrderRequest(client_order_id="mtui-c-1", symbol=S, side=Side.BUY, type=OrderType.MARKET, quote_qty=D("250.5"))
    )
    await bench.until(lambda: OrderState.FILLED in states(bench, order_id))
    report = await bench.venue.order(S, order_id=order_id)
    assert (report.filled_qty, report.filled_quote) == (D("2.505"), D("250.5"))


@pytest.mark.parametrize(
    ("kind", "end", "filled"),
    [
        (OrderType.IOC, OrderState.PARTIALLY_CANCELLED, "1"),
        (OrderType.FOK, OrderState.CANCELLED, "0"),
        (OrderType.POST_ONLY, OrderState.CANCELLED, "0"),
    ],
)
async def test_orders_that_end_at_once(bench, kind, end, filled):
    bench.pair().add(Side.SELL, 10_000, 1_000)
    order_id = await bench.place("mtui-c-1", Side.BUY, "100", "3", kind)
    await bench.until(lambda: end in states(bench, order_id))
    report = await bench.venue.order(S, order_id=order_id)
    assert (report.state, report.filled_qty, report.type) == (end, D(filled), kind)
    assert await bench.venue.open_orders([S]) == ()


async def test_cancelling_by_either_id_and_all(bench):
    first = await bench.place("mtui-c-1", Side.BUY, "90", "1")
    await bench.place("mtui-c-2", Side.BUY, "91", "1")
    third = await bench.place("mtui-c-3", Side.BUY, "92", "1")
    await bench.venue.cancel(S, order_id=first)
    await bench.venue.cancel(S, client_order_id="mtui-c-2")
    await bench.until(lambda: OrderState.CANCELLED in states(bench, first))
    assert [order.order_id for order in await bench.venue.open_orders([S])] == [third]
    assert await bench.venue.cancel_all([S, "币币USDT"]) == (third,)
    assert await bench.venue.open_orders([S]) == ()
    assert await bench.venue.cancel_all([S]) == ()
    with pytest.raises(VenueError) as gone:
        await bench.venue.cancel(S, order_id=third)
    assert gone.value.kind is ErrorKind.ORDER_NOT_FOUND
    assert gone.value.definite


async def test_a_long_list_of_fills_comes_whole_and_in_order(bench):
    since = bench.exchange.now_ms
    for number in range(250):
        bench.pair().set_foreign(Side.SELL, 10_000, 20)
        await bench.place(f"mtui-c-{number}", Side.BUY, "100", "0.02", OrderType.IOC)
        if number % 40 == 0:
            bench.exchange.advance(bench.exchange.now_ms + 1)
    fills = await bench.venue.fills(S, since)
    assert len(fills) == len({fill.key for fill in fills}) == 250
    assert {fill.client_order_id for fill in fills} == {f"mtui-c-{number}" for number in range(250)}
    assert [fill.time_ms for fill in fills] == sorted(fill.time_ms for fill in fills)
    assert await bench.venue.fills(S, bench.exchange.now_ms + 1) == ()


async def test_many_open_orders_are_listed_and_cancelled_for_one_pair_only(bench):
    names = {f"mtui-c-{number}" for number in range(120)}
    for number, name in enumerate(sorted(names)):
        await bench.place(name, Side.BUY, f"{10 + number % 40}", "0.5")
    other = OrderRequest(
        client_order_id="mtui-other", symbol="币币USDT", side=Side.BUY, type=OrderType.LIMIT, qty=D(1), price=D(5)
    )
    await bench.venue.place(other)
    assert {order.client_order_id for order in await bench.venue.open_orders([S])} == names
    assert len(await bench.venue.open_orders(())) == 121
    await bench.venue.cancel_all([S])
    assert await bench.venue.open_orders([S]) == ()
    (left,) = await bench.venue.open_orders(())
    assert left.client_order_id == "mtui-other"
    held = {balance.asset: balance for balance in await bench.venue.balances()}
    assert (held["USDT"].free, held["USDT"].locked) == (D(9_995), D(5))


async def test_an_order_can_be_looked_up_in_every_state_by_either_id(bench):
    async def seen(name: str, order_id: str) -> OrderState:
        by_name = await bench.venue.order(S, client_order_id=name)
        assert by_name == await bench.venue.order(S, order_id=order_id)
        assert (by_name.client_order_id, by_name.order_id) == (name, order_id)
        return by_name.state

    whole = await bench.place("mtui-whole", Side.SELL, "100", "2")
    assert await seen("mtui-whole", whole) is OrderState.WORKING
    bench.pair().foreign_take(Side.BUY, 10_000, 500)
    assert await seen("mtui-whole", whole) is OrderState.PARTIAL
    bench.pair().foreign_take(Side.BUY, 10_000, 1_500)
    assert await seen("mtui-whole", whole) is OrderState.FILLED
    part = await bench.place("mtui-part", Side.SELL, "101", "2")
    bench.pair().foreign_take(Side.BUY, 10_100, 500)
    await bench.venue.cancel(S, order_id=part)
    assert await seen("mtui-part", part) is OrderState.PARTIALLY_CANCELLED
    none = await bench.place("mtui-none", Side.SELL, "102", "2")
    await bench.venue.cancel(S, client_order_id="mtui-none")
    assert await seen("mtui-none", none) is OrderState.CANCELLED
    with pytest.raises(VenueError) as gone:
        await bench.venue.cancel(S, order_id=whole)
    assert gone.value.kind is ErrorKind.ORDER_NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "price", "usdt", "abc"),
    [
        (OrderType.IOC, "100", "9900", "50.9995"),
        (OrderType.FOK, "100", "10000", "50"),
        (OrderType.POST_ONLY, "100", "10000", "50"),
        (OrderType.FOK, "101", "9698", "52.9985"),
    ],
)
async def test_what_ends_at_once_leaves_nothing_locked(bench, kind, price, usdt, abc):
    bench.pair().add(Side.SELL, 10_000, 1_000)
    bench.pair().add(Side.SELL, 10_100, 2_000)
    await bench.place("mtui-c-1", Side.BUY, price, "3", kind)
    held = {balance.asset: balance for balance in await bench.venue.balances()}
    assert (held["USDT"].free, held["USDT"].locked) == (D(usdt), D(0))
    assert (held["ABC"].free, held["ABC"].locked) == (D(abc), D(0))


async def test_there_is_no_such_order(bench):
    assert await bench.venue.order(S, client_order_id="mtui-never-1") is None
    assert await bench.venue.order(S, order_id="C02__1") is None


@pytest.mark.parametrize(
    ("price", "qty", "side", "kind"),
    [
        ("50", "0.01", Side.BUY, ErrorKind.BAD_PARAMETER),
        ("50.001", "1", Side.BUY, ErrorKind.BAD_PARAMETER),
        ("50", "1.0001", Side.BUY, ErrorKind.BAD_PARAMETER),
        ("90", "0.009", Side.BUY, ErrorKind.BAD_PARAMETER),
        ("50001", "20", Side.BUY, ErrorKind.BAD_PARAMETER),
        ("100", "101", Side.BUY, ErrorKind.INSUFFICIENT_BALANCE),
        ("100", "50.001", Side.SELL, ErrorKind.INSUFFICIENT_BALANCE),
    ],
)
async def test_a_refusal_is_definite_and_leaves_nothing(bench, price, qty, side, kind):
    with pytest.raises(VenueError) as refused:
        await bench.place("mtui-c-1", side, price, qty)
    assert refused.value.kind is kind
    assert refused.value.definite
    assert refused.value.code
    assert await bench.venue.order(S, client_order_id="mtui-c-1") is None
    held = {balance.asset: balance for balance in await bench.venue.balances()}
    assert (held["USDT"].free, held["ABC"].free) == (D(10_000), D(50))


async def test_a_paused_pair_takes_no_orders(bench):
    with pytest.raises(VenueError) as refused:
        await bench.venue.place(
            OrderRequest(
                client_order_id="mtui-c-1",
                symbol="OFFUSDT",
                side=Side.BUY,
                type=OrderType.LIMIT,
                price=D(10),
                qty=D(1),
            )
        )
    assert refused.value.kind is ErrorKind.TRADING_DISABLED
    assert refused.value.definite


async def test_an_unknown_pair_is_a_definite_refusal(bench):
    with pytest.raises(VenueError) as refused:
        await bench.venue.snapshot("NOPEUSDT", 10)
    assert refused.value.kind is ErrorKind.BAD_PARAMETER
    assert refused.value.code == -1121


async def test_trades_best_prices_candles_and_figures(bench):
    pair = bench.pair()
    pair.add(Side.BUY, 9_990, 1_000)
    await bench.book_flows()
    await bench.venue.set_interest([S], [(S, Interval.M1)])
    before = len(bench.got(TradesSeen))
    pair.add(Side.SELL, 10_000, 5_000)

    def trades() -> list:
        return [trade for push in bench.got(TradesSeen)[before:] for trade in push.trades if not push.history]

    def poke() -> bool:
        pair.set_foreign(Side.SELL, 10_000, 5_000)
        pair.foreign_take(Side.BUY, 10_000, 300)
        return bool(trades() and bench.got(CandleSeen) and bench.got(TopOfBook))

    await bench.until(poke)
    assert {(trade.price, trade.qty, trade.taker) for trade in trades()} == {(D(100), D("0.3"), Side.BUY)}
    assert all(trade.trade_id for trade in trades())
    top = bench.got(TopOfBook)[-1]
    assert (top.bid, top.bid_qty, top.ask) == (D("99.9"), D(1), D(100))
    seen = bench.got(CandleSeen)[-1]
    assert (seen.symbol, seen.interval, seen.candle.close) == (S, Interval.M1, D(100))
    (last,) = (await bench.venue.candles(S, Interval.M1, 500))[-1:]
    assert last.open_ms % 60_000 == 0
    assert (last.open, last.high, last.low, last.close) == (D(100),) * 4
    recent = await bench.venue.recent_trades(S, 2)
    assert len(recent) == 2
    assert recent[0].time_ms <= recent[1].time_ms
    await bench.until(
        lambda: any(t.symbol == S and t.last == 100 for push in bench.got(TickersSeen) for t in push.tickers)
    )
    (ticker,) = [ticker for ticker in await bench.venue.tickers() if ticker.symbol == S]
    assert (ticker.last, ticker.bid) == (D(100), D("99.9"))


async def test_a_pair_with_a_name_of_other_letters(bench):
    symbol = "币币USDT"
    bench.pair(symbol).add(Side.SELL, 500, 10_000)
    await bench.book_flows(symbol)
    assert {delta.symbol for delta in bench.got(BookDelta)} == {symbol}
    order_id = await bench.venue.place(
        OrderRequest(
            client_order_id="mtui-c-1", symbol=symbol, side=Side.BUY, type=OrderType.LIMIT, price=D(5), qty=D(2)
        )
    )
    await bench.until(lambda: OrderState.FILLED in states(bench, order_id))
    assert (await bench.venue.fills(symbol, 0))[0].fee_asset == "币币"


async def test_a_market_sell_walks_the_book_and_a_market_order_into_nothing_is_refused(bench):
    request = OrderRequest(client_order_id="mtui-c-1", symbol=S, side=Side.SELL, type=OrderType.MARKET, qty=D(3))
    with pytest.raises(VenueError) as refused:
        await bench.venue.place(request)
    assert refused.value.definite
    bench.pair().add(Side.BUY, 10_000, 1_000)
    bench.pair().add(Side.BUY, 9_900, 5_000)
    order_id = await bench.venue.place(request)
    report = await bench.venue.order(S, order_id=order_id)
    assert (report.state, report.filled_qty, report.filled_quote) == (OrderState.FILLED, D(3), D(298))
    held = {balance.asset: balance for balance in await bench.venue.balances()}
    assert (held["USDT"].free, held["ABC"].free) == (D(10_298) - D(298) * D("0.0005"), D(47))


async def test_figures_of_every_pair_and_candles_before_a_time(bench):
    bench.pair().add(Side.BUY, 9_990, 1_000)
    bench.pair().add(Side.SELL, 10_010, 1_000)
    bench.pair().foreign_take(Side.BUY, 10_010, 100)
    found = {ticker.symbol: ticker for ticker in await bench.venue.tickers()}
    assert {S, "币币USDT", "OFFUSDT"} <= found.keys()
    assert (found[S].last, found["币币USDT"].last) == (D("100.1"), None)
    now = bench.exchange.now_ms
    assert await bench.venue.candles(S, Interval.M1, 5, end_ms=now - 3_600_000) == ()
    (candle,) = await bench.venue.candles(S, Interval.M1, 5)
    assert candle.close == D("100.1")


async def test_dropping_interest_stops_the_pushes(bench):
    await bench.book_flows()
    await bench.book_flows("币币USDT")
    count = len([delta for delta in bench.got(BookDelta) if delta.symbol == S])
    bench.pair().add(Side.BUY, 9_000, 10)
    bench.pair("币币USDT").add(Side.BUY, 9_000, 10)
    at = bench.exchange.market.depth("币币USDT", 1)[0]
    await bench.until(lambda: bench.got(BookDelta)[-1].last >= at)
    assert len([delta for delta in bench.got(BookDelta) if delta.symbol == S]) == count


async def test_closing_twice_and_before_opening(closed_bench):
    bench = closed_bench
    await bench.venue.close()
    await bench.venue.open(bench.pushed.append)
    await bench.venue.close()
    await bench.venue.close()
    count = len(bench.got(BookDelta))
    bench.pair().add(Side.BUY, 9_000, 10)
    assert len(bench.got(BookDelta)) == count
