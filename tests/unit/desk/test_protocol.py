from __future__ import annotations

import contextlib
import types
import typing
from decimal import Decimal
from enum import Enum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.desk.protocol import (
    Batch,
    ProtocolError,
    Submit,
    ToClient,
    ToDesk,
    ViewUpdate,
    decode_to_client,
    decode_to_desk,
    encode,
    encode_view,
    view_of,
)
from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.views import BookState, BookView, View
from tests.examples import examples

WIDE = st.integers(-(10**45), 10**45)
NARROW = st.integers(-(2**63), 2**64 - 1)
PLAIN = {
    Decimal: st.decimals(allow_nan=False, allow_infinity=False) | st.just(Decimal("1E+3")) | st.just(Decimal("0E-18")),
    str: st.text(max_size=8),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
}


def values(kind, ints):
    """Any value of a type that may stand in a message."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is int:
        return ints
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in (typing.Union, types.UnionType):
        # Bytes stand for views that are encoded in another way; they have a test of their own.
        return st.one_of([values(one, ints) for one in inner if one is not bytes])
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(values(inner[0], ints), max_size=3).map(tuple)
        return st.tuples(*(values(one, ints) for one in inner))
    if origin is dict:
        return st.dictionaries(values(inner[0], ints), values(inner[1], ints), max_size=3)
    if origin is frozenset:
        return st.frozensets(values(inner[0], ints), max_size=3)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    assert issubclass(kind, msgspec.Struct), kind
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, **{field.name: values(field.type, ints) for field in fields})


def exact(value) -> bytes:
    """Every digit and every tag of a value; sets and dicts in one order."""
    return msgspec.json.encode(value, order="deterministic")


@pytest.mark.parametrize("kind", typing.get_args(View), ids=lambda kind: kind.__name__)
@examples(25)
@given(data=st.data())
def test_every_view_decodes_to_itself_whatever_the_size_of_its_numbers(kind, data):
    view = data.draw(values(kind, NARROW | WIDE))
    update = ViewUpdate(topic="t", view=msgspec.Raw(encode_view(view)))
    batch = decode_to_client(encode(Batch(n=1, views=(msgspec.Raw(encode(update)),))))
    found = view_of(batch.views[0])
    assert type(found) is kind
    assert found == view
    assert exact(found) == exact(view)


@examples(100)
@given(values(Fact, NARROW))
def test_every_fact_decodes_to_itself(fact):
    found = decode_to_client(encode(Batch(n=1, facts=(fact,)))).facts[0]
    assert found == fact
    assert exact(found) == exact(fact)


@pytest.mark.parametrize("kind", typing.get_args(Command), ids=lambda kind: kind.__name__)
@examples(25)
@given(data=st.data())
def test_every_command_decodes_to_itself(kind, data):
    command = data.draw(values(kind, NARROW))
    found = decode_to_desk(encode(Submit(command=command))).command
    assert type(found) is kind
    assert found == command
    assert exact(found) == exact(command)


@pytest.mark.parametrize(
    ("kind", "decode"),
    [(kind, decode_to_desk) for kind in typing.get_args(ToDesk)]
    + [(kind, decode_to_client) for kind in typing.get_args(ToClient)],
    ids=lambda one: one.__name__,
)
@examples(10)
@given(data=st.data())
def test_every_message_decodes_to_itself(kind, decode, data):
    message = data.draw(values(kind, st.integers(-(2**63), 2**64 - 1)))
    assert decode(encode(message)) == message


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa5Other", b"\xff" * 40, b"\x91" * 5_000])
def test_what_is_no_message_is_told_as_that(body):
    with pytest.raises(ProtocolError):
        decode_to_desk(body)
    with pytest.raises(ProtocolError):
        decode_to_client(body)


@given(st.binary(max_size=200))
def test_chance_bytes_are_never_anything_but_a_protocol_error(body):
    for decode in (decode_to_desk, decode_to_client):
        with contextlib.suppress(ProtocolError):
            decode(body)


def test_bytes_that_are_no_view_are_told_as_that():
    with pytest.raises(ProtocolError):
        view_of(ViewUpdate(topic="t", view=b"{}"))


def test_a_book_of_quantities_beyond_64_bits_crosses_unchanged():
    book = BookView(
        symbol="BIGUSDT",
        state=BookState.LIVE,
        version=1,
        price_decimals=12,
        qty_decimals=18,
        bids=((12, 10**39 + 1),),
        asks=((13, 1),),
    )
    raw = msgspec.Raw(encode_view(book))
    assert view_of(msgspec.msgpack.decode(encode(ViewUpdate(topic="t", view=raw)), type=ViewUpdate)) == book
