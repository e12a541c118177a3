"""Watching an exchange that lets nobody in, or not into its streams: what is said is what happened."""

from __future__ import annotations

import pytest

from mexc_tui.desk import market as module
from mexc_tui.desk.errors import UnreachableError
from mexc_tui.desk.market import PublicMarket
from mexc_tui.domain.instrument import Instrument


async def test_streams_that_are_all_refused_are_not_called_unreachable(reader, watching, monkeypatch):
    monkeypatch.setattr(module, "STREAM_LIMIT_S", 1.5)
    gone = Instrument(symbol="GONEUSDT", base="GONE", quote="USDT", price_decimals=2, qty_decimals=2)

    async def connect(self: PublicMarket, symbols: tuple[str, ...]) -> list[Instrument]:
        await self._feed.open()
        return [gone]

    monkeypatch.setattr(PublicMarket, "connect", connect)
    with pytest.raises(UnreachableError, match="refuses every stream"):
        await watching("GONEUSDT")
    assert {row["code"] for row in reader.of("problem")} == {"refused"}


async def test_why_the_streams_do_not_answer_is_said(reader, watching, monkeypatch):
    monkeypatch.setattr(module, "STREAM_LIMIT_S", 1.5)
    monkeypatch.setenv("MEXC_WS_URL", "ws://127.0.0.1:9/ws")
    with pytest.raises(UnreachableError, match=r"do not \(127\.0\.0\.1 cannot be reached"):
        await watching("BTCUSDT")
