"""What the live decoder costs on top of the bare protobuf parse, for each kind of frame that comes often."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from mexc_tui.venues.mexc.stream.decoder import FrameDecoder
from mexc_tui.wire.mexc.pb import push_pb2 as pb

SENT_MS = 1_760_000_000_000
ROUNDS = 7


class Result(NamedTuple):
    kind: str
    parse_us: float
    decode_us: float


def _wrapper(channel: str) -> Any:
    return pb.PushDataV3ApiWrapper(channel=f"spot@public.{channel}@BTCUSDT", symbol="BTCUSDT", sendTime=SENT_MS)


def depth(levels: int) -> bytes:
    """A book increment with so many levels a side."""
    wrapper = _wrapper("aggre.depth.v3.api.pb@100ms")
    body = wrapper.publicAggreDepths
    for place in range(levels):
        body.bids.add(price=f"{99_999 - place}.5", quantity="0.123456")
        body.asks.add(price=f"{100_001 + place}.5", quantity="0")
    body.fromVersion, body.toVersion = "83332997012", "83332997062"
    return bytes(wrapper.SerializeToString())


def trades(count: int) -> bytes:
    """A batch of public trades."""
    wrapper = _wrapper("aggre.deals.v3.api.pb@100ms")
    for number in range(count):
        wrapper.publicAggreDeals.deals.add(
            price="93220.01", quantity="0.04438243", tradeType=1 + number % 2, time=SENT_MS, tradeId=f"{number}X0"
        )
    return bytes(wrapper.SerializeToString())


def best_prices() -> bytes:
    """A change of the best prices."""
    wrapper = _wrapper("aggre.bookTicker.v3.api.pb@100ms")
    body = wrapper.publicAggreBookTicker
    body.bidPrice, body.bidQuantity, body.askPrice, body.askQuantity = "93387.28", "3.73485", "93387.29", "7.669875"
    return bytes(wrapper.SerializeToString())


def measure(kind: str, frame: bytes, count: int = 2_000) -> Result:
    """Return microseconds a frame: parsing alone, and everything the live stream does before the desk sees it."""
    decoder = FrameDecoder()
    parse_us = _median(lambda: pb.PushDataV3ApiWrapper.FromString(frame), count)
    decode_us = _median(lambda: decoder.decode(frame, 0), count)
    assert decoder.not_understood == 0
    return Result(kind, parse_us, decode_us)


def measure_all() -> list[Result]:
    """Return the figures of every frequent kind of frame."""
    return [
        measure("depth, 2 levels a side", depth(2)),
        measure("depth, 10 levels a side", depth(10)),
        measure("depth, 50 levels a side", depth(50)),
        measure("trades, 5", trades(5)),
        measure("best prices", best_prices()),
    ]


def _median(act: Callable[[], object], count: int) -> float:
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(count):
            act()
        taken.append((time.perf_counter() - began) / count * 1e6)
    # The first round warms caches up and is not counted.
    return statistics.median(taken[1:])


def main() -> None:
    for result in measure_all():
        print(f"{result.kind:24} parse {result.parse_us:6.2f} us, decoded {result.decode_us:6.2f} us")


if __name__ == "__main__":
    main()
