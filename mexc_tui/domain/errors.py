"""Refusals and failures of a venue, by kind, with what they mean and what to do."""

from __future__ import annotations

from enum import StrEnum

from mexc_tui.domain.limits import Violation


class ErrorKind(StrEnum):
    """What went wrong, coarsely enough to act on."""

    RATE_LIMIT = "rate limit"
    EDGE_BLOCK = "edge block"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    CLOCK = "clock"
    TRADING_DISABLED = "trading disabled"
    BAD_PARAMETER = "bad parameter"
    INSUFFICIENT_BALANCE = "insufficient balance"
    ORDER_NOT_FOUND = "order not found"
    LIMIT = "exchange limit"
    MAINTENANCE = "maintenance"
    SERVER = "server"
    NETWORK = "network"
    OUTCOME_UNKNOWN = "outcome unknown"
    UNREADABLE = "unreadable answer"
    REFUSED_HERE = "refused here"
    OTHER = "other"


class VenueError(Exception):
    """A call to a venue did not succeed.

    ``sent`` tells whether bytes may have reached the venue; ``definite`` whether the venue positively refused.
    An order call that was sent and not definitely refused has an unknown outcome. ``violations`` are the controls of
    a risk gate that refused it, each with its code, limit and actual value.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = ErrorKind.OTHER,
        code: int | None = None,
        http_status: int | None = None,
        remedy: str = "",
        sent: bool = True,
        definite: bool = False,
        retry_after_s: float | None = None,
        violations: tuple[Violation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.code = code
        self.http_status = http_status
        self.remedy = remedy
        self.sent = sent
        self.definite = definite
        self.retry_after_s = retry_after_s
        self.violations = violations


class ExchangeFailedError(Exception):
    """The embedded exchange did not start. ``exit_code`` is its own."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
