"""Output for other programs: plain numbers, whole lines, and no end that leaves anybody hanging."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from decimal import Decimal

import pytest

from mexc_tui.cli.arguments import symbols_of
from mexc_tui.cli.io.output import LineWriter, encode, safe, table
from mexc_tui.cli.main import main
from mexc_tui.desk.doctor.checks import Verdict
from mexc_tui.desk.doctor.exchange import requests_check
from mexc_tui.domain.errors import VenueError
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.patience import LIMIT_S


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("MEXC_API_KEY", "MEXC_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEXC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MEXC_WS_URL", "ws://127.0.0.1:9/ws")
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("threading.excepthook", lambda args: None)


def test_numbers_are_plain_texts():
    row = {"a": Decimal("1E-8"), "b": [Decimal("5.000")], "c": None, "d": {"e": Decimal("1E+3")}}
    assert json.loads(encode(row)) == {"a": "0.00000001", "b": ["5"], "c": None, "d": {"e": "1000"}}


def test_texts_from_outside_are_harmless():
    assert safe("a\x1b[31m\nb\u202e") == "a [31m b"


def test_a_table_has_even_columns():
    assert table(("pair", "tick"), [("BTC", "0.01"), ("X", "1")]) == "pair  tick\nBTC   0.01\nX        1"


def test_lines_come_whole_and_in_order():
    read, write = os.pipe()
    writer = LineWriter(write)
    for number in range(100):
        assert writer.write(str(number))
    writer.close()
    os.close(write)
    with os.fdopen(read) as lines:
        assert lines.read() == "".join(f"{number}\n" for number in range(100))


def test_a_reader_that_stands_still_delays_nobody_and_what_it_missed_is_counted():
    read, write = os.pipe()
    writer = LineWriter(write, waiting=10)
    line = "x" * 10_000
    while writer.write(line):
        pass
    assert writer.lost == 1
    writer.close(0.05)
    os.close(read)


def test_a_reader_that_has_gone_is_noticed():
    read, write = os.pipe()
    os.close(read)
    writer = LineWriter(write)
    writer.write("x")
    assert writer.gone.wait(LIMIT_S)
    writer.close()
    os.close(write)


@pytest.mark.parametrize("name", ["BTC USDT", "", "BTC@USDT", "A", "X" * 41, "a\x1bb"])
def test_what_cannot_be_a_pair_is_refused(name):
    with pytest.raises(Exception, match="not the name of a pair"):
        symbols_of([name])


def test_pairs_are_upper_case_once_and_may_be_chinese():
    assert symbols_of(["btcusdt", "BTCUSDT", "币安人生USDT"]) == ("BTCUSDT", "币安人生USDT")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("watch", "BTCUSDT", "--channels", "books"), "no channel 'books'"),
        (("watch", "BTCUSDT", "--channels", ","), "no channel named"),
        (("watch", "BTCUSDT", "--depth", "0"), "--depth"),
        (("watch", "BTCUSDT", "--depth", "five"), "--depth"),
        (("watch", "BTCUSDT", "--interval", "7m"), "no interval '7m'"),
        (("watch", "BTCUSDT", "--seconds", "-1"), "--seconds"),
        (("watch", "BTC USDT"), "not the name of a pair"),
        (("record", "BTC USDT", "x.tape"), "not the name of a pair"),
        (("buy", "BTCUSDT", "much", "--market"), "is not a size"),
        (("buy", "BTCUSDT", "1", "--at", "cheap"), "--at takes a price"),
        (("buy", "BTCUSDT", "1", "--market", "--ioc"), "market order"),
        (("buy", "BTCUSDT", "1", "--at", "1"), "need an API key"),
        (("cancel",), "Name what to cancel"),
        (("cancel", "--all", "--symbol", "BTCUSDT"), "--all cancels every order"),
        (("cancel", "--all", "one"), "--all cancels every order"),
        (("desk", "unit", "--paper", "--fresh"), "at every start of the service"),
        (("cancel", "--all"), "needs an API key"),
        (("balances",), "needs an API key"),
    ],
)
def test_bad_usage_is_one_sentence_and_2(capfd, arguments, word):
    assert main(arguments) == 2
    captured = capfd.readouterr()
    assert word in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_with_json_bad_usage_is_a_line_too(capfd):
    assert main(("watch", "BTCUSDT", "--channels", "books", "--json")) == 2
    row = json.loads(capfd.readouterr().out)
    assert (row["type"], row["code"]) == ("problem", "bad_usage")
    assert "books" in row["message"]


@pytest.mark.parametrize("arguments", [("watch", "X1"), ("markets",), ("book", "X1"), ("record", "X1", "x.tape")])
def test_an_exchange_out_of_reach_is_3(capfd, arguments, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 3
    assert "cannot be reached" in capfd.readouterr().err
    assert not (tmp_path / "x.tape").exists()


def test_an_order_for_an_exchange_out_of_reach_is_3_and_says_that_nothing_was_sent(capfd, monkeypatch):
    monkeypatch.setenv("MEXC_API_KEY", "key")
    monkeypatch.setenv("MEXC_SECRET_KEY", "secret")
    assert main(("buy", "BTCUSDT", "1", "--at", "1")) == 3
    assert "Nothing was sent" in capfd.readouterr().err


def test_doctor_works_without_network_and_keys_and_says_what_to_do(capfd, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    assert main(("doctor", "--json")) == 1
    rows = {row["check"]: row for row in map(json.loads, capfd.readouterr().out.splitlines())}
    assert rows["signature"]["verdict"] == "ok"
    assert rows["REST"]["verdict"] == rows["streams"]["verdict"] == "fail"
    assert rows["API key"]["verdict"] == "warn"
    assert "of 300 in 10 s" in rows["requests"]["detail"]
    assert "1 failed in a row" in rows["requests"]["detail"]
    assert all(row["remedy"] for row in rows.values() if row["verdict"] != "ok")


async def test_doctor_says_why_no_request_goes_out_and_until_when():
    settings = MexcSettings(base_url="http://127.0.0.1:9", max_attempts=1)
    async with contextlib.AsyncExitStack() as stack:
        rest = MexcRest(settings)
        stack.push_async_callback(rest.close)
        await rest._transport.open()
        for _ in range(5):
            with pytest.raises(VenueError):
                await rest.market.ping()
        check = requests_check(rest.metrics(), settings)
        assert check.verdict is Verdict.WARN
        assert "127.0.0.1:9 has failed 5 times in a row; orders are refused here" in check.detail
        assert "tried again in 5 s" in check.detail
        rest._transport.breaker.succeeded()
        rest._transport.pauses.begin(30, "MEXC asked to slow down")
        check = requests_check(rest.metrics(), settings)
        assert "MEXC asked to slow down; orders are refused here, cancels try all the same" in check.detail
        assert check.remedy


def test_doctor_names_a_broken_config(capfd, monkeypatch, tmp_path):
    (tmp_path / "config.toml").write_text("[ui]\nfps = 'many'\n")
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    assert main(("doctor",)) == 1
    assert "fail  config" in capfd.readouterr().out
