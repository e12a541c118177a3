"""The exchange that environment or config file name, for requests that need no desk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import load
from mexc_tui.config.paths import config_file
from mexc_tui.desk.errors import InvalidRequestError, RefusedError, RequestError, UnreachableError
from mexc_tui.domain.errors import ErrorKind, VenueError

if TYPE_CHECKING:
    from mexc_tui.venues.mexc.rest.client import MexcRest
    from mexc_tui.venues.mexc.settings import MexcSettings

__all__ = ["MexcRest", "ask", "failed", "mexc_settings", "reach", "unknown_symbols"]

T = TypeVar("T")

REACH_LIMIT_S = 5.0
OFFLINE_HINT = "`mexc-tui exchange` starts one of your own."

NOT_REACHED = (
    ErrorKind.NETWORK,
    ErrorKind.EDGE_BLOCK,
    ErrorKind.RATE_LIMIT,
    ErrorKind.MAINTENANCE,
    ErrorKind.SERVER,
    ErrorKind.UNREADABLE,
    ErrorKind.OUTCOME_UNKNOWN,
)


def mexc_settings(*, keys: bool) -> tuple[MexcSettings, str]:
    """Return addresses and, with ``keys``, the key pair, and the wanted speed of book updates.

    Raises:
        InvalidRequestError: config file or environment say something that cannot be used.
    """
    from mexc_tui.venues.mexc.settings import MexcSettings

    try:
        venue = venue_settings(load(config_file()).settings.venue, os.environ)
        pair = credentials(os.environ) if keys else None
    except ConfigError as error:
        raise InvalidRequestError(str(error)) from None
    if keys and not pair:
        raise InvalidRequestError(
            "This needs an API key: set MEXC_API_KEY and MEXC_SECRET_KEY, and MEXC_BASE_URL and MEXC_WS_URL for an "
            "exchange other than MEXC itself."
        )
    try:
        settings = MexcSettings(
            base_url=venue.base_url,
            ws_url=venue.ws_url,
            api_key=pair.api_key.reveal() if pair else "",
            api_secret=pair.secret_key.reveal() if pair else "",
        )
    except ValueError as error:
        raise InvalidRequestError(f"The exchange's addresses cannot be used: {error}.") from None
    return settings, venue.depth_speed


async def ask(settings: MexcSettings, work: Callable[[MexcRest], Awaitable[T]]) -> T:
    """Return what ``work`` returns for a REST client of this exchange.

    Raises:
        UnreachableError, RefusedError: the exchange cannot be reached or refuses.
    """
    from mexc_tui.venues.mexc.rest.client import MexcRest

    rest = MexcRest(settings)
    try:
        await reach(rest.open(), settings.base_url)
        return await work(rest)
    except VenueError as error:
        raise failed(error, settings.base_url) from None
    finally:
        await rest.close()


async def reach(opening: Coroutine[Any, Any, T], base_url: str) -> T:
    """Await the first contact, but not for long.

    Raises:
        UnreachableError, RefusedError: there was none in time, or it failed.
    """
    try:
        async with asyncio.timeout(REACH_LIMIT_S):
            return await opening
    except TimeoutError:
        raise UnreachableError(_unreachable(base_url, f"no answer within {REACH_LIMIT_S:.0f} s")) from None
    except VenueError as error:
        raise failed(error, base_url) from None


def failed(error: VenueError, base_url: str) -> RequestError:
    """Return what a venue's error means to whoever asked."""
    if error.kind is ErrorKind.NETWORK:
        return UnreachableError(_unreachable(base_url, error.message))
    text = f"{error.message} {error.remedy}".strip()
    if error.kind in NOT_REACHED:
        return UnreachableError(f"The exchange at {base_url} gives no usable answer: {text}")
    return RefusedError(text)


def _unreachable(base_url: str, why: str) -> str:
    return f"The exchange at {base_url} cannot be reached: {why.rstrip('.')}. Nothing was sent. {OFFLINE_HINT}"


def unknown_symbols(wanted: Iterable[str], listed: Iterable[str]) -> str:
    """Return the sentence for pairs that are not listed; empty where all of them are."""
    import difflib

    known = set(listed)
    missing = [name for name in wanted if name not in known]
    if not missing:
        return ""
    near = difflib.get_close_matches(missing[0], known, n=3, cutoff=0.5)
    hint = f" Near it: {', '.join(near)}." if near else " `mexc-tui markets` lists what is."
    return f"{', '.join(missing)[:200]} {'is' if len(missing) == 1 else 'are'} not traded here.{hint}"
