"""Why something that was asked of the desk or the exchange ended: one whole sentence for the user."""

from __future__ import annotations

FAILURE = 1
USAGE = 2
"""Bad settings, or a desk that was named and cannot be meant."""
UNREACHABLE = 3
"""The exchange cannot be reached."""


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


class DeskError(RequestError):
    """A desk could not be found, started, stopped or reached; ``exit_code`` is one of the program's."""

    def __init__(self, message: str, exit_code: int = FAILURE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class DeskHeldError(DeskError):
    """Another process runs the desk of this account."""


class BarredDeskError(DeskError):
    """A desk runs as process ``pid`` and does not let this program in."""

    def __init__(self, pid: int, message: str) -> None:
        super().__init__(message)
        self.pid = pid


class SilentDeskError(BarredDeskError):
    """A desk runs as process ``pid`` and does not answer."""


class NotWaitedForError(DeskError):
    """The user did not want to wait for the desk's start any longer."""
