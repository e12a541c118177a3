"""Names of hosts, looked up where nobody has to wait for the answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult

LOCALHOST = "localhost"
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_ANY = socket.AF_UNSPEC
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """Looks names up in threads of their own that end with the process.

    A lookup cannot be interrupted and may hang for half a minute where no name server answers. The event loop's own
    threads are joined when the loop and the process end, so that whoever gave up long ago would still have to wait.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; ``localhost`` is this machine, whatever a hosts file or name server says.

        Raises:
            OSError: there is no such host, or nobody who could say.
        """
        if host == LOCALHOST:
            return [_numeric(host, kind, number, port) for kind, number in _LOOPBACK if family in (kind, _ANY)]
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def resolve(found: list[ResolveResult] | OSError) -> None:
            if answer.done():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def look() -> None:
            found = _look_up(host, port, family)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile: nobody wants to know any more
                loop.call_soon_threadsafe(resolve, found)

        _in_background(look)
        return await answer

    async def close(self) -> None:
        """Nothing is held."""


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="name lookup", daemon=True).start()


def _numeric(host: str, kind: int, number: str, port: int, proto: int = socket.IPPROTO_TCP) -> ResolveResult:
    return ResolveResult(hostname=host, host=number, port=port, family=kind, proto=proto, flags=_NUMERIC)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult] | OSError:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
        found = []
        for kind, _, proto, _, address in infos:
            # The numeric form keeps the zone of a link-local address, which the plain one leaves out.
            number, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
            found.append(_numeric(host, kind, number, port, proto))
    except UnicodeError as error:
        return OSError(f"{host[:80]!r} is no name of a host ({error})")
    except OSError as error:
        return error
    return found
