"""What the desk and the screen read of the markets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mexc_tui.domain.inputs import (
    CandleHistory,
    CandleSeen,
    InstrumentsLoaded,
    InterestChanged,
    LinkState,
    TickersSeen,
    TradesSeen,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Candle, Interval, Ticker
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    BookState,
    book_topic,
    candles_topic,
    tape_topic,
    watchlist_topic,
)
from mexc_tui.kernel.effects import FetchCandles, FetchTrades, SetInterest
from mexc_tui.kernel.publisher import Publisher

START = 1_700_000_000_000
MINUTE = 60_000


def candle(at_ms: int, close: str, volume: str = "1") -> Candle:
    price = Decimal(close)
    return Candle(
        open_ms=at_ms, open=price, high=price, low=price, close=price, volume=Decimal(volume), quote_volume=price
    )


def load(rig: Any, *symbols: str, allowed: frozenset[str] | None = None) -> Any:
    pairs = tuple(rig.pair(symbol, symbol.removesuffix("USDT")) for symbol in symbols)
    return rig.do(InstrumentsLoaded(pairs, allowed))


def of(effects: Any, kind: type) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def test_focus_follows_the_symbol_its_watchlist_and_what_the_desk_requires(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT", "CUSDT", "HELDUSDT")
    effects = rig.focus("ABCUSDT", Interval.M5, "BUSDT", "CUSDT", "GONEUSDT")
    assert of(effects, SetInterest)[0].symbols == ("ABCUSDT", "BUSDT", "CUSDT")
    assert of(effects, SetInterest)[0].candles == (("ABCUSDT", Interval.M5),)
    assert of(effects, FetchTrades) == [FetchTrades("ABCUSDT", 200)]
    assert of(effects, FetchCandles)[0] == FetchCandles("ABCUSDT", Interval.M5, 500)
    assert {(effect.symbol, effect.limit) for effect in of(effects, FetchCandles)[1:]} == {("BUSDT", 60), ("CUSDT", 60)}
    assert rig.markets.require(["HELDUSDT", "BUSDT"])[0].symbols == ("ABCUSDT", "BUSDT", "CUSDT", "HELDUSDT")
    assert rig.markets.require(["HELDUSDT", "BUSDT"]) == []


def test_a_long_watchlist_follows_twelve_books(rig: Any) -> None:
    names = [f"W{n}USDT" for n in range(30)]
    effects = rig.focus("ABCUSDT", Interval.M1, *names)
    assert of(effects, SetInterest)[0].symbols == ("ABCUSDT", *names[:12])
    assert len(rig.markets.watchlist(tuple(names)).rows) == 30


GARBAGE = (
    "",
    ":",
    "book",
    "book:",
    "book:NOPEUSDT",
    "tape:\x1b[31m",
    "gate:a:b:c",
    "candles",
    "candles:ABCUSDT",
    "candles:ABCUSDT:7s",
    "candles::1m",
    "candles:NOPEUSDT:1m",
    "watchlist:",
    "watchlist:,,",
    "watchlist:NOPEUSDT,",
    "no such thing",
)


def test_what_is_not_listed_or_makes_no_sense_is_left_out_quietly(rig: Any) -> None:
    load(rig, "ABCUSDT")
    effects = rig.look(book_topic("ABCUSDT"), *GARBAGE)
    assert of(effects, SetInterest) == [SetInterest(("ABCUSDT",), ())]
    assert len(effects) == 2, "besides that, only trades of the pair that exists are asked for"
    made = Publisher(rig.markets).views([book_topic("ABCUSDT"), *GARBAGE])
    assert {topic for topic in made if not topic.startswith("watchlist:")} == {"book:ABCUSDT"}


def test_two_symbols_and_three_charts_at_once_each_live_their_own_life(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT")
    charts = (("ABCUSDT", Interval.M1), ("ABCUSDT", Interval.H1), ("BUSDT", Interval.M5))
    topics = [candles_topic(*chart) for chart in charts]
    effects = rig.look(book_topic("ABCUSDT"), tape_topic("BUSDT"), *topics)
    assert of(effects, SetInterest)[0].candles == tuple(sorted(charts))
    assert {(one.symbol, one.interval) for one in of(effects, FetchCandles)} == set(charts)
    began = START // MINUTE * MINUTE
    for symbol, interval in charts:
        rig.do(CandleHistory(symbol, interval, (candle(began // 3_600_000 * 3_600_000, "5"),)))
    rig.do(TradesSeen("ABCUSDT", (rig.trade("9", 1, "x"),), 1))
    closes = [rig.markets.candles(*chart).view().candles[-1].close for chart in charts]
    assert closes == [9, 9, 5]
    effects = rig.link(LinkState.RECONNECTING, "ABCUSDT") + rig.link(LinkState.CONNECTED)
    assert {(one.symbol, one.interval) for one in of(effects, FetchCandles)} == set(charts[:2])
    assert [one.symbol for one in of(effects, FetchTrades)] == ["ABCUSDT"]


def test_what_one_client_stops_looking_at_is_kept_for_the_other(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT")
    mine = (book_topic("ABCUSDT"), candles_topic("ABCUSDT", Interval.M1))
    rig.look(*mine, book_topic("BUSDT"), candles_topic("ABCUSDT", Interval.H1))
    series, book = rig.markets.candles("ABCUSDT", Interval.M1), rig.view("ABCUSDT")
    effects = rig.look(*mine)
    assert effects == [SetInterest(("ABCUSDT",), (("ABCUSDT", Interval.M1),))]
    assert rig.markets.candles("ABCUSDT", Interval.M1) is series
    assert rig.view("ABCUSDT") is book
    assert rig.markets.candles("ABCUSDT", Interval.H1) is None
    assert rig.markets.book_view("BUSDT") is None
    rig.look()
    assert rig.markets.followed == ()


def test_a_chart_opened_while_the_link_is_down_is_read_again_when_it_is_back(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT")
    rig.focus()
    rig.link(LinkState.CONNECTED)
    rig.link(LinkState.RECONNECTING)
    effects = rig.look(candles_topic("BUSDT", Interval.M5))
    assert of(effects, FetchCandles) == [FetchCandles("BUSDT", Interval.M5, 500)]
    assert rig.do(CandleHistory("BUSDT", Interval.M5, ())) == []
    assert of(rig.link(LinkState.CONNECTED), FetchCandles) == [FetchCandles("BUSDT", Interval.M5, 500)]


def test_a_client_that_wants_more_candles_gets_them(rig: Any) -> None:
    load(rig, "ABCUSDT")
    topics = frozenset({candles_topic("ABCUSDT", Interval.M1)})
    rig.do(InterestChanged(Interest(topics=topics, candle_limit=100)))
    assert rig.do(InterestChanged(Interest(topics=topics, candle_limit=90))) == []
    assert rig.do(InterestChanged(Interest(topics=topics, candle_limit=10**9))) == [], "one is on its way"
    assert rig.do(CandleHistory("ABCUSDT", Interval.M1, ())) == [FetchCandles("ABCUSDT", Interval.M1, 1_000)]


def test_pairs_loaded_after_the_focus_drop_what_is_not_listed_and_fill_the_sparks(rig: Any) -> None:
    rig.focus("ABCUSDT", Interval.M5, "BUSDT", "GONEUSDT")
    effects = load(rig, "ABCUSDT", "BUSDT")
    assert of(effects, SetInterest)[0].symbols == ("ABCUSDT", "BUSDT")
    assert of(effects, FetchCandles) == [FetchCandles("BUSDT", Interval.M1, 60)]
    assert rig.markets.book_view("GONEUSDT") is None


def test_candles_of_an_earlier_choice_are_dropped(rig: Any) -> None:
    rig.focus("ABCUSDT", Interval.M5)
    rig.focus("ABCUSDT", Interval.H1)
    rig.do(CandleHistory("ABCUSDT", Interval.M5, (candle(0, "1"),)))
    rig.do(CandleSeen("XUSDT", Interval.H1, candle(0, "1"), 0))
    assert rig.markets.candles("ABCUSDT", Interval.H1).view().candles == ()
    assert rig.markets.candles("ABCUSDT", Interval.H1).view().loading
    rig.do(CandleHistory("ABCUSDT", Interval.H1, (candle(0, "1"),)))
    assert len(rig.markets.candles("ABCUSDT", Interval.H1).view().candles) == 1


def test_a_quiet_chart_goes_on_by_exchange_time_whatever_the_local_clock_says(rig: Any) -> None:
    rig.focus()
    long_ago = 1_600_000_020_000
    rig.do(CandleHistory("ABCUSDT", Interval.M1, (candle(long_ago, "5"),)))
    rig.wait(1_000)
    assert len(rig.markets.candles("ABCUSDT", Interval.M1).view().candles) == 1, "exchange time is not known yet"
    trade = rig.trade("6", long_ago - 1_700_000_000_000 + 1_000, "t1")
    rig.do(TradesSeen("ABCUSDT", (trade,), 1))
    rig.wait(180_000, link=True)
    row = rig.markets.candles("ABCUSDT", Interval.M1).view().candles
    assert [one.close for one in row] == [Decimal(6)] * 4
    assert [one.volume for one in row[1:]] == [Decimal(0)] * 3
    assert [one.closed for one in row] == [True, True, True, False]


def test_after_a_disconnect_the_history_is_read_again(rig: Any) -> None:
    rig.live()
    rig.do(CandleHistory("ABCUSDT", Interval.M1, ()))
    rig.link(LinkState.RECONNECTING, "ABCUSDT")
    effects = rig.link(LinkState.CONNECTED)
    assert len(of(effects, FetchCandles)) == 1
    assert len(of(effects, FetchTrades)) == 1


def test_the_chart_invents_nothing_for_an_outage_longer_than_its_history(rig: Any) -> None:
    rig.live()
    began = START // MINUTE * MINUTE
    rig.do(CandleHistory("ABCUSDT", Interval.M1, (candle(began, "5"),)))
    rig.link(LinkState.RECONNECTING, "ABCUSDT")
    rig.link(LinkState.CONNECTED)
    later = began + 500 * MINUTE
    rig.do(CandleSeen("ABCUSDT", Interval.M1, candle(later, "9"), 0))
    assert [one.open_ms for one in rig.markets.candles("ABCUSDT", Interval.M1).view().candles] == [began], (
        "nothing is known of the time between"
    )
    rig.do(CandleHistory("ABCUSDT", Interval.M1, tuple(candle(later - n * MINUTE, "8") for n in (2, 1))))
    assert [one.open_ms for one in rig.markets.candles("ABCUSDT", Interval.M1).view().candles] == [
        later - 2 * MINUTE,
        later - MINUTE,
        later,
    ]


def test_pairs_that_keys_may_not_trade_are_shown_but_not_tradable(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT", allowed=None)
    assert rig.markets.instrument("BUSDT").tradable
    load(rig, "ABCUSDT", "BUSDT", allowed=frozenset({"ABCUSDT"}))
    assert rig.markets.instrument("ABCUSDT").tradable
    assert not rig.markets.instrument("BUSDT").tradable


def test_prices_in_usdt_come_from_the_book_then_best_prices_then_ticker_then_last(rig: Any) -> None:
    load(rig, "ABCUSDT")
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) is None
    assert rig.markets.price_in("UNKNOWN", "USDT", Side.SELL) is None
    rig.do(TickersSeen((Ticker(symbol="ABCUSDT", last=Decimal(90)),), 0))
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) == 90
    rig.do(TickersSeen((Ticker(symbol="ABCUSDT", last=Decimal(90), bid=Decimal(89), ask=Decimal(0)),), 0))
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) == 89
    assert rig.markets.price_in("ABC", "USDT", Side.BUY) == 90, "an ask of zero is no ask"
    rig.focus()
    rig.top("95", "96")
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) == 95
    rig.live()
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) == 99
    assert rig.markets.price_in("ABC", "USDT", Side.BUY) == 101
    rig.link(LinkState.RECONNECTING)
    assert rig.markets.price_in("ABC", "USDT", Side.SELL) == 89


def test_the_last_price_is_the_trades_unless_they_have_stopped_coming(rig: Any) -> None:
    rig.focus()
    rig.do(TradesSeen("ABCUSDT", (rig.trade("50", 1, "a"),), 1_000_000_000))
    rig.do(TickersSeen((Ticker(symbol="ABCUSDT", last=Decimal(49)),), 2_000_000_000))
    assert rig.markets.last_price("ABCUSDT") == 50
    rig.do(TickersSeen((Ticker(symbol="ABCUSDT", last=Decimal(48)),), 20_000_000_000))
    assert rig.markets.last_price("ABCUSDT") == 48


def test_the_tape_joins_history_and_stream_without_repeats(rig: Any) -> None:
    rig.focus()
    rig.do(TradesSeen("ABCUSDT", (rig.trade("3", 30, "c"), rig.trade("4", 40, "d")), 1))
    history = (rig.trade("1", 10), rig.trade("2", 20), rig.trade("3", 30), rig.trade("4", 40), rig.trade("5", 50))
    rig.do(TradesSeen("ABCUSDT", history, 2, history=True))
    rig.do(TradesSeen("ABCUSDT", (rig.trade("5", 50, "e"), rig.trade("6", 60, "f")), 3))
    rig.do(TradesSeen("ABCUSDT", (rig.trade("6", 60, "f"),), 4))
    rig.do(TradesSeen("ABCUSDT", history, 5, history=True))
    view = rig.markets.tape("ABCUSDT").view()
    assert [str(trade.price) for trade in view.trades] == ["1", "2", "3", "4", "5", "6"]
    assert view.count == 6


def test_equal_trades_within_a_millisecond_are_all_kept(rig: Any) -> None:
    rig.focus()
    rig.do(TradesSeen("ABCUSDT", (rig.trade("3", 30), rig.trade("3", 30), rig.trade("3", 30)), 1, history=True))
    rig.do(TradesSeen("ABCUSDT", tuple(rig.trade("3", 30, name) for name in "abcd"), 2))
    assert rig.markets.tape("ABCUSDT").view().count == 4


def test_the_tape_is_bounded_and_goes_on_counting(rig: Any) -> None:
    rig.focus()
    for n in range(3_000):
        rig.do(TradesSeen("ABCUSDT", (rig.trade("3", n, str(n)),), n))
    view = rig.markets.tape("ABCUSDT").view(200)
    assert (len(view.trades), view.count) == (200, 3_000)
    assert view.trades[-1].trade_id == "2999"


def test_watch_rows_show_what_is_known_and_nothing_else(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT", allowed=frozenset({"ABCUSDT"}))
    rig.focus("ABCUSDT", Interval.M1, "ABCUSDT", "BUSDT")
    rig.top("95", "96")
    ticker = Ticker(symbol="ABCUSDT", last=Decimal(90), change=Decimal("-0.01"), quote_volume=Decimal(7))
    rig.do(TickersSeen((ticker,), 1))
    first, second = rig.markets.watchlist(("ABCUSDT", "BUSDT")).rows
    assert (first.last, first.bid, first.ask, first.change) == (90, 95, 96, Decimal("-0.01"))
    assert (second.last, second.bid, second.change, second.spark, second.tradable) == (None, None, None, (), False)


def test_sparks_come_from_minute_candles_and_go_on_with_sampled_prices(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT")
    rig.focus("ABCUSDT", Interval.M5, "BUSDT")
    start = 1_700_000_000_000 // 60_000 * 60_000
    history = tuple(candle(start - n * 60_000, str(100 - n)) for n in range(70, 0, -1))
    rig.do(CandleHistory("BUSDT", Interval.M1, history))
    assert len(rig.markets.watchlist(("BUSDT",)).rows[0].spark) == 60
    rig.do(TradesSeen("BUSDT", (rig.trade("200", 1_000, "a"), rig.trade("201", 2_000, "b")), 1))
    spark = rig.markets.watchlist(("BUSDT",)).rows[0].spark
    assert spark[-2:] == (Decimal(99), Decimal(201))
    assert len(spark) == 60


def test_views_are_made_for_what_changed_and_is_looked_at(rig: Any) -> None:
    load(rig, "ABCUSDT", "BUSDT")
    rig.focus("ABCUSDT", Interval.M1, "ABCUSDT", "BUSDT")
    rig.live()
    publisher = Publisher(rig.markets)
    book, tape, candles = book_topic("ABCUSDT"), tape_topic("ABCUSDT"), candles_topic("ABCUSDT", Interval.M1)
    topics = {book, tape, candles, watchlist_topic(("ABCUSDT", "BUSDT")), TOPIC_INSTRUMENTS}
    before = publisher.views(topics)
    assert set(before) == topics
    again = publisher.views(topics)
    assert all(again[topic] is before[topic] for topic in before)
    rig.delta(101, 101, [("98", "1")])
    after = publisher.views([book, tape, "book:NOPE", "nonsense"])
    assert set(after) == {book, tape}
    assert after[book] is not before[book]
    assert after[tape] is before[tape]


def test_a_followed_book_without_data_says_so(rig: Any) -> None:
    load(rig, "ABCUSDT")
    rig.focus()
    view = rig.view()
    assert (view.state, view.bids, view.asks, view.price_decimals) == (BookState.SYNCING, (), (), 2)
    assert view.reason
    assert rig.markets.book_age_ms("ABCUSDT", rig.at) is None
