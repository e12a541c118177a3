"""A cockpit that is watched for hours does not grow: counted in objects, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from textual.strip import Strip

from mexc_tui.domain.views import TOPIC_LINK, book_topic, tape_topic
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row

BOOK, TAPE = book_topic("BTCUSDT"), tape_topic("BTCUSDT")
FRAMES = 60
"""After so many the caches are as full as they get."""


class Market:
    """Changes every figure on the screen to one that it has not shown yet."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self._chance = random.Random(11)
        self._frames = 0

    def move(self) -> None:
        desk, chance = self._desk, self._chance
        self._frames += 1
        desk.pass_time(1_000)
        book, tape = desk.views[BOOK], desk.views[TAPE]
        desk.change(
            BOOK,
            version=book.version + 1,
            bids=tuple((price, chance.randrange(1, 10**9)) for price, _ in book.bids),
            asks=tuple((price, chance.randrange(1, 10**9)) for price, _ in book.asks),
            as_of_ns=desk.moment.mono_ns,
        )
        trade = msgspec.structs.replace(
            tape.trades[-1],
            trade_id=f"new-{self._frames}",
            qty=Decimal(chance.randrange(1, 10**8)).scaleb(-6),
            time_ms=desk.moment.wall_ms,
        )
        desk.change(TAPE, trades=(*tape.trades[1:], trade), count=tape.count + 1)
        watchlist = next(topic for topic in desk.views if topic.startswith("watchlist:"))
        rows = desk.views[watchlist].rows
        desk.change(
            watchlist,
            rows=tuple(msgspec.structs.replace(row, last=row.last + chance.randrange(1, 99)) for row in rows),
        )
        desk.change(TOPIC_LINK, frames_per_s=float(self._frames), as_of_ns=desk.moment.mono_ns)


async def paint(app: Any) -> None:
    """Draw a frame and see it through to the terminal."""
    app.frame_clock.advance()
    for _ in range(8):
        await asyncio.sleep(0)
    app.screen._on_timer_update()


async def most_objects(app: Any, market: Market, frames: int) -> int:
    """Return how many objects there were at most while so many frames were painted."""
    most = 0
    for number in range(frames):
        market.move()
        await paint(app)
        if number % 6 == 0:
            gc.collect()
            most = max(most, len(gc.get_objects()))
    return most


@pytest.fixture
def only_new_objects() -> Iterator[None]:
    """Leave what earlier tests hold out of every count."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("only_new_objects")
async def test_painted_frames_leave_nothing_behind(make_cockpit: Any, desk: Any, monkeypatch: Any) -> None:
    asked = []
    render = LinePane.render_line
    monkeypatch.setattr(LinePane, "render_line", lambda pane, y: asked.append(y) or render(pane, y))
    app, market = make_cockpit(), Market(desk)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        early = await most_objects(app, market, FRAMES)
        asked.clear()
        late = await most_objects(app, market, FRAMES)
    assert len(asked) > 20 * FRAMES, "the frames were not painted"
    assert late - early < 20 * FRAMES


class Figures(LinePane):
    """Four rows that are never the same again."""

    drawn = 0

    def build(self, frame: Any) -> list[Row]:
        self.drawn += 1
        return [((f"{place} of {self.drawn}", "text"),) for place in range(4)]


async def test_rows_that_have_left_the_glass_are_let_go(make_pane_app: Any) -> None:
    app = make_pane_app(Figures())
    async with app.run_test(size=(30, 5)) as pilot:
        await pilot.pause()
        before = count_strips()
        for _ in range(200):
            await paint(app)
        after = count_strips()
    assert app.pane.glass[-1] == (("3 of 201", "text"),)
    assert after - before < 200


def count_strips() -> int:
    gc.collect()
    return sum(isinstance(held, Strip) for held in gc.get_objects())
