"""Why something that was asked of the desk or the exchange ended: one whole sentence for the user."""

from __future__ import annotations


class RequestError(Exception):
    """What was asked for did not happen; the message is a whole sentence."""


class InvalidRequestError(RequestError):
    """Settings, arguments or a pair cannot be used."""

    def __init__(self, message: str, *, symbol: str = "") -> None:
        super().__init__(message)
        self.symbol = symbol
        """The pair that it is about, where it is about one."""


class UnreachableError(RequestError):
    """The exchange does not answer, or gives no usable answer."""


class RefusedError(RequestError):
    """The exchange refused, or something here broke."""
