"""Watching an exchange: what is called live is exact, no trade is missing or doubled, and every end has its code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.cli.io.exits import OK
from mexc_tui.desk import market as module
from mexc_tui.desk.errors import InvalidRequestError, UnreachableError
from mexc_tui.venues.simulator.server import parse_profile


def exact(truth, row) -> bool:
    bids, asks = truth.book(row["symbol"], row["version"])
    shown = [[(Decimal(price), Decimal(qty)) for price, qty in row[side]] for side in ("bids", "asks")]
    return shown == [bids[:10], asks[:10]]


async def test_live_books_are_exact_and_trades_are_complete(server, busy, truth, reader, watching):
    assert await watching("BTCUSDT", "ETHUSDT", channels=("book", "trades", "ticker"), seconds=1.3) == OK
    live = [row for row in reader.of("book") if row["state"] == "live"]
    assert {row["symbol"] for row in live} == {"BTCUSDT", "ETHUSDT"}
    assert all(exact(truth, row) for row in live)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        ids = [row["id"] for row in reader.of("trade") if row["symbol"] == symbol]
        assert ids
        assert len(set(ids)) == len(ids)
        there = truth.trades[symbol]
        first = there.index(ids[0])
        assert there[first : first + len(ids)] == ids
    assert [row["state"] for row in reader.of("link")] == ["connecting", "connected", "closed"]
    assert not reader.of("problem")
    assert {row["symbol"] for row in reader.of("ticker")} == {"BTCUSDT", "ETHUSDT"}


async def test_at_most_ten_book_lines_a_second(busy, reader, watching):
    await watching("BTCUSDT", channels=("book",), seconds=1.6)
    times = [at for at, row in reader.rows if row["type"] == "book"]
    assert len(times) > 8
    assert all(later - first >= 1.0 for first, later in zip(times, times[10:], strict=False))


async def test_under_faults_a_live_book_is_exact_and_losses_are_told(server, busy, truth, reader, watching):
    profile = "gap:p=0.08;duplicate:p=0.1;reorder:p=0.05;garbage:p=0.03;truncated:p=0.03;disconnect:p=0.02"
    for fault in parse_profile(profile):
        server.plan.set(fault)
    assert await watching("BTCUSDT", seconds=2.0) == OK
    books = reader.of("book")
    assert all(exact(truth, row) for row in books if row["state"] == "live")
    assert any(row["state"] == "live" for row in books)
    assert {row["code"] for row in reader.of("problem")} & {"gap", "missed", "unreadable"}
    ids = [row["id"] for row in reader.of("trade")]
    assert len(set(ids)) == len(ids)


async def test_a_pair_that_is_not_traded_ends_with_2(reader, watching):
    with pytest.raises(InvalidRequestError, match="NOPEUSDT is not traded here"):
        await watching("BTCUSDT", "NOPEUSDT")
    assert "NOPEUSDT" in reader.errors[0]


async def test_an_exchange_without_streams_ends_with_3(reader, watching, monkeypatch):
    monkeypatch.setattr(module, "STREAM_LIMIT_S", 0.3)
    monkeypatch.setenv("MEXC_WS_URL", "ws://127.0.0.1:9/ws")
    with pytest.raises(UnreachableError, match=r"its streams at .* do not"):
        await watching("BTCUSDT", seconds=None)


async def test_an_exchange_out_of_reach_ends_with_3(reader, watching, monkeypatch):
    monkeypatch.setenv("MEXC_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await watching("BTCUSDT", seconds=None)


async def test_it_ends_when_nobody_reads(reader, watching):
    reader.gone.set()
    with pytest.raises(BrokenPipeError):
        await watching("BTCUSDT", seconds=None)
