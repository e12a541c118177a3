"""Watching an exchange: what is called live is exact, no trade is missing or doubled, and every end has its code."""

from __future__ import annotations

import signal
from decimal import Decimal

import pytest

from mexc_tui.cli.io.exits import SIGNALLED
from mexc_tui.desk import market as module
from mexc_tui.desk.errors import InvalidRequestError, UnreachableError
from mexc_tui.venues.simulator.server import parse_profile

TERMINATED = SIGNALLED + signal.SIGTERM


def exact(truth, row) -> bool:
    bids, asks = truth.book(row["symbol"], row["version"])
    shown = [[(Decimal(price), Decimal(qty)) for price, qty in row[side]] for side in ("bids", "asks")]
    return shown == [bids[:10], asks[:10]]


async def test_live_books_are_exact_and_trades_are_complete(server, busy, truth, reader, watching):
    pairs = ("BTCUSDT", "ETHUSDT")

    def enough():
        traded, quoted = ({row["symbol"] for row in reader.of(kind)} for kind in ("trade", "ticker"))
        return traded == quoted == set(pairs) and all(len(reader.live(symbol)) >= 5 for symbol in pairs)

    assert await watching(*pairs, channels=("book", "trades", "ticker"), enough=enough) == TERMINATED
    assert all(exact(truth, row) for symbol in pairs for row in reader.live(symbol))
    for symbol in pairs:
        ids = [row["id"] for row in reader.of("trade") if row["symbol"] == symbol]
        assert len(set(ids)) == len(ids)
        there = truth.trades[symbol]
        first = there.index(ids[0])
        assert there[first : first + len(ids)] == ids
    assert [row["state"] for row in reader.of("link")] == ["connecting", "connected", "closed"]
    assert not reader.of("problem")


async def test_under_faults_a_live_book_is_exact_and_losses_are_told(server, busy, truth, reader, watching):
    profile = "gap:p=0.08;duplicate:p=0.1;reorder:p=0.05;garbage:p=0.03;truncated:p=0.03;disconnect:p=0.02"
    for fault in parse_profile(profile):
        server.plan.set(fault)

    def enough():
        told = {row["code"] for row in reader.of("problem")} & {"gap", "missed", "unreadable"}
        return told and len(reader.live("BTCUSDT")) >= 3

    assert await watching("BTCUSDT", enough=enough) == TERMINATED
    assert all(exact(truth, row) for row in reader.live("BTCUSDT"))
    ids = [row["id"] for row in reader.of("trade")]
    assert len(set(ids)) == len(ids)


async def test_a_pair_that_is_not_traded_ends_with_2(reader, watching):
    with pytest.raises(InvalidRequestError, match="NOPEUSDT is not traded here"):
        await watching("BTCUSDT", "NOPEUSDT")
    assert "NOPEUSDT" in reader.errors[0]


async def test_an_exchange_without_streams_ends_with_3(reader, watching, monkeypatch):
    monkeypatch.setattr(module, "STREAM_LIMIT_S", 1.5)
    monkeypatch.setenv("MEXC_WS_URL", "ws://127.0.0.1:9/ws")
    with pytest.raises(UnreachableError, match=r"its streams at .* do not"):
        await watching("BTCUSDT")


async def test_an_exchange_out_of_reach_ends_with_3(reader, watching, monkeypatch):
    monkeypatch.setenv("MEXC_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await watching("BTCUSDT")


async def test_it_ends_when_nobody_reads(reader, watching):
    reader.gone.set()
    with pytest.raises(BrokenPipeError):
        await watching("BTCUSDT")
