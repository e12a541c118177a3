"""The client library against ccxt on the same local exchange in the same run: orders, bursts, many calls, book access.

What a client adds is its processor time above the bare HTTP request, ready signed, to the same endpoint: in
processor time of this thread, contenders taking turns, so that a busy machine does not decide the outcome.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from mexc_tui import MexcExchange
from mexc_tui.domain.inputs import BookDelta
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.benchmarks.local import BURST_QUEUE, SYMBOLS

ROOT = Path(__file__).parents[2]
ROUNDS = 25
ORDERS = 8
"""Placed and cancelled by each contender in each round."""
BURST_WINDOWS = 1_000
"""Times ten pairs: ten thousand depth frames."""
CALLS = 50
CALL_ROUNDS = 10
PRICE = Decimal("9000.01")
QTY = Decimal(7)


class Local:
    """The process of ``local.py``."""

    def __init__(self, accounts: int = 1, queue: int = BURST_QUEUE) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.local", str(accounts), str(queue)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        self.where = self._line()
        self.keys: list[tuple[str, str]] = [(access, secret) for access, secret in self.where["keys"]]

    def close(self) -> None:
        """End it and wait."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    async def ask(self, command: str) -> dict[str, Any]:
        """Give a command and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return await asyncio.to_thread(self._line)

    def exchange(self) -> MexcExchange:
        """Return the library on this exchange, with budgets for load tests."""
        return MexcExchange(**self._settings())

    def settings(self) -> MexcSettings:
        """Return the settings of a client of this exchange, with budgets for load tests."""
        return MexcSettings(**self._settings())

    def ccxt(self) -> Any:
        """Return ccxt.pro's client of this exchange; it counts the frames that reach its handler."""
        import ccxt.pro

        class Counting(ccxt.pro.mexc):  # type: ignore[misc]
            frames = 0

            def handle_message(self, client: Any, message: Any) -> None:
                self.frames += isinstance(message, bytes)
                super().handle_message(client, message)

        access, secret = self.keys[0]
        made = Counting({"apiKey": access, "secret": secret, "newUpdates": True, "enableRateLimit": False})
        rest = self.where["rest"]
        for group, suffix in (("spot", ""), ("contract", "/api/v1/contract")):
            made.urls["api"][group] = {"public": rest + suffix, "private": rest + suffix}
        made.urls["api"]["ws"]["spot"] = self.where["ws"]
        return made

    def _settings(self) -> dict[str, Any]:
        access, secret = self.keys[0]
        plain = MexcSettings(
            base_url=self.where["rest"],
            ws_url=self.where["ws"],
            api_key=access,
            api_secret=secret,
            max_connections=CALLS,
        )
        unpaced = plain.unpaced()
        return {name: getattr(unpaced, name) for name in unpaced.__struct_fields__}

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the local exchange has ended")
        return dict(json.loads(line))


class Spent(NamedTuple):
    """Median processor and wall time of one request, in milliseconds."""

    cpu_ms: float
    wall_ms: float


class Orders:
    """Places and cancels through each contender in turn."""

    def __init__(self, local: Local, session: aiohttp.ClientSession, rest: MexcRest, ccxt: Any) -> None:
        self._base = local.where["rest"]
        self._access, self._secret = local.keys[0]
        self._http = session
        self._rest = rest
        self._ccxt = ccxt
        self._count = 0
        self._taken: dict[tuple[str, str], tuple[list[float], list[float]]] = {}

    async def run(self) -> dict[tuple[str, str], Spent]:
        """Return what a request costs, by contender and kind."""
        for number in range(ROUNDS + 1):
            for contender in (self._bare, self._ours, self._theirs):
                await contender()
            if number == 0:
                self._taken.clear()  # connections were made and caches warmed up
        return {
            what: Spent(statistics.median(cpu), statistics.median(wall)) for what, (cpu, wall) in self._taken.items()
        }

    async def _timed(self, who: str, kind: str, calls: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
        cpu, wall = self._taken.setdefault((who, kind), ([], []))
        answers = []
        for call in calls:
            began, at = time.thread_time(), time.perf_counter()
            answers.append(await call())
            cpu.append((time.thread_time() - began) * 1e3)
            wall.append((time.perf_counter() - at) * 1e3)
        return answers

    def _names(self) -> list[str]:
        self._count += ORDERS
        return [f"bench-{self._count - n}" for n in range(ORDERS)]

    async def _bare(self) -> None:
        names = self._names()
        headers = {"X-MEXC-APIKEY": self._access, "Content-Type": "application/json"}

        def request(method: str, query: str) -> Callable[[], Awaitable[Any]]:
            url = self._signed(query)

            async def go() -> Any:
                async with self._http.request(method, url, headers=headers) as answer:
                    assert answer.status == 200
                    return await answer.read()

            return go

        order = f"symbol={SYMBOLS[2]}&side=BUY&type=LIMIT&quantity={QTY}&price={PRICE}&newClientOrderId="
        await self._timed("bare", "place", [request("POST", order + name) for name in names])
        cancel = f"symbol={SYMBOLS[2]}&origClientOrderId="
        await self._timed("bare", "cancel", [request("DELETE", cancel + name) for name in names])

    async def _ours(self) -> None:
        requests = [
            OrderRequest(
                client_order_id=name, symbol=SYMBOLS[2], side=Side.BUY, type=OrderType.LIMIT, qty=QTY, price=PRICE
            )
            for name in self._names()
        ]
        ids = await self._timed("ours", "place", [lambda r=r: self._rest.trading.place_order(r) for r in requests])
        cancels = [lambda i=i: self._rest.trading.cancel_order(SYMBOLS[2], order_id=i) for i in ids]
        await self._timed("ours", "cancel", cancels)

    async def _theirs(self) -> None:
        ccxt, pair = self._ccxt, f"{SYMBOLS[2][:-4]}/USDT"
        size, price = float(QTY), float(PRICE)
        places = [
            lambda n=n: ccxt.create_order(pair, "limit", "buy", size, price, {"clientOrderId": n})
            for n in self._names()
        ]
        placed = await self._timed("ccxt", "place", places)
        await self._timed("ccxt", "cancel", [lambda o=o: ccxt.cancel_order(o["id"], pair) for o in placed])

    def _signed(self, query: str) -> URL:
        text = f"{query}&recvWindow=60000&timestamp={time.time_ns() // 1_000_000}"
        proof = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return URL(f"{self._base}/api/v3/order?{text}&signature={proof}", encoded=True)


async def orders() -> dict[tuple[str, str], Spent]:
    """Return what placing and cancelling cost: bare, ours, ccxt's."""
    local = Local()
    ccxt = local.ccxt()
    try:
        await ccxt.load_markets()
        async with aiohttp.ClientSession() as session, MexcRest(local.settings()) as rest:
            return await Orders(local, session, rest, ccxt).run()
    finally:
        await ccxt.close()
        local.close()


class Burst(NamedTuple):
    """Frames handled, processor microseconds a frame, seconds until the last was in the book, and whether it is."""

    frames: int
    us: float
    seconds: float
    exact: bool


async def burst_ours() -> Burst:
    """Send ten thousand depth frames, with the trades and best prices among them, at once to a library session."""
    local = Local()
    try:
        async with local.exchange().session(SYMBOLS, ungated=True) as mexc:
            before, began, at = mexc.metrics().frames, time.process_time(), time.perf_counter()
            told = (await local.ask(f"burst {BURST_WINDOWS}"))["burst"]
            while any(mexc.order_book(symbol, 1).version < told[symbol][0] for symbol in SYMBOLS):
                _in_time(at)
                await asyncio.sleep(0.01)
            taken, spent = time.perf_counter() - at, time.process_time() - began
            handled = mexc.metrics().frames - before
            exact = all(_same(mexc.order_book(symbol, 2_000), told[symbol]) for symbol in SYMBOLS)
            return Burst(handled, spent / handled * 1e6, taken, exact)
    finally:
        local.close()


async def burst_ccxt() -> Burst:
    """Send the same to ccxt.pro, which follows the books, trades and best prices of the same pairs."""
    local = Local()
    ccxt = local.ccxt()
    pairs = [f"{symbol[:-4]}/USDT" for symbol in SYMBOLS]

    async def follow(watch: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await watch()

    tasks: list[asyncio.Task[None]] = []
    try:
        await ccxt.load_markets()
        for pair in pairs:
            watches = (ccxt.watch_order_book, pair), (ccxt.watch_trades, pair), (ccxt.watch_bids_asks, [pair])
            tasks += [asyncio.create_task(follow(partial(watch, what))) for watch, what in watches]
        at = time.perf_counter()
        while not all((ccxt.orderbooks.get(pair) or {}).get("nonce") for pair in pairs):
            _in_time(at)
            await asyncio.sleep(0.01)
        before, began, at = ccxt.frames, time.process_time(), time.perf_counter()
        told = (await local.ask(f"burst {BURST_WINDOWS}"))["burst"]
        while ccxt.frames < before + BURST_WINDOWS * len(pairs) * 3:
            _in_time(at)
            await asyncio.sleep(0.01)
        taken, spent = time.perf_counter() - at, time.process_time() - began
        exact = all(
            ccxt.orderbooks[pair]["bids"][0] == [float(x) for x in told[symbol][1][0]]
            for pair, symbol in zip(pairs, SYMBOLS, strict=True)
        )
        handled = ccxt.frames - before
        return Burst(handled, spent / handled * 1e6, taken, exact)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ccxt.close()
        local.close()


def _in_time(since: float) -> None:
    if time.perf_counter() - since > 30:
        raise TimeoutError("the frames of the burst did not all arrive within 30 s")


def _same(book: Any, told: list[Any]) -> bool:
    sides = ([[Decimal(p), Decimal(q)] for p, q in side] for side in told[1:])
    ours = ([[level.price, level.qty] for level in side] for side in (book.bids, book.asks))
    return book.live and book.version == told[0] and all(a == b for a, b in zip(ours, sides, strict=True))


async def calls() -> dict[str, float]:
    """Return answers, refusals and the 99th percentile (ms) of rounds of fifty concurrent calls."""
    local = Local()
    times: list[float] = []
    failed = 0

    async def timed(call: Awaitable[Any]) -> None:
        nonlocal failed
        at = time.perf_counter()
        try:
            await call
        except Exception:
            failed += 1
        times.append((time.perf_counter() - at) * 1e3)

    try:
        async with MexcRest(local.settings()) as rest:
            kinds: list[Callable[[int], Awaitable[Any]]] = [
                lambda n: rest.market.depth(SYMBOLS[n % 10], 100),
                lambda n: rest.trading.open_orders((SYMBOLS[n % 10],)),
                lambda n: rest.account.balances(),
                lambda n: rest.trading.my_trades(SYMBOLS[n % 10]),
                lambda n: rest.trading.order(SYMBOLS[n % 10], client_order_id=f"none-{n}"),
            ]
            for _ in range(CALL_ROUNDS):
                await asyncio.gather(*(timed(kinds[n % len(kinds)](n)) for n in range(CALLS)))
            metrics = rest.metrics()
        times.sort()
        return {
            "answered": len(times) - failed,
            "asked": CALLS * CALL_ROUNDS,
            "repeats": metrics.repeats,
            "p50_ms": times[len(times) // 2],
            "p99_ms": times[round(0.99 * (len(times) - 1))],
        }
    finally:
        local.close()


async def access(samples: int = 120) -> dict[str, float]:
    """Return milliseconds to get the ten best levels of a book that has just changed, by its levels a side."""
    local = Local()
    deep, thin = SYMBOLS[0], SYMBOLS[1]
    found: dict[str, list[float]] = {deep: [], thin: []}
    try:
        async with local.exchange().session((deep, thin), ungated=True) as mexc:

            def changed(item: object) -> None:
                if isinstance(item, BookDelta):
                    at = time.thread_time()
                    mexc.order_book(item.symbol, 10)
                    found[item.symbol].append((time.thread_time() - at) * 1e3)

            mexc.listen(changed)
            at = time.perf_counter()
            while min(map(len, found.values())) < samples:
                _in_time(at)
                await asyncio.sleep(0.02)
            levels = {symbol: len(mexc.order_book(symbol, 2_000).bids) for symbol in found}
        return {
            "thin_levels": levels[thin],
            "deep_levels": levels[deep],
            "thin_ms": statistics.median(found[thin]),
            "deep_ms": statistics.median(found[deep]),
            "p99_ms": sorted(found[thin] + found[deep])[round(0.99 * (2 * samples - 1))],
        }
    finally:
        local.close()


def main() -> None:
    gc.collect()
    for what, spent in sorted(asyncio.run(orders()).items()):
        print(*what, f"cpu {spent.cpu_ms:.3f} ms, wall {spent.wall_ms:.3f} ms")
    print("ours", asyncio.run(burst_ours()))
    print("ccxt", asyncio.run(burst_ccxt()))
    print(asyncio.run(calls()))
    print(asyncio.run(access()))


if __name__ == "__main__":
    main()
