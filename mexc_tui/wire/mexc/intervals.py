"""Names of candle intervals: REST's, which are the values of ``Interval``, and those of the streams."""

from __future__ import annotations

from typing import Final

from mexc_tui.domain.market import Interval

STREAM_NAMES: Final = {
    Interval.M1: "Min1",
    Interval.M5: "Min5",
    Interval.M15: "Min15",
    Interval.M30: "Min30",
    Interval.H1: "Min60",
    Interval.H4: "Hour4",
    Interval.H8: "Hour8",
    Interval.D1: "Day1",
    Interval.W1: "Week1",
    Interval.MO1: "Month1",
}
BY_STREAM_NAME: Final = {name: interval for interval, name in STREAM_NAMES.items()}
REST_INTERVALS: Final = tuple(interval for interval in Interval if interval is not Interval.H8)
"""What REST serves; ``8h`` exists on the streams only."""
