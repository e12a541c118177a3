"""Pictures of the trade screen: sizes, themes, and everything a market or an exchange can do to it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import textual
from textual.pilot import Pilot

from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.limits import Headroom, Refusal, TradingState, WaitingLimit
from mexc_tui.domain.market import Interval
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_INSTRUMENTS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_RISK,
    BookState,
    VenueKind,
    book_topic,
    candles_topic,
    gate_topic,
    tape_topic,
    watchlist_topic,
)

D = Decimal
BOOK = book_topic("BTCUSDT")
WATCHLIST = watchlist_topic(("BTCUSDT", "ETHUSDT", "SOLUSDT", "MXUSDT", "PEPEUSDT", "龙虾USDT"))
REFERENCE = ("8.2.8", (3, 11))
"""Textual and Python that the pictures are made with; others draw some pixels differently."""

HOSTILE = "\x1b[31mEVIL\x07\u202eUSDT[bold]"

Picture = Callable[..., bool]


@pytest.fixture
def picture(snap_compare: Any, make_cockpit: Any, desk: Any, request: pytest.FixtureRequest) -> Picture:
    """Return a function that draws the cockpit, presses keys and compares with the stored picture."""
    if (textual.__version__, sys.version_info[:2]) != REFERENCE:
        if request.config.getoption("--snapshot-update"):
            pytest.fail(f"pictures are made with Textual {REFERENCE[0]} and Python 3.11 only")
        pytest.skip(f"pictures are made with Textual {REFERENCE[0]} and Python 3.11")

    def compare(size: tuple[int, int] = (120, 40), keys: tuple[str, ...] = (), **options: Any) -> bool:
        app = make_cockpit(**options)

        async def draw(pilot: Pilot[None]) -> None:
            await pilot.pause()
            for _ in range(3):
                desk.pass_time(50)
                app.frame_clock.advance()
            await pilot.press(*keys)
            desk.pass_time(50)
            app.frame_clock.advance()
            await pilot.pause()

        before: Callable[[Pilot[None]], Awaitable[None]] = draw
        same = bool(snap_compare(app, terminal_size=size, run_before=before))
        assert app.return_code in (None, 0), "the cockpit fell over, and the picture is empty"
        return same

    return compare


@pytest.mark.parametrize("theme", ["dark", "light", "ansi", "colourblind"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_trade_screen(picture: Picture, size: tuple[int, int], theme: str) -> None:
    assert picture(size, theme=theme)


def test_a_ghost_with_the_verdict_of_the_gate(picture: Picture, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), unknown=0)
    assert picture(keys=("j", "j", "j", "b"))


def test_a_refusal_with_every_reason(picture: Picture, desk: Any) -> None:
    desk.change(gate_topic("BTCUSDT"), armed=False, quote_free=D(10), ready=False, ready_reason="reconciling")
    assert picture(keys=("5", "k", "k", "b"))


def test_an_empty_book_and_nothing_known(picture: Picture, desk: Any) -> None:
    desk.change(BOOK, bids=(), asks=(), state=BookState.EMPTY, known_low=None, known_high=None, as_of_ns=0)
    desk.views = {topic: view for topic, view in desk.views.items() if topic in (BOOK, TOPIC_LINK)}
    assert picture()


def test_a_one_sided_book_and_depth_that_is_not_known(picture: Picture, desk: Any) -> None:
    bids = desk.views[BOOK].bids[:6]
    desk.change(BOOK, asks=(), bids=bids, known_low=bids[-1][0], known_high=bids[0][0])
    assert picture(keys=("J",))


def test_a_tiny_price_and_volumes_of_eighteen_digits(picture: Picture, desk: Any) -> None:
    symbol = "PEPEUSDT"
    levels = tuple((12_000 - n, 10**18 // (n + 1)) for n in range(30))
    asks = tuple((12_001 + n, 10**17 * (n + 3)) for n in range(30))
    desk.change(book_topic(symbol), bids=levels, asks=asks, known_low=1, known_high=99_999)
    rows = desk.views[WATCHLIST].rows
    changed = msgspec.structs.replace(rows[4], last=D("0.000000012"), quote_volume=D("123456789012345678"))
    desk.change(WATCHLIST, rows=(*rows[:4], changed, *rows[5:]))
    trades = desk.views[tape_topic(symbol)].trades
    desk.change(
        tape_topic(symbol),
        trades=tuple(msgspec.structs.replace(t, price=D("0.000000012"), qty=D("123456789012345678")) for t in trades),
    )
    assert picture((200, 60), symbol=symbol, keys=("j", "f3"))


def test_foreign_and_hostile_names(picture: Picture, desk: Any) -> None:
    instruments = dict(desk.views[TOPIC_INSTRUMENTS].by_symbol)
    instruments[HOSTILE] = msgspec.structs.replace(instruments["BTCUSDT"], symbol=HOSTILE, base="\x1b]0;x\x07B[red]")
    desk.change(TOPIC_INSTRUMENTS, by_symbol=instruments)
    for topic in (book_topic, tape_topic, gate_topic):
        desk.views[topic(HOSTILE)] = msgspec.structs.replace(desk.views[topic("BTCUSDT")], symbol=HOSTILE)
    rows = desk.views[WATCHLIST].rows
    hostile = [
        msgspec.structs.replace(rows[0], symbol=name) for name in (HOSTILE, "مرحباUSDT", "[/]\n\tUSDT", "a\u200bb")
    ]
    desk.change(WATCHLIST, rows=(*hostile, rows[5]))
    orders = desk.views[TOPIC_ORDERS]
    desk.change(
        TOPIC_ORDERS, open=tuple(msgspec.structs.replace(o, symbol=HOSTILE, reason=HOSTILE) for o in orders.open)
    )
    desk.change(TOPIC_LINK, venue=HOSTILE, reason=HOSTILE)
    desk.events.append(Fact(seq=50, time_ms=0, kind="problem", level=Level.BAD, message=HOSTILE * 3))
    assert picture(symbol=HOSTILE)


def test_a_stale_book(picture: Picture, desk: Any) -> None:
    desk.change(
        BOOK,
        state=BookState.STALE,
        reason="3 updates are missing; asking for a new snapshot",
        as_of_ns=4_993_000_000_000,
    )
    assert picture(keys=("j",))


def test_disconnected(picture: Picture, desk: Any) -> None:
    desk.change(TOPIC_LINK, state=LinkState.RECONNECTING, reason="no answer for 5 s; trying again in 2 s")
    assert picture()


@pytest.mark.parametrize("size", [(200, 60), (80, 24)], ids=["200x60", "80x24"])
def test_requests_that_do_not_go_out(picture: Picture, desk: Any, size: tuple[int, int]) -> None:
    reason = "api.mexc.com has failed 6 times in a row"
    desk.change(TOPIC_LINK, breaker="open", held=reason, held_s=4.2)
    assert picture(size)


def test_halted(picture: Picture, desk: Any) -> None:
    desk.change(TOPIC_RISK, state=TradingState.HALTED, reason="halted by hand")
    desk.change(gate_topic("BTCUSDT"), state=TradingState.HALTED)
    assert picture(keys=("s",))


def test_the_engine_has_stopped(picture: Picture, desk: Any) -> None:
    desk.death = "the journal's disk is full"
    assert picture()


@pytest.mark.parametrize("kind", [VenueKind.LIVE, VenueKind.PAPER, VenueKind.REPLAY, VenueKind.LOCAL])
def test_the_venue_is_told_at_a_glance(picture: Picture, desk: Any, kind: VenueKind) -> None:
    desk.change(TOPIC_LINK, kind=kind, venue="MEXC", can_trade=kind is not VenueKind.REPLAY)
    desk.change(TOPIC_RISK, armed=kind is VenueKind.LIVE, unknown=0)
    assert picture((80, 24))


def test_ascii_over_a_slow_link(picture: Picture) -> None:
    assert picture(ascii_only=True, ssh=True, theme="ansi", keys=("j",))


def test_a_terminal_that_is_too_small(picture: Picture) -> None:
    assert picture((58, 14))


@pytest.mark.parametrize("tab", ["positions", "balances", "fills", "depth", "equity", "risk", "events"])
def test_tabs(picture: Picture, tab: str) -> None:
    keys = {name: f"f{place}" for place, name in enumerate(("positions", "balances", "fills", "depth"), 2)}
    keys.update({"equity": "f6", "risk": "f7", "events": "f8"})
    assert picture((160, 45), keys=(keys[tab], keys[tab]))


def test_each_control_with_what_is_left_and_what_waits(picture: Picture, desk: Any) -> None:
    used = Headroom(code="MAX_ORDER_VALUE", label="order value", used=D(2_100), limit=D(2_500), unit="USDT")
    refusal = Refusal(
        code="MAX_ORDER_VALUE", message=f"Too large. {HOSTILE}", symbol="BTCUSDT", wall_ms=1_700_000_000_000, count=3
    )
    change = WaitingLimit(name="max_order_value", value=D(4_000), due_ms=1_700_000_600_000, reason="rebalancing")
    desk.change(TOPIC_RISK, headroom=(used,), refusals=(refusal,), waiting=(change,))
    assert picture((80, 24), keys=("f7", "f7", "J", "J"))


def test_the_help_and_the_command_line(picture: Picture) -> None:
    assert picture(keys=("question_mark",))


def test_the_command_line(picture: Picture) -> None:
    assert picture(keys=("colon", "b", "u", "y", "space", "1", "space"))


def test_a_new_market_without_candles(picture: Picture, desk: Any) -> None:
    for topic in (candles_topic("BTCUSDT", Interval.M1), tape_topic("BTCUSDT"), TOPIC_BALANCES):
        desk.views.pop(topic, None)
    assert picture((80, 24))
