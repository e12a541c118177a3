"""Recorded real markets through the kernel, against a brute-force reading of the same file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    CandleSeen,
    Input,
    InterestChanged,
    Tick,
    Timestamp,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    BookState,
    BookView,
    book_topic,
    candles_topic,
    tape_topic,
    watchlist_topic,
)
from mexc_tui.kernel.effects import Effect, EmitFact, FetchSnapshot
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.publisher import Publisher

TAPES = ["four-perps-2021-07-22.jsonl", "xrpusdt-depth500-2024-12-01.jsonl"]
Book = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


def events(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as lines:
        yield from map(json.loads, lines)


def brute_force(path: Path) -> dict[str, Book]:
    books: dict[str, Book] = {}
    versions: dict[str, int] = {}
    for event in events(path):
        symbol = event["symbol"]
        if event["kind"] == "depth_snapshot":
            books[symbol] = ({}, {})
            versions[symbol] = event["lastUpdateId"]
        elif event["kind"] != "depth" or symbol not in books or event["finalUpdateId"] <= versions[symbol]:
            continue
        for side, levels in zip(books[symbol], (event["bids"], event["asks"]), strict=True):
            for price, qty in levels:
                side.pop(Decimal(price), None)
                if Decimal(qty):
                    side[Decimal(price)] = Decimal(qty)
    return books


def inputs(path: Path) -> Iterator[tuple[Timestamp, Input | None, BookSnapshot | None]]:
    """Yield each event as a push, or as the snapshot that the exchange would answer with."""
    last: dict[str, int] = {}
    for event in events(path):
        at = Timestamp(event["t"], event["t"] * 1_000_000)
        symbol, kind = event["symbol"], event["kind"]
        if kind in ("depth", "depth_snapshot"):
            bids, asks = ([(p, q) for p, q in event[side]] for side in ("bids", "asks"))
        if kind == "depth_snapshot":
            yield at, None, BookSnapshot(symbol, event["lastUpdateId"], bids, asks, at.mono_ns, len(bids))
        elif kind == "depth":
            first = last.get(symbol, event["firstUpdateId"] - 1) + 1
            last[symbol] = event["finalUpdateId"]
            yield at, BookDelta(symbol, first, last[symbol], bids, asks, event.get("eventTime", 0), at.mono_ns), None
        elif kind == "trade":
            trade = Trade(
                trade_id=str(event["id"]),
                price=Decimal(event["price"]),
                qty=Decimal(event["qty"]),
                taker=Side(event["taker"]),
                time_ms=event["tradeTime"],
            )
            yield at, TradesSeen(symbol, (trade,), at.mono_ns), None
        elif kind == "book_ticker":
            values = [Decimal(event[name]) for name in ("bid", "bidQty", "ask", "askQty")]
            yield at, TopOfBook(symbol, *values, at.mono_ns), None
        elif kind == "kline":
            numbers = {name: Decimal(event[name]) for name in ("open", "high", "low", "close", "volume")}
            candle = Candle(open_ms=event["openTime"], quote_volume=Decimal(event["quoteVolume"]), **numbers)
            yield at, CandleSeen(symbol, Interval(event["interval"]), candle, at.mono_ns), None


def run(path: Path) -> tuple[Markets, list[Effect], list[Any]]:
    """Play the tape; snapshots wait until the kernel asks for them, pushes of a market start with its first one."""
    symbols = sorted({event["symbol"] for event in events(path)})
    markets = Markets(FactLog())
    publisher = Publisher(markets)
    effects: list[Effect] = []
    seen: list[Any] = []
    ready: dict[str, BookSnapshot] = {}
    wanted: set[str] = set()
    topics = frozenset(
        (
            TOPIC_INSTRUMENTS,
            watchlist_topic(symbols),
            candles_topic(symbols[0], Interval.M1),
            *map(book_topic, symbols),
            *map(tape_topic, symbols),
        )
    )
    first = next(iter(inputs(path)))[0]

    def do(item: Any, at: Timestamp) -> None:
        made = markets.handle(item, at)
        effects.extend(made)
        wanted.update(effect.symbol for effect in made if isinstance(effect, FetchSnapshot))
        for symbol in sorted(wanted & ready.keys()):
            wanted.discard(symbol)
            do(ready[symbol], at)

    do(InterestChanged(Interest(topics=topics)), first)
    at = first
    for count, (at, push, snapshot) in enumerate(inputs(path)):
        if snapshot is not None:
            ready[snapshot.symbol] = snapshot
        do(push if push is not None else Tick(), at)
        if count % 50 == 0:
            seen.append(publisher.views(topics))
    for _ in range(20):
        at = Timestamp(at.wall_ms + 250, at.mono_ns + 250_000_000)
        do(Tick(), at)
    seen.append(publisher.views(topics))
    return markets, effects, seen


def known(view: BookView, truth: Book) -> Book:
    low = None if view.known_low is None else Decimal(view.known_low).scaleb(-view.price_decimals)
    high = None if view.known_high is None else Decimal(view.known_high).scaleb(-view.price_decimals)
    return (
        {p: q for p, q in truth[0].items() if low is None or p >= low},
        {p: q for p, q in truth[1].items() if high is None or p <= high},
    )


def as_decimals(view: BookView) -> Book:
    bids, asks = (
        {Decimal(p).scaleb(-view.price_decimals): Decimal(q).scaleb(-view.qty_decimals) for p, q in side}
        for side in (view.bids, view.asks)
    )
    return bids, asks


@pytest.mark.parametrize("tape", TAPES)
def test_the_book_at_the_end_of_a_recorded_market_is_the_one_in_the_file(tapes: Path, tape: str) -> None:
    path = tapes / tape
    truth = brute_force(path)
    markets, effects, _ = run(path)
    assert truth
    for symbol, book in truth.items():
        view = markets.book_view(symbol, 5_000)
        assert view is not None
        assert view.state is BookState.LIVE, (symbol, view.reason)
        assert as_decimals(view) == known(view, book)
        assert len(view.bids) > 100
    assert [effect.fact.message for effect in effects if isinstance(effect, EmitFact)] == []


@pytest.mark.parametrize("tape", TAPES)
def test_the_same_tape_gives_the_same_effects_and_the_same_views(tapes: Path, tape: str) -> None:
    path = tapes / tape
    _, effects, views = run(path)
    _, effects_again, views_again = run(path)
    assert effects == effects_again
    assert views == views_again
