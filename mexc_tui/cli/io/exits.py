"""Exit codes, which are part of the interface, and the errors that carry them."""

from __future__ import annotations

from mexc_tui.desk.errors import DeskError, InvalidRequestError, RequestError, UnreachableError

OK = 0
FAILURE = 1
USAGE = 2
"""Bad usage, bad settings, a terminal that cannot show the cockpit."""
UNREACHABLE = 3
"""The exchange cannot be reached."""
UNKNOWN = 4
"""The outcome of an order or a cancel could not be learnt: it may be live."""
SIGNALLED = 128
"""Plus the number of the signal that ended the program; 130 is an interrupt."""
INTERRUPTED = 130
READER_GONE = 141
"""Whoever read the output has closed it; what a shell reports of any program that SIGPIPE ends."""


class ExitError(Exception):
    """Ends the program with one sentence on stderr and a code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: ExitError | RequestError) -> int:
    """Return the code that an error ends the program with."""
    if isinstance(error, ExitError):
        return error.code
    if isinstance(error, DeskError):
        return error.exit_code
    if isinstance(error, InvalidRequestError):
        return USAGE
    return UNREACHABLE if isinstance(error, UnreachableError) else FAILURE
