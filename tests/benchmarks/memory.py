"""Resident memory of the desk after a hundred thousand and after a million book updates."""

from __future__ import annotations

import json
import random

import psutil

from mexc_tui.domain.inputs import BookDelta, BookSnapshot, InstrumentsLoaded, InterestChanged, Timestamp, TradesSeen
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.market import Trade
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import VenueKind, book_topic, tape_topic, watchlist_topic
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.ports import VenueInfo

SYMBOLS = tuple(f"LOAD{n}USDT" for n in range(10))
FIRST, LAST = 100_000, 1_000_000


def measure() -> dict[str, float]:
    """Return resident megabytes at both counts."""
    desk = Desk("bench", Limits(), VenueInfo(name="bench", kind=VenueKind.LOCAL, can_trade=False), currency="USDT")
    at = Timestamp(1_700_000_000_000, 1)
    desk.start(at)
    pairs = tuple(Instrument(symbol=s, base=s[:-4], quote="USDT", price_decimals=2, qty_decimals=3) for s in SYMBOLS)
    desk.handle(InstrumentsLoaded(pairs), at)
    wanted = frozenset({book_topic(SYMBOLS[0]), tape_topic(SYMBOLS[0]), watchlist_topic(SYMBOLS)})
    desk.handle(InterestChanged(Interest(topics=wanted)), at)
    levels = [(f"{1000 - n / 100:.2f}", "1.5") for n in range(1, 500)]
    above = [(f"{1000 + n / 100:.2f}", "1.5") for n in range(1, 500)]
    for symbol in SYMBOLS:
        desk.handle(BookDelta(symbol, 1, 1, [], [], 0, 1), at)
        desk.handle(BookSnapshot(symbol, 1, levels, above, 1, 1000), at)
    chance = random.Random(5)
    process = psutil.Process()
    found: dict[str, float] = {}
    for number in range(2, LAST // len(SYMBOLS) + 2):
        at = Timestamp(at.wall_ms + 10, at.mono_ns + 10_000_000)
        for symbol in SYMBOLS:
            away = chance.randrange(1, 500) / 100
            qty = "0" if chance.random() < 0.3 else f"{chance.uniform(0.001, 9):.3f}"
            delta = BookDelta(symbol, number, number, [(f"{1000 - away:.2f}", qty)], [], at.wall_ms, at.mono_ns)
            desk.handle(delta, at)
        if number % 5 == 0:
            trade = Trade(
                trade_id=str(number),
                price=unscaled(100_000, 2),
                qty=unscaled(number, 3),
                taker=Side.BUY,
                time_ms=at.wall_ms,
            )
            desk.handle(TradesSeen(SYMBOLS[0], (trade,), at.mono_ns), at)
            desk.views(at, wanted)
        done = (number - 1) * len(SYMBOLS)
        if done in (FIRST, LAST):
            found[str(done)] = process.memory_info().rss / 1e6
    return {
        "early_mb": found[str(FIRST)],
        "late_mb": found[str(LAST)],
        "growth_mb": found[str(LAST)] - found[str(FIRST)],
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
