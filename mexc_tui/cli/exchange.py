"""``mexc-tui exchange``: the embedded exchange alone, speaking MEXC's REST and protobuf streams on the loopback."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import math
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexc_tui.cli.io.exits import FAILURE, OK, USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.cli.exchange_state import StateFile
    from mexc_tui.store.lock import FileLock
    from mexc_tui.venues.simulator.core.api import Upstream
    from mexc_tui.venues.simulator.core.exchange import Exchange
    from mexc_tui.venues.simulator.markets.tape import TapeMarket
    from mexc_tui.venues.simulator.server import FaultPlan, Server

DEFAULT_PORT = 8700
DEFAULT_SEED = 1
DEMO_ACCOUNT = "demo"
END_LOOK_S = 0.5
TAPE_OVER = "The recording is over: its market stands still from here on. Orders can still be placed and cancelled."

_MORE = """\
Point a client at the two addresses and give it the key pair; nothing else differs from MEXC.

While it runs, programs on this machine can change it under /admin/ (curl http://127.0.0.1:8700/admin/):
  POST /admin/fund         {"account":"demo","funds":{"USDT":"1000"}}      create or fund an account
  POST /admin/keys         {"account":"bob"}                               make a key pair (permissions, ips, symbols)
  POST /admin/list         {"symbol":"NEWUSDT","base":"NEW","quote":"USDT","price":"0.5","opens_in_ms":60000}
  POST /admin/pause        {"symbol":"MXUSDT","paused":true}
  POST /admin/nudge        {"symbol":"MXUSDT","fraction":"-0.05"}          move a market
  POST /admin/maintenance  {"on":true}
  POST /admin/faults       {"name":"ack_lost","p":0.5,"count":3}           GET lists all, DELETE lifts them
  POST /admin/drop         {}                                              cut every stream
  POST /admin/kill-listen-keys {}    POST /admin/limits {"rules":"strict"}

Fault profiles: none, slow, flaky, lossy, edge, lost-acks, garbled, chaos; or single faults such as
  --faults 'drop:p=0.1;latency:ms=200'

With --mirror the market is MEXC's own: its public books and trades, read without keys, and nothing is ever sent
there. Orders are matched here, behind what stands in MEXC's queues. MEXC_BASE_URL and MEXC_WS_URL (or [venue] in the
config file) name the exchange to mirror, [paper] sets delay and fees.

exit codes: 0 ended by a signal or by stdin closing; 1 it broke down; 2 bad usage, a port in use,
a recording or state file that cannot be used; 3 the exchange to mirror cannot be reached.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "exchange",
        help="run the embedded exchange alone, for this or other programs",
        description="Run an exchange that speaks MEXC's spot API on 127.0.0.1, with a funded paper account.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, metavar="N", help="port, 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line with addresses and keys when ready")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of markets, faults and keys (default: markets as ever, keys random)"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="serve a recorded market")
    parser.add_argument("--speed", type=_speed, metavar="X", help="speed of the recorded market: 1 as it was, 10, max")
    parser.add_argument(
        "--from", type=_seconds, default=0.0, dest="from_s", metavar="S", help="begin so many seconds into it"
    )
    parser.add_argument("--faults", metavar="PROFILE", default="", help="misbehave: a profile or a list of faults")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep accounts, orders and keys in this file")
    parser.add_argument("--mirror", action="store_true", help="paper orders on MEXC's public market instead of a model")
    parser.add_argument(
        "--delay-ms", type=_delay, metavar="N", help="with --mirror: delay of orders (default: measured)"
    )
    parser.add_argument("--strict-limits", action="store_true", help="MEXC's strictest published request limits")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal (or the end of stdin) and return the exit code."""
    from mexc_tui.venues.simulator.server import FaultError, FaultPlan, parse_profile

    seed = DEFAULT_SEED if arguments.seed is None else arguments.seed
    plan = FaultPlan(seed)
    try:
        for fault in parse_profile(arguments.faults):
            plan.set(fault)
    except FaultError as problem:
        raise ExitError(f"The faults cannot be set: {problem}.", USAGE) from None
    if arguments.mirror:
        if arguments.replay is not None:
            raise ExitError("A market is either mirrored or replayed: give --mirror or --replay, not both.", USAGE)
        from mexc_tui.cli.mirror import serve_mirror

        return asyncio.run(serve_mirror(arguments, seed, plan))
    exchange, tape = _build(arguments, seed)
    lock = lock_state(arguments.state)
    try:
        state = open_state(arguments.state, exchange)
        server = build_server(arguments, exchange, plan, state, None if tape is None else tape.start)
        beside = None if tape is None else _tell_the_end(tape, server, as_json=arguments.json)
        return asyncio.run(serve(arguments, server, state, exchange, beside))
    finally:
        if lock is not None:
            lock.release()


async def _tell_the_end(tape: TapeMarket, server: Server, *, as_json: bool) -> None:
    """Say once that the recording is over; runs until the server fails."""
    broken = asyncio.create_task(server.wait())
    try:
        while not broken.done():
            await asyncio.wait((broken,), timeout=END_LOOK_S)
            if tape.finished:
                _say({"notice": TAPE_OVER}, TAPE_OVER, as_json=as_json)
                break
        await broken
    finally:
        broken.cancel()


def _build(arguments: argparse.Namespace, seed: int) -> tuple[Exchange, TapeMarket | None]:
    if arguments.replay is None:
        from mexc_tui.venues.simulator.markets.catalogue import demo_exchange

        return demo_exchange(start_ms=wall_ms(), seed=seed), None
    from mexc_tui.venues.simulator.markets.tape import TapeError, TapeMarket, tape_exchange

    try:
        tape = TapeMarket.from_file(arguments.replay, arguments.speed or 1.0, from_s=arguments.from_s)
    except TapeError as problem:
        raise ExitError(f"{str(problem).rstrip('.')}. The exchange was not started.", USAGE) from None
    return tape_exchange(tape, start_ms=wall_ms(), seed=seed), tape


def build_server(
    arguments: argparse.Namespace,
    exchange: Exchange,
    plan: FaultPlan,
    state: StateFile | None = None,
    on_wanted: Callable[[int], None] | None = None,
    upstream: Upstream | None = None,
) -> Server:
    """Return the server that the arguments describe."""
    from mexc_tui.venues.simulator.server import GENEROUS, STRICT, Server, ServerSettings

    settings = ServerSettings(
        port=arguments.port,
        seed=secrets.randbits(128) if arguments.seed is None else arguments.seed,
        limits=STRICT if arguments.strict_limits else GENEROUS,
    )
    settle = None if state is None else state.settle
    return Server(exchange, wall_ms, settings, plan=plan, on_wanted=on_wanted, upstream=upstream, settle=settle)


def lock_state(path: Path | None) -> FileLock | None:
    """Keep a second process from the same paper account; ExitError if one has it."""
    if path is None:
        return None
    from mexc_tui.store.errors import JournalError, JournalInUseError
    from mexc_tui.store.lock import FileLock

    try:
        return FileLock(path.with_name(path.name + ".lock"))
    except JournalInUseError:
        raise ExitError(
            f"Another program is trading with the paper account in {path}. Close it first; nothing was started.",
            FAILURE,
        ) from None
    except JournalError as error:
        why = error.__cause__.strerror if isinstance(error.__cause__, OSError) else str(error)
        raise ExitError(f"{path} cannot be used: {why}. The exchange was not started.", USAGE) from None


def open_state(path: Path | None, exchange: Exchange) -> StateFile | None:
    """Return the state file, loaded into the exchange; ExitError if it cannot be used."""
    if path is None:
        return None
    from mexc_tui.cli.exchange_state import StateError, StateFile

    try:
        state = StateFile(path, exchange)
        state.load()
    except StateError as problem:
        raise ExitError(f"{problem} The exchange was not started.", USAGE) from None
    return state


async def serve(
    arguments: argparse.Namespace,
    server: Server,
    state: StateFile | None,
    exchange: Exchange,
    beside: Coroutine[Any, Any, None] | None = None,
    notices: tuple[str, ...] = (),
) -> int:
    """Serve until told to end or until server or what runs ``beside`` it fails; return the exit code."""
    told = _listen_for_the_end(arguments.until_stdin_closes)
    key = _account(server, state, exchange)
    if state is not None:
        state.ring = server.keys
        state.save()
        if state.problem:
            raise ExitError(f"{state.problem} The exchange was not started.", USAGE)
    try:
        await server.start()
    except OSError as problem:
        if beside is not None:
            beside.close()
        raise ExitError(_why_not(arguments.port, problem), USAGE) from None
    companion = asyncio.create_task(server.wait() if beside is None else beside)
    keeper = asyncio.create_task(state.keep()) if state is not None else None
    try:
        _announce(arguments, server, key, notices)
        if state is not None:
            state.on_problem = partial(_say_problem, as_json=arguments.json)
        failed = await _until(told, server, companion)
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
                raise ExitError(f"{state.problem} What happened since the last save is lost.", FAILURE)
    if failed:
        kept = "Its paper orders are gone with it." if state is None else "Its paper accounts are saved."
        raise ExitError(f"The embedded exchange broke down: {failed}. {kept}", FAILURE)
    return OK


def _account(server: Server, state: StateFile | None, exchange: Exchange) -> tuple[str, str]:
    """Return the demo account's key pair, restored or new."""
    from mexc_tui.venues.simulator.markets.catalogue import DEMO_FUNDS

    for key in state.keys if state is not None else []:
        server.keys.add(key)
    known = [key for key in server.keys.all() if key.account_id == DEMO_ACCOUNT]
    if known:
        return known[0].access, known[0].secret
    exchange.open_account(DEMO_ACCOUNT, dict(DEMO_FUNDS))
    made = server.keys.create(DEMO_ACCOUNT, note="made at start", created_ms=wall_ms())
    return made.access, made.secret


def _listen_for_the_end(watch_stdin: bool) -> asyncio.Event:
    """Return what is set by a signal or by the end of stdin."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    if watch_stdin:
        _watch_stdin(loop, told)
    return told


async def _until(told: asyncio.Event, server: Server, companion: asyncio.Task[None]) -> str:
    """Wait to be told or for a failure; return what failed, empty for an ordered end."""
    stop = asyncio.create_task(told.wait())
    broke = asyncio.create_task(server.wait())
    await asyncio.wait((stop, broke, companion), return_when=asyncio.FIRST_COMPLETED)
    for task in (stop, broke):
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


def _watch_stdin(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(told.set)

    threading.Thread(target=read, name="stdin", daemon=True).start()


def _announce(
    arguments: argparse.Namespace, server: Server, key: tuple[str, str], notices: tuple[str, ...] = ()
) -> None:
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
    _say(row, text, as_json=arguments.json)


def _say(row: dict[str, object], text: str, *, as_json: bool) -> None:
    import msgspec

    sys.stdout.write((msgspec.json.encode(row).decode() if as_json else text) + "\n")
    sys.stdout.flush()


def _say_problem(sentence: str, *, as_json: bool) -> None:
    _say({"notice": sentence}, sentence, as_json=as_json)


def _why_not(port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any free one."
    if problem.errno == errno.EACCES:
        return f"Port {port} may not be used by this account; choose one above 1023 with --port."
    return f"The exchange cannot listen on 127.0.0.1:{port}: {problem.strerror or problem}."


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _delay(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 60_000:
        raise argparse.ArgumentTypeError("a delay is a number of milliseconds from 0 to 60000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("a number of seconds, 0 or more")
    return seconds


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed <= 10_000:
        raise argparse.ArgumentTypeError("speed is a number above 0 such as 0.5 or 10, or max")
    return speed


def wall_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000
