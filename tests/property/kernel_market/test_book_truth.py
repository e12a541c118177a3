"""The book against a brute-force reading of the same market, under every order and loss of pushes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.book import Applied, BookError, OrderBook
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    InterestChanged,
    LinkChanged,
    LinkState,
    SnapshotFailed,
    Tick,
    Timestamp,
    VenueHealth,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookState, BookView, book_topic
from mexc_tui.kernel.effects import Effect, EmitFact, FetchSnapshot
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.markets import Markets

SYMBOL = "ABCUSDT"
Change = tuple[Side, str, str]
BAD = [
    *[(text, "1") for text in ("", "0", "0.000", "-1", "1e3", "nan", " 90", "9_0", "９０", "1" * 70, None)],
    *[("90", text) for text in ("", "-1", "1 2", "1.2.3", "inf", "１", "1_0", " 1", "1" * 70, None)],
    (["90"], "1"),
]
"""Levels that are none."""
FATES = ["come", "come", "come", "lost", "twice", "wait", "answer", "old", "fail", "cut"]


class Truth:
    """The exchange's side: every version of the book, one change a version, and the pushes that tell of them."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes

    def book(self, version: int) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        sides: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
        for side, price, qty in self.changes[:version]:
            sides[side].pop(Decimal(price), None)
            if Decimal(qty):
                sides[side][Decimal(price)] = Decimal(qty)
        return sides[Side.BUY], sides[Side.SELL]

    def delta(self, first: int, last: int) -> BookDelta:
        part = self.changes[first - 1 : last]
        bids = [(price, qty) for side, price, qty in part if side is Side.BUY]
        asks = [(price, qty) for side, price, qty in part if side is Side.SELL]
        return BookDelta(SYMBOL, first, last, bids, asks, 0, 0)

    def snapshot(self, version: int, limit: int) -> BookSnapshot:
        bids, asks = self.book(version)
        best_bids = sorted(bids.items(), reverse=True)[:limit]
        best_asks = sorted(asks.items())[:limit]
        return BookSnapshot(
            SYMBOL,
            version,
            [(f"{p:.4f}", f"{q:.5f}") for p, q in best_bids],
            [(f"{p:.4f}", f"{q:.5f}") for p, q in best_asks],
            0,
            limit,
        )


def _text(value: Decimal, padding: int) -> str:
    plain = format(value, "f")
    return plain if not padding else plain + ("" if "." in plain else ".") + "0" * padding


def _prices(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.builds(lambda n, d: Decimal(n).scaleb(-d), st.integers(low, high), st.integers(0, 2))


_qtys = st.one_of(
    st.just("0"),
    st.just("0.00000"),
    st.builds(lambda n, d: _text(Decimal(n).scaleb(-d), 0), st.integers(1, 999), st.integers(0, 3)),
)


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    """Bids below 100, asks above it, few enough prices that they are hit again and again in different spellings."""
    made: list[Change] = []
    for _ in range(draw(st.integers(1, 60))):
        side = draw(st.sampled_from(Side))
        away = Decimal(draw(st.integers(1, 12))) * Decimal("0.1")
        price = 100 - away if side is Side.BUY else 100 + away
        made.append((side, _text(price, draw(st.integers(0, 3))), draw(_qtys)))
    return made


def as_decimals(book: BookView) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    def side(levels: tuple[tuple[int, int], ...]) -> dict[Decimal, Decimal]:
        return {
            Decimal(price).scaleb(-book.price_decimals): Decimal(qty).scaleb(-book.qty_decimals)
            for price, qty in levels
        }

    return side(book.bids), side(book.asks)


def known_part(
    book: BookView, truth: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]
) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    low = None if book.known_low is None else Decimal(book.known_low).scaleb(-book.price_decimals)
    high = None if book.known_high is None else Decimal(book.known_high).scaleb(-book.price_decimals)
    bids, asks = truth
    return (
        {p: q for p, q in bids.items() if low is None or p >= low},
        {p: q for p, q in asks.items() if high is None or p <= high},
    )


@given(changes(), st.data())
def test_increments_in_any_grouping_overlap_and_repetition_end_in_the_truth_or_in_a_gap(
    made: list[Change], data: st.DataObject
) -> None:
    truth = Truth(made)
    start = data.draw(st.integers(0, len(made)))
    book = OrderBook(truth.snapshot(start, 8))
    for _ in range(data.draw(st.integers(0, 15))):
        first = data.draw(st.integers(1, len(made)))
        last = data.draw(st.integers(first, len(made)))
        before = book.version
        applied = book.apply(truth.delta(first, last))
        if last <= before:
            assert applied is Applied.SKIPPED
        elif first > before + 1:
            assert applied is Applied.GAP
        else:
            assert applied is Applied.APPLIED
            assert book.version == last
        view = book.view(1_000)
        assert as_decimals(view) == known_part(view, truth.book(book.version))
        assert list(view.bids) == sorted(view.bids, reverse=True)
        assert list(view.asks) == sorted(view.asks)


class Desk:
    """Markets with an exchange behind it that answers snapshots, late and out of date if told to."""

    def __init__(self, truth: Truth, limit: int) -> None:
        self.truth = truth
        self.limit = limit
        self.now = 0
        self.version = 0
        self.markets = Markets(FactLog(), depth_limit=limit)
        self.questions = 0
        self.told: list[str] = []
        self.do(InterestChanged(Interest(topics=frozenset({book_topic(SYMBOL)}))))

    def at(self) -> Timestamp:
        return Timestamp(1_700_000_000_000 + self.now, self.now * 1_000_000)

    def do(self, item: object) -> None:
        effects: list[Effect] = self.markets.handle(item, self.at())  # type: ignore[arg-type]
        self.questions += sum(isinstance(effect, FetchSnapshot) for effect in effects)
        assert self.questions <= 1, "one question at a time"
        self.told += [effect.fact.kind for effect in effects if isinstance(effect, EmitFact)]
        self.check()

    def check(self) -> None:
        view = self.markets.book_view(SYMBOL)
        assert view is not None
        if view.state is BookState.LIVE:
            assert as_decimals(view) == known_part(view, self.truth.book(view.version))
            assert not (view.bids and view.asks and view.bids[0][0] >= view.asks[0][0])

    def answer(self, version: int) -> None:
        if self.questions:
            self.questions -= 1
            self.do(self.truth.snapshot(version, self.limit))

    def fail(self) -> None:
        if self.questions:
            self.questions -= 1
            self.do(SnapshotFailed(SYMBOL, "503"))


def health(frames: int) -> VenueHealth:
    return VenueHealth(None, None, None, frames, 0, 0, 500, 5.0, 5)


@given(changes(), st.data())
def test_a_live_book_is_the_exchanges_own_whatever_gets_lost_repeated_or_delayed(
    made: list[Change], data: st.DataObject
) -> None:
    truth = Truth(made)
    desk = Desk(truth, data.draw(st.sampled_from([4, 1_000])))
    sent = 0
    while sent < len(made):
        last = data.draw(st.integers(sent + 1, len(made)))
        fate = data.draw(st.sampled_from(FATES))
        delta = truth.delta(sent + 1, last)
        if fate in ("come", "twice"):
            desk.do(delta)
        if fate == "twice":
            desk.do(delta)
        if fate in ("come", "lost", "twice"):
            sent = last
        if fate == "answer":
            desk.answer(data.draw(st.integers(sent, len(made))))
        if fate == "old":
            desk.answer(data.draw(st.integers(0, sent)))
        if fate == "fail":
            desk.fail()
        if fate == "cut":
            desk.do(LinkChanged(private=False, state=LinkState.RECONNECTING, symbols=frozenset({SYMBOL})))
            sent = data.draw(st.integers(sent, len(made)))
            desk.do(LinkChanged(private=False, state=LinkState.CONNECTED))
        desk.now += data.draw(st.sampled_from([1, 100, 2_000]))
        desk.do(Tick())
    # Once the market rests, the book must come back by itself, and be right. One more push tells the stream lives.
    for frames in range(20):
        desk.now += 11_000
        desk.do(health(frames))
        desk.do(Tick())
        desk.answer(len(made))
        if frames == 10:
            desk.do(truth.delta(len(made), len(made)))
    view = desk.markets.book_view(SYMBOL)
    assert view is not None
    assert view.state is BookState.LIVE
    assert as_decimals(view) == known_part(view, truth.book(len(made)))


@given(changes(), st.data())
def test_a_bad_level_leaves_the_book_as_it_was(made: list[Change], data: st.DataObject) -> None:
    truth = Truth(made)
    book = OrderBook(truth.snapshot(0, 1_000))
    book.apply(truth.delta(1, len(made)))
    before = book.view(1_000)
    bad = data.draw(st.sampled_from(BAD))
    good = ("91.5", "3")
    levels = data.draw(st.permutations([good, bad]))
    bids, asks = (levels, []) if data.draw(st.booleans()) else ([good], [bad])
    with pytest.raises(BookError):
        book.apply(BookDelta(SYMBOL, len(made) + 1, len(made) + 2, bids, asks, 0, 0))
    assert book.version == before.version
    assert as_decimals(book.view(1_000)) == as_decimals(before)


@given(st.lists(st.tuples(_prices(1, 500), st.integers(1, 999)), max_size=80), st.integers(0, 12_345))
def test_walking_adds_up_exactly(levels: list[tuple[Decimal, int]], wanted: int) -> None:
    asks = {price: Decimal(qty).scaleb(-3) for price, qty in levels}
    book = OrderBook(BookSnapshot(SYMBOL, 1, [], [(format(p, "f"), format(q, "f")) for p, q in asks.items()], 0, 50))
    qty = Decimal(wanted).scaleb(-2)
    walk = book.walk(Side.BUY, qty)
    left, cost, worst = qty, Decimal(0), None
    for price, size in sorted(asks.items()):
        if left <= 0:
            break
        taken = min(size, left)
        left, cost, worst = left - taken, cost + taken * price, price
    assert (walk.filled, walk.cost, walk.worst) == (qty - left, cost, worst)
