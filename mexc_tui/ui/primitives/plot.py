"""Line plots as rows of text, by plotext. Drawing only: floats are welcome here."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

_FRAME = re.compile("[│┤]")

Line = tuple[Sequence[float], Sequence[float]]


def plot_lines(
    lines: Sequence[Line],
    width: int,
    height: int,
    *,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    filled: bool = True,
    ascii_only: bool = False,
) -> list[str]:
    """Return ``height`` lines of at most ``width`` cells with the curves drawn in one colour."""
    import plotext as plt

    plt.clear_figure()
    plt.theme("clear")
    plt.plot_size(width, height)
    marker = "." if ascii_only else "braille"
    for xs, ys in lines:
        if xs:
            plt.plot(list(xs), list(ys), marker=marker, fillx=filled)
    if x_ticks:
        plt.xticks([x for x, _ in x_ticks], [label for _, label in x_ticks])
    if y_ticks:
        plt.yticks([y for y, _ in y_ticks], [label for _, label in y_ticks])
    drawn = _ESCAPE.sub("", str(plt.build())).split("\n")
    rows = [line[:width] for line in drawn[:height]]
    return rows + [""] * (height - len(rows))


def split_frame(line: str) -> tuple[str, str, str]:
    """Return a plotted line as axis, curve and right border; a line without a frame is all axis."""
    found = _FRAME.search(line)
    if found is None:
        return line, "", ""
    return line[: found.end()], line[found.end() : -1], line[-1:]
