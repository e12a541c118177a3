"""Looking up names of hosts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.resolving import Resolver
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream.dialing import AiohttpDialer, DialError
from tests.patience import LIMIT_S


@pytest.fixture
def hanging(monkeypatch):
    """No name server answers; only long after that the system gives up. Yields the event of that."""
    released, over = threading.Event(), threading.Event()

    def getaddrinfo(*_args, **_more):
        released.wait(LIMIT_S)
        over.set()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield over
    released.set()


async def ask_rest() -> None:
    async with asyncio.timeout(0.2), MexcRest(MexcSettings(base_url="https://mexc.invalid", ws_url="wss://x.invalid/")):
        pass


async def dial() -> None:
    dialer = AiohttpDialer("wss://mexc.invalid/ws", connect_timeout_s=0.2, user_agent="test")
    try:
        await dialer.dial("")
    finally:
        await dialer.close()


@pytest.mark.parametrize("call", [ask_rest, dial])
def test_a_lookup_that_hangs_holds_up_neither_the_call_nor_the_end_of_the_program(hanging, call):
    with contextlib.suppress(TimeoutError, DialError):
        asyncio.run(call())
    assert not hanging.is_set(), "it waited for the lookup"


async def test_a_name_that_does_not_exist_is_told_in_words():
    rest = MexcRest(MexcSettings(base_url="https://mexc.invalid", ws_url="wss://mexc.invalid/ws"))
    with pytest.raises(VenueError, match="could not be resolved") as error:
        await rest.open()
    assert error.value.kind is ErrorKind.NETWORK


async def test_addresses_come_in_the_form_that_connections_are_made_with():
    found = await Resolver().resolve("localhost", 8700, socket.AF_UNSPEC)
    assert {(row["hostname"], row["port"]) for row in found} == {("localhost", 8700)}
    assert {row["host"] for row in found} <= {"127.0.0.1", "::1"}


async def test_what_is_no_name_is_an_error_like_any_other():
    with pytest.raises(OSError, match="no name of a host"):
        await Resolver().resolve("a" * 70 + ".example")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ws://127.0.0.1:9/ws", "127.0.0.1 cannot be reached: connection refused"),
        ("wss://mexc.invalid/ws", "mexc.invalid cannot be reached: its name could not be resolved"),
    ],
)
async def test_a_stream_that_cannot_be_opened_says_why_in_words(url, why):
    dialer = AiohttpDialer(url, connect_timeout_s=5, user_agent="test")
    with pytest.raises(DialError) as error:
        await dialer.dial("")
    await dialer.close()
    assert str(error.value) == why


async def test_localhost_is_this_machine_whatever_is_said_of_the_name(monkeypatch):
    def elsewhere(*_args, **_more):
        raise AssertionError("the name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
    for family, wanted in ((socket.AF_INET, {"127.0.0.1"}), (socket.AF_UNSPEC, {"127.0.0.1", "::1"})):
        found = await Resolver().resolve("localhost", 80, family)
        assert {one["host"] for one in found} == wanted
