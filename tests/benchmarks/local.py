"""A local exchange for the figures of clients, in a process of its own.

Prints one JSON line with addresses and keys, then obeys lines on its standard input until that is closed:

    burst N    let N windows of 100 ms pass at once, so that all their pushes wait to be sent, and then stand still;
               answers {"burst": {symbol: [version, bids, asks]}} with the book at the end
    cpu        answers {"cpu": seconds of processor time, "pushes": frames handed to streams, "streams": open ones}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from decimal import Decimal

from mexc_tui.domain.numbers import plain
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server import GENEROUS, Server, ServerSettings
from mexc_tui.venues.simulator.server.streams import StreamRules
from tests.benchmarks.feed import Firehose, list_pair

SYMBOLS = tuple(f"LOAD{n}USDT" for n in range(10))
LEVELS = {"LOAD0USDT": 1_000, "LOAD1USDT": 10}
"""Levels a side where they are not the usual number."""
WINDOW_MS = 100
BURST_QUEUE = 200_000


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def build(start_ms: int) -> Exchange:
    """Return ten pairs whose books change a hundred times a second and which all trade in every window."""
    exchange = Exchange(start_ms=start_ms, seed=3)
    for number, symbol in enumerate(SYMBOLS):
        pair = list_pair(exchange, symbol)
        exchange.timeline.add(
            Firehose(pair, start_ms, number, levels=LEVELS.get(symbol, 200), trades=0.3, trades_every_ms=WINDOW_MS)
        )
    return exchange


class Local:
    """The exchange, its server, and the clock that drives both: the wall's, or none after a burst."""

    def __init__(self, accounts: int, queue: int) -> None:
        self.exchange = build(wall_ms())
        rules = StreamRules(queue=queue)
        settings = ServerSettings(seed=3, limits=GENEROUS, streams=rules, drive=False)
        self.server = Server(self.exchange, wall_ms, settings)
        self.keys = []
        for number in range(accounts):
            self.exchange.accounts.deposit(f"bench{number}", {"USDT": Decimal(10**9)})
            self.keys.append(self.server.keys.create(f"bench{number}", note="bench", created_ms=wall_ms()))
        self.commands: asyncio.Queue[str] = asyncio.Queue()
        self.still = False

    async def run(self) -> None:
        """Serve until the standard input is closed."""
        server = self.server
        await server.start()
        say(
            {
                "rest": server.rest_url,
                "ws": server.ws_url,
                "keys": [[key.access, key.secret] for key in self.keys],
            }
        )
        threading.Thread(target=self._listen, args=(asyncio.get_running_loop(),), daemon=True).start()
        driver = asyncio.create_task(self._drive())
        while command := await self.commands.get():
            name, _, argument = command.partition(" ")
            if name == "burst":
                self._burst(int(argument))
            elif name == "cpu":
                pushes, streams = server.hub.pushed, server.hub.connections
                say({"cpu": time.process_time(), "pushes": pushes, "streams": streams})
        driver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await driver
        await server.stop()

    async def _drive(self) -> None:
        while True:
            if not self.still:
                await self.server.step(wall_ms())
            await asyncio.sleep(0.01)

    def _burst(self, windows: int) -> None:
        """Move the exchange without giving the writers a turn."""
        self.still = True
        for _ in range(windows):
            at = (self.exchange.now_ms // WINDOW_MS + 1) * WINDOW_MS
            self.exchange.advance(at)
            self.server.hub.step(at)
        say({"burst": {symbol: self._book(symbol) for symbol in SYMBOLS}})

    def _book(self, symbol: str) -> list[object]:
        version, bids, asks = self.exchange.market.depth(symbol, 5_000)
        return [version, *([[plain(p), plain(q)] for p, q in side] for side in (bids, asks))]

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        with os.fdopen(0) as lines:
            for line in lines:
                loop.call_soon_threadsafe(self.commands.put_nowait, line.strip() or "-")
        loop.call_soon_threadsafe(self.commands.put_nowait, "")


def say(line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(Local(accounts=int(sys.argv[1]), queue=int(sys.argv[2])).run())
