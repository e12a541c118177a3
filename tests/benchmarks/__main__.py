"""Prints the speed table: ratios taken in one run on this machine, medians where not said otherwise.

Figures of the cockpit under load are medians of three runs.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from mexc_tui.desk.host import SWITCH_S
from tests.benchmarks import book_bench, client, cockpit, exchange, growth, journal, leaving, memory, safety, seam

Row = tuple[str, str, str, bool]


def books() -> Iterator[Row]:
    for levels in book_bench.LEVELS:
        found = book_bench.measure(levels)
        share = found.ratio
        yield (
            f"frame -> book, {levels} levels a side, of parse + fields",
            ">= 50 %",
            f"{share:.0%} ({found.ours_us:.1f} us)",
            share >= 0.5,
        )
    for levels in book_bench.LEVELS:
        times = book_bench.against_ccxt(levels).ratio
        yield f"frame -> book, {levels} levels a side, against ccxt.pro", ">= 6 x", f"{times:.1f} x", times >= 6


def loaded() -> Iterator[Row]:
    found = cockpit.load()
    desk, screen, frame = found["desk_cpu"], found["screen_cpu"], found["bytes_per_frame"]
    yield (
        "10 symbols x 100 updates/s, 160x50: desk and screen, of a core",
        "<= 25 %",
        f"{desk + screen:.0%}",
        (desk + screen <= 0.25),
    )
    yield "the same: the desk, with one screen", "<= 15 %", f"{desk:.1%}", desk <= 0.15
    yield "the same: the screen", "<= 15 %", f"{screen:.1%}", screen <= 0.15
    yield "the same: bytes to the terminal a frame", "<= 4 kB", f"{frame / 1000:.2f} kB", frame <= 4000
    key, order = found["key_p99_ms"], found["order_p99_ms"]
    yield "key -> changed cell, p99 (p50)", "<= 30 ms", f"{key:.1f} ms ({found['key_p50_ms']:.1f})", key <= 30
    yield (
        "Enter -> order at the exchange, p99 (p50)",
        "<= 10 ms",
        f"{order:.1f} ms ({found['order_p50_ms']:.1f})",
        order <= 10,
    )
    attach = found["attach_s"]
    yield "attach -> first complete screen", "<= 1 s", f"{attach:.2f} s", attach <= 1


def slow() -> Iterator[Row]:
    found = cockpit.slow_link()
    age = found["age_p99_s"]
    yield (
        "age of the book, 120x40 through 20 kB/s, p99 (p50)",
        "<= 1.5 s",
        f"{age:.2f} s ({found['age_p50_s']:.2f})",
        age <= 1.5,
    )


def start() -> Iterator[Row]:
    found = cockpit.start_up()
    book = found["book_s"]
    yield "start -> first book in demo", "<= 1.2 s", f"{book:.2f} s ({found['cpu_s']:.2f} s of CPU)", book <= 1.2
    yield "the same, against bare imports", "<= 4 x", f"{found['ratio']:.1f} x", found["ratio"] <= 4


def kept() -> Iterator[Row]:
    grown = memory.measure()["growth_mb"]
    yield "resident memory, 1 M updates against 100 k", "<= +5 MB", f"{grown:+.1f} MB", grown <= 5
    painted = asyncio.run(growth.frames())
    yield "growth per 100,000 frames painted, 120x40", "<= 7 MB", f"{painted:+.1f} MB", painted <= 7
    traded = growth.orders()
    yield "growth per 1,000 orders", "<= 0.6 MB", f"{traded:+.2f} MB", traded <= 0.6


def library() -> Iterator[Row]:
    spent = asyncio.run(client.orders())
    bare, ours, theirs = (
        sum(spent[who, kind].cpu_ms for kind in ("place", "cancel")) for who in ("bare", "ours", "ccxt")
    )
    share = (ours - bare) / (theirs - bare)
    wall = ", ".join(f"{spent[who, 'place'].wall_ms:.2f}" for who in ("bare", "ours", "ccxt"))
    yield (
        "place + cancel: above the bare request, of ccxt's",
        "<= 33 %",
        f"{share:.0%} ({(ours - bare) * 1e3:.0f} of {(theirs - bare) * 1e3:.0f} us; placing {wall} ms)",
        share <= 1 / 3,
    )
    mine, other = asyncio.run(client.burst_ours()), asyncio.run(client.burst_ccxt())
    yield (
        f"burst of {mine.frames:,} frames: all in the books, exact",
        "all",
        f"{'exact' if mine.exact else 'not exact'}, {mine.seconds:.1f} s",
        mine.exact,
    )
    less = mine.us / other.us
    yield (
        "burst: processor time a frame, of ccxt.pro's",
        "<= 33 %",
        f"{less:.0%} ({mine.us:.1f} of {other.us:.1f} us)",
        less <= 1 / 3,
    )
    asked = asyncio.run(client.calls())
    yield (
        f"{client.CALLS} concurrent REST calls, answered of {asked['asked']}, p99",
        "all",
        f"{asked['answered']}, {asked['p99_ms']:.1f} ms",
        asked["answered"] == asked["asked"] and not asked["repeats"],
    )
    got = asyncio.run(client.access())
    yield (
        f"a changed book's ten best of {got['thin_levels']}, of {got['deep_levels']} levels",
        "<= 0.1 ms",
        f"{got['thin_ms']:.3f}, {got['deep_ms']:.3f} ms",
        max(got["thin_ms"], got["deep_ms"]) <= 0.1,
    )


def served() -> Iterator[Row]:
    found = asyncio.run(exchange.load())
    what = f"{exchange.CLIENTS} clients x {exchange.CHANNELS} channels, {exchange.ORDERS_A_SECOND} orders/s"
    yield (
        f"{what}: order p99 (p50)",
        "< 50 ms",
        f"{found['order_p99_ms']:.1f} ms ({found['order_p50_ms']:.1f})",
        found["order_p99_ms"] < 50 and not found["refused"],
    )
    full = 0.95 * exchange.CLIENTS * exchange.CHANNELS * 10
    yield (
        "the same: frames/s delivered, clients dropped",
        "all, none",
        f"{found['frames_s']:.0f}, {found['dropped']} ({found['cpu']:.0%} of a core)",
        found["frames_s"] >= full and not found["dropped"],
    )


def safe() -> Iterator[Row]:
    sys.setswitchinterval(SWITCH_S)
    found = safety.decisions()
    what = f"gate's decision beside {safety.WORKING} working orders, p99 (p50)"
    yield (
        what,
        "<= 0.3 ms",
        f"{found['gate_p99_us'] / 1e3:.2f} ms ({found['gate_p50_us'] / 1e3:.2f})",
        found["gate_p99_us"] <= 300,
    )
    for burst in (1, safety.BURST):
        kept = asyncio.run(safety.recorded(burst))
        share = kept["orders_s"] / kept["floor_s"]
        how = "one by one" if burst == 1 else f"{burst} at once"
        yield (
            f"orders/s to the venue, {how}, of a bare commit each",
            ">= 60 %",
            f"{share:.0%} ({kept['orders_s']:.0f} of {kept['floor_s']:.0f})",
            share >= 0.6,
        )

    sent = asyncio.run(leaving.handed())
    yield (
        "order given -> its bytes handed to the socket, p99 (p50)",
        "<= 5 ms",
        f"{sent['p99_ms']:.1f} ms ({sent['p50_ms']:.1f})",
        sent["p99_ms"] <= 5,
    )
    ended = asyncio.run(leaving.halted())
    yield (
        f"halt -> none of {leaving.HALTED} orders is left, requests as budgeted",
        "<= 1 s",
        f"{ended['seconds']:.2f} s ({ended['requests']:.0f} requests)",
        ended["seconds"] <= 1,
    )
    times = leaving.disorder()
    yield (
        f"executions up to {leaving.TAKEN_APART} places late, of the same in order",
        "<= 1.3 x",
        f"{times:.2f} x",
        times <= 1.3,
    )


def socket() -> Iterator[Row]:
    taken = seam.acknowledged()
    yield (
        "command -> acknowledgement: socket, of in process, p50",
        "<= 8 x",
        f"{taken['ratio']:.1f} x ({taken['socket_p50_us']:.0f}, p99 {taken['socket_p99_us']:.0f} us)",
        taken["ratio"] <= 8,
    )
    found = seam.ladders()
    what = f"{seam.SCREENS} screens x {seam.LADDERS} ladders and a chart"
    spent = found["desk_cpu"] - found["alone_cpu"]
    yield (
        f"{what}: desk, above publishing",
        "<= 10 %",
        f"{spent:.1%} ({found['desk_cpu']:.1%} of a core)",
        spent <= 0.1,
    )
    yield (
        "the same: a client, before it draws",
        "<= 5 %",
        f"{found['screens_cpu']:.1%} ({found['kb_s']:.0f} kB/s)",
        found["screens_cpu"] <= 0.05,
    )
    chart, whole = seam.chart_bytes()
    yield (
        f"a tick of a chart of {seam.CANDLES:,} candles, of the whole",
        "<= 1 %",
        f"{chart / whole:.1%} ({chart} of {whole} bytes)",
        chart <= whole / 100,
    )


def journals() -> Iterator[Row]:
    for size in journal.SIZES:
        first, again = journal.measure(size)
        yield (
            f"opening a journal of {size:,} records",
            "< 2 s",
            f"{again:.2f} s ({first:.1f} without a snapshot)",
            again < 2,
        )


SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start,
    "books": books,
    "memory": kept,
    "cockpit": loaded,
    "slow": slow,
    "socket": socket,
    "client": library,
    "exchange": served,
    "journal": journals,
    "safety": safe,
}


def main() -> int:
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        print(f"there is no section {unknown[0]}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {commit.stdout.strip() or 'no git'}\n")
    print(f"{'figure':<62} {'reach':<10} {'measured':<24}")
    missed = 0
    for name in wanted:
        for figure, reach, measured, met in SECTIONS[name]():
            missed += not met
            print(f"{figure:<62} {reach:<10} {measured:<24} {'' if met else 'short'}", flush=True)
    print(f"\n{missed} short of the reach" if missed else "\nall within reach")
    return 0


if __name__ == "__main__":
    sys.exit(main())
