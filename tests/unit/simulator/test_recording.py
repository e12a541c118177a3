"""Raw recordings back into markets: exact where they connect, silent where they do not, clear where damaged."""

from __future__ import annotations

import base64
import gzip
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.desk.exchange.frames import decode_frame
from mexc_tui.domain.instrument import Instrument
from mexc_tui.venues.simulator.exchange import tape_exchange
from mexc_tui.venues.simulator.markets.recording import read_recording, rows_of
from mexc_tui.venues.simulator.markets.tape import TapeError, TapeMarket
from mexc_tui.wire.mexc.pb import push_pb2 as pb

START_MS = 1_800_000_000_000
HEAD = {"tape": 1, "program": "test", "rest": "", "ws": "", "symbols": ["XYZUSDT"], "t": 1_000, "n": 0}
PAIR = Instrument(symbol="XYZUSDT", base="XYZ", quote="USDT", price_decimals=4, qty_decimals=3, min_notional=Decimal(5))


def line(kind: str, at_ms: int, **fields) -> dict:
    return {"k": kind, "t": 1_000 + at_ms, "n": at_ms * 1_000_000, **fields}


def frame(at_ms: int, wrapper: pb.PushDataV3ApiWrapper) -> dict:
    return line("frame", at_ms, b=base64.b64encode(wrapper.SerializeToString()).decode())


def delta(at_ms: int, first: int, last: int, bids=(), asks=()) -> dict:
    wrapper = pb.PushDataV3ApiWrapper(channel="depth", symbol="XYZUSDT")
    body = wrapper.publicAggreDepths
    body.fromVersion, body.toVersion = str(first), str(last)
    for levels, found in ((bids, body.bids), (asks, body.asks)):
        for price, qty in levels:
            found.add(price=price, quantity=qty)
    return frame(at_ms, wrapper)


def deals(at_ms: int, *found: tuple[str, str, str, int]) -> dict:
    wrapper = pb.PushDataV3ApiWrapper(channel="deals", symbol="XYZUSDT")
    for number, price, qty, side in found:
        wrapper.publicAggreDeals.deals.add(price=price, quantity=qty, tradeType=side, time=5, tradeId=number)
    return frame(at_ms, wrapper)


def snapshot(at_ms: int, version: int, bids=(("9.9", "5"),), asks=(("10.1", "4"),), limit: int = 1_000) -> dict:
    return line("snapshot", at_ms, symbol="XYZUSDT", version=version, limit=limit, bids=bids, asks=asks)


@pytest.fixture
def written(tmp_path):
    def write(*rows: dict, head: dict = HEAD, tail: str = "\n"):
        path = tmp_path / "market.tape"
        pair = line("pair", 0, pair=msgspec.to_builtins(PAIR))
        path.write_text("\n".join(json.dumps(row) for row in (head, pair, *rows)) + tail)
        return path

    return write


def events(path) -> list[tuple[int, str, int]]:
    found = read_recording(path, rows_of(path), decode_frame).lines
    return [(one.at_ms - 1_000, one.kind, one.update_id) for one in found]


def book(path, **options):
    tape = TapeMarket.from_file(path, decode_frame, float("inf"), **options)
    exchange = tape_exchange(tape, start_ms=START_MS)
    tape.start(START_MS)
    exchange.advance(START_MS + 1)
    bids, asks = exchange.market.depth("XYZUSDT", 100)[1:]
    return [(str(p), str(q)) for p, q in bids], [(str(p), str(q)) for p, q in asks]


def test_increments_before_the_snapshot_and_those_it_holds_already(written):
    path = written(
        delta(1, 5, 8, bids=[("9.9", "1")]),
        delta(2, 9, 12, bids=[("9.8", "2")]),
        snapshot(3, 10),
        delta(4, 13, 13, asks=[("10.1", "0"), ("10.2", "7")]),
    )
    assert events(path) == [(3, "depth_snapshot", 12), (4, "depth", 13)]
    bids, asks = book(path)
    assert [(Decimal(p), Decimal(q)) for p, q in bids] == [(Decimal("9.9"), 5), (Decimal("9.8"), 2)]
    assert [(Decimal(p), Decimal(q)) for p, q in asks] == [(Decimal("10.2"), 7)]


def test_after_a_gap_the_book_stands_still_until_the_next_snapshot(written):
    path = written(
        snapshot(1, 10),
        delta(2, 11, 11, bids=[("9.9", "6")]),
        delta(3, 13, 13, bids=[("9.9", "7")]),
        delta(4, 14, 14, bids=[("9.8", "1")]),
        snapshot(5, 13, bids=[("9.7", "3")]),
        delta(6, 15, 15, bids=[("9.7", "4")]),
    )
    assert events(path) == [(1, "depth_snapshot", 10), (2, "depth", 11), (5, "depth_snapshot", 14), (6, "depth", 15)]
    bids, _ = book(path)
    assert [(Decimal(p), Decimal(q)) for p, q in bids] == [(Decimal("9.8"), 1), (Decimal("9.7"), 4)]


def test_a_lost_link_ends_the_book(written):
    path = written(
        snapshot(1, 10),
        line("link", 2, state="reconnecting", reason="cut", symbols=[]),
        delta(3, 11, 11, bids=[("9.9", "6")]),
    )
    assert events(path) == [(1, "depth_snapshot", 10)]


def test_a_renewal_that_is_older_than_the_book_changes_nothing(written):
    path = written(snapshot(1, 10), delta(2, 11, 11, bids=[("9.9", "6")]), snapshot(3, 11), snapshot(4, 3))
    assert events(path)[:3] == [(1, "depth_snapshot", 10), (2, "depth", 11), (3, "depth_snapshot", 11)]


def test_nothing_is_shown_beyond_the_depth_of_the_snapshot(written):
    path = written(
        snapshot(1, 10, bids=[("9.9", "5"), ("9.8", "5")], asks=[("10.1", "4"), ("10.2", "4")], limit=2),
        delta(2, 11, 11, bids=[("9.7", "9"), ("9.85", "1")], asks=[("10.3", "9")]),
    )
    bids, asks = book(path)
    assert [Decimal(price) for price, _ in bids] == [Decimal("9.9"), Decimal("9.85"), Decimal("9.8")]
    assert [Decimal(price) for price, _ in asks] == [Decimal("10.1"), Decimal("10.2")]


def test_trades_come_once_with_their_ids_and_only_with_a_book(written):
    path = written(
        deals(1, ("1", "10", "1", 1)),
        snapshot(2, 10),
        deals(3, ("2", "10", "1", 1), ("3", "9.9", "2", 2)),
        deals(4, ("3", "9.9", "2", 2), ("4", "9.9", "0", 2), ("5", "9.9", "1", 7)),
    )
    trades = [one for one in read_recording(path, rows_of(path), decode_frame).lines if one.kind == "trade"]
    assert [(one.trade_id, one.taker, one.bids) for one in trades] == [
        ("2", "BUY", [("10", "1")]),
        ("3", "SELL", [("9.9", "2")]),
    ]


def test_the_rules_of_the_pair_are_the_real_ones_and_never_too_coarse(written):
    path = written(snapshot(1, 10, bids=[("9.99999", "5")]))
    (pair,) = TapeMarket.from_file(path, decode_frame).instruments
    assert (pair.price_decimals, pair.qty_decimals, pair.min_notional) == (5, 3, Decimal(5))


def test_a_torn_last_line_is_left_out(written):
    path = written(snapshot(1, 10), tail='\n{"k":"frame","t":10')
    assert events(path) == [(1, "depth_snapshot", 10)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"k": "frame", "t": 1, "n": 1}, "b is missing"),
        ({"k": "frame", "t": 1, "n": 1, "b": "%%%"}, "not base64"),
        ({"k": "frame", "t": "x", "n": 1, "b": ""}, "t must be a whole number"),
        ({"k": "snapshot", "t": 1, "n": 1, "symbol": "XYZUSDT", "version": 1, "bids": [["-1", "1"]], "asks": []}, "-1"),
        ({"k": "pair", "t": 1, "n": 1, "pair": {"symbol": 5}}, "symbol"),
        ([], "not an object"),
    ],
)
def test_a_damaged_line_is_named(written, row, why):
    path = written(row, snapshot(1, 10))
    with pytest.raises(TapeError, match=f"line 3: .*{why}"):
        TapeMarket.from_file(path, decode_frame)


def test_a_line_that_is_no_json_is_named(written):
    path = written(snapshot(1, 10))
    path.write_text(path.read_text() + "garbage\n" + json.dumps(snapshot(2, 10)) + "\n")
    with pytest.raises(TapeError, match="line 4"):
        TapeMarket.from_file(path, decode_frame)


def test_a_later_format_is_refused(written):
    with pytest.raises(TapeError, match="format 2 is not known"):
        TapeMarket.from_file(written(snapshot(1, 10), head={**HEAD, "tape": 2}), decode_frame)


def test_a_tape_without_a_book_is_refused(written):
    with pytest.raises(TapeError, match="no book"):
        TapeMarket.from_file(written(delta(1, 1, 1)), decode_frame)


def test_frames_that_were_garbled_on_the_way_are_passed_over(written):
    garbled = line("frame", 2, b=base64.b64encode(b"\xff\xff\xff").decode())
    assert events(written(snapshot(1, 10), garbled)) == [(1, "depth_snapshot", 10)]


def test_a_packed_tape_is_read_as_far_as_it_goes(written, tmp_path):
    path = written(snapshot(1, 10), *(delta(n, n + 9, n + 9, bids=[("9.9", str(n))]) for n in range(2, 400)))
    packed = tmp_path / "market.tape.gz"
    whole = gzip.compress(path.read_bytes())
    packed.write_bytes(whole)
    assert events(packed) == events(path)
    packed.write_bytes(whole[: len(whole) // 2])
    assert 1 < len(events(packed)) < len(events(path))
    packed.write_bytes(whole[:40] + b"\x00" * 40 + whole[80:])
    with pytest.raises(TapeError, match="cannot be unpacked"):
        events(packed)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=40
    ),
    st.integers(0, 1_700),
)
def test_seeking_gives_the_book_of_that_moment(tmp_path_factory, changes, from_ms):
    """Bids lie below 100 and asks above, so the market never crosses and brute force is a dict."""
    rows, truth, at = [snapshot(0, 10, bids=[("50", "1")], asks=[("150", "1")])], {}, 0
    history = [(0, {"50": "1", "150": "1"})]
    truth = dict(history[0][1])
    for number, (bid, place, qty, pause) in enumerate(changes):
        at += pause
        price = str(50 + place if bid else 150 + place)
        change = [(price, str(qty))]
        rows.append(delta(at, 11 + number, 11 + number, bids=change if bid else (), asks=() if bid else change))
        truth[price] = str(qty)
        history.append((at, dict(truth)))
    from_ms = min(from_ms, at)
    path = tmp_path_factory.mktemp("seek") / "market.tape"
    path.write_text("\n".join(json.dumps(row) for row in (HEAD, *rows)) + "\n")
    tape = TapeMarket.from_file(path, decode_frame, from_s=from_ms / 1_000)
    exchange = tape_exchange(tape, start_ms=START_MS)
    tape.start(START_MS)
    exchange.advance(START_MS)
    expected = [state for moment, state in history if moment <= from_ms][-1]
    bids, asks = exchange.market.depth("XYZUSDT", 100)[1:]
    assert {str(p.normalize() + 0): str(q.normalize() + 0) for p, q in [*bids, *asks]} == {
        str((Decimal(p)).normalize() + 0): str(Decimal(q).normalize() + 0) for p, q in expected.items() if q != "0"
    }


def test_a_moment_beyond_the_end_is_refused(written):
    path = written(snapshot(0, 10), delta(2_500, 11, 11, bids=[("9.9", "1")]))
    with pytest.raises(TapeError, match=r"2\.5 s long"):
        TapeMarket.from_file(path, decode_frame, from_s=3)


def test_a_replay_from_the_middle_keeps_the_distances(written):
    path = written(
        snapshot(0, 10), delta(1_000, 11, 11, bids=[("9.9", "1")]), delta(3_000, 12, 12, bids=[("9.9", "2")])
    )
    tape = TapeMarket.from_file(path, decode_frame, 2.0, from_s=2)
    exchange = tape_exchange(tape, start_ms=START_MS)
    tape.start(START_MS)
    exchange.advance(START_MS + 499)
    assert exchange.market.depth("XYZUSDT", 1)[1][0][1] == 1
    exchange.advance(START_MS + 500)
    assert exchange.market.depth("XYZUSDT", 1)[1][0][1] == 2
