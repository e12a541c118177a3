"""The one place where any exception is caught: nothing escapes it, nothing is swallowed by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mexc_tui.config.errors import ConfigError
from mexc_tui.domain.errors import ErrorKind, VenueError

T = TypeVar("T")

CALL_LIMIT_S = 30.0
"""A call to a venue that has not come back by then counts as sent with an unknown outcome."""

_log = logging.getLogger(__name__)


async def attempt(what: str, call: Awaitable[T], limit_s: float = CALL_LIMIT_S) -> T | VenueError:
    """Await a venue's call and return its result, or why there is none. Whatever was not foreseen counts as sent."""
    try:
        async with asyncio.timeout(limit_s):
            return await call
    except VenueError as error:
        return error
    except TimeoutError:
        return VenueError(f"{what}: no answer within {limit_s:.0f} s", kind=ErrorKind.OUTCOME_UNKNOWN)
    except Exception as error:
        _log.exception("%s failed in an unforeseen way", what)
        return VenueError(f"{what}: unforeseen {type(error).__name__}", kind=ErrorKind.OUTCOME_UNKNOWN)


def guarded(call: Callable[[], None]) -> Exception | None:
    """Run a step of the engine and return what it raised, if anything."""
    try:
        call()
    except Exception as error:
        _log.exception("a step of the engine failed")
        return error
    return None


def run_to_end(main: Callable[[], Awaitable[None]]) -> Exception | None:
    """Run the engine's whole life on a loop of its own and return what ended it early, if anything did."""

    async def life() -> None:
        await main()

    try:
        asyncio.run(life())
    except (VenueError, ConfigError, OSError) as error:
        _log.warning("the engine ended: %s", error)
        return error
    except Exception as error:
        _log.exception("the engine ended")
        return error
    return None
