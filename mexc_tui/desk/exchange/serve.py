"""Serving of a local exchange on the loopback until it is asked to stop or fails."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from mexc_tui.desk.errors import InvalidRequestError, RefusedError
from mexc_tui.desk.exchange.options import ExchangeOptions
from mexc_tui.desk.exchange.state_file import StateFile
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.markets.catalogue import DEMO_FUNDS
from mexc_tui.venues.simulator.server import GENEROUS, STRICT, FaultPlan, Server, ServerSettings
from mexc_tui.venues.simulator.server.upstream import Upstream

DEMO_ACCOUNT = "demo"

Say = Callable[[Mapping[str, object], str], None]
"""Prints what the exchange has to say: as a row for programs, or as text for people."""


def build_server(
    options: ExchangeOptions,
    exchange: Exchange,
    plan: FaultPlan,
    state: StateFile | None = None,
    on_first_book: Callable[[int], None] | None = None,
    upstream: Upstream | None = None,
) -> Server:
    """Return the server that the options describe."""
    settings = ServerSettings(
        port=options.port,
        seed=secrets.randbits(128) if options.seed is None else options.seed,
        limits=STRICT if options.strict_limits else GENEROUS,
    )
    persist = None if state is None else state.persist
    return Server(
        exchange, wall_ms, settings, plan=plan, on_first_book=on_first_book, upstream=upstream, persist=persist
    )


async def serve(
    options: ExchangeOptions,
    say: Say,
    server: Server,
    state: StateFile | None,
    beside: Coroutine[Any, Any, None] | None = None,
    notices: tuple[str, ...] = (),
) -> None:
    """Serve until asked to stop or until the server or what runs ``beside`` it fails, which raises RefusedError."""
    stop = _stop_requests(watch_stdin=options.until_stdin_closes)
    key = _demo_key(server, state)
    if state is not None:
        state.ring = server.keys
        state.save()
        if state.problem:
            raise InvalidRequestError(f"{state.problem} The exchange was not started.")
    try:
        await server.start()
    except OSError as problem:
        if beside is not None:
            beside.close()
        raise InvalidRequestError(_why_not(options.port, problem)) from None
    companion = asyncio.create_task(server.wait() if beside is None else beside)
    keeper = asyncio.create_task(state.keep()) if state is not None else None
    try:
        _announce(say, server, key, notices)
        if state is not None:
            state.on_problem = lambda sentence: say({"notice": sentence}, sentence)
        failure = await _until(stop, server, companion)
    finally:
        companion.cancel()
        await asyncio.gather(companion, return_exceptions=True)
        await server.stop()
        if keeper is not None and state is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            state.close()
            if state.problem:
                raise RefusedError(f"{state.problem} What happened since the last save is lost.")
    if failure:
        kept = "Its paper orders are gone with it." if state is None else "Its paper accounts are saved."
        raise RefusedError(f"The embedded exchange broke down: {failure}. {kept}")


def wall_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _demo_key(server: Server, state: StateFile | None) -> tuple[str, str]:
    """Return the demo account's key pair, restored or new."""
    for key in state.keys if state is not None else []:
        server.keys.add(key)
    known = [key for key in server.keys.all() if key.account_id == DEMO_ACCOUNT]
    if known:
        return known[0].access, known[0].secret
    server.exchange.accounts.deposit(DEMO_ACCOUNT, dict(DEMO_FUNDS))
    made = server.keys.create(DEMO_ACCOUNT, note="made at start", created_ms=wall_ms())
    return made.access, made.secret


def _stop_requests(*, watch_stdin: bool) -> asyncio.Event:
    """Return what is set by a signal or by the end of stdin."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if watch_stdin:
        _watch_stdin(loop, stop)
    return stop


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=read, name="stdin", daemon=True).start()


async def _until(stop: asyncio.Event, server: Server, companion: asyncio.Task[None]) -> str:
    """Wait for a request to stop or for a failure; return what failed, empty for an ordered end."""
    stopped = asyncio.create_task(stop.wait())
    broke = asyncio.create_task(server.wait())
    await asyncio.wait((stopped, broke, companion), return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, broke):
        task.cancel()
    for task in (broke, companion):
        problem = task.exception() if task.done() and not task.cancelled() else None
        if problem is not None:
            return _innermost(problem)
    return ""


def _innermost(problem: BaseException) -> str:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"


def _announce(say: Say, server: Server, key: tuple[str, str], notices: tuple[str, ...]) -> None:
    row: dict[str, object] = {"rest": server.rest_url, "ws": server.ws_url}
    row |= {"api_key": key[0], "api_secret": key[1]}
    if notices:
        row["notices"] = notices
    text = (
        f"MEXC's spot API is served on this machine only, with paper money (account {DEMO_ACCOUNT}).\n"
        f"  REST       {server.rest_url}\n"
        f"  WebSocket  {server.ws_url}\n"
        f"  API key    {key[0]}\n"
        f"  secret     {key[1]}\n"
        f"  admin      {server.rest_url}/admin/\n" + "".join(f"{notice}\n" for notice in notices) + "Ctrl-C ends it."
    )
    say(row, text)


def _why_not(port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any free one."
    if problem.errno == errno.EACCES:
        return f"Port {port} may not be used by this account; choose one above 1023 with --port."
    return f"The exchange cannot listen on 127.0.0.1:{port}: {problem.strerror or problem}."
