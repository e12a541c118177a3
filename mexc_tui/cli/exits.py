"""Exit codes, which are part of the interface, and the errors that carry them."""

from __future__ import annotations

OK = 0
FAILURE = 1
USAGE = 2
"""Bad usage, bad settings, a terminal that cannot show the cockpit."""
UNREACHABLE = 3
"""The exchange cannot be reached."""
SIGNALLED = 128
"""Plus the number of the signal that ended the program; 130 is an interrupt."""
INTERRUPTED = 130


class ExitError(Exception):
    """Ends the program with one sentence on stderr and a code."""

    def __init__(self, message: str, code: int, *, symbol: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.symbol = symbol
        """The pair that it is about, where it is about one."""
