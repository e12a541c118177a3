"""Seeded market recordings in the form of the recorded ones, for where those are not at hand."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MADE = {
    "four-perps-2021-07-22.jsonl": (
        ("SUSHIUSDT", 3, 0, 7_500),
        ("AKROUSDT", 5, 0, 1_700),
        ("KEEPUSDT", 4, 0, 2_900),
        ("CTKUSDT", 5, 0, 90_000),
    ),
    "xrpusdt-depth500-2024-12-01.jsonl": (("XRPUSDT", 4, 0, 19_500),),
}
"""File name to its markets: symbol, decimals of price and quantity, middle in ticks."""
LEVELS = 400
STEPS = 60
START_MS = 1_750_000_000_000
STEP_MS = 100


def write_tapes(folder: Path) -> Path:
    """Write the recordings into ``folder`` and return it."""
    for name, markets in MADE.items():
        rows = sorted((row for market in markets for row in _market(*market)), key=lambda row: row["t"])
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _text(value: int, decimals: int) -> str:
    digits = str(value).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def _market(symbol: str, price_decimals: int, qty_decimals: int, middle: int) -> Iterator[dict[str, Any]]:
    """Yield one market: increments before and after its snapshot, best prices, trades, a candle now and then."""
    dice = random.Random(symbol)
    book: dict[str, dict[int, int]] = {
        "bids": {middle - at: dice.randrange(1, 90_000) for at in range(1, LEVELS + 1)},
        "asks": {middle + at: dice.randrange(1, 90_000) for at in range(LEVELS)},
    }
    version, before, trade_id = 1_000_000 + dice.randrange(1_000_000), 0, dice.randrange(10_000)

    def levels(side: str, prices: list[int] | None = None) -> list[list[str]]:
        found = prices if prices is not None else sorted(book[side], reverse=side == "bids")
        return [[_text(at, price_decimals), _text(book[side].get(at, 0), qty_decimals)] for at in found]

    for step in range(STEPS):
        at = START_MS + step * STEP_MS + dice.randrange(STEP_MS // 2)
        moved: dict[str, list[int]] = {"bids": [], "asks": []}
        for side, sign in (("bids", -1), ("asks", 1)):
            for _ in range(dice.randrange(1, 9)):
                price = middle + sign * dice.randrange(1, LEVELS)
                if dice.random() < 0.2:
                    book[side].pop(price, None)
                else:
                    book[side][price] = dice.randrange(1, 90_000)
                moved[side].append(price)
        moved = {side: list(dict.fromkeys(prices)) for side, prices in moved.items()}
        before, version = version, version + dice.randrange(1, 1_500)
        row = {"t": at, "kind": "depth", "symbol": symbol, "eventTime": at - 3}
        ids = {"firstUpdateId": before + 1, "finalUpdateId": version, "prevFinalUpdateId": before}
        yield {**row, **ids, **{side: levels(side, prices) for side, prices in moved.items()}}
        if step == 3:
            yield {"t": at + 5, "kind": "depth_snapshot", "symbol": symbol, "lastUpdateId": version} | {
                side: levels(side) for side in book
            }
        if step <= 3:
            continue
        bid, ask = max(book["bids"]), min(book["asks"])
        best = {"bid": bid, "ask": ask}
        ticker = {name: _text(price, price_decimals) for name, price in best.items()}
        sizes = {"bidQty": str(book["bids"][bid]), "askQty": str(book["asks"][ask])}
        yield {"t": at + 6, "kind": "book_ticker", "symbol": symbol, "updateId": version, **ticker, **sizes}
        if dice.random() < 0.4:
            trade_id += 1
            taker = dice.choice(("BUY", "SELL"))
            price, qty = _text(ask if taker == "BUY" else bid, price_decimals), str(dice.randrange(1, 50))
            trade = {"id": trade_id, "price": price, "qty": qty, "taker": taker, "tradeTime": at}
            yield {"t": at + 7, "kind": "trade", "symbol": symbol, **trade}
        if step % 15 == 0:
            minute = at // 60_000 * 60_000
            price = _text(bid, price_decimals)
            figures = dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": "10", "quoteVolume": "10"}
            times = {"interval": "1m", "openTime": minute, "closeTime": minute + 59_999, "closed": False}
            yield {"t": at + 8, "kind": "kline", "symbol": symbol, **times, **figures}
