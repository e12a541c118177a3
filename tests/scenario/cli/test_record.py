"""From a running exchange to a tape and back to an exchange: the same market, level by level."""

from __future__ import annotations

import gzip
import math
from decimal import Decimal

import pytest

from mexc_tui.desk.errors import InvalidRequestError
from mexc_tui.desk.exchange.frames import decode_frame
from mexc_tui.desk.recorder import Recorder
from mexc_tui.venues.simulator.exchange import tape_exchange
from mexc_tui.venues.simulator.markets.recording import read_recording, rows_of
from mexc_tui.venues.simulator.markets.tape import TapeMarket
from mexc_tui.venues.simulator.server import parse_profile

START_MS = 1_800_000_000_000


def replayed(path, **options):
    tape = TapeMarket.from_file(path, decode_frame, math.inf, **options)
    exchange = tape_exchange(tape, start_ms=START_MS)
    tape.start(START_MS)
    exchange.advance(START_MS + 1)
    assert tape.finished
    return exchange


def last_versions(path) -> dict[str, int]:
    return {
        line.symbol: line.update_id
        for line in read_recording(path, rows_of(path), decode_frame).lines
        if line.update_id
    }


@pytest.mark.parametrize("name", ["market.tape", "market.tape.gz"])
async def test_a_replay_ends_with_the_last_recorded_book(server, truth, recording, tmp_path, name):
    path = tmp_path / name
    await recording("BTCUSDT", "ETHUSDT", path=path)
    exchange = replayed(path)
    for symbol, version in last_versions(path).items():
        assert exchange.market.depth(symbol, 100_000)[1:] == truth.book(symbol, version)
        pair, real = exchange.symbols.instrument(symbol), server.exchange.symbols.instrument(symbol)
        assert (pair.price_decimals, pair.qty_decimals) == (real.price_decimals, real.qty_decimals)
        assert (pair.min_notional, pair.taker_fee) == (real.min_notional, real.taker_fee)
    assert gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_text()


async def test_trades_keep_their_ids_and_order(busy, truth, recording, tmp_path):
    path = tmp_path / "market.tape"
    await recording("BTCUSDT", path=path)
    ids = [line.trade_id for line in read_recording(path, rows_of(path), decode_frame).lines if line.kind == "trade"]
    there = truth.trades["BTCUSDT"]
    assert ids
    assert there[there.index(ids[0]) :][: len(ids)] == ids


async def test_a_broken_stream_leaves_a_tape_that_is_never_wrong(server, truth, recording, tmp_path):
    for fault in parse_profile("gap:p=0.1;duplicate:p=0.1;reorder:p=0.05;garbage:p=0.05;disconnect:p=0.03"):
        server.plan.set(fault)
    path = tmp_path / "market.tape"
    await recording("BTCUSDT", path=path)
    lines = [line for line in read_recording(path, rows_of(path), decode_frame).lines if line.update_id]
    book: dict[bool, dict[Decimal, Decimal]] = {True: {}, False: {}}
    for line in lines:
        if line.kind == "depth_snapshot":
            book = {True: {}, False: {}}
        for is_bid, levels in ((True, line.bids), (False, line.asks)):
            book[is_bid].update({Decimal(price): Decimal(qty) for price, qty in levels})
        bids, asks = truth.book("BTCUSDT", line.update_id)
        assert {price: qty for price, qty in book[True].items() if qty} == dict(bids)
        assert {price: qty for price, qty in book[False].items() if qty} == dict(asks)


async def test_an_existing_file_is_left_alone(server, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(InvalidRequestError, match="exists already"):
        Recorder(("BTCUSDT",), path, print)
    assert path.read_text() == "mine"


async def test_a_tape_holds_no_keys(recording, tmp_path, monkeypatch):
    monkeypatch.setenv("MEXC_API_KEY", "mx0SECRETKEY")
    monkeypatch.setenv("MEXC_SECRET_KEY", "verysecretsecret")
    path = tmp_path / "market.tape"
    await recording("BTCUSDT", path=path)
    text = path.read_bytes()
    assert b"SECRETKEY" not in text
    assert b"verysecret" not in text
    assert b"listenKey" not in text
