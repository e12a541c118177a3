"""A market desk with a clock that is moved by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    InterestChanged,
    LinkChanged,
    LinkState,
    Tick,
    Timestamp,
    TopOfBook,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Interval, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookView, book_topic, candles_topic, gate_topic, tape_topic, watchlist_topic
from mexc_tui.kernel.effects import Effect, EmitFact, FetchSnapshot
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets

START = 1_700_000_000_000


class Rig:
    def __init__(self) -> None:
        self.now = 1_000
        self.markets = Markets(FactLog())
        self.effects: list[Effect] = []
        self.frames = 0

    @property
    def at(self) -> Timestamp:
        return Timestamp(START + self.now, self.now * 1_000_000)

    def do(self, item: Any) -> list[Effect]:
        made = self.markets.handle(item, self.at)
        self.effects += made
        return made

    def wait(self, ms: int, *, link: bool = False) -> list[Effect]:
        """Let time pass in steps of 250 ms; with ``link`` frames of other markets keep coming."""
        made: list[Effect] = []
        end = self.now + ms
        while self.now < end:
            self.now = min(end, self.now + 250)
            if link:
                self.frames += 1
                made += self.do(VenueHealth(None, None, None, self.frames, 0, 0, 500, 5.0, 5))
            made += self.do(Tick())
        return made

    def focus(self, symbol: str = "ABCUSDT", interval: Interval = Interval.M1, *watch: str) -> list[Effect]:
        """Look at what a trade screen of that symbol looks at."""
        return self.look(
            book_topic(symbol),
            tape_topic(symbol),
            gate_topic(symbol),
            candles_topic(symbol, interval),
            *([watchlist_topic(watch)] if watch else []),
        )

    def look(self, *topics: str) -> list[Effect]:
        return self.do(InterestChanged(Interest(topics=frozenset(topics))))

    def delta(self, first: int, last: int, bids: Any = (), asks: Any = (), symbol: str = "ABCUSDT") -> list[Effect]:
        return self.do(BookDelta(symbol, first, last, list(bids), list(asks), START + self.now, self.now * 1_000_000))

    def snapshot(self, version: int, bids: Any = (), asks: Any = (), limit: int = 1_000) -> list[Effect]:
        return self.do(BookSnapshot("ABCUSDT", version, list(bids), list(asks), self.now * 1_000_000, limit))

    def live(self) -> None:
        """Bring the book of ABCUSDT to life at version 100 with 99 x 2 / 101 x 3."""
        self.focus()
        self.delta(95, 100, [("99", "2")])
        self.snapshot(100, [("99.0", "2.0")], [("101.0", "3.0")])
        assert self.view().state.value == "live"

    def view(self, symbol: str = "ABCUSDT") -> BookView:
        view = self.markets.book_view(symbol)
        assert view is not None
        return view

    def link(self, state: LinkState, *symbols: str) -> list[Effect]:
        return self.do(LinkChanged(private=False, state=state, reason="", symbols=frozenset(symbols)))

    def top(self, bid: str, ask: str, symbol: str = "ABCUSDT") -> list[Effect]:
        one = Decimal(1)
        return self.do(TopOfBook(symbol, Decimal(bid), one, Decimal(ask), one, self.now * 1_000_000))

    @staticmethod
    def trade(price: str, at: int, trade_id: str = "", qty: str = "1") -> Trade:
        return Trade(trade_id=trade_id, price=Decimal(price), qty=Decimal(qty), taker=Side.BUY, time_ms=START + at)

    @staticmethod
    def pair(symbol: str, base: str, quote: str = "USDT", price_decimals: int = 2) -> Instrument:
        return Instrument(symbol=symbol, base=base, quote=quote, price_decimals=price_decimals, qty_decimals=4)

    @staticmethod
    def asks_for_book(effects: list[Effect]) -> int:
        return sum(isinstance(effect, FetchSnapshot) for effect in effects)

    @staticmethod
    def facts(effects: list[Effect]) -> list[str]:
        return [effect.fact.kind for effect in effects if isinstance(effect, EmitFact)]


@pytest.fixture
def rig() -> Rig:
    return Rig()
