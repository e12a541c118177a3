"""The tape: public trades, newest first, equal ones in a row drawn as one with a count."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from mexc_tui.domain.market import Trade
from mexc_tui.domain.numbers import decimals_of
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import TapeView
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import clock, compact, fit, fit_right, fixed, width_of

SIZE_WIDTH = 8
VALUE_WIDTH = 10
BIG = 5
"""A print of this many times the median value on the screen is drawn bold."""


class Print(msgspec.Struct, frozen=True, gc=False):
    """Trades in a row at one price, by one side, within one second."""

    price: Decimal
    qty: Decimal
    taker: Side
    time_ms: int
    count: int


def prints(trades: Sequence[Trade], limit: int) -> list[Print]:
    """Return the newest ``limit`` prints, newest first."""
    made: list[Print] = []
    for trade in reversed(trades):
        last = made[-1] if made else None
        if (
            last is not None
            and (last.price, last.taker) == (trade.price, trade.taker)
            and last.time_ms // 1_000 == trade.time_ms // 1_000
        ):
            made[-1] = Print(last.price, last.qty + trade.qty, last.taker, last.time_ms, last.count + 1)
            continue
        if len(made) == limit:
            break
        made.append(Print(trade.price, trade.qty, trade.taker, trade.time_ms, 1))
    return made


def tape_rows(
    view: TapeView | None,
    price_decimals: int,
    width: int,
    height: int,
    *,
    ring: bool = False,
    ascii_only: bool = False,
    fault: bool = False,
) -> list[Row]:
    """Return the prints. As a ring, each stays on its row and a line moves down to mark the newest.

    With ``fault`` they are old: more may have been traded since.
    """
    if view is None or not view.trades:
        return [((fit(" no trades yet", width), "dim"),)]
    if ring:
        rows = _ring(view, price_decimals, width, height, ascii_only)
    else:
        shown = prints(view.trades, height)
        big = _threshold(shown)
        places = size_places([item.qty for item in shown])
        rows = [_row(item, price_decimals, places, width, item.price * item.qty > big, ascii_only) for item in shown]
    return [tuple((text, "stale") for text, _ in row) for row in rows] if fault else rows


def heading(view: TapeView | None, *, fault: bool = False) -> tuple[Row, Row]:
    """Return what stands at the right end of the title: trades seen, and the share of buyers among those kept."""
    if fault:
        return (), (("not current ", "warn@panel"),)
    if view is None or not view.trades:
        return (), ()
    bought = sum((trade.qty for trade in view.trades if trade.taker is Side.BUY), Decimal(0))
    total = sum((trade.qty for trade in view.trades), Decimal(0))
    share = int(bought * 100 / total) if total else 0
    return (), ((f"buyers {share:>2}%  {compact(view.count)} ", "dim@panel"),)


def _ring(view: TapeView, decimals: int, width: int, height: int, ascii_only: bool) -> list[Row]:
    """Row n shows the newest trade whose number is n modulo the height; the row after the newest is the mark."""
    kept = view.trades[-max(1, height - 1) :]
    rows: list[Row] = [()] * height
    places = size_places([trade.qty for trade in kept])
    for back, trade in enumerate(reversed(kept)):
        item = Print(trade.price, trade.qty, trade.taker, trade.time_ms, 1)
        rows[(view.count - back) % height] = _row(item, decimals, places, width, False, ascii_only)
    rows[(view.count + 1) % height] = ((("-" if ascii_only else "─") * width, "accent"),)
    return rows


def size_places(sizes: Sequence[Decimal]) -> int:
    """Return how many decimals the sizes are shown with, so that their points stand in one column."""
    wanted = max((decimals_of(size) for size in sizes), default=0)
    whole = max((size.adjusted() for size in sizes), default=0) + 1
    return max(0, min(wanted, SIZE_WIDTH - 1 - max(1, whole)))


def _size(size: Decimal, places: int) -> str:
    text = f"{size:.{places}f}"
    if len(text) > SIZE_WIDTH:
        return compact(size)
    return text if text.strip("0.") else "<" + text[:-1] + "1"


def _threshold(shown: Sequence[Print]) -> Decimal:
    values = sorted(item.price * item.qty for item in shown)
    return values[len(values) // 2] * BIG if values else Decimal(0)


def _row(item: Print, decimals: int, places: int, width: int, big: bool, ascii_only: bool) -> Row:
    up = item.taker is Side.BUY
    mark = ("+" if up else "-") if ascii_only else ("▴" if up else "▾")
    style = ("bid" if up else "ask") + ("!" if big else "")
    price = fixed(item.price, decimals)
    stamp = clock(item.time_ms) if width >= width_of(price) + SIZE_WIDTH + 13 else ""
    count = f"×{item.count}" if item.count > 1 else ""
    if len(count) + len(stamp) + 2 > width - width_of(price) - SIZE_WIDTH - 4:
        count = ""
    qty = fit_right(_size(item.qty, places), SIZE_WIDTH + 1)
    front: Span = (f"{mark} {price} {qty}", style)
    if width - width_of(front[0]) >= VALUE_WIDTH + 16:
        front = (front[0] + fit_right(compact(item.price * item.qty), VALUE_WIDTH), style)
    rest = width - width_of(front[0])
    tail = fit(f" {count}", max(0, rest - (len(stamp) + 1 if stamp else 0))) + (f" {stamp}" if stamp else "")
    return (front, (fit(tail, max(0, rest)), "dim"))
