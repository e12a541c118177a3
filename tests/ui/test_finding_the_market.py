"""The ladder finds the market again by itself, but never pulls the view away from an order that is being prepared."""

from __future__ import annotations

from typing import Any

from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.views import TOPIC_ORDERS, TOPIC_RISK, book_topic
from mexc_tui.ui.panes.ladder.widget import LadderPane
from mexc_tui.ui.panes.status.widget import HintPane

BOOK = book_topic("BTCUSDT")
SIZE = (120, 40)


def glass(app: Any, pane: type) -> str:
    app.frame_clock.advance()
    return "\n".join("".join(text for text, _ in row) for row in app.screen.query_one(pane).glass)


def move_market(desk: Any, units: int) -> str:
    """Shift every level; returns the best bid as the ladder prints it."""
    view = desk.views[BOOK]
    bids = tuple((price + units, size) for price, size in view.bids)
    asks = tuple((price + units, size) for price, size in view.asks)
    low, high = (None if edge is None else edge + units for edge in (view.known_low, view.known_high))
    desk.change(BOOK, bids=bids, asks=asks, known_low=low, known_high=high, version=view.version + 1)
    return f"{bids[0][0] / 100:,.2f}"


async def test_the_view_follows_a_market_that_leaves_it(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("[", "[", "[", "[", "[", "j")
        best = move_market(desk, 5_000)
        shown = glass(app, LadderPane)
        assert best in shown
        assert "market" not in shown


async def test_an_order_being_prepared_stays_in_view_and_the_market_is_pointed_at(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("[", "[", "[", "[", "[", "j", "b")
        best = move_market(desk, 5_000)
        shown = glass(app, LadderPane)
        assert best not in shown
        assert "◌" in shown
        assert "↑ market" in shown
        await pilot.press("escape")
        assert best in glass(app, LadderPane)


async def test_a_look_far_from_the_market_is_not_cut_short(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("[", "[", "[", "[", "[", *"JJJJJJ")
        best = move_market(desk, 3)
        shown = glass(app, LadderPane)
        assert best not in shown
        assert "↑ market" in shown
        await pilot.press("space")
        assert best in glass(app, LadderPane)


async def test_nothing_is_prepared_at_a_cursor_that_the_view_has_left_behind(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("[", "[", "[", "[", "[", "j")
        left = app.desk_state.selection.cursor
        move_market(desk, 5_000)
        assert f"{left:,}" not in glass(app, LadderPane)
        await pilot.press("b", "enter", "s", "enter")
        assert "the cursor has left the view" in glass(app, HintPane) or "nothing is prepared" in glass(app, HintPane)
        assert desk.commands == []
        await pilot.press("x")
        assert desk.commands == []
        await pilot.press("j")
        assert f"{app.desk_state.selection.cursor:,}" in glass(app, LadderPane)
        await pilot.press("b")
        (sent,) = desk.commands
        assert f"{sent.draft.price:,}" in glass(app, LadderPane)


async def test_steps_and_moves_in_one_piece_keep_their_cursor(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        draw, app.frame_clock.advance = app.frame_clock.advance, lambda: False
        await pilot.press(*"]]]]", *"JJJJ")
        app.frame_clock.advance = draw
        moved_to = app.desk_state.selection.cursor
        assert f"{moved_to:,}" in glass(app, LadderPane)
        await pilot.press("b", "enter")
        (sent,) = desk.commands
        assert sent.draft.price == moved_to


async def test_an_order_whose_price_leaves_the_view_is_dropped_and_told(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("[", "[", "[", "[", "[", *"JJJJ", "b")
        assert "◌" in glass(app, LadderPane)
        await pilot.press("]")
        assert "◌" in glass(app, LadderPane), "another step keeps it in view"
        await pilot.press("[")
        await pilot.resize_terminal(80, 24)
        assert "◌" in glass(app, LadderPane), "and so does another size"
        await pilot.press("space")
        assert app.desk_state.selection.draft is None
        assert "was dropped: its price left the view" in glass(app, HintPane)
        await pilot.press("enter")
        assert desk.commands == []


async def test_nothing_is_prepared_where_the_ladder_cannot_be_seen(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("j")
        await pilot.resize_terminal(50, 12)
        app.frame_clock.advance()
        await pilot.press("b", "B", "enter")
        assert desk.commands == []
        await pilot.resize_terminal(*SIZE)
        app.frame_clock.advance()
        await pilot.press("b")
        assert len(desk.commands) == 1


async def test_a_price_typed_into_the_ticket_that_is_out_of_view_is_pointed_at(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("t", *"0.001", "tab", *"51000")
        assert "↓ buy 51,000.00" in glass(app, LadderPane)
        assert app.desk_state.selection.draft is not None


async def test_the_sentence_about_a_halt_goes_with_the_halt(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE):
        glass(app, HintPane)
        desk.change(TOPIC_RISK, state=TradingState.HALTED)
        desk.events.append(Fact(seq=900, time_ms=0, kind="halted", level=Level.BAD, message="Trading is halted."))
        assert "Trading is halted." in glass(app, HintPane)
        desk.change(TOPIC_RISK, state=TradingState.ACTIVE)
        desk.events.append(Fact(seq=901, time_ms=0, kind="resumed", level=Level.GOOD, message="Trading is active."))
        assert "Trading is active." in glass(app, HintPane)


async def test_what_became_of_an_own_order_is_not_hidden_by_news_of_the_link(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE):
        glass(app, HintPane)
        desk.events.append(Fact(seq=900, time_ms=0, kind="link", level=Level.BAD, message="Reconnecting."))
        assert "Reconnecting." in glass(app, HintPane)
        desk.events.append(Fact(seq=901, time_ms=0, kind="denied", level=Level.WARN, message="Refused here."))
        assert "Refused here." in glass(app, HintPane)
        desk.events.append(Fact(seq=902, time_ms=0, kind="link", level=Level.BAD, message="Reconnecting."))
        assert "Refused here." in glass(app, HintPane)


async def test_the_newest_of_the_own_orders_replaces_what_is_older_of_them(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    order = next(iter(desk.views[TOPIC_ORDERS].open))
    news = [
        ("rejected", Level.BAD, "The exchange refused it."),
        ("filled", Level.GOOD, "Bought 0.1 of it."),
        ("accepted", Level.INFO, "The exchange took it."),
        ("cancelled", Level.WARN, "Nothing to be had."),
        ("cancelled", Level.INFO, "It is cancelled."),
    ]
    async with app.run_test(size=SIZE):
        glass(app, HintPane)
        for seq, (kind, level, text) in enumerate(news, 900):
            desk.events.append(Fact(seq=seq, time_ms=0, kind=kind, level=level, message=text, order=order))
            assert text in glass(app, HintPane)
        desk.events.append(Fact(seq=950, time_ms=0, kind="halted", level=Level.BAD, message="Trading is halted."))
        desk.events.append(Fact(seq=951, time_ms=0, kind="cancelled", level=Level.INFO, message="Over.", order=order))
        assert "Trading is halted." in glass(app, HintPane)
        desk.events.append(Fact(seq=952, time_ms=0, kind="swept", level=Level.GOOD, message="None is left."))
        assert "None is left." in glass(app, HintPane)


async def test_keys_that_find_nothing_to_cancel_say_so(make_cockpit: Any, desk: Any) -> None:
    desk.change(TOPIC_ORDERS, open=())
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        for key, said in (
            ("x", "move the cursor onto an order"),
            ("c", "no order of yours is known in BTCUSDT; the exchange is asked all the same"),
            ("C", "no order of yours is known; the exchange is asked all the same"),
        ):
            await pilot.press(key)
            assert said in glass(app, HintPane)
        await pilot.press("j", "X")
        assert "no buy of yours is open in BTCUSDT" in glass(app, HintPane)
    assert len(desk.commands) == 3
