"""Cumulative depth around the mid price."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.views import BookState, BookView
from mexc_tui.ui.primitives.plot import plot_lines, split_frame
from mexc_tui.ui.primitives.rows import Row

_SPAN = 0.004
"""How far from the mid the picture reaches at least, as a fraction, when there are levels."""


def depth_rows(book: BookView | None, width: int, height: int, *, ascii_only: bool = False) -> list[Row]:
    """Return the depth chart, bids left and asks right; a sentence where there is no book to draw."""
    if book is None or not book.bids or not book.asks:
        reason = "no book yet" if book is None else book.reason or "one side of the book is empty"
        return [((f"  depth cannot be drawn: {reason}", "dim"),)]
    if height < 5 or width < 24:
        return [(("  too small to draw", "dim"),)]
    price = float(Decimal(1).scaleb(-book.price_decimals))
    size = float(Decimal(1).scaleb(-book.qty_decimals))
    mid = (book.bids[0][0] + book.asks[0][0]) / 2 * price
    reach = max(
        mid * _SPAN,
        min(mid - book.bids[min(len(book.bids), 60) - 1][0] * price, mid * 0.05),
    )
    bids = _steps([(p * price, q * size) for p, q in book.bids if p * price >= mid - reach])
    asks = _steps([(p * price, q * size) for p, q in book.asks if p * price <= mid + reach])
    highest = max(bids[1][-1] if bids[1] else 0.0, asks[1][-1] if asks[1] else 0.0)
    decimals = book.price_decimals
    lines = plot_lines(
        [(bids[0][::-1], bids[1][::-1]), asks],
        width,
        height,
        x_ticks=[(mid - reach, f"{mid - reach:.{decimals}f}"), (mid, ""), (mid + reach, f"{mid + reach:.{decimals}f}")],
        y_ticks=[(highest * part, _short(highest * part)) for part in (0.0, 0.5, 1.0)],
        ascii_only=ascii_only,
    )
    stale = book.state is not BookState.LIVE
    return [_coloured(line, stale) for line in lines]


def _steps(levels: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    xs: list[float] = []
    ys: list[float] = []
    total = 0.0
    for price, qty in levels:
        xs += [price, price]
        ys += [total, total + qty]
        total += qty
    return xs, ys


def _coloured(line: str, stale: bool) -> Row:
    axis, curve, border = split_frame(line)
    middle = len(curve) // 2
    bid, ask = ("stale", "stale") if stale else ("bid", "ask")
    return ((axis, "axis"), (curve[:middle], bid), (curve[middle:], ask), (border, "axis"))


def _short(value: float) -> str:
    for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= limit:
            return f"{value / limit:.1f}{suffix}"
    return f"{value:.3g}"
