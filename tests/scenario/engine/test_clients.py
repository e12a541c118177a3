"""Several clients of one desk, each with its own market and candles."""

from __future__ import annotations

from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import BookState, book_topic, candles_topic, tape_topic, watchlist_topic
from tests.patience import until

MINE, THEIRS = "BTCUSDT", "ETHUSDT"


def screen(symbol, *intervals):
    charts = (candles_topic(symbol, interval) for interval in intervals)
    return Interest(topics=frozenset({book_topic(symbol), tape_topic(symbol), *charts, watchlist_topic((symbol,))}))


def test_two_clients_follow_different_markets_and_candles_at_once(terminal):
    one, other = terminal.engine.client("one"), terminal.engine.client("other")
    one.look(screen(MINE, Interval.M1))
    other.look(screen(THEIRS, Interval.M5, Interval.H1))

    def live(client, symbol):
        view = client.view(book_topic(symbol))
        return view is not None and view.state is BookState.LIVE

    def loaded(client, symbol, interval):
        view = client.view(candles_topic(symbol, interval))
        return view is not None and not view.loading and (view.symbol, view.interval) == (symbol, interval)

    until(lambda: live(one, MINE) and live(other, THEIRS), what="both books")
    until(lambda: loaded(one, MINE, Interval.M1), what="the first chart")
    until(lambda: loaded(other, THEIRS, Interval.M5) and loaded(other, THEIRS, Interval.H1), what="the other charts")
    other.close()
    until(lambda: other.view(book_topic(THEIRS)) is None, what="what nobody looks at is let go")
    version = one.view(book_topic(MINE)).version
    until(lambda: live(one, MINE) and one.view(book_topic(MINE)).version > version, what="the first goes on")
    assert terminal.live()
    one.close()
