"""Control answers: the code says 0 whatever happened, the text decides."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from mexc_tui.domain.market import Interval
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.channels import AnswerKind, Speed, parse_answer
from mexc_tui.wire.mexc import channels as wire

DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@"


def answer(message: str, number: int = 7) -> names.Answer:
    return parse_answer(json.dumps({"id": number, "code": 0, "msg": message}, ensure_ascii=False))


def test_recorded_answers(samples: Path) -> None:
    def read(name: str) -> names.Answer:
        return parse_answer((samples / f"WS_{name}.json").read_text())

    assert read("PING_answer").kind is AnswerKind.PONG
    assert read("malformed_request_answer").kind is AnswerKind.BAD_REQUEST
    assert len(read("SUBSCRIPTION_ack_ok").accepted) == 2
    rejected = read("SUBSCRIPTION_ack_rejected")
    assert rejected.refused == ("spot@public.bookTicker.v3.api@BTCUSDT",)
    assert rejected.reason == "Blocked!"
    mixed = read("SUBSCRIPTION_ack_mixed")
    assert (mixed.accepted, mixed.refused) == ((DEPTH + "BTCUSDT",), (DEPTH + "NOPEUSDT",))
    empty = read("SUBSCRIPTION_ack_empty_rejected_list")
    assert (empty.kind, empty.accepted, empty.refused) == (AnswerKind.CHANNELS, (), ())


def test_the_exact_refusal_text_with_its_full_width_colon() -> None:
    said = answer(f"Not Subscribed successfully! [{DEPTH}A,{DEPTH}币安人生USDT].  Reason： Blocked! ")
    assert said.refused == (DEPTH + "A", DEPTH + "币安人生USDT")
    assert said.reason == "Blocked!"
    assert said.accepted == ()
    assert said.id == 7


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "Blocked!", '{"id":"x"}', '{"msg":5}', "\x1b[31m", "[" * 100_000, '{"id":-1}']
)
def test_whatever_else_comes_is_not_an_exception(text: str) -> None:
    said = parse_answer(text)
    assert said.kind is AnswerKind.OTHER
    assert said.reason.isprintable()
    assert len(said.reason) <= 200


def test_a_dead_listen_key_is_said_in_plain_text() -> None:
    assert parse_answer("Invalid listen key").kind is AnswerKind.INVALID_KEY
    assert answer("Invalid listen key").kind is AnswerKind.INVALID_KEY


def test_requests_stay_within_a_kilobyte_and_lose_no_channel() -> None:
    wanted = [names.depth(f"币安人生{number}USDT") for number in range(30)]
    sent = list(names.requests("SUBSCRIPTION", wanted, itertools.count(3)))
    assert [channel for _, batch, _ in sent for channel in batch] == wanted
    assert [number for number, _, _ in sent] == list(range(3, 3 + len(sent)))
    for number, batch, text in sent:
        assert len(text.encode()) <= 1024
        assert json.loads(text) == {"method": "SUBSCRIPTION", "params": list(batch), "id": number}
        assert "币安人生" in text


def test_names_and_their_symbols() -> None:
    assert names.depth("BTCUSDT", Speed.FAST) == "spot@public.aggre.depth.v3.api.pb@10ms@BTCUSDT"
    assert names.kline("BTCUSDT", Interval.H1) == "spot@public.kline.v3.api.pb@BTCUSDT@Min60"
    assert names.kline("BTCUSDT", "Hour8") == names.kline("BTCUSDT", "8h")
    with pytest.raises(ValueError, match="2m"):
        names.kline("BTCUSDT", "2m")
    with pytest.raises(ValueError, match="50ms"):
        names.depth("BTCUSDT", "50ms")
    assert {names.symbol_of(names.kline("A1", interval)) for interval in Interval} == {"A1"}
    for channel in (names.depth("A1"), names.deals("A1"), names.limit_depth("A1", 20), names.mini_ticker("A1")):
        assert names.symbol_of(channel) == "A1"
    assert names.symbol_of(names.mini_tickers()) == ""
    assert names.symbol_of(wire.PRIVATE_ORDERS) == ""
    with pytest.raises(ValueError, match="5, 10 or 20"):
        names.limit_depth("A1", 50)


def test_fallbacks_end() -> None:
    assert names.fallback(names.depth("A", Speed.FAST)) == names.depth("A")
    assert names.fallback(names.depth("A")) is None
    other = names.fallback(names.mini_tickers())
    assert other == names.mini_tickers("UTC+8")
    assert names.fallback(other) is None


def test_what_a_channel_carries_does_not_depend_on_its_speed_or_form() -> None:
    assert names.content(names.depth("A1")) == names.content(names.depth("A1", "10ms")) == (names.BOOK, "A1", "")
    assert names.content(names.book_ticker("A1")) == names.content(names.book_ticker_batch("A1"))
    assert names.content(names.kline("A1", "60m")) == (names.CANDLES, "A1", "60m")
    assert names.content(names.limit_depth("A1", 10)) == (names.LEVELS, "A1", "10")
    assert names.content(names.mini_tickers()) == (names.TICKERS, "", "")
    assert names.content(names.mini_ticker("A1", "UTC+8")) == (names.TICKERS, "A1", "")
    for wrong in (
        wire.PRIVATE_ORDERS,
        "",
        "BTCUSDT",
        names.depth(""),
        "spot@public.kline.v3.api.pb@A1@Min2",
        "spot@public.x@A",
    ):
        with pytest.raises(ValueError, match="not the"):
            names.content(wrong)


def test_the_fast_speed_stands_for_the_normal_one() -> None:
    both = [names.depth("A1"), names.deals("A1"), names.depth("A1", Speed.FAST), names.deals("A1"), names.depth("B1")]
    assert names.once_each(both) == [names.deals("A1"), names.depth("A1", Speed.FAST), names.depth("B1")]
