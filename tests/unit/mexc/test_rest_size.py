"""Answers of any size and packing: bounded while they are read, and parsed without holding up the loop."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest import fields
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings

MOST = 100_000
TICKERS = json.dumps([{"symbol": "BTCUSDT", "price": "1.5"}]).encode()


def rest(server: Any) -> MexcRest:
    return MexcRest(MexcSettings(base_url=server.base_url, max_answer_bytes=MOST, max_attempts=1))


async def test_a_packed_answer_is_read(server: Any) -> None:
    server.on("GET", "ticker/price", server.reply(gzip.compress(TICKERS), Content_Encoding="gzip"))
    async with rest(server) as client:
        assert len(await client.market.ticker_price()) == 1


@pytest.mark.parametrize(
    ("body", "packing", "told"),
    [
        (b"[" + b" " * MOST + b"]", "identity", "absurdly large"),
        (gzip.compress(b"[" + b" " * 400 * MOST + b"]"), "gzip", "absurdly large"),
        (gzip.compress(TICKERS * 500)[:100], "gzip", "broke off"),
        (b"\x1f\x8bnot gzip at all", "gzip", "damaged"),
        (zlib.compress(TICKERS), "deflate", "not asked for"),
    ],
    ids=("plain", "packed", "cut", "garbage", "other packing"),
)
async def test_what_is_too_large_or_packed_otherwise_is_refused(
    server: Any, body: bytes, packing: str, told: str
) -> None:
    server.on("GET", "ticker/price", server.reply(body, Content_Encoding=packing))
    async with rest(server) as client:
        with pytest.raises(VenueError, match=told) as refused:
            await client.market.ticker_price()
    assert refused.value.kind is ErrorKind.NETWORK


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=6),
    max_leaves=40,
)


@given(value=VALUES, step=st.integers(1, 200))
def test_parsing_in_steps_gives_the_same(value: object, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "STEP_BYTES", step)
        body = json.dumps(value).encode()
        assert asyncio.run(fields.decode_in_steps(body)) == fields.decode(body)


@pytest.mark.parametrize(
    "damage", [b"[" * 200_000, b'{"a":[' + b"1," * 99_999 + b"]", b'{"a":' + b"[[[1],2]," * 20_000], ids=range(3)
)
async def test_damage_in_a_large_answer_is_a_plain_refusal(damage: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        await fields.decode_in_steps(damage)


async def test_more_parts_than_any_list_has_are_refused_unparsed() -> None:
    with pytest.raises(ValueError, match="more than 1,000,000 parts"):
        await fields.decode_in_steps(b"[" + b"0," * fields.MOST_PARTS + b"0,0]")


async def test_others_run_while_a_large_answer_is_parsed() -> None:
    body = json.dumps(
        {"symbols": [{"symbol": f"A{n}USDT", "permissions": ["SPOT"] * 40} for n in range(2_000)]}
    ).encode()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert len((await fields.decode_in_steps(body))["symbols"]) == 2_000
    task.cancel()
    assert turns > len(body) // fields.STEP_BYTES - 2
