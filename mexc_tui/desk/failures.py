"""From what ended a desk to the error that its starter is given."""

from __future__ import annotations

from mexc_tui.config.errors import ConfigError
from mexc_tui.desk.errors import (
    FAILURE,
    UNREACHABLE,
    USAGE,
    DeskError,
    InvalidRequestError,
    RequestError,
    UnreachableError,
)
from mexc_tui.domain.errors import ErrorKind, ExchangeFailedError, VenueError

OFFLINE_HINT = "`mexc-tui demo` needs no network: it opens the cockpit on an exchange of its own."
_NOT_REACHED = (ErrorKind.NETWORK, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE, ErrorKind.SERVER, ErrorKind.UNREADABLE)


def unreachable(address: str, why: str) -> DeskError:
    """Return the error for an exchange that does not answer."""
    return DeskError(
        f"The exchange at {address} cannot be reached: {why.rstrip('.')}. Nothing was sent. {OFFLINE_HINT}", UNREACHABLE
    )


def failed(failure: Exception | None, notice: str, address: str) -> DeskError:
    """Return the error for what ended a desk; ``notice`` is the sentence where nothing better is known."""
    if isinstance(failure, DeskError):
        return failure
    if isinstance(failure, ConfigError | InvalidRequestError):
        return DeskError(str(failure), USAGE)
    if isinstance(failure, ExchangeFailedError):
        return DeskError(str(failure).removeprefix("mexc-tui: "), failure.exit_code)
    if isinstance(failure, VenueError) and failure.kind in _NOT_REACHED:
        return unreachable(address, failure.message)
    if isinstance(failure, RequestError):
        return DeskError(str(failure), UNREACHABLE if isinstance(failure, UnreachableError) else FAILURE)
    return DeskError(notice)
