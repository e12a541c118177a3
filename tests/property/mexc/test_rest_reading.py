"""Whatever comes over the wire, the REST side answers with values or with a VenueError, and money stays exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.errors import VenueError
from mexc_tui.venues.mexc.rest import mapping, signing
from mexc_tui.venues.mexc.rest.answers import Answer, Call, read_answer
from mexc_tui.venues.mexc.rest.budget import Window
from mexc_tui.venues.mexc.rest.fields import Row, as_number, decode
from mexc_tui.venues.mexc.rest.queue import Duty

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
VALUES = JSON | st.sampled_from(["1.5", "", "NaN", "1e5", "BUY", "NEW", "1", 10**30, "9" * 70])
ORDER_KEYS = ("symbol", "orderId", "clientOrderId", "side", "type", "status", "price", "origQty", "executedQty", "time")
PAIR_KEYS = ("symbol", "baseAsset", "quoteAsset", "quotePrecision", "baseAssetPrecision", "status", "filters", "st")
FILL_KEYS = ("id", "orderId", "symbol", "price", "qty", "commission", "commissionAsset", "isBuyer", "time")
READERS = (
    (mapping.order_report, ORDER_KEYS),
    (mapping.instrument, PAIR_KEYS),
    (mapping.fill, FILL_KEYS),
    (mapping.balance, ("asset", "free", "locked")),
    (mapping.ticker, ("symbol", "lastPrice", "priceChangePercent")),
    (mapping.trade, ("price", "qty", "time", "isBuyerMaker", "tradeType")),
)


@given(st.data())
def test_rows_of_any_shape_are_read_or_refused(data: st.DataObject) -> None:
    reader, keys = data.draw(st.sampled_from(READERS))
    row = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(keys, VALUES)))
    problem: VenueError | None = None
    try:
        reader(Row(decode(json.dumps(row).encode()), "a test"))
    except VenueError as error:
        problem = error
    assert problem is None or problem.remedy


@given(st.binary(max_size=200), st.sampled_from([200, 204, 302, 400, 403, 418, 429, 500, 503]), st.sampled_from(Duty))
def test_bytes_of_any_kind_are_an_answer_or_an_error(body: bytes, status: int, duty: Duty) -> None:
    problem: VenueError | None = None
    try:
        # So few bytes are read at once, without a loop.
        read_answer(Call("it", duty, duty is not Duty.REST), Answer(status, "", None, body)).send(None)
    except StopIteration:
        pass
    except VenueError as error:
        problem = error
    if problem is None:
        assert 200 <= status < 300
    else:
        assert problem.message.isprintable()
        assert not (problem.definite and status >= 500 and duty is Duty.PLACE)


@given(JSON, st.integers(0, 2_000))
def test_levels_and_candles_of_any_shape_are_read_or_refused(data: Any, now: int) -> None:
    for read in (lambda: mapping.levels(data, "x"), lambda: mapping.candle(data, now, "x")):
        try:
            read()
        except VenueError:
            continue


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15))
def test_numbers_survive_exactly_as_text_and_as_json_numbers(value: Decimal) -> None:
    text = format(value, "f")
    assert as_number(text) == value
    assert as_number(decode(f"[{text}]".encode())[0]) == value


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=6))
def test_encoding_can_be_undone(params: list[tuple[str, str]]) -> None:
    text = signing.encode(params)
    assert text.isascii()
    assert parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)) == params


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 3, allow_nan=False)), max_size=60))
def test_a_window_never_lets_more_than_its_limit_into_any_period(steps: list[tuple[int, float]]) -> None:
    window, now, taken = Window(50, 10.0), 0.0, []
    for amount, pause in steps:
        now += pause
        while (wait := window.wait(amount, now)) > 0:
            now += wait
        window.record(amount, now)
        taken.append((now, amount))
    for start, _ in taken:
        assert sum(amount for at, amount in taken if start <= at < start + 10.0) <= 50
