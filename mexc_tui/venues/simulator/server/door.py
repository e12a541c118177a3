"""Who may talk to the exchange: programs on this machine, and no web page in somebody's browser.

A page reaches the loopback under a name of its own that its owner lets point there, which ``Host`` tells, or from
another origin, which ``Origin`` tells. Browsers set both by themselves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web


@web.middleware
async def only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer 403 to whoever is not a program on this machine, before anything is looked at."""
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    if origin in (None, f"http://{host}") and _is_loopback(_name(host)) and _is_loopback(request.remote or ""):
        return await handler(request)
    body = msgspec.json.encode({"code": 403, "msg": "This exchange is for programs on this machine only."})
    return web.Response(body=body, status=403, content_type="application/json")


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]").lower()


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
