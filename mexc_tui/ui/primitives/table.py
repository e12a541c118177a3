"""A table of lines for live data: stable keys, a cursor that stays on its row, columns that yield when it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
from textual import events

from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import fit, fit_right, width_of


class Column(msgspec.Struct, frozen=True, gc=False):
    """A column of at most ``width`` cells. In a narrow pane the highest ``yields`` goes first, then the rightmost."""

    label: str
    width: int
    align: Literal["left", "right"] = "left"
    yields: int = 0
    grows: bool = False
    """Takes the room that is left over."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One row: a key that stays with it while it moves, and one cell per column."""

    key: str
    cells: tuple[Span, ...]


class TableState(msgspec.Struct, frozen=True, gc=False):
    """Where the cursor and the top of the view are."""

    cursor: str = ""
    top: int = 0


AIR = 2
"""Cells that columns move apart at most when there is room and none that grows."""


def visible_columns(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Return (index, width) of the columns that fit, in order; the room left over goes to the one that grows."""
    kept = list(range(len(columns)))
    while kept and sum(columns[i].width + 1 for i in kept) - 1 > width:
        if len(kept) == 1:
            break
        kept.remove(max(kept, key=lambda i: (columns[i].yields, i)))
    spare = max(0, width - sum(columns[i].width + 1 for i in kept) + 1)
    grower = next((i for i in kept if columns[i].grows), None)
    if grower is not None:
        return [(i, columns[i].width + (spare if i == grower else 0)) for i in kept]
    wider = min(AIR, spare // max(1, len(kept) - 1))
    return [(i, columns[i].width + (wider if place else 0)) for place, i in enumerate(kept)]


def natural(columns: Sequence[Column], records: Sequence[Record]) -> tuple[Column, ...]:
    """Return the columns no wider than their label and what they hold."""
    needed = [
        max([width_of(column.label), *(width_of(r.cells[i][0]) for r in records)]) for i, column in enumerate(columns)
    ]
    return tuple(
        msgspec.structs.replace(column, width=min(column.width, need))
        for column, need in zip(columns, needed, strict=True)
    )


def scrolled(state: TableState, keys: Sequence[str], height: int, move: int = 0, lost_at: int = 0) -> TableState:
    """Return where cursor and view stand after ``move`` rows; a cursor whose row is gone takes the one in its place."""
    if not keys:
        return TableState()
    at = keys.index(state.cursor) if state.cursor in keys else min(lost_at, len(keys) - 1)
    at = min(len(keys) - 1, max(0, at + move))
    top = min(state.top, max(0, len(keys) - height))
    top = max(min(top, at), at - max(1, height) + 1)
    return TableState(keys[at], max(0, top))


def layout(
    columns: Sequence[Column], records: Sequence[Record], width: int, height: int, state: TableState, *, focused: bool
) -> list[Row]:
    """Return the header and as many records as fit in ``height`` rows, the one under the cursor marked if focused."""
    shown = visible_columns(columns, width - 1)
    header: Row = ((" ", "dim"), *_cells([(column.label, "dim") for column in columns], columns, shown, ""))
    rows = [header]
    for record in records[state.top : state.top + max(0, height - 1)]:
        under = focused and record.key == state.cursor
        mark: Span = ("▸", "accent@cursor") if under else (" ", "")
        rows.append((mark, *_cells(record.cells, columns, shown, "cursor" if under else "")))
    return rows


def _cells(
    cells: Sequence[Span], columns: Sequence[Column], shown: Sequence[tuple[int, int]], background: str
) -> list[Span]:
    spans: list[Span] = []
    for place, (index, width) in enumerate(shown):
        text, style = cells[index]
        aligned = fit_right(text, width) if columns[index].align == "right" else fit(text, width)
        if background and "@" not in style:
            style = f"{style or 'text'}@{background}"
        spans.append((aligned if place == len(shown) - 1 else f"{aligned} ", style))
    return spans


class LineTable(LinePane, can_focus=True):
    """A pane of records. A subclass gives ``COLUMNS`` and ``records``; ``EMPTY`` stands where there are none."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    EMPTY: ClassVar[str] = "nothing here"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.state = TableState()
        self._keys: tuple[str, ...] = ()
        self._at = 0

    def columns(self, frame: Frame) -> tuple[Column, ...]:
        """Return the columns; those of the class unless a view says more."""
        return self.COLUMNS

    def records(self, frame: Frame) -> Sequence[Record]:
        """Return every record, in the order shown."""
        raise TypeError(f"{type(self).__name__} must define records for {frame.width}x{frame.height}")

    def build(self, frame: Frame) -> Sequence[Row]:
        """Lay the records out around the cursor."""
        records = self.records(frame)
        self._keys = tuple(record.key for record in records)
        self.state = scrolled(self.state, self._keys, frame.height - 1, lost_at=self._at)
        self._at = self._keys.index(self.state.cursor) if self._keys else 0
        columns = natural(self.columns(frame), records)
        if not records:
            return [*layout(columns, (), frame.width, 1, self.state, focused=False), ((f" {self.EMPTY}", "dim"),)]
        return layout(columns, records, frame.width, frame.height, self.state, focused=frame.focused)

    @property
    def cursor_key(self) -> str:
        """Key of the record under the cursor; empty if there is none."""
        return self.state.cursor

    def move(self, rows: int) -> None:
        """Move the cursor by that many rows and show it."""
        height = self.size.height - self.TITLED - 1
        self.state = scrolled(self.state, self._keys, height, rows, self._at)
        self._at = self._keys.index(self.state.cursor) if self._keys else 0
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the record that was clicked."""
        row = event.y - self.TITLED - 1
        if row >= 0 and self.state.top + row < len(self._keys):
            self.state = TableState(self._keys[self.state.top + row], self.state.top)
            self.redraw()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.redraw()
