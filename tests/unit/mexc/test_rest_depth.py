"""A book read by REST: half an answer is no book."""

from __future__ import annotations

from typing import Any

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.client import MexcRest

SIDE = [["1.5", "2"]]


@pytest.mark.parametrize("answer", [{"bids": SIDE}, {"asks": SIDE, "bids": None}, {"asks": "", "bids": SIDE}, {}])
async def test_a_side_that_is_not_there_is_not_an_empty_one(rest: MexcRest, server: Any, answer: Any) -> None:
    server.json("GET", "depth", {"lastUpdateId": 7, **answer})
    with pytest.raises(VenueError) as caught:
        await rest.market.depth("MXUSDT")
    assert caught.value.kind is ErrorKind.UNREADABLE


async def test_an_empty_side_is_one(rest: MexcRest, server: Any) -> None:
    server.json("GET", "depth", {"lastUpdateId": 7, "bids": [], "asks": SIDE})
    book = await rest.market.depth("MXUSDT")
    assert (book.bids, book.asks) == ([], [("1.5", "2")])
