"""What every REST request passes: faults, budgets, authentication; and how answers and refusals are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.call import Call, Context, Endpoint
from mexc_tui.venues.simulator.server.faults import FaultPlan
from mexc_tui.venues.simulator.server.limits import Limiter, TooManyRequestsError
from mexc_tui.venues.simulator.server.signing import authenticate, parameters
from mexc_tui.wire.mexc import endpoints as wire

EDGE_PAGE = (
    "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \n"
    "You don't have permission to access this server.<P>\nReference&#32;&#35;18&#46;loopback\n</BODY>\n</HTML>\n"
)
ORDER_ACTIONS = frozenset({wire.ORDER_PLACE, wire.ORDER_CANCEL, wire.OPEN_CANCEL, wire.ALL_CANCEL})
_encode = msgspec.json.Encoder().encode


class Gate:
    """Wraps endpoint handlers into request handlers."""

    def __init__(
        self,
        context: Context,
        plan: FaultPlan,
        limiter: Limiter,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._ctx = context
        self._sleep = sleep
        self._plan = plan
        self._limiter = limiter
        self._now_ms = now_ms

    def serve(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the request handler of an endpoint."""

        async def answer(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            if self._plan.active():
                struck = await self._before(endpoint)
                if struck is not None:
                    return struck
            try:
                call = self._admit(endpoint, request, body)
                if self._ctx.upstream is not None:
                    await self._ctx.upstream.before(endpoint.route.method, endpoint.route.path, call.params)
                result = endpoint.handler(call)
            except SimError as refusal:
                return _refusal(refusal.http_status, refusal.code, refusal.message)
            except TooManyRequestsError as problem:
                message = "Too Many Requests" if problem.status == 429 else "IP banned"
                return _refusal(problem.status, problem.status, message, str(problem.retry_after_s))
            if endpoint.route == wire.ORDER_PLACE and self._plan.active():
                lost = self._lose(request, endpoint)
                if lost is not None:
                    return lost
            return web.Response(body=_encode(result), content_type="application/json")

        return answer

    def _admit(self, endpoint: Endpoint, request: web.Request, body: bytes) -> Call:
        now_ms = self._now_ms()
        remote = request.remote or ""
        self._limiter.check_address(remote, endpoint.route.weight, now_ms)
        query = request.raw_path.partition("?")[2]
        if not endpoint.route.permission:
            return Call(parameters(query, ""), now_ms)
        if request.method != "GET":
            _check_content_type(request, body)
        text = body.decode("utf-8", "surrogateescape")
        access = request.headers.get("X-MEXC-APIKEY", "")
        key, params = authenticate(self._ctx.keys, access, query, text, remote, endpoint.route.permission, now_ms)
        self._limiter.check_account(remote, key.account_id, endpoint.route.weight, now_ms)
        if endpoint.route in ORDER_ACTIONS:
            self._limiter.check_order_action(remote, key.account_id, now_ms)
        if endpoint.route == wire.ORDER_BATCH:
            self._limiter.check_batch(remote, key.account_id, now_ms)
        return Call(params, now_ms, key)

    async def _before(self, endpoint: Endpoint) -> web.StreamResponse | None:
        """Apply the faults that strike before anything is done."""
        path, plan = f"{endpoint.route.method} {endpoint.route.path}", self._plan
        latency, jitter = plan.strikes("latency", path), plan.strikes("jitter", path)
        wait_ms = (latency.ms if latency else 0) + (plan.draw("jitter", jitter.ms) if jitter else 0)
        if wait_ms > 0:
            await self._sleep(wait_ms / 1000)
        if plan.strikes("maintenance", path):
            return _refusal(503, 503, "Service unavailable, please try again later")
        if plan.strikes("edge_403_html", path):
            return web.Response(text=EDGE_PAGE, status=403, content_type="text/html")
        limited = plan.strikes("rate_limit_429", path)
        if limited is not None:
            return _refusal(429, 429, "Too Many Requests", str(max(1, limited.ms // 1000)))
        broken = plan.strikes("server_5xx", path)
        if broken is not None:
            return _refusal(broken.status, broken.status, "Internal error")
        return None

    def _lose(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse | None:
        """Lose the acknowledgement of an order that was accepted."""
        fault = self._plan.strikes("ack_lost", f"{endpoint.route.method} {endpoint.route.path}")
        if fault is None:
            return None
        if fault.mode == "504":
            return _refusal(504, 504, "Gateway Timeout")
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _check_content_type(request: web.Request, body: bytes) -> None:
    """Refuse what is announced as anything but JSON (700013).

    A body is a form that calls itself JSON; a query without a body may call itself a form; nothing announced passes.
    """
    if "Content-Type" not in request.headers or request.content_type == "application/json":
        return
    if body or request.content_type != "application/x-www-form-urlencoded":
        raise SimError(700013, "Invalid content Type.")


def _refusal(status: int, code: int, message: str, retry_after: str = "") -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after else None
    body = _encode({"code": code, "msg": message})
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
