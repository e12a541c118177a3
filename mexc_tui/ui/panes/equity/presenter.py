"""The equity curve of the session, in the account's currency."""

from __future__ import annotations

from datetime import UTC, datetime

from mexc_tui.domain.views import EquityView
from mexc_tui.ui.primitives.plot import plot_lines, split_frame
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import clean


def equity_rows(view: EquityView | None, width: int, height: int, *, ascii_only: bool = False) -> list[Row]:
    """Return the curve; a sentence while there are fewer than two points."""
    notes: list[Row] = []
    if view is not None and view.currency:
        notes.append(((f"  in {clean(view.currency)}", "dim"),))
    if view is not None and view.unpriced:
        notes.append(((f"  without {', '.join(view.unpriced[:4])}: no price to value them", "warn"),))
    if view is None or len(view.points) < 2:
        return [*notes, (("  the curve begins once the account has been valued for a few seconds", "dim"),)]
    if height - len(notes) < 5 or width < 24:
        return [*notes, (("  too small to draw", "dim"),)]
    points = view.points
    every = max(1, len(points) // (width * 2))
    kept = points[::every]
    if kept[-1] != points[-1]:
        kept = (*kept, points[-1])
    xs = [float(at) for at, _ in kept]
    ys = [float(value) for _, value in kept]
    low, high = min(ys), max(ys)
    if high - low < 1e-9:
        low, high = low * 0.999, high * 1.001 + 1e-6
    decimals = 2 if high - low >= 0.1 else 4
    lines = plot_lines(
        [(xs, ys)],
        width,
        height - len(notes),
        x_ticks=[(x, datetime.fromtimestamp(x / 1000, UTC).strftime("%H:%M:%S")) for x in (xs[0], xs[-1])],
        y_ticks=[(y, f"{y:,.{decimals}f}") for y in (low, (low + high) / 2, high)],
        filled=False,
        ascii_only=ascii_only,
    )
    style = "up" if points[-1][1] >= points[0][1] else "down"
    return [*notes, *(_coloured(line, style) for line in lines)]


def _coloured(line: str, style: str) -> Row:
    axis, curve, border = split_frame(line)
    return ((axis, "axis"), (curve, style), (border, "axis"))
