"""A server over the real exchange with a clock that only moves when told."""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import pickle
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from mexc_tui.venues.simulator.exchange import Exchange, demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import GENEROUS, ApiKey, LimitRules, Server, ServerSettings
from mexc_tui.venues.simulator.server.streams import StreamRules
from mexc_tui.wire.mexc.pb import push_pb2 as pb
from tests.patience import LIMIT_S

START_MS = 1_790_000_000_000
FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2), "MX": Decimal(10_000)}


class Stream:
    """A client's end of a stream."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, method: str, *params: str, **rest: object) -> dict[str, Any]:
        """Send a request and return its answer, which must be the next text."""
        await self.socket.send_str(json.dumps({"method": method, **({"params": params} if params else {}), **rest}))
        return json.loads(await self.text())

    async def text(self) -> str:
        message = await self.socket.receive(timeout=LIMIT_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return str(message.data)

    async def push(self) -> pb.PushDataV3ApiWrapper:
        """Return the next push."""
        message = await self.socket.receive(timeout=LIMIT_S)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return pb.PushDataV3ApiWrapper.FromString(message.data)

    async def raw(self) -> aiohttp.WSMessage:
        return await self.socket.receive(timeout=LIMIT_S)

    async def waiting(self) -> list[bytes]:
        """Return the pushes that are there already: everything before the answer to a PING."""
        await self.socket.send_str('{"method":"PING"}')
        found = []
        while (message := await self.socket.receive(timeout=LIMIT_S)).type is aiohttp.WSMsgType.BINARY:
            found.append(message.data)
        assert json.loads(message.data)["msg"] == "PONG"
        return found


class Rig:
    """Server, exchange, clock and one signed client."""

    def __init__(self, server: Server, exchange: Exchange, session: aiohttp.ClientSession, clock: list[int]) -> None:
        self.server = server
        self.exchange = exchange
        self.session = session
        self.clock = clock
        self.key: ApiKey = server.keys.create("demo", created_ms=clock[0])

    async def step(self, ms: int = 100, times: int = 1) -> None:
        """Move time."""
        for _ in range(times):
            self.clock[0] += ms
            await self.server.step(self.clock[0])

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(self.server.rest_url + path) as answer:
            return answer.status, await answer.json()

    async def ok(self, path: str) -> Any:
        status, body = await self.get(path)
        assert status == 200, body
        return body

    def signed(self, query: str = "", key: ApiKey | None = None, at_ms: int | None = None) -> str:
        text = f"{query}&" if query else ""
        text += f"timestamp={self.clock[0] if at_ms is None else at_ms}"
        secret = (key or self.key).secret
        return text + "&signature=" + hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    async def call(self, method: str, path: str, query: str = "", key: ApiKey | None = None) -> tuple[int, Any]:
        """Make a signed call under /api/v3/."""
        return await self.send(method, f"/api/v3/{path}?{self.signed(query, key)}", key)

    async def send(self, method: str, path: str, key: ApiKey | None = None, **rest: Any) -> tuple[int, Any]:
        """Send a request as it is, with the key's header."""
        headers = {"X-MEXC-APIKEY": (key or self.key).access, "Content-Type": "application/json"}
        headers.update(rest.pop("headers", {}))
        url = aiohttp.client.URL(self.server.rest_url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **rest) as answer:
            return answer.status, await answer.json()

    async def done(self, method: str, path: str, query: str = "", key: ApiKey | None = None) -> Any:
        status, body = await self.call(method, path, query, key)
        assert status == 200, body
        return body

    async def admin(self, path: str, **body: object) -> Any:
        async with self.session.post(f"{self.server.rest_url}/admin/{path}", json=body) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            return found

    async def stream(self, listen_key: str = "") -> Stream:
        url = self.server.ws_url + (f"?listenKey={listen_key}" if listen_key else "")
        return Stream(await self.session.ws_connect(url, autoping=True))

    async def private_stream(self) -> Stream:
        made = await self.done("POST", "userDataStream")
        stream = await self.stream(made["listenKey"])
        names = [f"spot@private.{kind}.v3.api.pb" for kind in ("orders", "deals", "account")]
        assert (await stream.ask("SUBSCRIPTION", *names))["msg"] == ",".join(names)
        return stream

    def best(self, symbol: str, decimals: int = 2) -> tuple[Decimal, Decimal]:
        _, bids, asks = self.exchange.market.depth(symbol, 1)
        return bids[0][0], asks[0][0]


Start = Callable[..., Any]


@pytest.fixture(scope="session")
def fresh() -> bytes:
    """An exchange as it starts; made once, since its markets trade for a while before anybody looks."""
    markets = default_markets()
    exchange = demo_exchange(start_ms=START_MS, markets=tuple(markets[at] for at in (0, 2, 4)))
    exchange.accounts.deposit("demo", dict(FUNDS))
    return pickle.dumps(exchange)


def restored(fresh: bytes) -> Exchange:
    gc.disable()  # it would look through every object of the session in the middle of this
    try:
        exchange = pickle.loads(fresh)
    finally:
        gc.enable()
    assert isinstance(exchange, Exchange)
    return exchange


@pytest.fixture
async def start(fresh: bytes) -> AsyncIterator[Start]:
    """Start rigs: ``await start(limits=..., rules=...)``."""
    running: list[Rig] = []

    async def make(limits: LimitRules = GENEROUS, rules: StreamRules | None = None, markets: bool = True) -> Rig:
        exchange = restored(fresh) if markets else Exchange(start_ms=START_MS)
        if not markets:
            exchange.accounts.deposit("demo", dict(FUNDS))
        clock = [START_MS]
        settings = ServerSettings(seed=1, limits=limits, streams=rules or StreamRules(), drive=False)
        server = Server(exchange, lambda: clock[0], settings)
        await server.start()
        rig = Rig(server, exchange, aiohttp.ClientSession(), clock)
        running.append(rig)
        return rig

    yield make
    for rig in running:
        await rig.session.close()
        await rig.server.stop()


@pytest.fixture
async def rig(start: Start) -> Rig:
    return await start()
