"""The WebSocket itself: dialling, frames in, texts out, behind a seam that tests replace."""

from __future__ import annotations

import asyncio
import os
from typing import Final, Protocol

import aiohttp
from yarl import URL

from mexc_tui.venues.mexc.resolving import Resolver
from mexc_tui.venues.mexc.stream.codec import MAX_FRAME

_CLOSE_S: Final = 1.0
"""How long a closing handshake may take; the other side of a dead socket never answers."""


class DialError(Exception):
    """No socket could be opened. The text names the host only: the address itself may hold a listen key.

    ``refused`` tells that the server answered and declined, with its HTTP status in the text.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Socket(Protocol):
    """One open WebSocket."""

    async def receive(self) -> bytes | str | None:
        """Return the next binary or text frame; None once the socket is closed."""

    async def send(self, text: str) -> None:
        """Send a text frame; ConnectionError if the socket is closed."""

    async def close(self) -> None:
        """Close; idempotent."""


class Dialer(Protocol):
    """Opens sockets."""

    async def dial(self, listen_key: str) -> Socket:
        """Open a socket, with account streams if a listen key is given.

        Raises:
            DialError: no socket; the text holds no secret.
        """

    async def close(self) -> None:
        """Release what is held besides the sockets."""


class AiohttpSocket:
    """A socket of aiohttp; ping frames of the server are answered by the library."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    async def receive(self) -> bytes | str | None:
        """Return the next frame, or None."""
        while True:
            message = await self._ws.receive()
            if message.type is aiohttp.WSMsgType.BINARY or message.type is aiohttp.WSMsgType.TEXT:
                data: bytes | str = message.data
                return data
            if message.type not in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG):
                return None

    async def send(self, text: str) -> None:
        """Send a text frame."""
        await self._ws.send_str(text)

    async def close(self) -> None:
        """Close within about a second, whether or not the other side answers."""
        await self._ws.close()


class AiohttpDialer:
    """Opens sockets to one address."""

    def __init__(self, url: str, *, connect_timeout_s: float, user_agent: str) -> None:
        self._url = URL(url)
        self._timeout_s = connect_timeout_s
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def dial(self, listen_key: str) -> Socket:
        """Open a socket; DialError if that fails or takes too long."""
        failure: DialError
        try:
            async with asyncio.timeout(self._timeout_s):
                return AiohttpSocket(await self._connect(listen_key))
        except TimeoutError:
            failure = DialError(f"{self._url.host} did not answer within {self._timeout_s:g} s")
        except aiohttp.WSServerHandshakeError as error:
            failure = DialError(f"{self._url.host} refused the stream with HTTP {error.status}", refused=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = DialError(f"{self._url.host} cannot be reached: {_cause(error)}")
        # Raised out here, so that the original, which knows the address, is not chained to it.
        raise failure

    async def _connect(self, listen_key: str) -> aiohttp.ClientWebSocketResponse:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=Resolver()), headers={"User-Agent": self._user_agent}
            )
        url = self._url.with_query({"listenKey": listen_key}) if listen_key else self._url
        return await self._session.ws_connect(
            url, max_msg_size=MAX_FRAME, timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S)
        )

    async def close(self) -> None:
        """Close the session and with it every socket."""
        if self._session is not None:
            await self._session.close()


def _cause(error: BaseException) -> str:
    """Return what kind of failure it is; texts of the library may repeat the address."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name could not be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "it could not prove its identity (TLS)"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return type(error).__name__
