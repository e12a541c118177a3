"""Leaving the screen, and a screen that may only look."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Input, Static

from mexc_tui.domain.commands import Halt
from mexc_tui.domain.views import VenueKind
from mexc_tui.ui.leaving import Leave, LeavePane, LeaveScreen, leave_rows
from mexc_tui.ui.panes.status.widget import HintPane, StatusPane
from mexc_tui.ui.panes.ticket.widget import TicketPane
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.screens.trade import TradeScreen

SIZES = [(80, 24), (120, 40)]


def glass(app: Any, pane: type[LinePane]) -> str:
    app.frame_clock.advance()
    return "\n".join("".join(text for text, _ in row) for row in app.screen.query_one(pane).glass)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "answer"), [("k", Leave.KEEP), ("s", Leave.STOP)])
async def test_the_only_screen_asks_once(
    make_cockpit: Any, desk: Any, size: tuple[int, int], key: str, answer: Leave
) -> None:
    app = make_cockpit()
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+q", "ctrl+q")
        assert isinstance(app.screen, LeaveScreen)
        assert len([one for one in app.screen_stack if isinstance(one, LeaveScreen)]) == 1
        text = glass(app, LeavePane)
        assert "working" in text
        for words in ("keep the desk running", "stop the desk", "stay"):
            assert words in text
        desk.pass_time(600)
        await pilot.press(key)
    assert app.return_value is answer


async def test_a_key_typed_before_the_question_was_seen_does_not_stop_the_desk(make_cockpit: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZES[0]) as pilot:
        await pilot.press("ctrl+q", "s")
        assert isinstance(app.screen, LeaveScreen)
        assert "working" in glass(app, LeavePane)
        await pilot.press("s")
        assert isinstance(app.screen, LeaveScreen)
    assert app.return_value is None


async def test_escape_stays_and_the_stop_key_works_before_the_question(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZES[1]) as pilot:
        await pilot.press("ctrl+q", "escape")
        assert isinstance(app.screen, TradeScreen)
        await pilot.press("ctrl+q", "!")
        await pilot.pause()
        assert isinstance(app.screen, TradeScreen)
        assert [type(command) for command in desk.commands] == [Halt]
        assert app.return_value is None


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"on_quit": "keep"}, Leave.KEEP),
        ({"on_quit": "stop"}, Leave.STOP),
        ({"on_quit": "stop", "view_only": True}, Leave.KEEP),
        ({"on_quit": "ask", "view_only": True}, Leave.KEEP),
    ],
)
async def test_nothing_is_asked_where_the_answer_is_known(make_cockpit: Any, options: Any, answer: Leave) -> None:
    app = make_cockpit(**options)
    async with app.run_test(size=SIZES[0]) as pilot:
        await pilot.press("ctrl+q")
    assert app.return_value is answer


@pytest.mark.parametrize("width", [40, 60, 74])
@pytest.mark.parametrize("kind", [*VenueKind, None])
def test_the_question_says_what_stopping_does_to_orders(kind: VenueKind | None, width: int) -> None:
    rows = leave_rows(2, kind, width)
    text = " ".join("".join(part for part, _ in row).strip() for row in rows)
    assert "2 orders are working" in text
    assert max(sum(len(part) for part, _ in row) for row in rows) <= width
    gone, waits = "are gone" in text, "nothing fills them" in text
    assert gone is (kind in (VenueKind.DEMO, VenueKind.REPLAY))
    assert waits is (kind is VenueKind.PAPER)
    assert (gone or waits) is not ("may fill" in text)


async def test_a_screen_that_may_only_look_sends_nothing_and_says_so(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(view_only=True)
    async with app.run_test(size=SIZES[1]) as pilot:
        assert " VIEW" in glass(app, StatusPane)
        assert "ARMED" not in glass(app, StatusPane)
        assert "this screen can only look" in glass(app, TicketPane)
        for key in ("b", "s", "B", "S", "enter", "t", "a", "x", "X", "c", "C", "f", "F", "!", "0", "1"):
            app.desk_state.change(notice=None)
            await pilot.press(key)
            assert "this screen can only look" in glass(app, HintPane), key
        for line in ("halt", "sell 0.001 BTCUSDT at 64121", "cancel all", "arm"):
            app.desk_state.change(notice=None)
            await pilot.press(":")
            app.screen.query_one(Input).value = line
            await pilot.pause()
            assert "— Enter sends" not in str(app.screen.query_one("CommandLine > Static", Static).render())
            await pilot.press("enter")
            await pilot.pause()
            assert "this screen can only look" in glass(app, HintPane), line
        await pilot.press("w", "j", "f2", "z")
        assert app.desk_state.selection.tab == "positions"
    assert desk.commands == []
