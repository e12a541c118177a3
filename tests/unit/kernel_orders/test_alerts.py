"""Alerts: in words, kept over restarts, rung once, never by old prices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.alerts import ACCOUNT_WIDE, Alert, AlertError, AlertKind, parse_alert
from mexc_tui.domain.commands import RemoveAlert, SetAlert
from mexc_tui.domain.inputs import JournalProblem, LinkChanged, LinkState, TickersSeen, TradesSeen
from mexc_tui.domain.listed import MeaningError, pair_meant
from mexc_tui.domain.market import Ticker, Trade
from mexc_tui.domain.orders import OrderState, Side
from mexc_tui.domain.views import TOPIC_ALERTS
from mexc_tui.kernel.alerts import MOST
from mexc_tui.kernel.history import Fold
from tests.unit.kernel_orders.conftest import SYMBOL, Bench, build

D = Decimal
LISTED = frozenset({SYMBOL, "ETHUSDT", "ETHUSDC"})


def of(words: str) -> Alert:
    return parse_alert(words.split(), lambda word: pair_meant(word, LISTED))


def add(bench: Bench, words: str) -> str:
    """Set an alert and return what the desk says."""
    before = len(bench.facts)
    bench.do(SetAlert(command_id="", alert=of(words)))
    return " ".join(fact.message for fact in bench.facts[before:])


def rung(bench: Bench) -> list[str]:
    return [fact.message for fact in bench.facts if fact.kind == "alert"]


def standing(bench: Bench) -> list[str]:
    return [str(alert) for alert in bench.view(TOPIC_ALERTS).alerts]


def trade(bench: Bench, *prices: str, qty: str = "0.01", history: bool = False) -> None:
    trades = tuple(
        Trade(trade_id="", price=D(price), qty=D(qty), taker=Side.BUY, time_ms=bench.wall_ms) for price in prices
    )
    bench.do(TradesSeen(SYMBOL, trades, bench.mono_ns, history))


@pytest.fixture
def bench(make) -> Bench:
    bench = make()
    bench.market([("59999.00", "1")], [("60001.00", "1")])
    bench.account()
    trade(bench, "60000")
    return bench


def test_a_price_rings_once_and_the_alert_is_gone(bench):
    assert "Alert 1 is set: BTCUSDT above 61000" in add(bench, "btc above 61k")
    bench.wait(2)
    assert rung(bench) == []
    trade(bench, "61000")
    assert rung(bench) == ["Alert: BTCUSDT traded at 61,000."]
    trade(bench, "61500")
    bench.wait(2)
    assert len(rung(bench)) == 1
    assert standing(bench) == []


def test_a_price_that_came_and_went_between_two_looks_rings(bench):
    add(bench, "btc < 59000")
    trade(bench, "60000", "58999.5", "60000")
    assert rung(bench) == ["Alert: BTCUSDT traded at 58,999.5."]


def test_trades_of_the_past_and_old_prices_ring_nothing(bench):
    add(bench, "btc above 61k")
    trade(bench, "62000", history=True)
    assert rung(bench) == []
    bench.later(600)
    add(bench, "btc below 70k")
    bench.tick()
    assert rung(bench) == [], "no price is known to be one of now"


def test_what_is_so_already_is_refused(bench):
    assert "is above 59,000 already, at 60,000" in add(bench, "btc above 59000")
    assert "No alert was set" in add(bench, "btc below 60000")
    assert standing(bench) == []


def test_one_that_stays_rings_again_only_after_it_was_not_so(bench):
    add(bench, "btc above 61000 every")
    for price in ("61000", "61001", "60999", "61000"):
        trade(bench, price)
    assert len(rung(bench)) == 1, "it trembles about the price"
    bench.later(31)
    trade(bench, "61002")
    assert len(rung(bench)) == 1, "it was above all the time"
    trade(bench, "60000")
    trade(bench, "61000")
    assert len(rung(bench)) == 2
    assert standing(bench) == ["BTCUSDT above 61000 every time"]


def test_a_move_counts_from_the_extremes_of_its_window(bench):
    add(bench, "btc move 3% 15m")
    for price in ("60000", "59000", "58300"):
        trade(bench, price)
        bench.level([(f"{D(price) - 1}", "1")], [])
        bench.tick(10)
    assert len(rung(bench)) == 0
    trade(bench, "58200")
    bench.tick(10)
    assert rung(bench) == ["Alert: BTCUSDT went down 3.00% within 15m, to 58,200."]


def test_a_slow_move_is_none(bench):
    add(bench, "btc move 3% 60s")
    price = 60_000
    for _ in range(100):
        price -= 30
        trade(bench, str(price))
        bench.level([(f"{price - 1}.00", "1")], [])
        bench.tick(2)
    assert rung(bench) == [], "1.5 % a minute"


def test_a_wide_spread_and_a_large_trade(bench):
    add(bench, "btc spread 0.1%")
    add(bench, "btc trade 100k")
    trade(bench, "60000", qty="1.6")
    assert rung(bench) == []
    trade(bench, "60000", qty="1.7")
    assert "1.7 bought in one trade at 60,000" in rung(bench)[-1]
    bench.level([], [("60001.00", "0"), ("60100.00", "1")])
    bench.tick()
    assert "has a spread of 0.168%" in rung(bench)[-1]


def test_fills_and_the_link_of_the_whole_account(bench):
    add(bench, "fills")
    add(bench, "link")
    bench.place(qty="0.01", price="60000")
    bench.report(bench.order, OrderState.WORKING)
    bench.fill(bench.order, "0.01")
    assert len(rung(bench)) == 1
    bench.do(LinkChanged(private=False, state=LinkState.RECONNECTING, reason="cut"))
    assert "market stream" in rung(bench)[-1]
    assert standing(bench) == ["fills", "link"], "they stay"


def test_the_ticker_of_a_pair_whose_trades_are_not_followed_rings(bench):
    bench.do(SetAlert(command_id="", alert=of("btc above 61000")))
    bench.do(TickersSeen((Ticker(symbol=SYMBOL, last=D(62_000)),), bench.mono_ns + 20_000_000_000))
    bench.later(20)
    bench.tick()
    assert rung(bench) == ["Alert: BTCUSDT is at 62,000."]


@pytest.mark.parametrize("snapshot", [False, True])
def test_alerts_survive_a_restart_with_their_numbers(bench, snapshot):
    add(bench, "btc above 61000")
    add(bench, "btc below 50000")
    add(bench, "fills")
    bench.do(RemoveAlert(command_id="", number=2))
    if snapshot:
        fold = Fold("USDT")
        fold.add(bench.records)
        again = build(snapshot=fold.snapshot(), run="r2")
    else:
        again = build(resumed=bench.records, run="r2")
    again.begin()
    assert standing(again) == ["BTCUSDT above 61000", "fills"]
    again.do(SetAlert(command_id="", alert=of("btc below 40000")))
    assert [alert.number for alert in again.view(TOPIC_ALERTS).alerts] == [1, 3, 4]


def test_what_was_set_while_the_journal_failed_is_recorded_later(bench):
    bench.do(JournalProblem("disk full"))
    add(bench, "btc above 61000")
    kept = len(bench.records)
    bench.do(JournalProblem(""))
    again = build(resumed=bench.records[kept:], run="r2")
    again.begin()
    assert standing(again) == ["BTCUSDT above 61000"]


def test_refusals_say_why_and_change_nothing(bench):
    add(bench, "btc above 61000")
    assert "stands already" in add(bench, "btc above 61000")
    bench.do(SetAlert(command_id="", alert=Alert(number=0, kind=AlertKind.ABOVE, symbol="NOPE", value=D(1))))
    assert "NOPE is not a pair" in bench.facts[-1].message
    bench.do(SetAlert(command_id="", alert=Alert(number=0, kind=AlertKind.MOVE, symbol=SYMBOL, value=D("NaN"))))
    assert "above zero" in bench.facts[-1].message
    bench.do(RemoveAlert(command_id="", number=9))
    assert "There is no alert 9" in bench.facts[-1].message
    for price in range(MOST + 5):
        add(bench, f"btc above {70_000 + price}")
    assert len(standing(bench)) == MOST
    assert "remove one first" in bench.facts[-1].message
    bench.do(RemoveAlert(command_id="", number=None))
    assert standing(bench) == []


def test_the_same_command_twice_sets_one(bench):
    for _ in range(2):
        bench.do(SetAlert(command_id="c", alert=of("btc above 61000 every")))
    assert len(standing(bench)) == 1


@pytest.mark.parametrize(
    "words",
    ["", "btc", "btc above", "btc above x", "btc above -1", "btc move 3", "btc move 3% 25h", "fills now", "btc up 3"],
)
def test_words_that_are_no_alert(words):
    with pytest.raises(AlertError):
        of(words)


def test_a_pair_must_be_one():
    assert of("eth above 4k").symbol == "ETHUSDT"
    with pytest.raises(MeaningError, match="not a pair"):
        of("doge above 1")


_values = st.decimals(min_value="0.00000001", max_value=10**9, places=8)


@given(
    st.sampled_from(sorted(AlertKind)),
    _values,
    st.integers(1, 86_400),
    st.booleans(),
)
def test_an_alert_reads_as_it_is_typed(kind, value, window_s, every):
    if kind in ACCOUNT_WIDE:
        alert = Alert(number=0, kind=kind, every=True)
    else:
        window = window_s if kind is AlertKind.MOVE else 0
        alert = Alert(number=0, kind=kind, symbol=SYMBOL, value=value, window_s=window, every=every)
    typed = str(alert).replace(" within", "").replace(" every time", " every")
    assert parse_alert(typed.split(), str) == alert
