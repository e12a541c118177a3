"""The watchlist: pairs in the user's own order, which never changes by itself."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.domain.views import WatchlistView, WatchRow
from mexc_tui.ui.primitives.glyphs import spark
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.table import Column, Record, TableState, layout, natural
from mexc_tui.ui.primitives.text import UNKNOWN, clean, compact, fit, percent, price_in

COLUMNS = (
    Column("last", 11, "right"),
    Column("24h", 7, "right"),
    Column("symbol", 9, grows=True),
    Column("spread", 6, "right", yields=2),
    Column("turnover", 8, "right", yields=1),
    Column("", 9, yields=3),
)
"""What changes most stands left: a changed row is sent from there on."""

SPARK_WIDTH = 9
STALE_MS = 30_000
"""A row that has not changed for so long is drawn as old."""


def watch_rows(
    view: WatchlistView | None,
    selected: str,
    now_ns: int,
    width: int,
    height: int,
    *,
    ascii_only: bool = False,
    fault: bool = False,
) -> list[Row]:
    """Return a header and one row per pair, the selected one marked and kept in view."""
    if view is None or not view.rows:
        return [((fit(" no pairs yet", width), "dim"),)]
    records = [_record(row, now_ns, ascii_only, fault) for row in view.rows]
    keys = [row.symbol for row in view.rows]
    at = keys.index(selected) if selected in keys else 0
    top = max(0, at - max(1, height - 1) + 1)
    state = TableState(selected, top)
    return layout(natural(COLUMNS, records), records, width, height, state, focused=True)


def _record(row: WatchRow, now_ns: int, ascii_only: bool, fault: bool) -> Record:
    old = fault or row.as_of_ns <= 0 or now_ns - row.as_of_ns > STALE_MS * 1_000_000
    direction = "flat" if not row.change else "up" if row.change > 0 else "down"
    values = [float(value) for value in row.spark]
    picture = spark(values, SPARK_WIDTH, ascii_only=ascii_only)
    name = clean(row.symbol)
    cells: Sequence[Span] = (
        (price_in(row.last, row.price_decimals, COLUMNS[0].width, ascii_only=ascii_only), "strong"),
        (percent(row.change), direction),
        (name if row.tradable else f"{'!' if ascii_only else '⊘'}{name}", "text" if row.tradable else "dim"),
        (_spread(row), "dim"),
        (compact(row.quote_volume), "text"),
        (picture, "spark") if row.tradable else ("VIEW-ONLY", "dim"),
    )
    if old:
        cells = [(text, "stale") for text, _ in cells]
    return Record(row.symbol, tuple(cells))


def _spread(row: WatchRow) -> str:
    """In basis points of the bid."""
    if row.bid is None or row.ask is None or row.bid <= 0:
        return UNKNOWN
    points = (row.ask - row.bid) * 10_000 / row.bid
    return f"{points:.1f}bp" if points < 1_000 else f"{points / 100:.0f}%"
