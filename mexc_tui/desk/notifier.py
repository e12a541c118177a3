"""Tells alerts outside of the program: to a command, and to a web address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from mexc_tui.config.settings import AlertSettings
from mexc_tui.desk.child import child_environment
from mexc_tui.domain.facts import Fact
from mexc_tui.engine.hub import ViewHub

LIMIT_S = 10.0
"""How long a command may run, and an address may take to answer."""
TRIES = 4
FIRST_PAUSE_S = 2.0
MOST_WAITING = 50
"""Alerts that wait to be told; of more, the oldest are dropped and only screens have them."""

_log = logging.getLogger(__name__)


class Notifier:
    """Runs beside a desk, on the engine's loop. What fails is told in the log and, once, to the user."""

    def __init__(
        self,
        settings: AlertSettings,
        hub: ViewHub,
        notify: Callable[[str], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._notify = notify
        self._sleep = sleep
        self._last = 0
        self._waiting: list[Fact] = []
        self._news = asyncio.Event()
        self._complained: set[str] = set()
        hub.on_change(self._collect)

    def _collect(self) -> None:
        fresh = self._hub.facts(self._last)
        if fresh:
            self._last = fresh[-1].seq
        alerts = [fact for fact in fresh if fact.kind == "alert"]
        if alerts:
            self._waiting = [*self._waiting, *alerts][-MOST_WAITING:]
            self._news.set()

    async def run(self) -> None:
        """Tell alerts one by one until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                fact = self._waiting.pop(0)
                ways = [self._run_command(fact)] if self._settings.command else []
                ways += [self._post(fact)] if self._settings.webhook else []
                await asyncio.gather(*ways)

    async def _run_command(self, fact: Fact) -> None:
        command = self._settings.command
        process = None
        try:
            async with asyncio.timeout(LIMIT_S):
                process = await asyncio.create_subprocess_exec(
                    *command,
                    _plain(fact.message),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=child_environment(),
                    start_new_session=True,
                )
                code = await process.wait()
            if code:
                self._complain("command", f"the command of [alerts] ended with code {code}")
        except (OSError, ValueError, TimeoutError) as error:
            why = f"it took longer than {LIMIT_S:.0f} s" if isinstance(error, TimeoutError) else str(error)
            self._complain("command", f"the command of [alerts] could not be run: {why}")
        finally:
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def _post(self, fact: Fact) -> None:
        body = {"text": _plain(fact.message), "symbol": fact.symbol, "time_ms": fact.time_ms}
        why = ""
        for attempt in range(TRIES):
            if attempt:
                await self._sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                async with (
                    aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as session,
                    session.post(self._settings.webhook, json=body, allow_redirects=False) as answer,
                ):
                    if answer.status < 300:
                        return
                    why = f"HTTP {answer.status}"
                    if answer.status < 500 and answer.status != 429:
                        break
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = type(error).__name__  # its text may hold the address, which is often a secret
        self._complain("webhook", f"the webhook of [alerts] did not take an alert: {why}")

    def _complain(self, way: str, text: str) -> None:
        _log.warning("%s", text)
        if way not in self._complained:
            self._complained.add(way)
            self._notify(f"An alert was told on the screen only: {text}. Orders are not concerned.")


def _plain(text: str) -> str:
    """Return text without anything that a terminal could take for a command."""
    return "".join(char if char.isprintable() else "·" for char in text)
