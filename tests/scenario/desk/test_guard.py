"""A guard on its pipe, against the local exchange: it acts when heartbeats stop, and only then."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from mexc_tui import MexcExchange
from mexc_tui.config.settings import GuardSettings
from mexc_tui.desk.guard import process
from mexc_tui.desk.guard.brief import BEAT, FAREWELL, REPORT, Brief, guarded_before
from mexc_tui.desk.guard.process import Guard
from mexc_tui.desk.places import desk_lock
from mexc_tui.library.exchange import MexcSession
from mexc_tui.venues.simulator.exchange import demo_exchange
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.server import STRICT, Server, ServerSettings

LOOK_S = 0.01


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
async def brief(tmp_path: Path) -> AsyncIterator[Brief]:
    now = time.time_ns() // 1_000_000
    exchange = demo_exchange(start_ms=now, markets=default_markets()[:1])
    exchange.accounts.deposit("ann", {"USDT": Decimal(100_000)})
    server = Server(exchange, lambda: time.time_ns() // 1_000_000, ServerSettings(seed=1, limits=STRICT))
    await server.start()
    key = server.keys.create("ann", created_ms=now)
    yield Brief(
        desk_id="local-test",
        desk_name="test",
        base_url=server.rest_url,
        ws_url=server.ws_url,
        api_key=key.access,
        api_secret=key.secret,
        real_orders=False,
        currency="USDT",
        folder=str(tmp_path),
        settings=GuardSettings(plan="cancel entries", after_s=5),
    )
    await server.stop()


@pytest.fixture
async def entry(brief: Brief) -> AsyncIterator[MexcSession]:
    mexc = MexcExchange(brief.api_key, brief.api_secret, base_url=brief.base_url, ws_url=brief.ws_url)
    async with mexc.session(ungated=True) as session:
        await session.place_limit_order("BTCUSDT", "BUY", "0.01", "20000")
        yield session


class Pipe:
    """The desk's end of the pipe."""

    def __init__(self, brief: Brief) -> None:
        read, self.write = os.pipe()
        os.set_blocking(read, False)
        self.guard = asyncio.create_task(Guard(brief, read, LOOK_S).watch())

    def send(self, data: bytes) -> None:
        os.write(self.write, data)

    def close(self) -> None:
        os.close(self.write)


async def _gone(session: MexcSession) -> None:
    while await session.rest.trading.open_orders(["BTCUSDT"]):  # noqa: ASYNC110 - the exchange tells nobody else
        await asyncio.sleep(LOOK_S)


async def _reported(folder: Path) -> str:
    while not (folder / REPORT).exists() or b'"done":true' not in (folder / REPORT).read_bytes():  # noqa: ASYNC110 - a file
        await asyncio.sleep(LOOK_S)
    return guarded_before(folder)[0]


async def test_entries_of_a_desk_that_died_are_cancelled(brief: Brief, entry: MexcSession, state: Path) -> None:
    pipe = Pipe(brief)
    pipe.send(BEAT)
    pipe.close()
    await _gone(entry)
    assert await pipe.guard == 0
    assert "cancelled buy 0.01 BTCUSDT at 20000." in await _reported(state)


async def test_a_report_that_finds_no_room_is_written_once_there_is(
    brief: Brief, entry: MexcSession, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    def full(*_: object) -> None:
        tried.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(process, "keep", full)
        pipe = Pipe(brief)
        pipe.close()
        await _gone(entry)
        tried.clear()
        await tried.wait()
        await asyncio.sleep(10 * LOOK_S)
        assert not pipe.guard.done()
    assert await pipe.guard == 0
    assert "cancelled buy 0.01 BTCUSDT at 20000." in await _reported(state)


async def test_a_frozen_desk_is_acted_for_each_time_and_watched_on(
    brief: Brief, entry: MexcSession, state: Path
) -> None:
    pipe = Pipe(brief)
    for _ in range(2):
        await _gone(entry)
        assert "had not answered" in await _reported(state)
        pipe.send(BEAT)
        await entry.place_limit_order("BTCUSDT", "BUY", "0.01", "20000")
    pipe.send(FAREWELL)
    assert await pipe.guard == 0
    pipe.close()


async def test_an_end_in_order_leaves_every_order(brief: Brief, entry: MexcSession) -> None:
    pipe = Pipe(brief)
    pipe.send(BEAT + FAREWELL)
    pipe.close()
    assert await pipe.guard == 0
    assert len(await entry.rest.trading.open_orders(["BTCUSDT"])) == 1


async def test_a_desk_that_was_started_again_has_a_guard_of_its_own(brief: Brief, entry: MexcSession) -> None:
    lock = desk_lock(brief.desk_id)
    pipe = Pipe(brief)
    pipe.close()
    assert await pipe.guard == 0
    lock.release()
    assert len(await entry.rest.trading.open_orders(["BTCUSDT"])) == 1
