"""A clock that tests move, and a small HTTP server that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings

KEY, SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"


class ManualClock:
    """Time passes only by sleeping or by hand; sleeping returns at once."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.wall_offset_ms = 1_767_211_150_000 - 1_000_000
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def wall_ms(self) -> int:
        return int(self.now * 1_000) + self.wall_offset_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)


class Asked:
    """One request as it arrived."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self.method = request.method
        self.path = request.path
        self.raw_path = request.raw_path
        self.raw_query = request.raw_path.partition("?")[2]
        self.query = dict(request.query)
        self.headers = request.headers.copy()
        self.body = body


Reply = Callable[[Asked], Awaitable[web.StreamResponse]]


class FakeMexc:
    """Answers ``(method, path)`` with queued replies, the last one for ever; everything asked is kept."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked: list[Asked] = []
        self.server_ahead_ms = 0
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self.base_url = ""

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._replies[(method, f"/api/v3/{path}")] = list(replies)

    def json(self, method: str, path: str, data: Any, *, status: int = 200, **headers: str) -> None:
        self.on(method, path, self.reply(data, status=status, **headers))

    def reply(self, data: Any, *, status: int = 200, **headers: str) -> Reply:
        text = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()

        async def answer(_: Asked) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=text, headers={"Content-Type": "application/json", **named})

        return answer

    def html(self, status: int, text: str = "<html><body>Access Denied</body></html>") -> Reply:
        async def answer(_: Asked) -> web.StreamResponse:
            return web.Response(status=status, text=text, content_type="text/html")

        return answer

    def hang_up(self) -> Reply:
        """Close the connection without an answer."""

        async def answer(_: Asked) -> web.StreamResponse:
            raise ConnectionResetError

        return answer

    def count(self, method: str, path: str) -> int:
        return sum(1 for asked in self.asked if (asked.method, asked.path) == (method, f"/api/v3/{path}"))

    def last(self, method: str, path: str) -> Asked:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, f"/api/v3/{path}")][-1]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request, await request.read())
        self.asked.append(asked)
        replies = self._replies.get((asked.method, asked.path))
        if replies is None:
            if asked.path == "/api/v3/time":
                return web.json_response({"serverTime": self.clock.wall_ms() + self.server_ahead_ms})
            return web.json_response({"code": 404, "msg": "no reply set up"}, status=404)
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        try:
            return await reply(asked)
        except ConnectionResetError:
            if request.transport is not None:  # else the client has gone already
                request.transport.abort()
            return web.Response()


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(manual_clock: ManualClock) -> AsyncIterator[FakeMexc]:
    fake = FakeMexc(manual_clock)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    fake.base_url = f"http://{host}:{port}"
    yield fake
    await runner.cleanup()


Maker = Callable[..., MexcRest]


@pytest.fixture
async def make_rest(server: FakeMexc, manual_clock: ManualClock) -> AsyncIterator[Maker]:
    made: list[MexcRest] = []

    def make(**changes: Any) -> MexcRest:
        values = {"base_url": server.base_url, "api_key": KEY, "api_secret": SECRET, **changes}
        made.append(MexcRest(MexcSettings(**values), manual_clock, jitter=lambda: 1.0))
        return made[-1]

    yield make
    for rest in made:
        await rest.close()


@pytest.fixture
async def rest(make_rest: Maker) -> MexcRest:
    opened = make_rest()
    await opened.open()
    return opened
