"""What the cockpit is opened with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

from mexc_tui.domain.market import Interval
from mexc_tui.ui.frame_clock import LOCAL_FPS, SSH_FPS

SIZES = (Decimal(50), Decimal(100), Decimal(250), Decimal(500), Decimal(1_000))


class UiOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the screen; whoever starts it has read the config and the environment."""

    theme: str = "dark"
    theme_folder: Path | None = None
    """Where the user's own themes are."""
    fps: float | None = None
    """Frames a second; None takes 20, or 10 over SSH."""
    symbol: str = "BTCUSDT"
    interval: Interval = Interval.M1
    watchlist: tuple[str, ...] = ()
    sizes: tuple[Decimal, ...] = SIZES
    """Order sizes of the keys 1 to 5, in quote."""
    keys: dict[str, str] = {}
    """Action id to keys, several separated by commas."""
    view_only: bool = False
    """The desk takes no command from this screen."""
    instant: bool = False
    """b and s send at once instead of preparing a ghost."""
    ssh: bool = False
    """The terminal is at the other end of a network: fewer frames, and fewer bytes in each."""
    ascii_only: bool = False
    bell: bool = True
    """Alerts ring the terminal's bell."""
    frames: int | None = None
    """Leave after so many frames; for trying the program out."""
    timer: bool = True
    """False: frames are drawn only when the frame clock is advanced by hand."""
    notices: tuple[str, ...] = ()
    """Sentences to show at the start, such as about the config."""

    @property
    def frames_per_second(self) -> float:
        """The rate to draw at."""
        return self.fps if self.fps is not None else SSH_FPS if self.ssh else LOCAL_FPS
