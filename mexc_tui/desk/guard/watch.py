"""When a desk counts as gone: its heartbeats, judged by a clock that may have stood still itself."""

from __future__ import annotations

LOOK_S = 1.0
"""How often ``silent`` is to be asked."""


class Watch:
    """Counts the looks that found no heartbeat, not seconds: a guard that was stopped itself blames nobody."""

    def __init__(self, after_s: float) -> None:
        self._looks = max(1, round(after_s / LOOK_S))
        self._missed = 0
        self.said_goodbye = False
        self.cut = False
        """Whether the desk's end of the pipe is closed: its process has ended."""

    def heard(self, data: bytes, farewell: bytes) -> None:
        """Take what came since the last look; nothing at all means that the pipe is closed."""
        if not data:
            self.cut = True
            return
        self._missed = -1  # The look that follows was not in vain.
        self.said_goodbye = self.said_goodbye or data.endswith(farewell)

    def look(self) -> None:
        """Note that a look is over."""
        self._missed += 1

    @property
    def alive(self) -> bool:
        """Whether the latest look found a heartbeat."""
        return self._missed <= 0 and not self.cut

    @property
    def gone(self) -> bool:
        """Whether the desk has been silent for so long that the plan is due."""
        return self._missed >= self._looks and not self.said_goodbye
