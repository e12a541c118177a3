"""What is said of an exchange that does not let us in: what it did, not that we paused because of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from mexc_tui.domain.errors import ErrorKind, VenueError


async def test_a_firewall_page_at_the_first_question_is_told_as_such(make_rest: Any, server: Any) -> None:
    rest = make_rest()
    server.on("GET", "time", server.html(403))
    with pytest.raises(VenueError, match="firewall in front of MEXC blocked the time") as caught:
        await rest.open()
    assert (caught.value.kind, server.count("GET", "time")) == (ErrorKind.EDGE_BLOCK, 1)


async def test_an_exchange_that_says_nothing_is_asked_for_its_time_only_once(make_rest: Any, server: Any) -> None:
    rest = make_rest(answer_timeout_s=0.05)
    over = asyncio.Event()

    async def silence(_: Any) -> web.StreamResponse:
        server.clock.now += 10
        await over.wait()
        return web.Response()

    server.on("GET", "time", silence)
    with pytest.raises(VenueError, match="no answer came in time"):
        await rest.open()
    over.set()
    assert server.count("GET", "time") == 1
