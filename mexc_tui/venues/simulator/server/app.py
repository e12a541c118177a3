"""The server: REST and streams on one loopback port, over an exchange that is driven by a clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

import msgspec
from aiohttp import web

from mexc_tui.venues.simulator.core.events import SimEvent, SymbolChanged
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server.admin import Admin
from mexc_tui.venues.simulator.server.call import Context
from mexc_tui.venues.simulator.server.door import only_from_here
from mexc_tui.venues.simulator.server.faults import FaultPlan
from mexc_tui.venues.simulator.server.gate import Gate
from mexc_tui.venues.simulator.server.keys import KeyRing, ListenKeys
from mexc_tui.venues.simulator.server.limits import GENEROUS, Limiter, LimitRules
from mexc_tui.venues.simulator.server.rest_account import AccountApi
from mexc_tui.venues.simulator.server.rest_public import PublicApi
from mexc_tui.venues.simulator.server.rest_signed import OrderApi
from mexc_tui.venues.simulator.server.streams import Hub, StreamRules
from mexc_tui.venues.simulator.server.upstream import Upstream
from mexc_tui.wire.mexc import endpoints as wire

HOST = "127.0.0.1"
TICK_MS = 10
"""Exchange time between two looks at what is due; the finest rhythm a channel has."""
ORDER_PATHS = frozenset(
    route.path
    for route in (
        wire.ORDER_PLACE,
        wire.ORDER_TEST,
        wire.ORDER_BATCH,
        wire.OPEN_CANCEL,
        wire.ALL_CANCEL,
        wire.LISTEN_CREATE,
    )
)
"""Requests that change nothing but orders and balances, or nothing that is kept."""
MOST_STEPS = 100
"""A clock that jumps is followed in at most this many steps."""
_SHUTDOWN_S = 0.5

_log = logging.getLogger(__name__)
_silent = logging.Logger("requests", logging.CRITICAL + 1)
"""What the HTTP library says of unreadable requests shows their text, and with it keys: it is never logged."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Port (0: any free one), seed of everything drawn, budgets, and whether a task of its own follows the clock."""

    port: int = 0
    seed: int | str = 0
    limits: LimitRules = GENEROUS
    streams: StreamRules = StreamRules()
    drive: bool = True


class Server:
    """MEXC's wire over an exchange.

    ``clock`` gives the time in milliseconds. With ``settings.drive`` the exchange follows it every few
    milliseconds; without, ``step`` moves everything, so that tests need no waiting. ``on_first_book`` is called
    with the time when a book is first asked for. ``upstream`` brings what is asked for where the market is a mirror.
    ``persist`` is called before anything leaves, so that nothing is reported that a crash could take back; with True
    where more may have changed than orders and balances. ``sleep`` lets the seconds of slow answers pass.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], int],
        settings: ServerSettings | None = None,
        *,
        plan: FaultPlan | None = None,
        on_first_book: Callable[[int], None] | None = None,
        upstream: Upstream | None = None,
        persist: Callable[[bool], None] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.settings = settings or ServerSettings()
        self.exchange = exchange
        self.plan = plan or FaultPlan(self.settings.seed)
        self.keys = KeyRing(Random(f"{self.settings.seed}:keys"))
        self.listen_keys = ListenKeys(Random(f"{self.settings.seed}:listen"))
        self.limiter = Limiter(self.settings.limits)
        self._clock = clock
        self._sleep = sleep
        self._on_first_book = on_first_book
        self._runner: web.AppRunner | None = None
        self._driver: asyncio.Task[None] | None = None
        self._port = 0
        self.hub = Hub(
            exchange, self.plan, self.listen_keys, self.settings.streams, self.settings.seed, self._book_requested
        )
        self._persist = persist
        if persist is not None:
            self.hub.before_send = partial(persist, False)
        if upstream is not None:
            self.hub.on_watched = upstream.watched
        self._context = Context(
            core=exchange,
            keys=self.keys,
            listen_keys=self.listen_keys,
            hub=self.hub,
            book_requested=self._book_requested,
            upstream=upstream,
            listed_ms={i.symbol: i.first_open_ms or exchange.now_ms for i in exchange.symbols.instruments()},
        )
        exchange.listen(self._on_event)

    @property
    def rest_url(self) -> str:
        """Base address of the REST side, once started."""
        return f"http://{HOST}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Address of the streams, once started."""
        return f"ws://{HOST}:{self._port}/ws"

    @property
    def now_ms(self) -> int:
        """The time that answers carry, skewed where a fault says so."""
        return self._clock() + self.plan.skew_ms()

    async def start(self) -> None:
        """Listen on the loopback and follow the clock; OSError where the port is taken."""
        runner = web.AppRunner(
            self._build(), access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S, logger=_silent
        )
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.settings.port, reuse_address=True, backlog=512)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        if self.settings.drive:
            self._driver = asyncio.create_task(self._drive())

    async def stop(self) -> None:
        """Cut every stream and close the port; idempotent."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await driver
        self.hub.drop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def step(self, now_ms: int) -> None:
        """Let everything happen up to ``now_ms`` and give the pushes a chance to leave."""
        self._follow(now_ms)
        await asyncio.sleep(0)

    async def wait(self) -> None:
        """Return when the clock is no longer followed, raising what stopped it."""
        if self._driver is not None:
            await asyncio.shield(self._driver)

    def _follow(self, now_ms: int) -> None:
        core, hub = self.exchange, self.hub
        size = max(TICK_MS, -(-(now_ms - core.now_ms) // MOST_STEPS))
        while core.now_ms < now_ms:
            at = min(now_ms, core.now_ms + size)
            core.advance(at)
            hub.step(at)

    async def _drive(self) -> None:
        while True:
            self._follow(self._clock())
            await asyncio.sleep(TICK_MS / 1000)

    def _book_requested(self) -> None:
        callback, self._on_first_book = self._on_first_book, None
        if callback is not None:
            callback(self.exchange.now_ms)
            self.exchange.advance(self.exchange.now_ms)

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, SymbolChanged):
            self._context.listed_ms.setdefault(event.symbol, event.time_ms)

    def _build(self) -> web.Application:
        app = web.Application(client_max_size=1024 * 1024)
        gate = Gate(self._context, self.plan, self.limiter, lambda: self.now_ms, self._sleep)
        apis = (PublicApi(self._context), OrderApi(self._context), AccountApi(self._context))
        for api in apis:
            for endpoint in api.endpoints():
                app.router.add_route(endpoint.route.method, endpoint.route.path, gate.serve(endpoint))
        Admin(self._context, self.plan, self.limiter, lambda: self.now_ms).add_routes(app)
        app.router.add_get("/ws", self._stream)
        app.router.add_get("/api/v1/contract/detail", _no_futures)
        app.middlewares.extend((only_from_here, _supervise_request))
        if self._persist is not None:
            app.middlewares.append(self._persist_first)
        return app

    @web.middleware
    async def _persist_first(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let an answer leave only when what it says is kept."""
        answer = await handler(request)
        if self._persist is not None:
            self._persist(request.method != "GET" and request.path not in ORDER_PATHS)
        return answer

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.plan.strikes("maintenance", "/ws"):
            raise web.HTTPServiceUnavailable(text="maintenance")
        return await self.hub.serve(request, lambda: self.exchange.now_ms)


async def _no_futures(request: web.Request) -> web.StreamResponse:
    """Futures are not traded here; clients that load both lists get an empty one."""
    body = msgspec.json.encode({"success": True, "code": 0, "data": []})
    return web.Response(body=body, content_type="application/json")


@web.middleware
async def _supervise_request(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer in JSON whatever happens. The log gets one line without the query, which holds keys and signatures."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as problem:
        status, message = problem.status, problem.reason
    except web.HTTPException:
        raise
    except Exception as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        _log.error("%s %s: %r at %s:%s", request.method, request.path, problem, where.filename, where.lineno)
        status, message = 500, "Internal error"
    body = msgspec.json.encode({"code": status, "msg": message})
    return web.Response(body=body, status=status, content_type="application/json")
