"""Whatever bytes arrive: inputs or a CodecError, never anything else."""

from __future__ import annotations

import functools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.inputs import BookDelta, LinkChanged, TradesSeen
from mexc_tui.domain.numbers import ZERO
from mexc_tui.venues.mexc.stream.channels import parse_answer
from mexc_tui.venues.mexc.stream.codec import CodecError, decode
from mexc_tui.venues.mexc.stream.decoder import FrameDecoder
from mexc_tui.wire.mexc.pb import push_pb2 as pb

WRAPPER = pb.PushDataV3ApiWrapper.DESCRIPTOR
BODIES = [field.name for field in WRAPPER.oneofs_by_name["body"].fields]

texts = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,10})?", fullmatch=True),
    st.sampled_from(["", "0", "nan", "1e9", "-1", "Min1", "Day1", "BTCUSDT", "9" * 70]),
)
numbers = st.one_of(st.integers(-5, 200), st.integers(-(2**63), 2**63 - 1), st.just(1_760_000_000_000))


def value_of(field: Any, draw: Any) -> Any:
    if field.message_type is not None:
        return build(field.message_type, draw)
    if field.cpp_type == field.CPPTYPE_STRING:
        return draw(texts)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return draw(st.booleans())
    return draw(numbers if field.cpp_type == field.CPPTYPE_INT64 else st.integers(-(2**31), 2**31 - 1))


def build(descriptor: Any, draw: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in descriptor.fields:
        if field.is_repeated:
            made[field.name] = [value_of(field, draw) for _ in range(draw(st.integers(0, 3)))]
        elif draw(st.integers(0, 5)):
            made[field.name] = value_of(field, draw)
    return made


@st.composite
def messages(draw: Any) -> bytes:
    body = draw(st.sampled_from(BODIES))
    fields = {
        name: value_of(WRAPPER.fields_by_name[name], draw)
        for name in ("channel", "symbol", "symbolId", "createTime", "sendTime")
        if draw(st.booleans())
    }
    inner = build(WRAPPER.fields_by_name[body].message_type, draw)
    return bytes(pb.PushDataV3ApiWrapper(**fields, **{body: inner}).SerializeToString())


@functools.cache
def valid_frames() -> tuple[bytes, ...]:
    frames = []
    for number in (1, 3, 40):
        wrapper = pb.PushDataV3ApiWrapper(
            channel="spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT", symbol="BTCUSDT", sendTime=1_760_000_000_000
        )
        for index in range(number):
            wrapper.publicAggreDepths.bids.add(price=f"{100 - index}.5", quantity="1.25")
            wrapper.publicAggreDepths.asks.add(price=f"{101 + index}.5", quantity="0")
        wrapper.publicAggreDepths.fromVersion, wrapper.publicAggreDepths.toVersion = "83332997012", "83332997062"
        frames.append(wrapper.SerializeToString())
    wrapper = pb.PushDataV3ApiWrapper(channel="spot@private.deals.v3.api.pb", symbol="MXUSDT", sendTime=1)
    deal = wrapper.privateDeals
    deal.price, deal.quantity, deal.amount, deal.tradeType = "3.6", "1", "3.6", 2
    deal.tradeId, deal.orderId, deal.feeAmount, deal.feeCurrency, deal.time = "5X1", "C02__1", "0.1", "MX", 5
    frames.append(wrapper.SerializeToString())
    return tuple(frames)


def check(frame: bytes) -> None:
    try:
        inputs = decode(frame, 1)
    except CodecError:
        return
    for item in inputs:
        if isinstance(item, BookDelta):
            assert 0 <= item.first <= item.last
        if isinstance(item, TradesSeen):
            assert all(trade.price > ZERO and trade.qty > ZERO for trade in item.trades)


@given(st.binary(max_size=400))
def test_random_bytes(frame: bytes) -> None:
    check(frame)


@given(messages())
def test_well_formed_messages_with_arbitrary_contents(frame: bytes) -> None:
    check(frame)
    FrameDecoder().decode(frame, 1)


@given(st.sampled_from(valid_frames()), st.data())
def test_every_kind_of_damage(frame: bytes, data: st.DataObject) -> None:
    damaged = bytearray(frame)
    for _ in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        if kind == "flip" and damaged:
            damaged[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del damaged[at:]
        elif kind == "insert":
            damaged[at:at] = data.draw(st.binary(max_size=6))
        else:
            del damaged[at : at + data.draw(st.integers(1, 8))]
    check(bytes(damaged))


@pytest.mark.parametrize("index", range(4))
def test_every_truncation(index: int) -> None:
    frame = valid_frames()[index]
    for length in range(len(frame)):
        check(frame[:length])


def test_a_seeded_flood_never_raises_and_stays_bounded() -> None:
    rng = random.Random(20)
    decoder = FrameDecoder()
    for _ in range(3_000):
        frame = bytearray(rng.choice(valid_frames()))
        for _ in range(rng.randrange(1, 5)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        for item in decoder.decode(bytes(frame), 1):
            assert not isinstance(item, LinkChanged) or item.private or item.symbols
    assert decoder.frames == 3_000
    assert len(decoder.samples) <= 32
    assert len(decoder.unknown_fields) <= 256


@given(st.one_of(st.text(max_size=300), st.from_regex(r"(Not )?Subscribed successful(ly)?! \[.*\]?.*")))
def test_control_texts(text: str) -> None:
    said = parse_answer(text)
    assert said.reason.isprintable()
