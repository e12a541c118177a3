"""How fast a frame becomes a validated book, against the bare protobuf parse and against ccxt.pro, on the same frames.

Every figure is the median of many short rounds in which the contenders take turns, in processor time of this thread,
so that a busy machine does not decide the outcome.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from mexc_tui.domain.book import Applied, OrderBook
from mexc_tui.domain.inputs import BookSnapshot
from mexc_tui.venues.mexc.stream.codec import decode
from mexc_tui.wire.mexc.pb import push_pb2 as pb

CHANNEL = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
SYMBOL = "BTCUSDT"
DEPTH = 500
ROUNDS = 31
FRAMES = 200
LEVELS = (2, 10, 50)


class Result(NamedTuple):
    levels: int
    floor_us: float
    ours_us: float

    @property
    def ratio(self) -> float:
        return self.floor_us / self.ours_us


def snapshot(seed: int = 1) -> BookSnapshot:
    """Return a book of 500 levels a side around 100,000 with a tick of a cent."""
    chance = random.Random(seed)
    bids = [(f"{(9_999_999 - i) / 100:.2f}", f"{chance.uniform(0.01, 5):.6f}") for i in range(DEPTH)]
    asks = [(f"{(10_000_001 + i) / 100:.2f}", f"{chance.uniform(0.01, 5):.6f}") for i in range(DEPTH)]
    return BookSnapshot(SYMBOL, 0, bids, asks, 0, DEPTH)


def frames(levels: int, count: int, seed: int = 2) -> list[bytes]:
    """Return contiguous depth frames with so many changed levels a side, most of them near the touch."""
    chance = random.Random(seed)
    version = 1
    made: list[bytes] = []
    for _ in range(count):
        wrapper = pb.PushDataV3ApiWrapper(channel=CHANNEL, symbol=SYMBOL, sendTime=1_760_000_000_000)
        body = wrapper.publicAggreDepths
        for side, sign in ((body.bids, -1), (body.asks, 1)):
            for away in chance.sample(range(1, DEPTH), levels):
                text = f"{(10_000_000 + sign * max(1, away * away // DEPTH)) / 100:.2f}".rstrip("0").rstrip(".")
                side.add(price=text, quantity="0" if chance.random() < 0.3 else f"{chance.uniform(0.01, 5):.6f}")
        last = version + chance.randrange(60)
        body.eventType = "spot@public.aggre.depth.v3.api.pb@100ms"
        body.fromVersion, body.toVersion = str(version), str(last)
        version = last + 1
        made.append(wrapper.SerializeToString())
    return made


def parse_and_extract(batch: list[bytes]) -> None:
    """Do the least that any client must: parse the frame and take out its fields."""
    for frame in batch:
        wrapper = pb.PushDataV3ApiWrapper()
        wrapper.ParseFromString(frame)
        body = wrapper.publicAggreDepths
        _ = [(level.price, level.quantity) for level in body.bids]
        _ = [(level.price, level.quantity) for level in body.asks]
        _ = (wrapper.symbol, wrapper.sendTime, body.fromVersion, body.toVersion)


def frame_to_book(book: OrderBook, batch: list[bytes]) -> None:
    """Run the project's own path: decode with every check, then apply to the exact book."""
    applied = Applied.APPLIED
    for frame in batch:
        for item in decode(frame, 0):
            assert book.apply(item) is applied


def measure(levels: int, count: int = FRAMES) -> Result:
    """Return microseconds a frame of the floor and of ours."""
    batch = frames(levels, count)
    first = snapshot()

    def ours() -> Callable[[], None]:
        book = OrderBook(first, price_decimals=2, qty_decimals=6)
        return lambda: frame_to_book(book, batch)

    floor_us, ours_us = _medians([lambda: lambda: parse_and_extract(batch), ours], count)
    return Result(levels, floor_us, ours_us)


def against_ccxt(levels: int, count: int = FRAMES) -> Result:
    """Return microseconds a frame of ccxt.pro's own MEXC handler, from bytes to its book, and of ours."""
    batch = frames(levels, count)

    exchange, client = _ccxt()
    first = snapshot()

    def theirs() -> Callable[[], None]:
        exchange.orderbooks["BTC/USDT"] = exchange.order_book(
            {
                "symbol": "BTC/USDT",
                "bids": [[float(p), float(q)] for p, q in first.bids],
                "asks": [[float(p), float(q)] for p, q in first.asks],
                "nonce": 0,
            }
        )

        def run() -> None:
            for frame in batch:
                exchange.handle_message(client, frame)

        return run

    def ours() -> Callable[[], None]:
        book = OrderBook(first, price_decimals=2, qty_decimals=6)
        return lambda: frame_to_book(book, batch)

    theirs_us, ours_us = _medians([theirs, ours], count)
    return Result(levels, theirs_us, ours_us)


def _ccxt() -> tuple[Any, Any]:
    import ccxt.pro

    class Client:
        """Takes what the handler resolves; nobody awaits it here, so it costs nothing."""

        def __init__(self) -> None:
            self.subscriptions: dict[str, Any] = {}

        def resolve(self, result: object, message_hash: str) -> None:
            self.result = result

        def reject(self, error: BaseException, message_hash: str = "") -> None:
            raise error

    async def make() -> Any:
        exchange = ccxt.pro.mexc()
        await exchange.close()
        return exchange

    exchange = asyncio.run(make())
    exchange.markets_by_id = {}
    exchange.set_markets(
        [
            exchange.safe_market_structure(
                {"id": SYMBOL, "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True}
            )
        ]
    )
    return exchange, Client()


def _medians(makers: list[Callable[[], Callable[[], None]]], count: int) -> list[float]:
    taken: list[list[float]] = [[] for _ in makers]
    for _ in range(ROUNDS + 1):
        for times, make in zip(taken, makers, strict=True):
            run = make()
            began = time.thread_time()
            run()
            times.append((time.thread_time() - began) / count * 1e6)
    # The first round warms caches up and is not counted.
    return [statistics.median(times[1:]) for times in taken]


def main() -> None:
    for levels in LEVELS:
        own = measure(levels)
        other = against_ccxt(levels)
        print(
            f"{levels:3d} levels a side: parse+fields {own.floor_us:7.2f} us, book {own.ours_us:7.2f} us, "
            f"{own.ratio:5.0%} of the floor; ccxt {other.floor_us:8.1f} us, {other.ratio:5.1f} x"
        )


if __name__ == "__main__":
    main()
