"""A desk and its screens as processes, under load, seen from a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import pyte

from tests.benchmarks.feed import SYMBOLS
from tests.benchmarks.terminal import Terminal

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
FIRST_BID = b"9,999.99"
"""The best bid of the feed, as the ladder prints it."""
COMPLETE = (FIRST_BID, b"LOAD9USDT", b"exact", b"buyers", "►10,000.00".encode(), b"LOCKED", b"no orders yet")
"""What stands in every pane once there is something to show."""
RUNS = 3
END_LIMIT_S = 15.0
FOLDERS = ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


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


def home(folder: Path) -> dict[str, str]:
    """Return an environment whose desks are found by nobody else."""
    found = {"HOME": str(folder)}
    for name in FOLDERS:
        own = folder / name.lower()
        own.mkdir(mode=0o700)
        found[name] = str(own)
    return found


def environment(feed: Feed, folder: Path, fps: int = 20) -> dict[str, str]:
    """Return the environment of a cockpit on the feed, with folders of its own."""
    config = folder / "config.toml"
    watch = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    config.write_text(
        f'[venue]\ndepth_speed = "10ms"\n[ui]\nsymbol = "{SYMBOLS[0]}"\nwatchlist = [{watch}]\nfps = {fps}\n'
        "sizes = [10000, 20000, 30000, 40000, 50000]\n"
        "[limits]\nmax_order_value = 1000000\nconfirm_order_value = 1000000\nmax_gross_exposure = 1000000000\n"
        "max_position_value = 100000000\nmax_open_orders = 5000\n"
        "orders_per_second = 1000\nmax_in_flight = 100\nduplicate_max = 1000\nmax_slippage = 0.5\n"
    )
    return {
        **home(folder),
        "MEXC_TUI_CONFIG": str(config),
        "MEXC_BASE_URL": feed.where["rest"],
        "MEXC_WS_URL": feed.where["ws"],
        "MEXC_API_KEY": feed.where["api_key"],
        "MEXC_SECRET_KEY": feed.where["api_secret"],
    }


def desk_of(where: Mapping[str, str]) -> psutil.Process:
    """Return the desk that runs in an environment."""
    (entry,) = Path(where["XDG_STATE_HOME"]).rglob("desks/*.json")
    return psutil.Process(json.loads(entry.read_text())["pid"])


def end_desk(where: Mapping[str, str]) -> None:
    """End the desk of an environment, which outlives its screens, and wait for that."""
    for entry in Path(where["XDG_STATE_HOME"]).rglob("desks/*.json"):
        with contextlib.suppress(psutil.NoSuchProcess):
            desk = psutil.Process(json.loads(entry.read_text())["pid"])
            desk.terminate()
            desk.wait(END_LIMIT_S)


class Cockpit(NamedTuple):
    """A desk on the feed and its first screen."""

    terminal: Terminal
    where: dict[str, str]
    desk: psutil.Process
    screen: psutil.Process


@contextmanager
def cockpit(feed: Feed, **options: object) -> Iterator[Cockpit]:
    """Open the cockpit on the feed and wait for its book."""
    with tempfile.TemporaryDirectory() as folder:
        where = environment(feed, Path(folder))
        try:
            with Terminal([PYTHON, "-m", "mexc_tui"], environment=where, **options) as terminal:  # type: ignore[arg-type]
                terminal.wait_for(FIRST_BID, 40)
                yield Cockpit(terminal, where, desk_of(where), psutil.Process(terminal.process.pid))
        finally:
            end_desk(where)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def load() -> dict[str, float]:
    """Return CPU shares, bytes a frame, and the latencies of keys, orders (ms) and attaching (s): medians of runs."""
    runs = [_load() for _ in range(RUNS)]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _load(seconds: float = 12.0, keys: int = 60, orders: int = 60) -> dict[str, float]:
    feed = Feed()
    try:
        with cockpit(feed) as (terminal, where, desk, screen):
            pause(3)
            before = _cpu_s(desk), _cpu_s(screen)
            bytes_before, start = terminal.total, time.monotonic()
            pause(seconds)
            after, elapsed = (_cpu_s(desk), _cpu_s(screen)), time.monotonic() - start
            desk_cpu, screen_cpu = ((late - early) / elapsed for early, late in zip(before, after, strict=True))
            per_frame = (terminal.total - bytes_before) / (elapsed * 20)
            attach_s = median(_attach(where) for _ in range(RUNS))
            key_ms = [_key(terminal) for _ in range(keys)]
            order_ms = _orders(terminal, feed, orders)
            return {
                "desk_cpu": desk_cpu,
                "screen_cpu": screen_cpu,
                "bytes_per_frame": per_frame,
                "attach_s": attach_s,
                "key_p50_ms": median(key_ms),
                "key_p99_ms": percentile(key_ms, 0.99),
                "order_p50_ms": median(order_ms),
                "order_p99_ms": percentile(order_ms, 0.99),
            }
    finally:
        feed.close()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _attach(where: Mapping[str, str]) -> float:
    """Return the time from the start of one more screen until something stands in every pane, seconds."""
    begun_ns = time.monotonic_ns()
    with Terminal([PYTHON, "-m", "mexc_tui", "attach"], environment=where) as terminal:
        return (max(terminal.wait_for(mark, 20) for mark in COMPLETE) - begun_ns) / 1e9


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
    """Return the age of the book that is on the screen of 120x40 cells through a slow terminal, in seconds."""
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
    """Return the time to the first painted book in the demo against importing the frameworks alone, and its CPU."""
    book: list[float] = []
    alone: list[float] = []
    spent: list[float] = []
    for _ in range(runs):
        begun = time.monotonic()
        subprocess.run([PYTHON, "-c", "import textual.app, aiohttp"], check=True)
        alone.append(time.monotonic() - begun)
        with tempfile.TemporaryDirectory() as folder:
            where = home(Path(folder))
            begun_ns = time.monotonic_ns()
            try:
                with Terminal([PYTHON, "-m", "mexc_tui", "demo"], environment=where) as terminal:
                    seen = terminal.wait_for(b"exact", 30)
                    book.append((seen - begun_ns) / 1e9)
                    desk = desk_of(where)
                    spent.append(sum(map(_cpu_s, (psutil.Process(terminal.process.pid), desk, *desk.children()))))
            finally:
                end_desk(where)
    return {
        "book_s": median(book),
        "alone_s": median(alone),
        "ratio": median(book) / median(alone),
        "cpu_s": median(spent),
    }


def pause(seconds: float) -> None:
    """Let the programs under measurement run."""
    time.sleep(seconds)


if __name__ == "__main__":
    os.chdir(ROOT)
    print(json.dumps({"start": start_up(3), "load": load(), "slow": slow_link()}, indent=1))
