from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.inputs import TradesSeen
from mexc_tui.domain.market import Trade
from mexc_tui.domain.orders import Side
from mexc_tui.venues.mexc.stream import overlap as module


def test_however_long_an_overlap_lasts_it_remembers_only_the_latest_trades(monkeypatch):
    monkeypatch.setattr(module, "TRADES_KEPT", 10)
    overlap, first, second = module.Overlap(), (None, b"a"), (None, b"b")

    def bring(source, number: int) -> bool:
        trade = Trade(time_ms=number, price=Decimal(1), qty=Decimal(1), taker=Side.BUY, trade_id=str(number))
        return bool(overlap.unseen(source, (TradesSeen("MXUSDT", (trade,), 0),), second=source is second))

    for number in range(1_000):
        assert bring(first, number)
        assert number < 9 or not bring(second, number - 9), "a trade of the other source came twice"
    assert len(overlap._first) <= 10
