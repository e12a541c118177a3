"""Certificates are always checked: a server that shows one of its own making gets neither a request nor a frame."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream.dialing import AiohttpDialer, DialError


@pytest.fixture
def own(tmp_path: Path) -> ssl.SSLContext:
    """A certificate for this machine that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
async def port(own: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a server with that certificate; one that is asked anything fails the test."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({"serverTime": 1})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()
    assert asked == []


async def test_rest(port: int) -> None:
    rest = MexcRest(MexcSettings(base_url=f"https://127.0.0.1:{port}", max_attempts=1))
    with pytest.raises(VenueError, match="identity") as refused:
        await rest.open()
    assert (refused.value.kind, refused.value.sent) == (ErrorKind.NETWORK, False)
    await rest.close()


async def test_streams(port: int) -> None:
    dialer = AiohttpDialer(f"wss://127.0.0.1:{port}/ws", connect_timeout_s=5.0, user_agent="test")
    with pytest.raises(DialError, match=r"(?i)identity|certificate|tls|ssl"):
        await dialer.dial("")
    await dialer.close()


def test_no_setting_switches_it_off() -> None:
    assert not [
        name for name in MexcSettings.__struct_fields__ if any(word in name for word in ("ssl", "tls", "verif"))
    ]
