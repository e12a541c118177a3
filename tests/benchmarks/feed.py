"""A local exchange that never rests: ten symbols, a hundred book changes a second each, a stamp in the best bid.

Run as a process. Prints one JSON line with addresses and keys, then one line ``{"order": <monotonic ns>}`` for
every order that reaches it. The quantity of the best bid of every symbol is the milliseconds since ``started``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from decimal import Decimal
from random import Random

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server import GENEROUS, Server, ServerSettings

SYMBOLS = tuple(f"LOAD{n}USDT" for n in range(10))
MID = 1_000_000
"""In ticks of 0.01."""
LEVELS = 200
STEP_MS = 10


class Firehose:
    """Changes the book of one pair every 10 ms: the stamp, a few sizes near the touch, and now and then a trade.

    With ``trades_every_ms`` there is at least one trade in each such window.
    """

    def __init__(
        self,
        pair: Pair,
        start_ms: int,
        seed: int,
        *,
        levels: int = LEVELS,
        trades: float = 0.05,
        trades_every_ms: int = 0,
    ) -> None:
        self._pair = pair
        self._random = Random(seed)
        self._start = start_ms
        self._due = start_ms + STEP_MS
        self._levels = levels
        self._trades = trades
        self._trades_every = trades_every_ms
        for place in range(levels):
            pair.set_foreign(Side.BUY, MID - 1 - place, 1_000 + place)
            pair.set_foreign(Side.SELL, MID + 1 + place, 1_000 + place)

    def prepare(self, now_ms: int) -> None:
        pass

    def next_ms(self) -> int:
        return self._due

    def advance(self, now_ms: int) -> None:
        while self._due <= now_ms:
            at, self._due = self._due, self._due + STEP_MS
            pair, random = self._pair, self._random
            pair.set_foreign(Side.BUY, MID - 1, max(1, at - self._start))
            for _ in range(2):
                place = min(self._levels - 1, int(random.expovariate(0.12)) + 1)
                side = random.choice((Side.BUY, Side.SELL))
                price = MID - 1 - place if side is Side.BUY else MID + 1 + place
                pair.set_foreign(side, price, random.randrange(1, 99_999))
            due = self._trades_every and at % self._trades_every < STEP_MS
            if due or random.random() < self._trades:
                pair.print_trade(random.choice((Side.BUY, Side.SELL)), MID, random.randrange(1, 500))


def list_pair(exchange: Exchange, symbol: str) -> Pair:
    """List a pair whose quantities are whole numbers, so that a quantity can be a stamp."""
    return exchange.symbols.add_pair(
        Instrument(
            symbol=symbol,
            base=symbol.removesuffix("USDT"),
            quote="USDT",
            price_decimals=2,
            qty_decimals=0,
            min_notional=Decimal(1),
            min_notional_market=Decimal(1),
        )
    )


def build(start_ms: int) -> Exchange:
    exchange = Exchange(start_ms=start_ms, seed=3)
    for number, symbol in enumerate(SYMBOLS):
        pair = list_pair(exchange, symbol)
        exchange.timeline.add(Firehose(pair, start_ms, number))
    place = exchange.orders.place

    def noted(account_id: str, **order: object) -> object:
        at = time.monotonic_ns()
        made = place(account_id, **order)  # type: ignore[arg-type]
        print(json.dumps({"order": at}), flush=True)
        return made

    exchange.orders.place = noted  # type: ignore[method-assign,assignment]
    return exchange


async def serve() -> None:
    started = time.monotonic_ns()
    wall = time.time_ns() // 1_000_000
    exchange = build(wall)
    server = Server(exchange, lambda: time.time_ns() // 1_000_000, ServerSettings(seed=3, limits=GENEROUS))
    exchange.accounts.deposit("bench", {"USDT": Decimal(100_000_000)})
    key = server.keys.create("bench", note="bench", created_ms=wall)
    await server.start()
    line = {"rest": server.rest_url, "ws": server.ws_url, "api_key": key.access, "api_secret": key.secret}
    print(json.dumps({**line, "started": started}), flush=True)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=wait, daemon=True).start()
    await done.wait()
    await server.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
