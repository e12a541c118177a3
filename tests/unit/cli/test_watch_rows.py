from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.cli.rows import CandleTrack, Reporter, as_text, book_row
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    ChannelRefused,
    LinkChanged,
    LinkState,
    Timestamp,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookState, BookView
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets

AT = Timestamp(1_800_000_000_000, 1_000_000_000)
MINUTE = 60_000


def candle(window: int, close: str = "10", volume: str = "1") -> Candle:
    price = Decimal(close)
    return Candle(
        open_ms=window * MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(volume),
        quote_volume=Decimal(1),
        closed=False,
    )


def trade(number: str) -> Trade:
    return Trade(trade_id=number, price=Decimal("0.00000012"), qty=Decimal("5.0"), taker=Side.SELL, time_ms=7)


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def track(rows):
    return CandleTrack("BTCUSDT", Interval.M1, rows.append)


@pytest.fixture
def reporter(rows):
    channels = ("book", "trades", "candles", "ticker")
    return Reporter(("BTCUSDT",), channels, Interval.M1, 5, emit=rows.append, remark=lambda text: None)


def seen(rows) -> list[tuple[int, str, bool]]:
    return [(row["open_time"] // MINUTE, row["volume"], row["closed"]) for row in rows if row["type"] == "candle"]


def test_a_candle_closes_with_its_last_picture_when_the_next_window_appears(track, rows):
    for picture in (candle(1), candle(1), candle(1, volume="2"), candle(2), candle(2, volume="3"), candle(4)):
        track.see(picture)
    assert seen(rows) == [
        (1, "1", False),
        (1, "2", False),
        (1, "2", True),
        (2, "1", False),
        (2, "3", False),
        (2, "3", True),
        (4, "1", False),
    ]


def test_a_late_picture_of_a_closed_window_is_no_news(track, rows):
    for picture in (candle(1), candle(2), candle(1, volume="9")):
        track.see(picture)
    assert seen(rows)[-1] == (2, "1", False)


def test_after_a_break_nothing_closes_before_the_exchange_has_been_asked(track, rows):
    track.see(candle(1))
    track.broke()
    track.see(candle(3))
    track.see(candle(3, volume="4"))
    assert seen(rows) == [(1, "1", False)]
    assert track.repair == (1 * MINUTE, 3 * MINUTE)
    assert track.repaired([candle(0), candle(1, volume="8"), candle(2, volume="5"), candle(3)])
    assert seen(rows)[1:] == [(1, "8", True), (2, "5", True), (3, "1", False), (3, "4", False)]
    assert track.repair is None


def test_candles_that_cannot_be_read_are_not_invented(track, rows):
    track.see(candle(1))
    track.broke()
    track.see(candle(3))
    assert not track.repaired([])
    assert seen(rows) == [(1, "1", False), (3, "1", False)]


def test_a_break_within_one_window_needs_no_repair(track, rows):
    track.see(candle(1))
    track.broke()
    track.see(candle(1, volume="2"))
    track.see(candle(2))
    assert seen(rows)[-2:] == [(1, "2", True), (2, "1", False)]


def test_trades_are_printed_once_with_plain_numbers(reporter, rows):
    for batch in (("1", "2"), ("2", "3")):
        reporter.listen(TradesSeen("BTCUSDT", tuple(map(trade, batch)), 1), AT)
    reporter.listen(TradesSeen("ETHUSDT", (trade("9"),), 1), AT)
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0] == {
        "type": "trade",
        "symbol": "BTCUSDT",
        "id": "1",
        "price": "0.00000012",
        "qty": "5",
        "side": "sell",
        "time": 7,
    }


def test_a_trade_without_id_has_none(reporter, rows):
    reporter.listen(TradesSeen("BTCUSDT", (trade(""),), 1), AT)
    assert rows[0]["id"] is None


def test_the_link_is_printed_when_it_changes_and_breaks_are_problems(reporter, rows):
    reporter.link(LinkState.CONNECTING)
    for _ in range(2):
        reporter.listen(LinkChanged(False, LinkState.CONNECTED), AT)
    reporter.listen(LinkChanged(True, LinkState.CLOSED, "no keys"), AT)
    reporter.listen(LinkChanged(False, LinkState.CONNECTED, "a frame", frozenset({"BTCUSDT", "ETHUSDT"})), AT)
    reporter.listen(LinkChanged(False, LinkState.RECONNECTING, "cut", frozenset({"BTCUSDT"})), AT)
    assert [(row["type"], row.get("state"), row.get("symbol")) for row in rows] == [
        ("link", "connecting", None),
        ("link", "connected", None),
        ("problem", None, "BTCUSDT"),
        ("link", "reconnecting", None),
    ]


def test_a_link_that_comes_back_is_printed_whatever_it_lost(reporter, rows):
    lost = frozenset({"BTCUSDT"})
    reporter.listen(LinkChanged(False, LinkState.CONNECTED), AT)
    reporter.listen(LinkChanged(False, LinkState.RECONNECTING, "cut", lost), AT)
    reporter.listen(LinkChanged(False, LinkState.CONNECTED, "", lost), AT)
    assert [row["state"] for row in rows] == ["connected", "reconnecting", "connected"]


def test_a_refused_channel_is_a_problem_only_where_it_was_asked_for(rows):
    said: list[str] = []
    reporter = Reporter(("BTCUSDT",), ("book",), Interval.M1, 5, emit=rows.append, remark=said.append)
    reporter.listen(ChannelRefused("spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT", "BTCUSDT", "no"), AT)
    assert not rows
    assert said
    reporter.listen(ChannelRefused("spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", "BTCUSDT", "no"), AT)
    assert (rows[0]["code"], rows[0]["symbol"]) == ("refused", "BTCUSDT")


def test_figures_that_are_not_known_are_null(reporter, rows):
    top = TopOfBook("BTCUSDT", Decimal(5), Decimal(1), Decimal(0), Decimal(0), 1)
    reporter.listen(top, AT)
    reporter.beat(Markets(FactLog()).book_view, AT)
    assert rows[0]["bid"] == "5"
    assert rows[0]["ask"] is None
    assert rows[0]["last"] is None


def test_ticker_lines_are_spaced_and_the_latest_wins(reporter, rows):
    markets = Markets(FactLog())
    for step in range(5):
        top = TopOfBook("BTCUSDT", Decimal(step + 1), Decimal(1), Decimal(9), Decimal(1), 1)
        at = Timestamp(AT.wall_ms, AT.mono_ns + step * 40_000_000)
        reporter.listen(top, at)
        reporter.beat(markets.book_view, at)
    assert [row["bid"] for row in rows] == ["1", "4"]


def book(version: int) -> BookView:
    return BookView(
        symbol="BTCUSDT",
        state=BookState.EMPTY,
        version=version,
        price_decimals=8,
        qty_decimals=0,
        bids=((12, 3),),
        asks=(),
    )


def test_book_lines_are_at_most_ten_a_second(reporter, rows):
    for step in range(100):
        at = Timestamp(AT.wall_ms, AT.mono_ns + step * 10_000_000)
        reporter.beat(lambda symbol, depth, version=step: book(version), at)
    shown = [row["version"] for row in rows]
    assert len(shown) == 10
    assert all(later - first >= 10 for first, later in itertools.pairwise(shown))


def test_a_book_says_syncing_until_it_is_live():
    row = book_row(book(0), 5)
    assert (row["state"], row["bids"], row["asks"], row["time"]) == ("syncing", [["0.00000012", "3"]], [], 5)


def test_every_kind_of_row_has_a_text(reporter, rows):
    markets = Markets(FactLog())
    markets.require(["BTCUSDT"], AT)
    reporter.beat(markets.book_view, AT)
    reporter.listen(TradesSeen("BTCUSDT", (trade("1"),), 1), AT)
    reporter.listen(CandleSeen("BTCUSDT", Interval.M1, candle(1), 1), AT)
    reporter.listen(TopOfBook("BTCUSDT", Decimal(5), Decimal(1), Decimal(6), Decimal(1), 1), AT)
    reporter.beat(markets.book_view, Timestamp(AT.wall_ms, AT.mono_ns + 10**9))
    reporter.link(LinkState.RECONNECTING, "cut")
    reporter.problem("gap", "BTCUSDT: \x1b[31mversions are missing")
    assert {row["type"] for row in rows} == {"book", "trade", "candle", "ticker", "link", "problem"}
    for row in rows:
        text = as_text(row)
        assert text.isprintable()


def test_a_stream_that_brings_something_is_up_whatever_it_has_answered(reporter):
    assert not reporter.connected
    reporter.listen(BookDelta("BTCUSDT", 1, 2, [], [], 0, 0), AT)
    assert reporter.connected
