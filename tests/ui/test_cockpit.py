"""The cockpit by its keys: what is sent, once; what stops risk always works; nothing hostile gets through."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.keys import _character_to_key
from textual.widgets import Input, Static

from mexc_tui.domain.alerts import Alert, AlertKind
from mexc_tui.domain.commands import (
    AdoptOrders,
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrder,
    Flatten,
    Halt,
    PlaceOrder,
    Release,
    RemoveAlert,
    Resume,
    SetAlert,
    SetLimit,
)
from mexc_tui.domain.controls.table import CONTROLS
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderState, OrderType, Origin, Side
from mexc_tui.domain.views import (
    TOPIC_ALERTS,
    TOPIC_BALANCES,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_RISK,
    AlertsView,
    BookState,
    OwnerHalt,
    VenueKind,
    book_topic,
    gate_topic,
)
from mexc_tui.ui.alerts.screen import AlertsPane
from mexc_tui.ui.pacer import Pacer, Unhindered
from mexc_tui.ui.panes.blotter.presenter import order_records
from mexc_tui.ui.panes.ladder.widget import LadderPane
from mexc_tui.ui.panes.risk.widget import ControlsPane
from mexc_tui.ui.panes.status.widget import HintPane, StatusPane
from mexc_tui.ui.panes.ticket.widget import TicketPane
from mexc_tui.ui.panes.watchlist.widget import WatchlistPane
from mexc_tui.ui.screens.trade import TradeScreen
from mexc_tui.ui.textual_compat import TerminalAnswered

D = Decimal
BOOK = book_topic("BTCUSDT")
SIZE = (120, 40)


def of_kind(desk: Any, kind: type) -> list[Any]:
    return [command for command in desk.commands if isinstance(command, kind)]


def hint(app: Any) -> str:
    app.frame_clock.advance()
    return "".join(text for text, _ in app.screen.query_one(HintPane).glass[0])


async def test_the_engine_is_told_what_is_looked_at(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(symbol="ETHUSDT", interval=Interval.M5)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("tab", ".")
        await pilot.press("full_stop")
    charts = [chart for interest in desk.interests for chart in interest.candles()]
    assert charts[:2] == [("ETHUSDT", Interval.M5), ("SOLUSDT", Interval.M5)]
    assert charts[-1][1] is not Interval.M5
    assert desk.interests[-1].symbols() == {"SOLUSDT"}


async def test_the_risk_tab_scrolls_through_every_control_in_the_smallest_terminal(make_cockpit: Any) -> None:
    app = make_cockpit()
    read: set[str] = set()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"risk", "enter", "f7")
        for _ in range(60):
            app.frame_clock.advance()
            pane = app.screen.query_one(ControlsPane)
            read.update(word.strip("!,") for row in pane.glass for text, _ in row for word in text.split())
            await pilot.press("J")
        assert {code for control in CONTROLS for code in control.codes} <= read
        last = pane.glass
        await pilot.press("K")
        assert pane.glass != last


async def test_a_limit_is_changed_from_the_command_line(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        names = {" ": "space", "_": "underscore"}
        line = "limit max_order_value 3000 because more"
        await pilot.press("colon", *(names.get(char, char) for char in line), "enter")
    (sent,) = of_kind(desk, SetLimit)
    assert (sent.name, sent.value, sent.reason) == ("max_order_value", D(3_000), "more")


async def test_an_alert_is_typed_listed_and_removed(make_cockpit: Any, desk: Any) -> None:
    above = Alert(number=4, kind=AlertKind.ABOVE, symbol="BTCUSDT", value=D(70_000))
    fills = Alert(number=7, kind=AlertKind.FILLS, every=True)
    desk.views[TOPIC_ALERTS] = AlertsView(alerts=(above, fills))
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        names = {" ": "space"}
        await pilot.press("colon", *(names.get(char, char) for char in "alert btc above 70k"), "enter")
        await pilot.press("A")
        await pilot.pause()
        app.frame_clock.advance()
        shown = "".join(text for row in app.screen.query_one(AlertsPane).glass for text, _ in row)
        assert "BTCUSDT above 70000" in shown
        await pilot.press("j", "x", "escape")
        await pilot.press("A", "exclamation_mark")
        assert len(app.screen_stack) == 2, "the stop key closes the list"
    (sent,) = of_kind(desk, SetAlert)
    assert sent.alert == replace(above, number=0)
    assert [removed.number for removed in of_kind(desk, RemoveAlert)] == [7]
    assert len(of_kind(desk, Halt)) == 1


async def test_an_alert_rings_the_bell_once_and_not_those_of_before(make_cockpit: Any, desk: Any) -> None:
    def alert(seq: int) -> Fact:
        text = f"Alert: BTCUSDT is at {seq}."
        return Fact(seq=seq, time_ms=0, kind="alert", level=Level.WARN, message=text, symbol="BTCUSDT")

    for bell, rings in ((True, 1), (False, 0)):
        desk.events[:] = [alert(1)]
        app = make_cockpit(bell=bell)
        rung: list[None] = []
        app.bell = lambda rung=rung: rung.append(None)
        async with app.run_test(size=SIZE):
            app._tick()
            desk.events.append(alert(2))
            app._tick()
            app._tick()
            assert "Alert: BTCUSDT is at 2." in hint(app)
        assert len(rung) == rings


async def test_what_is_halted_is_on_the_risk_pane_and_released_from_the_command_line(
    make_cockpit: Any, desk: Any
) -> None:
    halted = OwnerHalt(name="script", reason="A script sent 60 orders that did not reduce within 60 s")
    desk.views[TOPIC_RISK] = replace(desk.views[TOPIC_RISK], halts=(halted,))
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("colon", *"risk", "enter", "f7")
        app.frame_clock.advance()
        shown = " ".join(text for row in app.screen.query_one(ControlsPane).glass for text, _ in row)
        assert "“release script”" in " ".join(shown.split())
        await pilot.press("colon", *("space" if char == " " else char for char in "release script"), "enter")
    assert [sent.name for sent in of_kind(desk, Release)] == ["script"]


async def test_only_what_is_shown_is_looked_at(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        assert TOPIC_BALANCES not in desk.interests[-1].topics
        app.action_do("tab_balances")
        assert TOPIC_BALANCES in desk.interests[-1].topics
        app.action_do("tab_fills")
        assert TOPIC_BALANCES not in desk.interests[-1].topics
        app.frame_clock.advance()
        told = len(desk.interests)
        app.frame_clock.advance()
        assert len(desk.interests) == told, "what has not changed is not announced again"
        await pilot.press(":")
        app.screen.query_one(Input).value = "buy 1 ETHUSDT at 3000"
        await pilot.pause()
        app.frame_clock.advance()
        assert desk.interests[-1].symbols() == {"BTCUSDT", "ETHUSDT"}
        await pilot.press("escape")
        await pilot.pause()
        app.frame_clock.advance()
        assert desk.interests[-1].symbols() == {"BTCUSDT"}


async def test_a_ghost_is_nudged_and_sent_exactly_once_with_the_book_on_the_glass(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("j", "j", "b", "down", "right", "enter", "enter", "enter")
    (sent,) = of_kind(desk, PlaceOrder)
    best = desk.views[BOOK].bids[0][0]
    assert sent.draft.price == D(best - 2).scaleb(-2)
    assert (sent.draft.side, sent.draft.type) == (Side.BUY, OrderType.LIMIT)
    assert D(49) < sent.draft.qty * sent.draft.price <= D(50)
    assert sent.seen_version == desk.views[BOOK].version
    assert sent.seen_bid == D(best).scaleb(-2)
    assert sent.seen_ask == D(desk.views[BOOK].asks[0][0]).scaleb(-2)


async def test_what_was_seen_is_what_was_drawn_not_what_has_come_since(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("b")
        desk.change(BOOK, version=9_999)
        desk.pass_time(300)
        await pilot.press("enter")
    (sent,) = of_kind(desk, PlaceOrder)
    assert sent.seen_version == 1_001
    assert sent.seen_age_ms == 300


class FarTerminal(Unhindered):
    """Shows a frame when it is told to, and answers then."""

    answers = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bytes = 0

    def written(self) -> int:
        self.bytes += 1
        return self.bytes

    def query(self, text: str) -> None:
        self.asked.append(text)


async def test_what_was_seen_is_what_the_terminal_shows_not_what_was_sent_to_it(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    terminal = FarTerminal()
    app.frame_clock._pacer = Pacer(terminal)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        app.post_message(TerminalAnswered(terminal.asked.pop()))
        await pilot.pause()
        desk.pass_time(4_000)
        desk.change(BOOK, version=9_999)
        await pilot.press("b")
        assert app.frame_clock.advance(), "the picture with the new book is on its way"
        desk.pass_time(3_000)
        await pilot.press("enter")
        app.post_message(TerminalAnswered(terminal.asked.pop()))
        await pilot.pause()
        app.frame_clock.advance()
        await pilot.press("b", "enter")
    late, shown = of_kind(desk, PlaceOrder)
    assert (late.seen_version, late.seen_age_ms) == (1_001, 7_000)
    assert shown.seen_version == 9_999


async def test_a_question_is_answered_only_when_the_terminal_has_shown_it(make_cockpit: Any, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), limits=Limits(confirm_order_value=D(40)), unknown=0, in_flight=0)
    app = make_cockpit()
    terminal = FarTerminal()
    app.frame_clock._pacer = Pacer(terminal)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        app.post_message(TerminalAnswered(terminal.asked.pop()))
        await pilot.press("b", "enter")
        app.frame_clock.advance()
        desk.pass_time(2_000)
        await pilot.press("enter")
        assert of_kind(desk, PlaceOrder) == [], "the question was not on the screen yet"
        while terminal.asked:
            app.post_message(TerminalAnswered(terminal.asked.pop()))
        await pilot.pause()
        app.frame_clock.advance()
        while terminal.asked:
            app.post_message(TerminalAnswered(terminal.asked.pop()))
        await pilot.pause()
        desk.pass_time(4_000)
        await pilot.press("enter")
    assert len(of_kind(desk, PlaceOrder)) == 1


async def test_escape_drops_the_ghost_and_nothing_is_sent(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("s")
        assert app.desk_state.selection.draft is not None
        await pilot.press("escape", "enter")
        assert "nothing is prepared" in hint(app)
    assert of_kind(desk, PlaceOrder) == []


async def test_the_screen_is_not_laid_out_anew_for_every_key_of_the_command_line(make_cockpit: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("colon", "x")
        layouts: list[object] = []
        app.screen.screen_layout_refresh_signal.subscribe(app.screen, layouts.append, immediate=True)
        await pilot.press("y", "z", "backspace")
        assert app.screen.query_one(Input).value == "xy"
        assert layouts == []
        await pilot.resize_terminal(100, 30)
        async with asyncio.timeout(30):
            while not layouts:
                await pilot.pause(0.01)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("buy 0.01 market", "buy 0.01 BTCUSDT at market, capped"),
        ("buy $100 market uncapped", "WITHOUT A PRICE CAP"),
        ("sell 0.01 market", "sell 0.01 BTCUSDT at market, capped"),
    ],
)
async def test_a_market_order_is_told_as_it_is_typed(make_cockpit: Any, line: str, told: str) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("colon")
        for end in range(len(line)):
            app.screen.query_one(Input).value = line[: end + 1]
            await pilot.pause()
        assert told in str(app.screen.query_one("#command-line Static", Static).render())


BURSTS = [
    (":bf", "command-line", "bf"),
    (":buy 0.5 at bid", "command-line", "buy 0.5 at bid"),
    (":t/a:", "command-line", "t/a:"),
    ("/eth", "command-line", "symbol eth"),
    ("jj:x", "command-line", "x"),
    ("t$100", "ticket", "$100"),
]


@pytest.mark.parametrize(("typed", "where", "text"), BURSTS)
async def test_what_is_typed_behind_an_opener_without_a_pause_is_what_it_opened_gets(
    make_cockpit: Any, desk: Any, typed: str, where: str, text: str
) -> None:
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        for char in typed:
            app.post_message(Key(_character_to_key(char), char))
        await Keys(app, pilot).write("")
        assert app.desk_state.selection.draft is None or where == "ticket"
        if where == "ticket":
            assert app.screen.query_one(TicketPane).form.size == text
        else:
            assert app.screen.query_one(Input).value == text
    assert desk.commands == []


class Keys:
    """Writes bytes to a cockpit as its terminal would, all in one piece."""

    def __init__(self, app: Any, pilot: Any) -> None:
        self.app, self.pilot, self.parser = app, pilot, XTermParser()

    async def write(self, text: str) -> None:
        for event in [*self.parser.feed(text)]:
            self.app.post_message(event)
        await self.pilot.pause()
        while self.app._key_busy:
            await self.pilot.pause()


@pytest.mark.parametrize(
    ("written", "orders", "shown"),
    [
        ("b\x1bs", [], "Esc and s came as one key"),
        ("b\x1bs\r", [], "nothing is prepared"),
        ("b\x1b\r", [], "Esc and Enter came as one key"),
        ("b\x1bs\r\rs\r", [("SELL", "0.000779")], ""),
        ("bt0.25\r", [("BUY", "0.25")], ""),
        ("bt$128\r", [("BUY", "0.001996")], ""),
        ("bt0.25\rt0.5\r", [("BUY", "0.25"), ("BUY", "0.5")], ""),
        ("bt0.25\r0.5\r", [("BUY", "0.25"), ("BUY", "0.5")], ""),
        ("bt0.25t0.5\r", [], "nothing is prepared"),
        (":buy 0.25 at 64000\x1bs\r", [], ""),
        (":buy 0.002 at 64000\rs\r", [("BUY", "0.002"), ("SELL", "0.000779")], ""),
        ("\rb\rb", [("BUY", "0.000779")], ""),
    ],
)
async def test_keys_in_one_piece_do_what_they_do_one_by_one(
    make_cockpit: Any, desk: Any, written: str, orders: list[tuple[str, str]], shown: str
) -> None:
    desk.change(gate_topic("BTCUSDT"), limits=Limits(max_order_value=D(50_000)), unknown=0, in_flight=0)
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(written)
        assert shown in hint(app)
    assert [(c.draft.side.value, str(c.draft.qty)) for c in of_kind(desk, PlaceOrder)] == orders
    assert {type(command) for command in desk.commands} <= {PlaceOrder}


@pytest.mark.parametrize(
    "before",
    ["b\x1b", ":buy 1 at 64000", ":buy 1 at 64000\r", ":buy 0.002 at 64000\r", ":buy 1\x1b", "t1\x1b", "?\x1b", "\x11"],
)
async def test_halt_in_one_piece_with_what_was_typed_before_halts(make_cockpit: Any, desk: Any, before: str) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(before + "!")
    assert len(of_kind(desk, Halt)) == 1


async def test_a_large_order_takes_a_second_enter_or_the_word_yes(make_cockpit: Any, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), limits=Limits(confirm_order_value=D(40)), unknown=0, in_flight=0)
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("b", "enter")
        assert of_kind(desk, PlaceOrder) == []
        assert "asked from 40.00. Enter again sends it" in hint(app)
        await pilot.press("enter")
        assert of_kind(desk, PlaceOrder) == [], "nobody reads a question in no time"
        app.frame_clock.advance()
        desk.pass_time(600)
        await pilot.press("enter", "enter")
        for word, sent in (("", 1), (" yes", 2)):
            await pilot.press(":")
            app.screen.query_one(Input).value = f"buy $50 BTCUSDT at 64000{word}"
            await pilot.pause()
            app.frame_clock.advance()
            await pilot.press("enter")
            assert len(of_kind(desk, PlaceOrder)) == sent
            await pilot.press("escape")
    assert {command.draft.confirmed for command in of_kind(desk, PlaceOrder)} == {("CONFIRM_ORDER_VALUE",)}


async def test_taking_is_immediate_or_cancel_capped_at_the_far_touch(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("B", "enter", "S", "enter")
    buy, sell = of_kind(desk, PlaceOrder)
    assert (buy.draft.type, sell.draft.type) == (OrderType.IOC, OrderType.IOC)
    assert buy.draft.price == D(desk.views[BOOK].asks[0][0]).scaleb(-2)
    assert sell.draft.price == D(desk.views[BOOK].bids[0][0]).scaleb(-2)
    assert buy.command_id != sell.command_id


async def test_sizes(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("b", "3")
        assert D(249) < app.desk_state.selection.draft.qty * app.desk_state.selection.draft.price <= D(250)
        await pilot.press("+")
        assert app.desk_state.selection.size == D(275)
        await pilot.press("-", "-")
        assert app.desk_state.selection.size == D(225)
        await pilot.press("0")
        assert app.desk_state.selection.draft.qty == D("0.015")
    assert of_kind(desk, PlaceOrder) == []


async def test_everything_held_is_a_size_that_can_be_sold(make_cockpit: Any, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), base_free=D("0.001536616"))
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("0", "s", "enter")
        desk.change(gate_topic("BTCUSDT"), base_free=D("0.000000616"))
        await pilot.press("0")
        assert "too little to sell" in hint(app)
    assert [c.draft.qty for c in of_kind(desk, PlaceOrder)] == [D("0.001536")]


async def test_size_and_price_of_one_pair_do_not_stand_in_the_ticket_of_another(make_cockpit: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("b")
        app.frame_clock.advance()
        ticket = app.screen.query_one(TicketPane)
        assert ticket.form.price
        assert ticket.form.size
        await pilot.press("w")
        app.frame_clock.advance()
        assert (ticket.form.price, ticket.form.size) == ("", "")


async def test_a_sentence_about_one_key_goes_with_the_next(make_cockpit: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("enter")
        assert "nothing is prepared" in hint(app)
        await pilot.press("c")
        assert "nothing is prepared" not in hint(app)


async def test_what_became_of_an_order_is_not_hidden_by_an_older_sentence(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("enter")
        desk.pass_time(500)
        desk.events.append(Fact(seq=99, time_ms=0, kind="denied", level=Level.WARN, message="buy 9 was not sent"))
        assert "buy 9 was not sent" in hint(app)
        desk.pass_time(500)
        await pilot.press("enter")
        assert "nothing is prepared" in hint(app)


async def test_changing_the_symbol_drops_the_ghost(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("b", "w", "enter")
    assert of_kind(desk, PlaceOrder) == []


def _troubles(desk: Any) -> dict[str, Any]:
    """Return by name what puts the desk into a state where new orders are refused."""
    return {
        "locked": lambda: desk.change(TOPIC_RISK, armed=False),
        "not ready": lambda: desk.change(TOPIC_RISK, ready=False, ready_reason="reconciling"),
        "disconnected": lambda: desk.change(TOPIC_LINK, state=LinkState.RECONNECTING, reason="no answer"),
        "stale": lambda: desk.change(BOOK, state=BookState.STALE, reason="gap"),
        "halted": lambda: desk.change(TOPIC_RISK, state=TradingState.HALTED),
        "no figures": lambda: desk.views.clear(),
        "engine stopped": lambda: setattr(desk, "death", "out of memory"),
    }


async def test_cancel_and_flatten_work_in_every_mode(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        for trouble, begin in _troubles(desk).items():
            begin()
            app.frame_clock.advance()
            desk.commands.clear()
            await pilot.press("c", "C", "f", "F")
            assert [c.symbol for c in of_kind(desk, CancelAll)] == ["BTCUSDT", None], trouble
            assert [c.symbol for c in of_kind(desk, Flatten)] == ["BTCUSDT", None], trouble
            assert len({command.command_id for command in desk.commands}) == 4


async def test_the_side_that_is_cancelled_is_that_of_the_cursor(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("X", "j", "X", "K", "K", "X")
    assert [c.side for c in of_kind(desk, CancelAll)] == [Side.BUY, Side.SELL]


async def test_a_pane_that_fails_does_not_take_the_desk_with_it(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(timer=True, fps=1)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        ladder = app.screen.query_one(LadderPane)
        ladder.build = lambda frame: 1 / 0
        await pilot.press("j")
        assert "LadderPane failed" in hint(app)
        assert not ladder.visible
        await Keys(app, pilot).write("C")
    assert len(of_kind(desk, CancelAll)) == 1


async def test_cancel_at_the_cursor_takes_the_orders_of_that_row(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        app.navigation.pick(D("64120.48"))
        await pilot.press("x")
        app.navigation.pick(D("64120.33"))
        await pilot.press("x")
        assert "no order of yours" in hint(app)
    assert [c.client_order_id for c in of_kind(desk, CancelOrder)] == ["mtui-test-6"]


async def test_in_the_orders_table_the_same_key_cancels_the_marked_order(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("f1")
        await pilot.press("j", "x")
        first = [c.client_order_id for c in of_kind(desk, CancelOrder)]
        assert len(first) == 1
        await pilot.press("escape")
        assert isinstance(app.screen.focused, LadderPane)


async def test_the_halt_key_only_ever_halts_and_resuming_is_typed(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("!")
        desk.change(TOPIC_RISK, state=TradingState.HALTED)
        for ms in (0, 0, 600, 600, 3_000, 600, 600, 6_000, 600):
            desk.pass_time(ms)
            app.frame_clock.advance()
            await pilot.press("!")
        assert {type(command) for command in desk.commands} == {Halt}
        shown = "".join(text for text, _ in app.screen.query_one(StatusPane).glass[0])
        assert ":resume lifts it" in shown
        await pilot.press(*":resume", "!", "enter")
        assert [type(command) for command in desk.commands[-2:]] == [Halt, Resume]


async def test_arming_is_a_key_for_paper_and_the_typed_name_for_real_money(make_cockpit: Any, desk: Any) -> None:
    desk.change(TOPIC_RISK, armed=False)
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("a")
        assert [c.armed for c in of_kind(desk, Arm)] == [True]
        desk.change(TOPIC_RISK, arm_name="main")
        await pilot.press("a", "enter", *"mai", "enter")
        assert len(of_kind(desk, Arm)) == 1
        await pilot.press("n", "enter")
        assert [(c.armed, c.name) for c in of_kind(desk, Arm)] == [(True, ""), (True, "main")]
        await pilot.press(":", "up", "escape")
        desk.change(TOPIC_RISK, armed=True)
        await pilot.press("a")
        assert [c.armed for c in of_kind(desk, Arm)] == [True, True, False]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_live_is_said_in_words_at_the_top_the_ticket_and_the_bottom(
    make_cockpit: Any, desk: Any, size: tuple[int, int]
) -> None:
    desk.change(TOPIC_LINK, kind=VenueKind.LIVE, venue="main on MEXC")
    app = make_cockpit(ascii_only=True)
    async with app.run_test(size=size) as pilot:
        app.frame_clock.advance()
        await pilot.pause()
        shown = ["".join(strip.text) for strip in app.screen._compositor.render_strips()]
    assert "LIVE main on MEXC" in shown[0]
    assert any("ORDER" in row and " LIVE " in row for row in shown[1:-1])
    assert shown[-1].rstrip().endswith("LIVE")


async def test_typing_in_the_ticket_does_not_trigger_the_desk(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("j", "t", "1", "2", "tab")
        assert app.desk_state.selection.preset == 0
        assert app.desk_state.selection.symbol == "BTCUSDT"
    assert of_kind(desk, PlaceOrder) == []


@pytest.mark.parametrize("opened", ["t", "t\t", "t\t\t", "t\t\t\t"])
async def test_letters_in_the_ticket_are_text_and_no_keys(make_cockpit: Any, desk: Any, opened: str) -> None:
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await pilot.press("j")
        await Keys(app, pilot).write(f"{opened}cfaxCFXBSoTzt g,.wW?")
        assert "is no part of" in hint(app) or "choose" in hint(app)
        assert isinstance(app.screen, TradeScreen)
        assert app.desk_state.selection.symbol == "BTCUSDT"
        assert app.screen.query_one(TicketPane).has_focus
        assert desk.commands == []
        await Keys(app, pilot).write("!")
    assert len(of_kind(desk, Halt)) == 1


@pytest.mark.parametrize(
    ("pasted", "size"),
    [("$250", "$250"), (" 1,250.5\n", "1250.5"), ("C 0.5", "7"), ("0.5\r0.6", "7"), ("64000 b\r", "7"), ("", "7")],
)
async def test_a_number_can_be_pasted_into_the_ticket_and_nothing_else(
    make_cockpit: Any, desk: Any, pasted: str, size: str
) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(f"jt7\x1b[200~{pasted}\x1b[201~")
        assert app.screen.query_one(TicketPane).form.size == size
        await pilot.press("escape")
        await Keys(app, pilot).write("\x1b[200~Cb\r\x1b[201~")
        assert "pasted text presses no keys" in hint(app)
    assert desk.commands == []


async def test_what_is_typed_pasted_and_clicked_happens_in_that_order(make_cockpit: Any, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), limits=Limits(max_order_value=D(50_000)), unknown=0, in_flight=0)
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        watched = app.screen.query_one(WatchlistPane).region
        at = f"{watched.x + 5};{watched.y + 4}"
        await Keys(app, pilot).write(f":buy \x1b[200~0.002\x1b[201~ at 64000\r\x1b[<0;{at}M\x1b[<0;{at}m")
        assert [(c.draft.symbol, str(c.draft.qty)) for c in of_kind(desk, PlaceOrder)] == [("BTCUSDT", "0.002")]
        assert app.desk_state.selection.symbol == "ETHUSDT"


async def test_a_slow_answer_to_a_key_does_not_let_the_next_ones_by(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(instant=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        go_on = asyncio.Event()

        async def busy() -> None:
            await go_on.wait()

        app.screen.call_later(busy)
        for event in [*XTermParser().feed(":bsx")]:
            app.post_message(event)
        app._look()
        for _ in range(50):
            await asyncio.sleep(0)
        assert app.screen.query_one(Input).value == ""
        go_on.set()
        await Keys(app, pilot).write("")
        assert app.screen.query_one(Input).value == "bsx"
    assert desk.commands == []


async def test_the_command_line_places_orders_and_moves_about(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:

        async def enter(line: str) -> None:
            await pilot.press(":")
            app.screen.query_one(Input).value = line
            await pilot.pause()
            app.frame_clock.advance()
            await pilot.press("enter")
            assert isinstance(app.screen.focused, LadderPane), line

        app.frame_clock.advance()
        await enter("halt")
        assert len(of_kind(desk, Halt)) == 1
        await enter("symbol ETHUSDT")
        assert app.desk_state.selection.symbol == "ETHUSDT"
        await enter("theme light")
        assert app.theme == "light"
        await enter("sell 0.001 BTCUSDT at 64121")
    assert [c.draft.symbol for c in of_kind(desk, PlaceOrder)] == ["BTCUSDT"]


def command_says(app: Any) -> str:
    app.frame_clock.advance()
    return " ".join(str(app.screen.query_one("CommandLine > Static", Static).render()).split())


async def test_what_the_command_line_shows_follows_the_market(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(":buy $50 at ask")
        assert "at 64120.65 limit" in command_says(app)
        book = desk.views[gate_topic("BTCUSDT")].book
        asks = tuple((price + 100, qty) for price, qty in book.asks)
        desk.change(gate_topic("BTCUSDT"), book=replace(book, asks=asks))
        assert "at 64121.65 limit" in command_says(app)
        await Keys(app, pilot).write("\x1bk")
        assert "the line is cleared" in command_says(app)


async def test_an_order_other_than_the_one_shown_is_not_amended(make_cockpit: Any, desk: Any) -> None:
    first, second = [order for order in desk.views[TOPIC_ORDERS].open if order.symbol == "BTCUSDT"][:2]
    desk.change(TOPIC_ORDERS, open=(first,))
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(":amend 0.01")
        assert f"{first.price:f}" in command_says(app)
        desk.change(TOPIC_ORDERS, open=(second,))
        await Keys(app, pilot).write("\r")
        assert of_kind(desk, AmendOrder) == []
        assert "not open any more" in command_says(app)
        await pilot.press("escape")
        await Keys(app, pilot).write(":amend 0.01\r")
    assert [command.client_order_id for command in of_kind(desk, AmendOrder)] == [second.client_order_id]


async def test_orders_placed_elsewhere_are_marked_and_adopted_as_the_line_names_them(
    make_cockpit: Any, desk: Any
) -> None:
    own, first, second = desk.views[TOPIC_ORDERS].open[:3]
    first = replace(first, order_id="C02__1111", origin=Origin.ASKED, state=OrderState.WORKING)
    second = replace(second, order_id="C02__2222", origin=Origin.LEFT, state=OrderState.PARTIAL)
    desk.change(TOPIC_ORDERS, open=(own, first, second))
    app = make_cockpit()
    async with app.run_test(size=(80, 24)) as pilot:
        app.frame_clock.advance()
        records = order_records(desk.views[TOPIC_ORDERS], {})[:3]
        assert [record.cells[1][0] for record in records[1:]] == ["working elsewhere", "partial elsewhere"]
        assert [record.cells[0][0] for record in records] == ["●", "○", "○"]
        assert [record.cells[-1][0] for record in records] == [
            *("", "placed elsewhere …02__1111", "placed elsewhere …02__2222")
        ]
        await Keys(app, pilot).write(":adopt")
        assert "adopt 1 placed elsewhere" in command_says(app)
        assert "(…02__1111)" in command_says(app)
        await Keys(app, pilot).write("\r:adopt 2222\r:adopt all\r:adopt none\r:adopt 9\r")
        assert "no open order placed elsewhere" in command_says(app)
    first_id, second_id = first.client_order_id, second.client_order_id
    assert [(command.client_order_ids, command.leave) for command in of_kind(desk, AdoptOrders)] == [
        ((first_id,), False),
        ((second_id,), False),
        ((first_id, second_id), False),
        ((first_id,), True),
    ]


async def test_a_screen_that_can_only_look_adopts_nothing(make_cockpit: Any, desk: Any) -> None:
    order = replace(desk.views[TOPIC_ORDERS].open[0], origin=Origin.ASKED)
    desk.change(TOPIC_ORDERS, open=(order,))
    app = make_cockpit(view_only=True)
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        await Keys(app, pilot).write(":adopt\r")
    assert of_kind(desk, AdoptOrders) == []


async def test_a_denial_is_shown_where_it_cannot_be_missed(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE):
        app.frame_clock.advance()
        desk.events.append(Fact(seq=99, time_ms=0, kind="denied", level=Level.WARN, message="buy 9 was not sent"))
        assert "buy 9 was not sent" in hint(app)
        desk.pass_time(30_000)
        assert "buy 9" not in hint(app)


async def test_a_terminal_too_small_says_so_and_lives_on(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=(50, 12)) as pilot:
        app.frame_clock.advance()
        notice = app.screen.query_one("#too-small", Static)
        assert notice.display
        assert notice.size.height > 0
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        app.frame_clock.advance()
        assert app.screen.query_one(LadderPane).size.height > 3
        assert not notice.display


async def test_an_unknown_theme_a_bad_key_and_a_notice_are_told(make_cockpit: Any) -> None:
    app = make_cockpit(theme="neon", keys={"hlat": "z"}, notices=("the log cannot be written",))
    async with app.run_test(size=(200, 50)):
        shown = hint(app)
    assert app.theme == "dark"
    assert "no theme 'neon'" in shown
    assert "did you mean 'halt'" in shown
    assert "log cannot be written" in shown


async def test_a_remapped_key_works_and_the_old_one_does_not(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit(keys={"halt": "f12"})
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("!")
        assert of_kind(desk, Halt) == []
        await pilot.press("f12")
        assert len(of_kind(desk, Halt)) == 1


async def test_a_click_puts_the_cursor_on_the_price(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        ladder = app.screen.query_one(LadderPane)
        row = next(y for y, line in enumerate(ladder.glass) if any("64,120.50" in text for text, _ in line))
        await pilot.click(LadderPane, offset=(5, row))
        assert app.desk_state.selection.cursor == D("64120.50")


async def test_every_action_of_the_catalogue_can_be_done(make_cockpit: Any) -> None:
    from mexc_tui.ui.actions import CATALOGUE

    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        app.frame_clock.advance()
        for action in CATALOGUE:
            if action.id != "quit":
                app.action_do(action.id)
                await pilot.pause()
                while not isinstance(app.screen, TradeScreen):
                    await pilot.press("escape")
        assert app.is_running


async def test_it_leaves_after_the_frames_it_was_given(make_cockpit: Any) -> None:
    app = make_cockpit(frames=3, timer=True, fps=60)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(100):
            if app.frame_clock.frames >= 3:
                break
            await pilot.pause(0.01)
    assert app.frame_clock.frames >= 3


async def test_a_key_that_reaches_nobody_says_so(make_cockpit: Any, desk: Any) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        desk.death = "out of memory"
        await pilot.press("f")
        notice = app.desk_state.selection.notice
    assert notice is not None
    assert "nothing was sent" in notice[0]


def bottom(app: Any) -> str:
    """What stands in the row of hints, however many rows it takes."""
    rows = app.screen.query_one(HintPane).glass
    return " ".join(" ".join("".join(text for text, _ in row).strip() for row in rows).split())


async def test_at_80_columns_every_sentence_about_orders_and_money_is_there_to_the_end(
    make_cockpit: Any, desk: Any
) -> None:
    app = make_cockpit()
    async with app.run_test(size=(80, 24)) as pilot:

        async def shown() -> str:
            for _ in range(3):  # The first frame asks for the rows, the next has them.
                app.frame_clock.advance()
                await pilot.pause()
            return bottom(app)

        await shown()
        ladder = app.screen.query_one(LadderPane).region
        halted = (
            "Trading is halted: by hand. "
            + "It is being cancelled; nothing new is sent. " * 4
            + "Only :resume lifts it."
        )
        desk.events.append(Fact(seq=900, time_ms=0, kind="halted", level=Level.BAD, message=halted))
        assert (await shown()).endswith(halted)
        assert app.screen.query_one(LadderPane).region == ladder, "nothing moves under the trader's hands"
        asked = "The order is worth 1,000 USDT, asked from 40.00. " * 3 + "Enter again sends it, Esc drops it"
        app.navigation.say(asked)
        assert await shown() == asked
        app.desk_state.change(notice=None)
        await pilot.press("b")
        assert (await shown()).endswith("… F8: all"), "the ticket's figures are not covered"
        await pilot.press("escape")
        desk.pass_time(60_000)
        await shown()
        assert app.screen.query_one(HintPane).size.height == 1
        desk.death = "The desk runs another build. " + "Its orders go on. " * 5 + "Stop it and start it again."
        assert await shown() == desk.death


async def test_at_80_columns_why_the_ticket_is_locked_is_there_to_the_end(make_cockpit: Any, desk: Any) -> None:
    reason = "orders and balances have not been compared with the exchange yet"
    desk.change(gate_topic("BTCUSDT"), ready=False, ready_reason=reason)
    app = make_cockpit()
    async with app.run_test(size=(80, 24)):
        app.frame_clock.advance()
        rows = ["".join(text for text, _ in row).strip() for row in app.screen.query_one(TicketPane).glass]
        assert f"locked: {reason}" in " ".join(rows)
