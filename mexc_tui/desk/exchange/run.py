"""A local exchange by its options: modelled markets, a recording, or MEXC's public market mirrored."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mexc_tui.desk.errors import InvalidRequestError
from mexc_tui.desk.exchange.options import ExchangeOptions
from mexc_tui.desk.exchange.serve import Say, build_server, serve, wall_ms
from mexc_tui.desk.exchange.state_file import lock_state, open_state
from mexc_tui.venues.simulator.exchange import demo_exchange, tape_exchange
from mexc_tui.venues.simulator.markets.tape import TapeError, TapeMarket
from mexc_tui.venues.simulator.server import FaultError, FaultPlan, Server, parse_profile

DEFAULT_SEED = 1
END_LOOK_S = 0.5
TAPE_OVER = "The recording is over: its market stands still from here on. Orders can still be placed and cancelled."


def run(options: ExchangeOptions, say: Say) -> None:
    """Serve until a signal (or the end of stdin).

    Raises:
        InvalidRequestError: options, settings or files cannot be used.
        UnreachableError: the exchange to mirror cannot be reached.
        RefusedError: another program has the paper account, or the exchange broke down.
    """
    seed = DEFAULT_SEED if options.seed is None else options.seed
    plan = FaultPlan(seed)
    try:
        for fault in parse_profile(options.faults):
            plan.set(fault)
    except FaultError as problem:
        raise InvalidRequestError(f"The faults cannot be set: {problem}.") from None
    if options.mirror and options.replay is not None:
        raise InvalidRequestError("A market is either mirrored or replayed: give --mirror or --replay, not both.")
    if options.mirror:
        from mexc_tui.desk.exchange.paper import serve_paper  # with MEXC's client, which only the mirror needs

        asyncio.run(serve_paper(options, seed, plan, say))
        return
    tape = None if options.replay is None else _read_tape(options.replay, options)
    start_ms = wall_ms()
    exchange = (
        demo_exchange(start_ms=start_ms, seed=seed)
        if tape is None
        else tape_exchange(tape, start_ms=start_ms, seed=seed)
    )
    with lock_state(options.state):
        state = open_state(options.state, exchange)
        server = build_server(options, exchange, plan, state, None if tape is None else tape.start)
        beside = None if tape is None else _announce_end(tape, server, say)
        asyncio.run(serve(options, say, server, state, beside))


def _read_tape(path: Path, options: ExchangeOptions) -> TapeMarket:
    from mexc_tui.desk.exchange.frames import decode_frame

    try:
        return TapeMarket.from_file(path, decode_frame, options.speed, from_s=options.from_s)
    except TapeError as problem:
        raise InvalidRequestError(f"{str(problem).rstrip('.')}. The exchange was not started.") from None


async def _announce_end(tape: TapeMarket, server: Server, say: Say) -> None:
    """Say once that the recording is over; runs until the server fails."""
    broken = asyncio.create_task(server.wait())
    try:
        while not broken.done():
            await asyncio.wait((broken,), timeout=END_LOOK_S)
            if tape.finished:
                say({"notice": TAPE_OVER}, TAPE_OVER)
                break
        await broken
    finally:
        broken.cancel()
