"""The base of live panes: only rows that differ are sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace
from textual.geometry import Region

from mexc_tui.domain.limits import TradingState, Verdict, Violation
from mexc_tui.domain.orders import OrderState, OrderType
from mexc_tui.domain.views import TOPIC_ORDERS
from mexc_tui.ui.frame_clock import FrameClock
from mexc_tui.ui.pacer import Unhindered
from mexc_tui.ui.panes.blotter.presenter import order_record
from mexc_tui.ui.panes.chart.presenter import ZOOMS
from mexc_tui.ui.panes.ticket.form import TicketForm
from mexc_tui.ui.panes.ticket.presenter import TicketInput, ticket_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.table import Column, LineTable, Record, TableState, layout, scrolled, visible_columns

D = Decimal


class Counter(LinePane):
    TITLE = "COUNTER"

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = [((f"row {n}", "text"),) for n in range(5)]
        self.refreshed: list[tuple[Region, ...]] = []

    def build(self, frame: Any) -> list[Row]:
        return self.rows

    def refresh(self, *regions: Region, **more: Any) -> Any:
        if hasattr(self, "refreshed"):
            self.refreshed.append(regions)
        return super().refresh(*regions, **more)


async def test_only_rows_that_differ_are_refreshed(make_pane_app: Any) -> None:
    pane = Counter()
    app = make_pane_app(pane)
    async with app.run_test(size=(30, 8)) as pilot:
        app.frame_clock.advance()
        await pilot.pause()
        pane.refreshed.clear()
        app.frame_clock.advance()
        assert pane.refreshed == []
        pane.rows = [*pane.rows[:3], (("changed", "bid"),), pane.rows[4]]
        app.frame_clock.advance()
        assert pane.refreshed == [(Region(0, 4, 30, 1),)]
        await pilot.pause()
        assert pane.render_line(4).text == "changed".ljust(30)


async def test_rows_too_wide_are_cut_and_short_ones_padded(make_pane_app: Any) -> None:
    pane = Counter()
    pane.rows = [(("龙" * 40, "text"),), (("x", "bid"), ("y" * 80, "ask"))]
    app = make_pane_app(pane)
    async with app.run_test(size=(31, 6)):
        app.frame_clock.advance()
        assert [pane.render_line(y).cell_length for y in range(6)] == [31] * 6
        assert all(sum(s.cell_length for s in pane.render_line(y)) == 31 for y in range(6))


async def test_frames_are_left_out_while_the_terminal_is_behind(desk: Any, state: Any) -> None:
    class Behind(Unhindered):
        waiting = 3

        def backlog(self) -> int:
            return self.waiting

    terminal = Behind()
    clock = FrameClock(desk, state, terminal=terminal)
    assert clock.advance() is False
    terminal.waiting = 0
    assert clock.advance() is True
    assert clock.current().health.skipped == 1


COLUMNS = (Column("sym", 6), Column("name", 8, grows=True, yields=2), Column("qty", 5, "right", yields=1))


def test_columns_yield_in_order_and_the_growing_one_takes_the_rest() -> None:
    assert visible_columns(COLUMNS, 30) == [(0, 6), (1, 17), (2, 5)]
    assert visible_columns(COLUMNS, 14) == [(0, 6), (2, 7)]
    assert visible_columns(COLUMNS, 8) == [(0, 6)]


def test_cursor_stays_on_its_row_while_rows_move() -> None:
    state = scrolled(TableState("b"), ["a", "b", "c"], 2)
    assert scrolled(state, ["x", "y", "a", "b"], 2) == TableState("b", 2)
    assert scrolled(state, ["a", "c"], 2, lost_at=1) == TableState("c", 0)
    assert scrolled(state, [], 2) == TableState()
    assert scrolled(TableState("a"), ["a", "b", "c"], 2, move=9) == TableState("c", 1)


def test_only_a_focused_table_marks_its_cursor() -> None:
    records = [Record("a", (("A", ""), ("aa", "dim"), ("1", ""))), Record("b", (("B", ""), ("bb", "dim"), ("2", "")))]
    shown = layout(COLUMNS, records, 31, 5, TableState("b"), focused=True)
    assert "".join(text for text, _ in shown[2]) == "▸B      bb                    2"
    assert all(style.endswith("@cursor") for _, style in shown[2])
    assert not any(
        "@" in style for row in layout(COLUMNS, records, 31, 5, TableState("b"), focused=False) for _, style in row
    )


class Rows(LineTable):
    COLUMNS = COLUMNS
    EMPTY = "no rows"

    def records(self, frame: Any) -> list[Record]:
        return [Record(str(n), ((f"s{n}", ""), ("", ""), (str(n), ""))) for n in range(20)]


async def test_table_scrolls_with_its_cursor(make_pane_app: Any) -> None:
    table = Rows()
    app = make_pane_app(table)
    async with app.run_test(size=(31, 8)):
        table.focus()
        app.frame_clock.advance()
        table.move(9)
        assert table.cursor_key == "9"
        assert "s9" in table.render_line(7).text


def test_the_screen_stands_back_while_an_order_is_on_its_way(desk, state):
    clock = FrameClock(desk, state)
    drawn = []

    class Watcher:
        def frame(self, frame):
            drawn.append(frame.now.mono_ns)

    clock.attach(Watcher())
    clock.hold(0.012)
    desk.pass_time(11)
    assert not clock.advance()
    desk.pass_time(1)
    assert clock.advance()
    assert len(drawn) == 1


def test_a_ticket_too_low_for_every_reason_says_that_there_are_more(desk: Any) -> None:
    inputs = next(
        view for topic, view in desk.views.items() if topic.startswith("gate") and view.instrument is not None
    )
    failures = tuple(Violation(code=f"C{n}", message=f"Reason number {n} of many.") for n in range(12))
    verdict = Verdict(violations=failures, max_qty=None)
    form = TicketForm(size="1", price="1")
    data = TicketInput(form=form, inputs=inputs, draft=None, verdict=verdict, focused=True)
    low = ["".join(text for text, _ in row) for row in ticket_rows(data, 44, 11)]
    assert len(low) == 11
    assert "… more" in low[-1]
    open_ticket = replace(inputs, ready=True, armed=True, state=TradingState.ACTIVE)
    narrow = replace(data, inputs=open_ticket, verdict=replace(verdict, max_qty=Decimal("0.031")))
    lowest = ["".join(text for text, _ in row) for row in ticket_rows(narrow, 39, 7)]
    assert "largest that passes: 0.031 BTC" in lowest[3]
    assert "Reason number 0 of many." in lowest[4]
    assert lowest[-1] == " … more: Enter lists all in the events".ljust(39)
    high = ["".join(text for text, _ in row) for row in ticket_rows(data, 44, 20)]
    assert sum("Reason number" in line for line in high) == 12


def test_a_finished_order_shows_what_was_paid_and_a_working_one_its_limit(desk: Any) -> None:
    order = msgspec.structs.replace(
        desk.views[TOPIC_ORDERS].open[0], type=OrderType.IOC, price=D("66000"), qty=D("0.02"), filled_qty=D(0)
    )
    done = msgspec.structs.replace(
        order, state=OrderState.PARTIALLY_CANCELLED, filled_qty=D("0.01"), filled_quote=D("641.205")
    )
    shown = [
        order_record(one, {}).cells[5][0] for one in (msgspec.structs.replace(order, state=OrderState.WORKING), done)
    ]
    assert shown == ["66,000", "64,120.5"]


async def test_zooming_in_shows_fewer_candles_and_a_chosen_step_is_kept_for_its_pair(make_cockpit: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=(120, 40)) as pilot:
        app.frame_clock.advance()
        before = app.desk_state.selection.zoom
        await pilot.press("z")
        assert ZOOMS[app.desk_state.selection.zoom][1] > ZOOMS[before][1]
        await pilot.press("Z", "Z")
        assert app.desk_state.selection.zoom == before + 1
        await pilot.press("]", "]")
        chosen = app.desk_state.selection.group
        await pilot.press("w", "[", "W")
        assert app.desk_state.selection.group == chosen
