"""Alerts told to a command and to a web address."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from mexc_tui.config.settings import AlertSettings
from mexc_tui.desk.notifier import TRIES, Notifier
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.engine.hub import ViewHub


def fact(seq: int, kind: str = "alert", text: str = "Alert: BTCUSDT is at 70000.") -> Fact:
    return Fact(seq=seq, time_ms=1_000 + seq, kind=kind, level=Level.WARN, message=text, symbol="BTCUSDT")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Hook:
    """A web address that answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.url = ""
        self.bodies: list[dict[str, object]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.text()))
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:9/"})


@pytest.fixture
async def hook():
    hook = Hook()
    app = web.Application()
    app.router.add_post("/secret-path", hook.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path"
    yield hook
    await runner.cleanup()


@pytest.fixture
async def started():
    tasks: list[asyncio.Task[None]] = []
    said: list[str] = []
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    def start(**settings: object) -> tuple[ViewHub, list[str], list[float]]:
        hub = ViewHub()
        notifier = Notifier(AlertSettings(**settings), hub, said.append, sleep=sleep)
        tasks.append(asyncio.create_task(notifier.run()))
        return hub, said, pauses

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_web_address_gets_each_alert_and_nothing_else(hook, started):
    hub, said, _ = started(webhook=hook.url)
    hub.append(fact(1))
    hub.append(fact(2, kind="filled"))
    hub.append(fact(3))
    await until(lambda: len(hook.bodies) == 2)
    assert hook.bodies[0] == {"text": "Alert: BTCUSDT is at 70000.", "symbol": "BTCUSDT", "time_ms": 1_001}
    assert said == []


async def test_a_failing_address_is_tried_again_and_told_once_without_its_name(hook, started, caplog):
    hub, said, pauses = started(webhook=hook.url)
    hook.status = 503
    hub.append(fact(1))
    await until(lambda: said)
    assert len(hook.bodies) == TRIES
    assert pauses == [2.0, 4.0, 8.0]
    hook.status = 404
    hub.append(fact(2))
    await until(lambda: len(hook.bodies) == TRIES + 1)
    hook.status = 200
    hub.append(fact(3))
    await until(lambda: len(hook.bodies) == TRIES + 2)
    assert said == [
        "An alert was told on the screen only: the webhook of [alerts] did not take an alert: HTTP 503. "
        "Orders are not concerned."
    ]
    assert "secret-path" not in caplog.text


async def test_an_address_that_leads_elsewhere_is_not_followed(hook, started):
    hub, said, _ = started(webhook=hook.url)
    hook.status = 307
    hub.append(fact(1))
    await until(lambda: said)
    assert len(hook.bodies) == 1


async def test_a_command_gets_the_text_as_one_argument_and_no_keys(started, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MEXC_SECRET_KEY", "hidden")
    out = tmp_path / "out"
    script = "import json,os,sys; json.dump([sys.argv[2:], os.environ.get('MEXC_SECRET_KEY')], open(sys.argv[1],'w'))"
    hub, said, _ = started(command=(sys.executable, "-c", script, str(out)))
    hub.append(fact(1, text="Alert: $(rm -rf /) `x` \x1b[31m"))
    await until(lambda: out.exists() and out.read_text().endswith("]"))
    assert json.loads(out.read_text()) == [["Alert: $(rm -rf /) `x` ·[31m"], None]
    assert said == []


async def test_a_command_that_is_not_there_is_told_once(started):
    hub, said, _ = started(command=("/no/such/program",))
    for seq in (1, 2):
        hub.append(fact(seq))
    await until(lambda: said)
    assert "could not be run" in said[0]
    assert os.strerror(2) in said[0]
