"""The whole cockpit in a process of its own, under load, seen from its terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import pyte

from tests.benchmarks.feed import SYMBOLS
from tests.benchmarks.terminal import Terminal

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
FIRST_BID = b"9,999.99"
"""The best bid of the feed, as the ladder prints it."""


class Feed:
    """The exchange of ``feed.py`` in its own process, with the times at which orders reached it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [PYTHON, "-m", "tests.benchmarks.feed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert self.process.stdout is not None
        self.where = json.loads(self.process.stdout.readline())
        self.orders_ns: list[int] = []
        self.arrived = threading.Condition()
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def wait_order(self, count: int, timeout_s: float = 10.0) -> int:
        """Wait for the order number ``count`` (from 1) and return when it arrived, monotonic ns."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.orders_ns) >= count, timeout_s):
                raise TimeoutError("an order did not reach the exchange")
            return self.orders_ns[count - 1]

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.arrived:
                self.orders_ns.append(int(json.loads(line)["order"]))
                self.arrived.notify_all()


def environment(feed: Feed, folder: Path, fps: int = 20) -> dict[str, str]:
    """Return the environment of a cockpit on the feed, with folders of its own."""
    config = folder / "config.toml"
    watch = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    config.write_text(
        f'[venue]\ndepth_speed = "10ms"\n[ui]\nsymbol = "{SYMBOLS[0]}"\nwatchlist = [{watch}]\nfps = {fps}\n'
        "sizes = [10000, 20000, 30000, 40000, 50000]\n"
        "[limits]\nmax_order_value = 1000000\nmax_position_value = 100000000\nmax_open_orders = 5000\n"
        "orders_per_second = 1000\nmax_in_flight = 100\nduplicate_max = 1000\nmax_slippage = 0.5\n"
    )
    return {
        "MEXC_TUI_CONFIG": str(config),
        "MEXC_BASE_URL": feed.where["rest"],
        "MEXC_WS_URL": feed.where["ws"],
        "MEXC_API_KEY": feed.where["api_key"],
        "MEXC_SECRET_KEY": feed.where["api_secret"],
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "HOME": str(folder),
    }


@contextmanager
def cockpit(feed: Feed, **options: object) -> Iterator[Terminal]:
    """Open the cockpit on the feed and wait for its book."""
    with tempfile.TemporaryDirectory() as folder:
        where = environment(feed, Path(folder))
        with Terminal([PYTHON, "-m", "mexc_tui"], environment=where, **options) as terminal:  # type: ignore[arg-type]
            terminal.wait_for(FIRST_BID, 40)
            yield terminal


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def load(seconds: float = 12.0, keys: int = 60, orders: int = 60) -> dict[str, float]:
    """Return CPU share, bytes a frame, and the latencies of keys (ms) and orders (ms) under load."""
    feed = Feed()
    try:
        with cockpit(feed) as terminal:
            pause(3)
            process = psutil.Process(terminal.process.pid)
            before, bytes_before, start = process.cpu_times(), terminal.total, time.monotonic()
            pause(seconds)
            after, elapsed = process.cpu_times(), time.monotonic() - start
            cpu = (after.user + after.system - before.user - before.system) / elapsed
            per_frame = (terminal.total - bytes_before) / (elapsed * 20)
            key_ms = [_key(terminal) for _ in range(keys)]
            order_ms = _orders(terminal, feed, orders)
            return {
                "cpu": cpu,
                "bytes_per_frame": per_frame,
                "key_p50_ms": median(key_ms),
                "key_p99_ms": percentile(key_ms, 0.99),
                "order_p50_ms": median(order_ms),
                "order_p99_ms": percentile(order_ms, 0.99),
                "orders_seen": len(feed.orders_ns),
            }
    finally:
        feed.close()


def _key(terminal: Terminal) -> float:
    """Type a letter that is nowhere on the screen into the command line and wait for its cell."""
    terminal.send(":")
    terminal.wait_for(b"sell $100 at ask po", 5)
    pause(0.12)
    terminal.forget()
    sent = terminal.send("ø")
    seen = terminal.wait_for("ø".encode(), 5)
    terminal.send("\x1b")
    pause(0.25)
    return (seen - sent) / 1e6


def _orders(terminal: Terminal, feed: Feed, count: int) -> list[float]:
    """Prepare buys under the market and measure from Enter to their arrival at the exchange."""
    terminal.send("a")
    terminal.send("jjj")
    times: list[float] = []
    for number in range(count):
        terminal.send("j" if number % 2 else "k")
        terminal.send("b")
        pause(0.3)
        sent = terminal.send("\r")
        times.append((feed.wait_order(len(times) + 1) - sent) / 1e6)
        pause(0.1)
    return times


def slow_link(bytes_per_second: int = 20_000, seconds: float = 25.0) -> dict[str, float]:
    """Return the age of the book that is on the glass of 120x40 cells through a slow terminal, in seconds."""
    feed = Feed()
    started = int(feed.where["started"])
    read: list[tuple[bytes, int]] = []
    try:
        with cockpit(
            feed,
            columns=120,
            rows=40,
            bytes_per_second=bytes_per_second,
            on_bytes=lambda data, at_ns: read.append((data, at_ns)),
        ):
            pause(5)
            settled = len(read)
            pause(seconds)
    finally:
        feed.close()
    ages = _ages(read, settled, started)
    return {"age_p50_s": median(ages), "age_p99_s": percentile(ages, 0.99), "samples": len(ages)}


def _ages(read: list[tuple[bytes, int]], settled: int, started_ns: int) -> list[float]:
    """Play what was read into a screen and return how old the best bid on it was every time more had been read."""
    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    row_of_bid = re.compile(r"([\d,]+)\s+\S?9,999\.99")
    ages: list[float] = []
    for place, (data, at_ns) in enumerate(read):
        stream.feed(data)
        if place < settled:
            continue
        found = next((hit for line in screen.display if (hit := row_of_bid.search(line))), None)
        if found is not None:
            stamp_ms = int(found.group(1).replace(",", ""))
            ages.append((at_ns - started_ns) / 1e9 - stamp_ms / 1e3)
    return ages


def start_up(runs: int = 5) -> dict[str, float]:
    """Return the time to the first painted book in the demo against importing the frameworks alone."""
    book: list[float] = []
    alone: list[float] = []
    for _ in range(runs):
        begun = time.monotonic()
        subprocess.run([PYTHON, "-c", "import textual.app, aiohttp"], check=True)
        alone.append(time.monotonic() - begun)
        with tempfile.TemporaryDirectory() as folder:
            home = dict.fromkeys(
                ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME"), folder
            )
            begun_ns = time.monotonic_ns()
            with Terminal([PYTHON, "-m", "mexc_tui", "demo"], environment=home) as terminal:
                seen = terminal.wait_for(b"exact", 30)
                book.append((seen - begun_ns) / 1e9)
    return {"book_s": median(book), "alone_s": median(alone), "ratio": median(book) / median(alone)}


def pause(seconds: float) -> None:
    """Let the programs under measurement run."""
    time.sleep(seconds)


if __name__ == "__main__":
    os.chdir(ROOT)
    print(json.dumps({"start": start_up(3), "load": load(), "slow": slow_link()}, indent=1))
