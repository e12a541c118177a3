from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest

from mexc_tui.desk.exchange.frames import decode_frame
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, PublicTrade
from mexc_tui.venues.simulator.exchange import tape_exchange
from mexc_tui.venues.simulator.markets.tape import TapeError, TapeMarket

D = Decimal
START_MS = 1_800_000_000_000
TAPES = ("four-perps-2021-07-22.jsonl", "xrpusdt-depth500-2024-12-01.jsonl")

SNAPSHOT = {
    "t": 1000,
    "kind": "depth_snapshot",
    "symbol": "XYZUSDT",
    "lastUpdateId": 10,
    "bids": [["9.9", "5"], ["9.8", "7"]],
    "asks": [["10.1", "4"], ["10.2", "6"]],
}


def depth(t: int, update: int, bids=(), asks=()) -> dict:
    return {"t": t, "kind": "depth", "symbol": "XYZUSDT", "finalUpdateId": update, "bids": bids, "asks": asks}


def trade(t: int, taker: str, price: str, qty: str) -> dict:
    return {"t": t, "kind": "trade", "symbol": "XYZUSDT", "price": price, "qty": qty, "taker": taker}


@pytest.fixture
def play(tmp_path):
    """Write rows to a file and return an exchange on which the tape has been started."""

    def make(*rows: dict, speed: float = 1.0):
        path = tmp_path / "tape.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
        tape = TapeMarket.from_file(path, decode_frame, speed)
        exchange = tape_exchange(tape, start_ms=START_MS)
        tape.start(START_MS)
        exchange.accounts.deposit("ann", {"USDT": D(1000), "XYZ": D(1000)})
        exchange.advance(START_MS)
        return exchange

    return make


def place(exchange, side: Side, price: str, qty: str):
    return exchange.orders.place("ann", symbol="XYZUSDT", side=side, type="LIMIT", price=D(price), qty=D(qty))


def filled(exchange, order) -> Decimal:
    return exchange.orders.find_order("ann", "XYZUSDT", order_id=order.order_id).filled_qty


def brute_force(path) -> dict[str, tuple[list, list]]:
    books: dict[str, dict] = {}
    for text in path.read_text().splitlines():
        row = json.loads(text)
        if row["kind"] == "depth_snapshot":
            books[row["symbol"]] = {
                "id": row["lastUpdateId"],
                **{side: {D(p): D(q) for p, q in row[side]} for side in ("bids", "asks")},
            }
        elif row["kind"] == "depth" and row["symbol"] in books:
            book = books[row["symbol"]]
            if row["finalUpdateId"] > book["id"]:
                for side in ("bids", "asks"):
                    book[side].update({D(p): D(q) for p, q in row[side]})
    return {
        symbol: (
            sorted(((p, q) for p, q in book["bids"].items() if q), reverse=True),
            sorted((p, q) for p, q in book["asks"].items() if q),
        )
        for symbol, book in books.items()
    }


@pytest.mark.parametrize("name", TAPES)
@pytest.mark.parametrize(("speed", "step"), [(1.0, 97), (20.0, 100), (float("inf"), 1)])
def test_at_the_end_of_a_recording_every_level_is_the_recorded_one(tapes, name, speed, step):
    path = tapes / name
    tape = TapeMarket.from_file(path, decode_frame, speed)
    exchange = tape_exchange(tape, start_ms=START_MS)
    pushed: dict[tuple[str, Side, D], D] = {}

    def note(event):
        if isinstance(event, BookLevel):
            pushed[event.symbol, event.side, event.price] = event.qty

    exchange.listen(note)
    exchange.advance(START_MS + 5_000)
    assert not pushed
    tape.start(exchange.now_ms)
    while not tape.finished:
        exchange.advance(exchange.now_ms + step)
    for symbol, (bids, asks) in brute_force(path).items():
        assert exchange.market.depth(symbol, 100_000)[1:] == (bids, asks)
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            assert {p: q for (s, d, p), q in pushed.items() if s == symbol and d is side and q} == dict(levels)
    still = exchange.market.depth(symbol, 10)
    exchange.advance(exchange.now_ms + 3_600_000)
    assert exchange.market.depth(symbol, 10) == still


def test_precisions_come_from_the_numbers(tapes):
    exchange = tape_exchange(TapeMarket.from_file(tapes / TAPES[1], decode_frame), start_ms=START_MS)
    (pair,) = exchange.symbols.instruments()
    assert (pair.symbol, pair.base, pair.quote, pair.price_decimals, pair.qty_decimals) == (
        "XRPUSDT",
        "XRP",
        "USDT",
        4,
        0,
    )


def test_trades_of_the_tape_are_announced_in_its_time(play):
    exchange = play(SNAPSHOT, trade(1500, "SELL", "9.9", "2"), trade(1800, "BUY", "10.1", "1"), speed=2.0)
    seen: list[PublicTrade] = []
    exchange.listen(lambda event: seen.append(event) if isinstance(event, PublicTrade) else None)
    exchange.advance(START_MS + 1000)
    assert [(e.price, e.qty, e.taker, e.time_ms - START_MS) for e in seen] == [
        (D("9.9"), D(2), Side.SELL, 250),
        (D("10.1"), D(1), Side.BUY, 400),
    ]
    assert exchange.market.depth("XYZUSDT", 1)[1:] == ([(D("9.9"), D(5))], [(D("10.1"), D(4))])


def test_an_own_order_waits_behind_what_stood_there(play):
    exchange = play(
        SNAPSHOT,
        trade(1100, "SELL", "9.9", "3"),
        depth(1110, 11, bids=[["9.9", "2"]]),
        trade(1200, "SELL", "9.9", "4"),
    )
    order = place(exchange, Side.BUY, "9.9", "10")
    assert exchange.market.depth("XYZUSDT", 1)[1] == [(D("9.9"), D(15))]
    exchange.advance(START_MS + 150)
    assert filled(exchange, order) == 0
    assert exchange.market.depth("XYZUSDT", 1)[1] == [(D("9.9"), D(12))]
    exchange.advance(START_MS + 250)
    assert filled(exchange, order) == 2


def test_a_cancel_on_the_tape_does_not_help_an_own_order_forward(play):
    exchange = play(
        SNAPSHOT,
        depth(1100, 11, bids=[["9.9", "9"]]),
        depth(1200, 12, bids=[["9.9", "5"]]),
        trade(1300, "SELL", "9.9", "5"),
        trade(1400, "SELL", "9.9", "1"),
    )
    order = place(exchange, Side.BUY, "9.9", "10")
    exchange.advance(START_MS + 350)
    assert filled(exchange, order) == 0
    exchange.advance(START_MS + 450)
    assert filled(exchange, order) == 1


def test_a_trade_through_an_own_price_fills_no_more_than_was_traded(play):
    exchange = play(SNAPSHOT, trade(1100, "SELL", "9.8", "3"))
    order = place(exchange, Side.BUY, "9.9", "10")
    exchange.advance(START_MS + 200)
    assert filled(exchange, order) == 3


def test_a_book_that_crosses_an_own_order_fills_it(play):
    exchange = play(SNAPSHOT, depth(1100, 11, bids=[["9.9", "0"], ["9.8", "0"]], asks=[["9.7", "6"], ["10.1", "0"]]))
    order = place(exchange, Side.BUY, "9.9", "10")
    exchange.advance(START_MS + 200)
    assert filled(exchange, order) == 6
    assert exchange.orders.own_trades("ann", "XYZUSDT")[0].price == D("9.9")
    assert exchange.market.depth("XYZUSDT", 5)[2] == [(D("10.2"), D(6))]


def test_taking_from_the_tape_lasts_until_the_tape_rewrites_the_level(play):
    exchange = play(SNAPSHOT, depth(1100, 11, asks=[["10.1", "3"]]))
    assert place(exchange, Side.BUY, "10.1", "4").status == "FILLED"
    assert exchange.market.depth("XYZUSDT", 1)[2] == [(D("10.2"), D(6))]
    exchange.advance(START_MS + 200)
    assert exchange.market.depth("XYZUSDT", 1)[2] == [(D("10.1"), D(3))]
    assert exchange.accounts.unaccounted() == {}


def test_increments_that_the_snapshot_holds_already_are_skipped(play):
    exchange = play(
        depth(900, 9, bids=[["9.9", "50"]]), SNAPSHOT, depth(1100, 10, bids=[["9.9", "1"]]), depth(1200, 11)
    )
    exchange.advance(START_MS + 10_000)
    assert exchange.market.depth("XYZUSDT", 1)[1] == [(D("9.9"), D(5))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("not json\n", "line 1"),
        ('{"t":1,"kind":"kline","symbol":"A"}\n', "holds no depth_snapshot"),
        (json.dumps(SNAPSHOT) + "\n" + json.dumps(depth(1, 2, bids=[["x", "1"]])), "line 2"),
        (json.dumps(SNAPSHOT) + '\n\n{"t":1,"kind":"depth","symbol":"A","bids":[],"asks":[]}', "line 3"),
        (json.dumps(SNAPSHOT)[:-20], "line 1"),
        ("[1,2]\n", "line 1"),
        (json.dumps({**SNAPSHOT, "bids": 5}), "line 1"),
        (json.dumps(trade(1, "HOLD", "1", "1")), "line 1"),
        (json.dumps({**SNAPSHOT, "asks": [["-1", "2"]]}), "line 1"),
        (b"\xff\xfe\x00{".decode("latin-1"), "line 1"),
    ],
)
def test_a_bad_file_gets_one_clear_sentence(tmp_path, text, told):
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(TapeError, match=told) as refused:
        TapeMarket.from_file(path, decode_frame)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(TapeError, match="no tape"):
        TapeMarket.from_file(tmp_path / "nothing.jsonl", decode_frame)
    with pytest.raises(TapeError, match="cannot be read"):
        TapeMarket.from_file(tmp_path, decode_frame)
    with pytest.raises(TapeError, match="speed"):
        TapeMarket([], speed=0)


def test_a_tape_that_unpacks_to_absurdly_much_is_refused_before_it_fills_memory(tmp_path):
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(SNAPSHOT).encode() + b"\n" + b" \n" * (12 << 20), 1))
    with pytest.raises(TapeError, match=r"holds more than [0-9,]+ bytes") as refused:
        TapeMarket.from_file(path, decode_frame)
    assert str(path) in str(refused.value)
    assert "Record fewer pairs" in str(refused.value)


def test_a_line_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mexc_tui.venues.simulator.markets.recording._LONGEST_LINE", 100)
    path = tmp_path / "long.jsonl"
    path.write_text('{"t":1000,"kind":"' + "x" * 200)
    with pytest.raises(TapeError, match="line 1 has no end"):
        TapeMarket.from_file(path, decode_frame)
