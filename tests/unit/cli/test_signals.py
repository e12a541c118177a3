"""A command that runs on a loop and is ended from outside."""

from __future__ import annotations

import asyncio
import gc
import os
import signal

import pytest

from mexc_tui.cli.io.exits import ExitError
from mexc_tui.cli.io.signals import StopOnSignal


async def stubborn(begun: asyncio.Event, over: list[str]) -> None:
    begun.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        over.append("over")
        raise ExitError("it failed on its way out", 3) from None


async def test_a_signal_ends_the_work() -> None:
    begun, over = asyncio.Event(), []
    with StopOnSignal() as stop:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await stop.run(stubborn(begun, over))
    assert (stop.number, over) == (signal.SIGTERM, ["over"])


async def test_what_the_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise ExitError("unreachable", 3)

    with StopOnSignal() as stop, pytest.raises(ExitError, match="unreachable"):
        await stop.run(fail())


async def test_cancelled_from_outside_the_work_is_over_and_nothing_is_left_to_complain() -> None:
    begun, over, complaints = asyncio.Event(), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))

    async def command() -> None:
        with StopOnSignal() as stop:
            await stop.run(stubborn(begun, over))

    running = asyncio.create_task(command())
    await begun.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert over == ["over"]
    gc.collect()
    assert complaints == []
